/** The certificates that docs/security.md makes are those that hosts, and clients with the usual checks, believe. */
import { execFileSync } from "node:child_process"
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type * as tls from "node:tls"
import { createClient } from "@connectrpc/connect"
import { createGrpcTransport } from "@connectrpc/connect-node"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Tls from "../../src/layers/transport/http2/tls/Tls.ts"
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/protocol/gen/grpc/health/v1/health_pb.ts"
import { Transport } from "../../src/services/Transport.ts"
import type * as Certificates from "../layers/transport/http2/tls/Certificates.ts"
import { blocksOf, sort } from "./blocks.ts"

const { shells } = sort(blocksOf("docs/security.md", readFileSync("docs/security.md", "utf8")))
const folder = mkdtempSync(join(tmpdir(), "grinta-security-"))

/** What the page says for another place, where the test has its host. */
const [there, here] = ["10.0.0.11", "127.0.0.1"]

const material = (name: string): Certificates.Issued => {
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  return { certificate: read(`${name}.pem`), key: read(`${name}.key`), authorities: read("authority.pem") }
}

const server = Effect.gen(function* () {
  const listen = { gossipPort: 0, flowPort: 0 }
  const layer = Grinta.layer({ name: "server-1", fabric: "shop", listen, tls: material("server-1") })
  return Context.get(yield* Layer.build(layer), Transport).flowPort
})

/** Asks for the health of the host as a plain client of gRPC; "SERVING", or what is wrong. */
const ask = (port: number, options: tls.ConnectionOptions) =>
  Effect.promise(() => {
    const transport = createGrpcTransport({
      baseUrl: `https://${here}:${port}`,

      nodeOptions: options
    })
    return createClient(Health, transport)
      .check({}, { timeoutMs: 10_000 })
      .then(
        ({ status }) => (status === Status.SERVING ? "SERVING" : String(status)),
        (cause) => String(cause)
      )
  })

describe("the certificates of docs/security.md", () => {
  beforeAll(() => {
    assert.isAtLeast(shells.length, 2)
    for (const line of shells.flatMap(({ text }) => text.split("\n")))
      execFileSync("sh", ["-c", line.replace(there, here)], { cwd: folder, stdio: "pipe" })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const names: ReadonlyArray<readonly [string, tls.ConnectionOptions, string]> = [
    ["its address", {}, "SERVING"],
    ["its name", { servername: "server-1.shop.internal" }, "SERVING"],
    ["another name", { servername: "server-2.shop.internal" }, "does not match"]
  ]
  it.live.each(names)("prove a host to a client that checks it by %s", ([, options, said]) =>
    Effect.gen(function* () {
      const port = yield* server
      const { authorities: ca, certificate: cert, key } = material("probe")
      assert.include(yield* ask(port, { ca, cert, key, ...options }), said)
    })
  )

  it.live("are asked of a client from outside", () =>
    Effect.gen(function* () {
      const port = yield* server
      const { authorities: ca } = material("probe")
      assert.notInclude(yield* ask(port, { ca }), "SERVING")
    })
  )

  it.live("prove a host to another, and a client to be none", () =>
    Effect.gen(function* () {
      const own = yield* Tls.make({ ...material("server-1"), fabric: "shop", host: "server-1" })
      assert.isFunction(own.connect)
      const refused = yield* Effect.flip(Tls.make({ ...material("probe"), fabric: "shop", host: "probe" }))
      assert.include(refused.message, "must name this host by URI:grinta://shop/probe")
    })
  )
})

describe("the mechanisms of docs/security.md", () => {
  const section = readFileSync("docs/security.md", "utf8").split("\n## Mechanisms\n")[1]?.split("\n## ")[0] ?? ""
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| D-"))
    .map((line) => line.slice(1, -1).split("|"))

  it("are all of them, each with how far it goes", () => {
    const ids = Array.from({ length: 29 }, (_, i) => `D-${i + 1}`)
    assert.deepStrictEqual(
      rows.map(([id = ""]) => id.trim()),
      ids
    )
    for (const cells of rows) {
      assert.strictEqual(cells.length, 4, cells[0])
      for (const cell of cells) assert.notStrictEqual(cell.trim(), "", cells[0])
    }
  })

  it("name tests that exist, or say that there is none", () => {
    for (const [id = "", , , shown = ""] of rows) {
      const named = [...shown.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path)
      assert.isTrue(named.length > 0 || shown.trim().startsWith("not "), id)
      for (const path of named) assert.isTrue(/^test\/.*\.test\.ts$/.test(path) && existsSync(path), `${id}: ${path}`)
    }
  })

  it.each([
    ["D-24", /node:https|\bhttps?\.(Agent|request|get)\b/],
    ["D-25", /resolveAny/],
    ["D-26", /SNICallback|ALPNCallback|pskCallback/]
  ])("%s: nothing in the source uses that", (_, word) => {
    const files = globSync("src/**/*.ts")
    assert.isAbove(files.length, 100)
    assert.isEmpty(files.filter((path) => word.test(readFileSync(path, "utf8"))))
  })

  it("D-29: who attacks, what is promised and what is not, and how to report, are said", () => {
    const text = readFileSync("SECURITY.md", "utf8")
    for (const attacker of ["O", "M", "C"]) assert.match(text, new RegExp(`^\\| ${attacker} \\| .+ \\| .+ \\|$`, "m"))
    for (const heading of ["Reporting", "Versions", "What is promised, and what is not"])
      assert.include(text, `\n## ${heading}\n`)
    const { version } = JSON.parse(readFileSync("package.json", "utf8"))
    assert.include(text, `latest release alone: ${String(version).replace(/\.\d+$/, ".x")}`)
    assert.include(readFileSync("docs/security.md", "utf8"), "\n## What this does not do\n")
  })
})
