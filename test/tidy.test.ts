import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { assert, describe, it } from "vitest"
import { cycles, format, inspect, linesMax, violations, wings } from "../scripts/tidy.ts"

const sources: ReadonlyMap<string, string> = new Map(
  readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", name))
    .sort()
    .map((path) => [path, readFileSync(path, "utf8")])
)

/** The rules that `text` breaks as the file `path`, each as often as it is broken. */
const rules = (path: string, text: string): ReadonlyArray<string> => violations(path, text).map(({ rule }) => rule)

const layer = "src/layers/UdpSocket.ts"
const protocol = "src/protocol/swim/Probe.ts"
const service = "src/services/Gossip.ts"

describe("src is tidy", () => {
  it("every file keeps the rules", () => {
    const findings = [...sources].map(([path, text]) => inspect(path, text))
    const exempted = findings.reduce((sum, finding) => sum + finding.exempted, 0)
    console.log(`tidy: ${sources.size} files, ${exempted} exempted ${exempted === 1 ? "line" : "lines"}`)
    const found = findings.flatMap((finding) => finding.violations.map(format))
    assert.isEmpty(found, `\n${found.join("\n")}\n`)
  })

  it("no imports run in a circle", () => {
    const found = cycles(sources).map(format)
    assert.isEmpty(found, `\n${found.join("\n")}\n`)
  })
})

describe("wings of the layers", () => {
  const core = "src/layers/core/Signal.ts"

  it("are all there are", () => {
    const folders = readdirSync("src/layers", { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath }) => relative("src/layers", parentPath))
    assert.deepStrictEqual(new Set(folders), new Set(["", ...wings.keys()]))
  })

  it("are read from the core up", () => {
    const known = [...wings.keys()]
    const isBelow = (wing: string, other: string): boolean =>
      other !== wing && (wings.get(other) ?? assert.fail(other)).every((next) => isBelow(wing, next))
    for (const wing of known) for (const other of wings.get(wing) ?? []) assert.isTrue(isBelow(wing, other), wing)
  })

  it.each([
    [core, "../flow/FlowEnd.ts"],
    [core, "../Grinta.ts"],
    ["src/layers/flow/FlowEnd.ts", "../fabric/Core.ts"],
    ["src/layers/gossip/Driver.ts", "../registry/Driver.ts"],
    ["src/layers/transport/http2/Session.ts", "./server/Server.ts"],
    ["src/layers/fabric/Core.ts", "../transport/TransportConnect.ts"],
    ["src/layers/attic/Trunk.ts", "../core/Signal.ts"]
  ])("%s may not import %s", (path, from) => {
    assert.deepStrictEqual(rules(path, `import type { A } from "${from}"\n`), ["wing"])
  })

  it.each([
    ["src/layers/Grinta.ts", "./fabric/FabricMesh.ts"],
    ["src/layers/flow/FlowEnd.ts", "../core/Signal.ts"],
    ["src/layers/flow/FlowEnd.ts", "./Inbound.ts"],
    ["src/layers/flow/FlowEnd.ts", "../../protocol/flow/Frame.ts"],
    ["src/layers/transport/http2/server/Server.ts", "../Session.ts"]
  ])("%s may import %s", (path, from) => {
    assert.isEmpty(rules(path, `import type { A } from "${from}"\n`))
  })
})

