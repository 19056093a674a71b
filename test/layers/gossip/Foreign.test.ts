/** What a member of another program is given, and told, by a host: the protocol of memberlist, and nothing that it cannot read. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Result } from "effect"
import { TestClock } from "effect/testing"
import type * as GossipSwim from "../../../src/layers/gossip/GossipSwim.ts"
import type { NodeState, PushPull } from "../../../src/protocol/memberlist/Message.ts"
import * as Packet from "../../../src/protocol/memberlist/Packet.ts"
import * as Serf from "../../../src/protocol/memberlist/Serf.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import * as HostMeta from "../../../src/protocol/names/HostMeta.ts"
import type { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"
import { intruder } from "./Intruder.ts"

const plain = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (said: Uint8Array): string => new TextDecoder().decode(said)
const hostMeta = Result.getOrThrow(HostMeta.encode({ flowPort: 1, generation: 1, locality: "", tags: {} }))
const serfState = Uint8Array.from(Buffer.from("0282a54c54696d6507ac5374617475734c54696d657380", "hex"))

/** A host with a passenger whose state begins with "of hosts", and somebody who speaks raw bytes, and answers nothing. */
const setting = Effect.fnUntraced(function* (config: Partial<GossipSwim.Config> = {}) {
  const host = yield* Cluster.start("h1", { rules: { proof: false }, ...config })
  yield* host.gossip.board({
    message: () => Effect.void,
    localState: Effect.succeed(bytes("of hosts: h1")),
    isOfHosts: (state) => text(state).startsWith("of hosts"),
    mergeState: () => Effect.void,
    memberChanged: () => Effect.void
  })
  return { host, stranger: yield* intruder }
})

/** What somebody gets for a state of its own, of which its membership says this. */
const exchange = Effect.fnUntraced(function* (
  stranger: GossipSocket["Service"],
  host: Cluster.Running,
  given: Partial<PushPull> & { readonly meta?: Uint8Array; readonly versions?: Uint8Array }
) {
  const { meta = new Uint8Array(0), versions = Uint8Array.of(1, 5, 2, 0, 0, 0), ...rest } = given
  const { bytes: address, port } = stranger.address
  const self: NodeState = { name: "stranger", address, port, meta, incarnation: 1, state: "alive", versions }
  const message: PushPull = { _tag: "PushPull", join: true, nodes: [self], userState: new Uint8Array(0), ...rest }
  const asking = Effect.gen(function* () {
    const stream = yield* stranger.dial(host.socket.address)
    yield* stream.write(StreamCodec.encode(message, plain, "dialler"))
    const reader = StreamCodec.make(plain, "dialler")
    while (true) {
      const received = yield* Effect.fromResult(StreamCodec.push(reader, yield* stream.read))
      if (Option.isSome(received)) return received.value.message
    }
  }).pipe(Effect.scoped)
  const asked = yield* Effect.forkChild(asking, { startImmediately: true })
  yield* TestClock.adjust("1 second")
  const answer = yield* Fiber.join(asked)
  return answer._tag === "PushPull" ? text(answer.userState) : answer._tag
})

describe("a member of another program", () => {
  const cases: ReadonlyArray<readonly [string, Parameters<typeof exchange>[2], string]> = [
    ["one that gives what hosts give", { userState: bytes("of hosts: a"), join: false }, "of hosts: h1"],
    ["one that gives something else", { userState: bytes("of others") }, ""],
    ["one that gives something else, and says that it is a host", { userState: serfState, meta: hostMeta }, ""],
    ["one that joins, gives nothing, and is no host", {}, ""],
    ["one that joins, gives nothing yet, and is a host", { meta: hostMeta }, "of hosts: h1"],
    ["one that gives nothing later on", { meta: hostMeta, join: false }, ""]
  ]
  it.effect.each(cases)("gets the state of hosts only as one: %s", ([, given, expected]) =>
    Effect.gen(function* () {
      const { host, stranger } = yield* setting()
      assert.strictEqual(yield* exchange(stranger, host, given), expected)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("of Serf is told that a host is about to leave before it has left, at a time after all others", () =>
    Effect.gen(function* () {
      const { host, stranger } = yield* setting({ delegateVersion: 5 })
      const versions = Uint8Array.of(1, 5, 2, 2, 5, 5)
      yield* exchange(stranger, host, { userState: serfState, versions })
      assert.strictEqual(yield* Cluster.view(host), "h1:alive stranger:alive")
      yield* host.close
      yield* TestClock.adjust("1 second")
      const datagrams = yield* stranger.receive
      const said = datagrams
        .flatMap(({ payload }) => Result.getOrThrow(Packet.decode(payload, plain)).messages)
        .flatMap((message) => {
          if (message._tag === "User") return [`leaves at ${Serf.timeOfIntent(message.payload)}`]
          return message._tag === "Dead" ? ["has left"] : []
        })
      assert.deepStrictEqual(said.slice(-2), ["leaves at 8", "has left"])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("hears the goodbye of a host that it has not answered yet", () =>
    Effect.gen(function* () {
      const { host, stranger } = yield* setting({ rules: { proof: true } })
      yield* exchange(stranger, host, {})
      assert.strictEqual(yield* Cluster.view(host), "h1:alive")
      yield* host.close
      yield* TestClock.adjust("1 second")
      const said = (yield* stranger.receive).flatMap(
        ({ payload }) => Result.getOrThrow(Packet.decode(payload, plain)).messages
      )
      assert.deepInclude(said, { _tag: "Dead", incarnation: 1, node: "h1", from: "h1" })
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("of another version is no member, and is not told that a host leaves as one of Serf is", () =>
    Effect.gen(function* () {
      const { host, stranger } = yield* setting()
      yield* exchange(stranger, host, { versions: Uint8Array.of(1, 5, 2, 2, 5, 5) })
      assert.strictEqual(yield* Cluster.view(host), "h1:alive")
      assert.strictEqual((yield* host.gossip.counters)["swim.incompatible"], 1)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("is spoken to in no version that cannot be", () =>
    Effect.gen(function* () {
      for (const delegateVersion of [-1, 256, 0.5, Number.NaN]) {
        const error = yield* Effect.flip(Cluster.start("h1", { delegateVersion }))
        assert.include(error.message, "delegateVersion")
      }
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
