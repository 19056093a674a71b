/** grpcio opens flows to an endpoint of ours, and a host in Python, written from docs/protocol.md, serves ours. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { Gossip } from "../../src/services/Gossip.ts"
import { Registry } from "../../src/services/Registry.ts"
import { Transport } from "../../src/services/Transport.ts"
import { blocksOf, sort } from "../docs/blocks.ts"
import * as Calls from "./FlowCalls.ts"
import { Banned } from "./FlowHost.ts"
import { type Client, flowLaws } from "./FlowLaws.ts"
import { hostLaws } from "./HostLaws.ts"
import * as Ours from "./Ours.ts"
import { describeWith, python } from "./Peers.ts"
import { loopback } from "./Processes.ts"
import * as PythonPeer from "./PythonPeer.ts"

const bytes = { input: Codec.bytes, output: Codec.bytes }
const listen = { gossipPort: 0, flowPort: 0 }

const call =
  (...flags: ReadonlyArray<string>): Client["call"] =>
  (port, { timeoutMillis }) =>
    PythonPeer.call({ target: `${loopback}:${port}`, timeoutMillis, flags })

/** A host of ours, and what it serves itself. */
const start = Effect.fnUntraced(function* (options: Grinta.Options = {}) {
  const services = yield* Layer.build(Grinta.layer({ name: "server", listen, profile: "local", ...options }))
  const fabric = Context.get(services, Fabric)
  const Home = Endpoint.make("home", { ...bytes, ownership: "group" })
  yield* fabric.expose(Home, (flow) => Stream.runForEach(flow.batches, flow.sendAll), { allow: "anyone" })
  const { address, port } = yield* Context.get(services, Gossip).self
  const registry = Context.get(services, Registry)
  return { fabric, registry, place: `${address}:${port}`, flowPort: Context.get(services, Transport).flowPort }
})

describeWith(
  [python],
  "Python",
  () => {
    PythonPeer.build()
    flowLaws({ name: "grpcio", isDirect: false, call: call() })
    flowLaws({ name: "grpcio that compresses", isDirect: false, call: call("--gzip") })
    flowLaws({ name: "Connect, which compresses", isDirect: false, call: call("--connect"), givesUp: "PeerLost" })
    hostLaws(
      "as a host",
      Effect.map(PythonPeer.host({ name: "stranger" }), ({ port }) => port)
    )

    it.live("a host in Python is found by its names in a fabric of ours, serves them, and leaves", () =>
      Effect.gen(function* () {
        const fabric = "shop"
        const near = yield* start({ fabric })
        const far = yield* start({ name: "far", fabric, seeds: [near.place] })
        const stranger = yield* PythonPeer.host({ fabric, seed: near.place })
        const Echo = Endpoint.make("echo", { ...bytes, error: Banned })
        for (const { fabric, registry } of [near, far]) {
          yield* Ours.becomes(
            "it is known",
            Effect.map(registry.scan("echo"), (entries) => entries[0]?.host.id),
            "python"
          )
          const flow = yield* fabric.connect(Echo, { wait: true, timeout: "20 seconds" })
          yield* flow.sendAll([Buffer.from("hello"), new Uint8Array(200_000), Buffer.from("")])
          yield* flow.end
          const heard = yield* Stream.runCollect(flow.messages)
          assert.deepStrictEqual(
            heard.map(({ byteLength }) => byteLength),
            [5, 200_000, 0]
          )
        }
        // Longer than a suspicion takes: it answers, and is kept.
        yield* Effect.sleep("8 seconds")
        assert.strictEqual((yield* far.registry.scan("echo")).length, 1)
        stranger.process.stdin?.end()
        yield* Ours.becomes(
          "it has left",
          Effect.map(far.registry.scan("echo"), (entries) => entries.length),
          0
        )
      })
    )

    it.live("grpcio believes the certificates of docs/security.md by its usual check", () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "grinta-security-"))),
          (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
        )
        const { shells } = sort(blocksOf("docs/security.md", readFileSync("docs/security.md", "utf8")))
        for (const { text } of shells)
          execFileSync("sh", ["-ec", text.replaceAll("10.0.0.11", loopback)], { cwd: folder, stdio: "pipe" })
        const read = (file: string) => readFileSync(join(folder, file), "utf8")
        const tls = { certificate: read("server-1.pem"), key: read("server-1.key"), authorities: read("authority.pem") }
        const { flowPort } = yield* start({ name: "server-1", fabric: "shop", tls })
        const flags = ["authorities=authority.pem", "certificate=probe.pem", "key=probe.key"].map((flag) =>
          flag.replace(/(\w+)=(.+)/, (_, name, file) => `--${name}=${join(folder, file)}`)
        )
        const made = yield* call(...flags)(flowPort, { timeoutMillis: undefined })
        yield* made.send(Calls.open("home"))
        assert.strictEqual((yield* made.next).case, "accepted")
      })
    )

    it.live("the tools of gRPC find health and reflection", () =>
      Effect.gen(function* () {
        const { flowPort } = yield* start()
        const found = yield* PythonPeer.tools(`${loopback}:${flowPort}`, "", "home", "nobody")
        assert.deepStrictEqual(found.health, { "": "SERVING", home: "SERVING", nobody: "NOT_FOUND" })
        assert.include(found.services, "grinta.v1.FlowService")
        assert.deepStrictEqual(found.methods, ["Open"])
      })
    )
  },
  "waiting"
)
