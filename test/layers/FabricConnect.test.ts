/** Which owners a connect tries, in which order: the layer alone, over entries and round trips as the test says. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, Schema, Stream } from "effect"
import * as FabricConnect from "../../src/layers/FabricConnect.ts"
import * as FabricEach from "../../src/layers/FabricEach.ts"
import type { OpenFlow } from "../../src/layers/FabricFlows.ts"
import * as FabricOwners from "../../src/layers/FabricOwners.ts"
import * as FabricReach from "../../src/layers/FabricReach.ts"
import * as Timeouts from "../../src/layers/Timeouts.ts"
import * as Codec from "../../src/services/Codec.ts"
import type { Contract } from "../../src/services/Contract.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import type { ConnectOptions } from "../../src/services/Fabric.ts"
import type { Host } from "../../src/services/Host.ts"
import { EndpointBusy, NetworkError } from "../../src/services/NetworkError.ts"
import type { Entry, Registry, RegistryEvent } from "../../src/services/Registry.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const hostOf = (id: string, locality = "eu"): Host => ({
  id,
  generation: 1,
  address: "192.0.2.1",
  flowPort: 7947,
  locality,
  tags: {}
})

const entryOf = (host: Host, contract = Who.fingerprint): Entry => ({ name: "who", ownership: "group", contract, host })

const registryOf = (
  entries: ReadonlyArray<Entry>,
  events: Stream.Stream<RegistryEvent> = Stream.make({ _tag: "Snapshot", entries })
): Registry["Service"] => ({
  claim: () => Effect.die("no claims here"),
  resolve: () => Effect.succeed(entries),
  scan: () => Effect.succeed(entries),
  watch: () => events,
  hosts: Effect.succeed([])
})

/** Connects over these entries; every owner is there unless `reach` says otherwise. */
const fabricOf = Effect.fnUntraced(function* (options: {
  readonly registry: Registry["Service"]
  readonly open: OpenFlow
  readonly reach?: (host: Host) => Effect.Effect<void, NetworkError>
  readonly roundTrips?: Readonly<Record<string, number>>
}) {
  const { open, registry, roundTrips = {} } = options
  const self = Effect.succeed(hostOf("me"))
  const check = () => Effect.void
  const reach = yield* FabricReach.make({ selfId: "me", reach: options.reach ?? (() => Effect.void) })
  const roundTripMillis = (id: string) => Effect.succeed(roundTrips[id])
  const owners = yield* FabricOwners.make({ self, open, reach, roundTripMillis })
  const timeouts = yield* Timeouts.make(FabricConnect.connectTimeout)
  const connect = yield* FabricConnect.make({ self, registry, owners, timeouts, check })
  return { connect, connectEach: FabricEach.make({ registry, owners, timeouts, check }) }
})

/** Has every owner refuse; the reason at last, and who was asked under which contract. */
const connecting = Effect.fnUntraced(function* <In, Out, E>(
  contract: Contract<In, Out, E>,
  entries: ReadonlyArray<Entry>,
  { roundTrips = {}, ...options }: ConnectOptions & { readonly roundTrips?: Readonly<Record<string, number>> } = {}
) {
  const asked: Array<string> = []
  const opened: Array<bigint> = []
  const { connect } = yield* fabricOf({
    registry: registryOf(entries),
    roundTrips,
    open: (host, { fingerprint, name }) =>
      Effect.suspend(() => {
        asked.push(host.id)
        opened.push(fingerprint)
        const reason = new EndpointBusy({ endpoint: name, host: host.id })
        return Effect.fail(new NetworkError({ operation: "connect", reason }))
      })
  })
  const error = yield* Effect.flip(Effect.scoped(connect(contract, options)))
  return { asked, opened, reason: error.reason, message: error.message }
})

