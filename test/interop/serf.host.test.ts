/** A host as docs/membership.md starts it, in a cluster of the Serf that Debian has, with Serf's own commands. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Scope, Stream } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { Gossip } from "../../src/services/Gossip.ts"
import { Registry } from "../../src/services/Registry.ts"
import { blocksOf, sort, sourceOf } from "../docs/blocks.ts"
import * as Ours from "./Ours.ts"
import { describeWith, serf } from "./Peers.ts"
import * as Processes from "./Processes.ts"
import * as SerfPeer from "./SerfPeer.ts"

const { programs } = sort(blocksOf("docs/membership.md", readFileSync("docs/membership.md", "utf8")))

/** The program of the page, with the seed that it names at another place; it is up once it says so. */
const fromPage = Effect.fnUntraced(function* (seed: string) {
  const program = programs.find(({ file }) => file === "serf.ts")
  if (program === undefined) return yield* Effect.die("docs/membership.md has no serf.ts")
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync("test/interop/.page-")),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const path = join(folder, program.file)
  writeFileSync(path, sourceOf(program, folder).replace("127.0.0.1:7946", seed))
  const up = yield* Deferred.make<void>()
  const running = yield* Processes.start({
    command: process.execPath,
    args: [path],
    env: { GRINTA_GOSSIP_PORT: "0", GRINTA_FLOW_PORT: "0" },
    onLine: (line) => line.includes(" is up: ") && Deferred.doneUnsafe(up, Effect.void)
  })
  yield* Effect.timeout(Deferred.await(up), "20 seconds")
  return running
})

/** Waits until an agent has begun a push/pull with one of these hosts, as it does every 15 seconds with somebody. */
const exchanged = Effect.fnUntraced(function* (agent: SerfPeer.SerfPeer, ...names: ReadonlyArray<string>) {
  const members = (yield* agent.members).filter(({ name }) => names.includes(name))
  const begun = (line: string) =>
    line.includes("Initiating push/pull sync") && members.some(({ addr }) => line.includes(addr))
  const log = Effect.sync(() => agent.log)
  yield* Ours.eventually(`a push/pull with ${names.join()}`, log, (lines) => lines.some(begun), 150)
})

const bytes = { input: Codec.bytes, output: Codec.bytes }

/** Another host of the same fabric, in this process. */
const start = Effect.fnUntraced(function* (name: string, seed: string) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const listen = { gossipPort: 0, flowPort: 0 }
  const services = yield* Layer.buildWithScope(
    Grinta.layer({ name, listen, seeds: [seed], delegateVersion: 5, profile: "local" }),
    scope
  )
  return { scope, gossip: Context.get(services, Gossip), registry: Context.get(services, Registry), services }
})

describeWith([serf], "a host as docs/membership.md starts it, with Serf", () => {
  it.live(
    "is a member, hears nothing that it cannot read, and leaves as one",
    () =>
      Effect.gen(function* () {
        const first = yield* SerfPeer.start({ name: "first" })
        const second = yield* SerfPeer.start({ name: "second", flags: [`-join=${first.address}`] })
        const host = yield* fromPage(first.address)
        for (const agent of [first, second])
          yield* Ours.becomes(`${agent.name} sees it`, SerfPeer.statusOf(agent, "server-1"), "alive")
        yield* first.ask("event", "-coalesce=false", "deploy", "v1")
        yield* Ours.eventually(
          "the event of an agent",
          Effect.sync(() => second.log),
          (log) => log.some((line) => line.includes("Received event: user-event: deploy"))
        )
        yield* exchanged(first, "server-1")
        for (const agent of [first, second]) {
          assert.strictEqual(yield* SerfPeer.statusOf(agent, "server-1"), "alive")
          SerfPeer.assertQuiet(agent)
        }
        host.process.kill("SIGINT")
        yield* host.exit
        for (const agent of [first, second])
          yield* Ours.becomes(`${agent.name} saw it leave`, SerfPeer.statusOf(agent, "server-1"), "left")
        yield* fromPage(second.address)
        for (const agent of [first, second])
          yield* Ours.becomes(`${agent.name} sees it again`, SerfPeer.statusOf(agent, "server-1"), "alive")
      }),
    180_000
  )

  it.live("that is killed has failed, until somebody says that it has left", () =>
    Effect.gen(function* () {
      const agent = yield* SerfPeer.start({ name: "agent" })
      const host = yield* fromPage(agent.address)
      yield* Ours.becomes("it is seen", SerfPeer.statusOf(agent, "server-1"), "alive")
      yield* host.kill
      yield* Ours.becomes("killed", SerfPeer.statusOf(agent, "server-1"), "failed", 30)
      yield* agent.ask("force-leave", "server-1")
      yield* Ours.becomes("given up", SerfPeer.statusOf(agent, "server-1"), "left")
    })
  )

  it.live("does not answer what docs/membership.md says that it does not", () =>
    Effect.gen(function* () {
      const agent = yield* SerfPeer.start({ name: "agent" })
      yield* fromPage(agent.address)
      yield* Ours.becomes("it is seen", SerfPeer.statusOf(agent, "server-1"), "alive")
      const answers = yield* agent.ask("query", "-timeout=2s", "load")
      assert.include(answers, "Ack from 'agent'")
      assert.notInclude(answers, "server-1")
      assert.include(yield* Effect.flip(agent.ask("reachability")), "Missing ack")
      assert.isString(yield* Effect.flip(agent.ask("rtt", "server-1")))
      yield* agent.ask("force-leave", "server-1")
      yield* Ours.becomes("it is said to leave", SerfPeer.statusOf(agent, "server-1"), "leaving")
    })
  )

  it.live(
    "shares its names with hosts, and none of them with an agent",
    () =>
      Effect.gen(function* () {
        const agent = yield* SerfPeer.start({ name: "agent" })
        const a = yield* start("a", agent.address)
        const b = yield* start("b", agent.address)
        const serve = Context.get(a.services, Fabric).expose(Endpoint.make("chat", bytes), ({ messages }) =>
          Stream.runDrain(messages)
        )
        yield* Scope.provide(serve, a.scope)
        const seen = Effect.map(b.registry.scan("chat"), (entries) => entries.length)
        yield* Ours.becomes("the other host has the name", seen, 1)
        for (const name of ["a", "b"]) yield* Ours.becomes(`${name} is in`, SerfPeer.statusOf(agent, name), "alive")
        yield* exchanged(agent, "a", "b")
        SerfPeer.assertQuiet(agent)
        yield* a.gossip.leave
        yield* Ours.becomes("a leave that is waited for", SerfPeer.statusOf(agent, "a"), "left")
      }),
    180_000
  )

  it.live("says in its log what is missing where it does not speak the version of Serf", () =>
    Effect.gen(function* () {
      const agent = yield* SerfPeer.start({ name: "agent" })
      const ours = yield* Ours.start({ name: "ts", seeds: [agent.address] })
      yield* Ours.eventually("it is counted", ours.gossip.counters, (counts) => (counts["swim.incompatible"] ?? 0) > 0)
      assert.strictEqual(yield* Ours.view(ours), "ts:alive")
    })
  )
})