describe("direction of imports", () => {
  it.each([
    ["src/protocol/Name.ts", "../services/Gossip.ts"],
    ["src/services/Gossip.ts", "../layers/Host.ts"],
    ["src/layers/Host.ts", "../index.ts"],
    ["src/layers/Host.ts", "../testing/Simulation.ts"],
    ["src/index.ts", "./gateway/Gateway.ts"],
    ["src/layers/Host.ts", "../../test/sim/Cluster.ts"],
    ["src/layers/Host.ts", "../../scratchpad/probe.ts"],
    ["src/testing/Simulation.ts", "../../scratchpad/probe.ts"],
    ["src/layers/Host.ts", "grinta"]
  ])("%s may not import %s", (path, from) => {
    assert.deepStrictEqual(rules(path, `import { a } from "${from}"\n`), ["direction"])
    assert.deepStrictEqual(rules(path, `import type { A } from "${from}"\n`), ["direction"])
    assert.deepStrictEqual(rules(path, `export const a = import("${from}")\n`), ["direction"])
  })

  it.each([
    ["src/index.ts", "./layers/Host.ts"],
    ["src/layers/Host.ts", "../protocol/Name.ts"],
    ["src/layers/Host.ts", "./UdpSocket.ts"],
    ["src/services/Gossip.ts", "../protocol/Name.ts"],
    ["src/protocol/swim/Probe.ts", "../Name.ts"],
    ["src/testing/Simulation.ts", "../layers/Host.ts"],
    ["src/cli/main.ts", "../index.ts"]
  ])("%s may import %s", (path, from) => {
    assert.isEmpty(rules(path, `import { a } from "${from}"\n`))
  })
})

describe("purity", () => {
  it.each([
    `import { createSocket } from "node:dgram"`,
    `import { createSocket } from "dgram"`,
    `import { NodeRuntime } from "@effect/platform-node"`,
    `import type { Transport } from "@connectrpc/connect"`,
    `import { Effect } from "effect"`,
    `import { Option, Queue as Q } from "effect"`,
    `import * as E from "effect"`,
    `import * as Effect from "effect/Effect"`,
    `import { Socket } from "effect/socket"`
  ])("protocol may not say %s", (text) => {
    assert.deepStrictEqual(rules(protocol, text), ["protocol"])
  })

  it.each([
    `import { Array as Arr, Data, type Effect, Option, Result, Schema } from "effect"`,
    `import type { Effect } from "effect"`,
    `import * as HashMap from "effect/HashMap"`,
    `import { create } from "@bufbuild/protobuf"`
  ])("protocol may say %s", (text) => {
    assert.isEmpty(rules(protocol, text))
  })

  it.each([
    `import { createSocket } from "node:dgram"`,
    `import type { Transport } from "@connectrpc/connect"`,
    `import { NodeRuntime } from "@effect/platform-node"`,
    `import * as Socket from "effect/socket/Socket"`,
    `import { NetAddress } from "effect/net"`
  ])("services may not say %s", (text) => {
    assert.deepStrictEqual(rules(service, text), ["services"])
    assert.isEmpty(rules(layer, text))
  })

  it("services may name Effect", () => {
    assert.isEmpty(rules(service, `import { Context, Effect, Layer, type Stream } from "effect"`))
  })

  it.each([
    `import { Schedule } from "effect"`,
    `import { Deferred, Effect } from "effect"`,
    `import { SchemaAST } from "effect"`,
    `import * as Compiler from "effect/schema/SchemaJITCompiler"`,
    "const a = Effect.forever(b)",
    "const a = Effect.retry(b, c)"
  ])("services may not run or compile anything: %s", (text) => {
    assert.deepStrictEqual(rules(service, text), ["services"])
    assert.isEmpty(rules(layer, text))
  })
})

describe("fibers", () => {
  it.each([
    "yield* Effect.forkScoped(Stream.runForEach(renewals, renew))",
    "const watching = watch.pipe(Effect.ensuring(end), Effect.forkChild)",
    "yield* Effect.forkIn(Effect.andThen(a, b), scope)\nconst c = Background.heard(d)",
    "Effect.forkDetach(Effect.ignore(drain))",
    "Effect.asVoid(FiberSet.run(fibers, serve(one)))",
    "FiberMap.run(flows, id, hold(entry))",
    "FiberHandle.run(timer, alarm(at))",
    "const run = yield* FiberSet.makeRuntime<never, void>()",
    "const run = Effect.runForkWith(context)"
  ])("may not stop in silence: %s", (text) => {
    assert.deepStrictEqual(rules(layer, text), ["fork"])
  })

  it.each([
    `yield* Background.run("the renewal", Stream.runForEach(renewals, renew))`,
    `yield* Effect.forkScoped(Effect.tapCause(holding, told))`,
    `FiberSet.run(fibers, Background.heard("a stream")(serve(one)))`,
    "const run = Effect.runForkWith(context) // tidy: its exit is observed below",
    "FiberSet.make()"
  ])("may be made: %s", (text) => {
    assert.isEmpty(rules(layer, text))
  })
})