describe("connect", () => {
  it.effect("nearest: by place, then by the round trips that gossip has measured", () =>
    Effect.gen(function* () {
      const hosts = [hostOf("slow"), hostOf("far", "us"), hostOf("unmeasured"), hostOf("swift"), hostOf("me")]
      const entries = hosts.map((host) => entryOf(host))
      const { asked, reason } = yield* connecting(Who, entries, {
        roundTrips: { slow: 9, swift: 2, far: 1, me: 500 }
      })
      assert.deepStrictEqual(asked, ["me", "swift", "slow", "unmeasured", "far"])
      assert.strictEqual(reason._tag, "EndpointBusy")
    })
  )

  it.effect("a lone owner is asked, unless it is not the host that is wanted", () =>
    Effect.gen(function* () {
      const entries = [entryOf(hostOf("far", "us"))]
      for (const select of ["nearest", "random", { key: "cart-1" }, { host: "far" }] as const)
        assert.deepStrictEqual((yield* connecting(Who, entries, { select })).asked, ["far"])
      const { asked, reason } = yield* connecting(Who, entries, { select: { host: "near" } })
      assert.isEmpty(asked)
      assert.strictEqual(reason._tag, "EndpointNotFound")
    })
  )

  const Newer = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, error: Schema.String })
  const Older = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, error: Schema.Number })
  const Both = Endpoint.make("who", {
    input: Codec.bytes,
    output: Codec.bytes,
    error: Schema.Boolean,
    compatibleWith: [Newer, Older]
  })

  it.effect("an owner of another contract is refused before it is dialled, with both sides in the error", () =>
    Effect.gen(function* () {
      const { asked, message, reason } = yield* connecting(Newer, [entryOf(hostOf("a"), Older.fingerprint)])
      assert.isEmpty(asked)
      if (reason._tag !== "Incompatible") return assert.fail(reason._tag)
      const [here, there] = [Newer.fingerprint, Older.fingerprint].map((each) => each.toString(16).padStart(16, "0"))
      assert.deepStrictEqual(
        [reason.ours, reason.theirs],
        [{ codec: "bytes/bytes", fingerprint: here }, { fingerprint: there }]
      )
      assert.strictEqual(
        message,
        `connect: "who" on host "a" speaks something else: contract ${there}, and here bytes/bytes ${here}; neither declares the other compatible`
      )
    })
  )

  it.effect("owners of another contract are passed over for those that understand, whoever is nearer", () =>
    Effect.gen(function* () {
      const entries = [
        entryOf(hostOf("me"), Older.fingerprint),
        entryOf(hostOf("a"), Newer.fingerprint),
        { ...entryOf(hostOf("b", "us"), Both.fingerprint), compatible: Both.compatible },
        entryOf(hostOf("c"), Both.fingerprint)
      ]
      const { asked, opened, reason } = yield* connecting(Newer, entries)
      assert.deepStrictEqual(asked, ["a", "b"])
      assert.deepStrictEqual(opened, [Newer.fingerprint, Newer.fingerprint])
      assert.strictEqual(reason._tag, "EndpointBusy")
      assert.strictEqual((yield* connecting(Newer, entries, { select: { host: "c" } })).reason._tag, "Incompatible")
    })
  )

  it.effect("a caller that declares itself compatible opens under the owner's contract", () =>
    Effect.gen(function* () {
      const entries = [entryOf(hostOf("a"), Newer.fingerprint), entryOf(hostOf("b", "us"), Both.fingerprint)]
      const { opened } = yield* connecting(Both, entries)
      assert.deepStrictEqual(opened, [Newer.fingerprint, Both.fingerprint])
    })
  )

  it.effect("a contract of 0 is left unchecked, on either side", () =>
    Effect.gen(function* () {
      const unchecked = yield* connecting({ ...Newer, fingerprint: 0n }, [entryOf(hostOf("a"), Older.fingerprint)])
      assert.deepStrictEqual(unchecked.opened, [0n])
      assert.deepStrictEqual((yield* connecting(Newer, [entryOf(hostOf("a"), 0n)])).opened, [Newer.fingerprint])
    })
  )
})

describe("connectEach", () => {
  it.effect("keeps a flow when its host only relabels itself, opens it anew when the endpoint is another", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<RegistryEvent>()
      const opened = yield* Queue.unbounded<string>()
      const refused = yield* Deferred.make<string>()
      const { connectEach } = yield* fabricOf({
        registry: registryOf([], Stream.fromQueue(events)),
        open: ({ address, id, tags }) =>
          Effect.andThen(
            Queue.offer(opened, `${id} ${address} ${tags.v}`),
            Effect.ensuring(Effect.never, Deferred.succeed(refused, id))
          )
      })
      const running = yield* Effect.forkChild(Stream.runDrain(connectEach(Who)))
      const up = (fields: Partial<Host>, contract = Who.fingerprint) =>
        Queue.offer(events, { _tag: "Up", entry: entryOf({ ...hostOf("a"), ...fields }, contract) })
      yield* up({ tags: { v: "1" } })
      assert.strictEqual(yield* Queue.take(opened), "a 192.0.2.1 1")
      yield* up({ tags: { v: "2" } })
      yield* up({ tags: { v: "3" }, address: "192.0.2.2" })
      assert.strictEqual(yield* Queue.take(opened), "a 192.0.2.2 3")
      yield* up({ tags: { v: "3" }, address: "192.0.2.2" }, 77n)
      yield* up({ tags: { v: "3" }, address: "192.0.2.2" })
      assert.strictEqual(yield* Queue.take(opened), "a 192.0.2.2 3")
      assert.strictEqual(yield* Queue.size(opened), 0)
      assert.strictEqual(yield* Deferred.await(refused), "a")
      yield* Fiber.interrupt(running)
    })
  )
})