describe("files", () => {
  it("are short", () => {
    assert.isEmpty(rules(layer, "f()\n".repeat(linesMax)))
    assert.deepStrictEqual(rules(layer, "f()\n".repeat(linesMax + 1)), ["length"])
  })

  it.each(["src/layers/utils.ts", "src/utils/A.ts", "src/layers/Helpers.ts", "src/protocol/stringUtil.ts"])(
    "are not called %s",
    (path) => {
      assert.deepStrictEqual(rules(path, ""), ["file name"])
    }
  )

  it("pass on other files in src/index.ts and the entry of a subpath only", () => {
    const barrel = `export * from "./A.ts"\nexport { b } from "./B.ts"\nexport * as C from "./C.ts"\n`
    assert.deepStrictEqual(rules(layer, barrel), ["barrel", "barrel", "barrel"])
    assert.isEmpty(rules("src/index.ts", barrel))
    assert.isEmpty(rules("src/testing/index.ts", barrel))
    assert.isNotEmpty(rules("src/layers/index.ts", barrel))
    assert.isEmpty(rules(layer, `export type { Name } from "../protocol/Name.ts"\nexport const a = 1\n`))
  })

  it("under src/protocol/gen are left alone", () => {
    assert.isEmpty(rules("src/protocol/gen/a_pb.ts", "export default x as any\n".repeat(linesMax + 1)))
  })

  it("do not import each other in a circle", () => {
    const files = new Map([
      ["src/layers/A.ts", `import { b } from "./B.ts"`],
      ["src/layers/B.ts", `import type { C } from "./C.ts"`],
      ["src/layers/C.ts", `export { a } from "./A.ts"`],
      ["src/layers/D.ts", `import { a } from "./A.ts"`]
    ])
    const circle = "imports itself: src/layers/A.ts -> src/layers/B.ts -> src/layers/C.ts -> src/layers/A.ts"
    assert.deepStrictEqual(
      cycles(files).map(({ message }) => message),
      [circle]
    )
    files.delete("src/layers/C.ts")
    assert.isEmpty(cycles(files))
  })

  it.each(["What is", "What was", "The one that", "Those of", "One that"])(
    "have no comment that starts with %s",
    (words) => {
      for (const comment of [
        `// ${words} left`,
        `/** ${words} left. */`,
        `/**\n * ${words} left.\n */`,
        `f() // ${words} left`
      ])
        assert.deepStrictEqual(rules(layer, `${comment}\n`), ["riddle"], comment)
      assert.isEmpty(rules(layer, `// Tells ${words} left\nconst x = "${words}"\n`))
    }
  )
})

describe("a tidy comment", () => {
  const fork = "Effect.forkIn(a, scope)"

  it("exempts the one rule that its line breaks", () => {
    const { violations, exempted } = inspect(layer, `${fork} // tidy: its exit is observed\n${fork}\n`)
    assert.strictEqual(exempted, 1)
    assert.deepStrictEqual(violations.map(format), [
      `${layer}:2 [fork] \`Effect.forkIn\` starts a fiber that stops in silence: use Background, or tapCause what it runs`
    ])
  })

  it("gives a reason", () => {
    assert.deepStrictEqual(rules(layer, `${fork} // tidy:`), ["fork", "exemption"])
  })

  it("does not exempt two rules at once", () => {
    const text = `Effect.forkIn(import("../index.ts"), scope) // tidy: both`
    assert.deepStrictEqual(rules(layer, text).toSorted(), ["direction", "exemption", "fork"])
  })

  it("goes when it has nothing to exempt", () => {
    assert.deepStrictEqual(rules(layer, "const x = 1 // tidy: once needed"), ["exemption"])
  })
})
