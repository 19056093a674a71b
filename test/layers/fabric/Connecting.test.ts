/** Which owners a connect tries, in which order: the layer alone, over entries and round trips as the test says. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Codec from "../../../src/services/Codec.ts"
import type { Contract } from "../../../src/services/Contract.ts"
import * as Endpoint from "../../../src/services/Endpoint.ts"
import type { ConnectOptions } from "../../../src/services/Fabric.ts"
import type { Host } from "../../../src/services/Host.ts"
import { EndpointBusy, NetworkError, Unauthorized } from "../../../src/services/NetworkError.ts"
import type { Entry, RegistryEvent } from "../../../src/services/Registry.ts"
import { connectingBy, hostOf, registryOf } from "./World.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const entryOf = (host: Host, contract = Who.fingerprint): Entry => ({ name: "who", ownership: "group", contract, host })

/** Has every owner refuse; the reason at last, and who was asked under which contract. */
const connecting = Effect.fnUntraced(function* <In, Out, E>(
  contract: Contract<In, Out, E>,
  entries: ReadonlyArray<Entry>,
  { roundTrips = {}, ...options }: ConnectOptions & { readonly roundTrips?: Readonly<Record<string, number>> } = {}
) {
  const asked: Array<string> = []
  const opened: Array<bigint> = []
  const { connect } = yield* connectingBy({
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
      assert.strictEqual(asked[0], "me")
      assert.sameMembers(asked.slice(1, 3), ["swift", "unmeasured"])
      assert.deepStrictEqual(asked.slice(3), ["slow", "far"])
      assert.strictEqual(reason._tag, "EndpointBusy")
    })
  )

  it.effect("a lone owner is asked, unless it is not the host that is wanted", () =>
    Effect.gen(function* () {
      const entries = [entryOf(hostOf("far", "us"))]
      for (const select of ["nearest", "leastBusy", "random", { key: "cart-1" }, { host: "far" }] as const)
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
  it.effect(
    "tells of an owner that lets this caller not in, again after a pause, and ends nothing for the others",
    () =>
      Effect.gen(function* () {
        const events = yield* Queue.unbounded<RegistryEvent>()
        const entries = ["stern", "kind"].map((id) => entryOf(hostOf(id)))
        yield* Queue.offer(events, { _tag: "Snapshot", entries })
        const refused = new NetworkError({
          operation: "connect",
          reason: new Unauthorized({ host: "stern", detail: "no" })
        })
        const ended: Array<string> = []
        const { connectEach } = yield* connectingBy({
          registry: registryOf(entries, Stream.fromQueue(events)),
          open: ({ id }) =>
            id === "stern"
              ? Effect.fail(refused)
              : Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(id)))
        })
        const told = yield* Queue.unbounded<string>()
        const running = yield* Effect.forkChild(
          Stream.runForEach(connectEach(Who), (each) =>
            Queue.offer(told, each._tag === "Failed" ? `${each.host.id}: ${each.error.message}` : each.host.id)
          )
        )
        for (let turn = 0; turn < 3; turn++) {
          assert.strictEqual(yield* Queue.take(told), 'stern: connect: host "stern" refused this caller: no')
          yield* TestClock.adjust("400 millis")
        }
        yield* TestClock.adjust("5 seconds")
        assert.isEmpty(ended)
        assert.isUndefined(running.pollUnsafe())
        yield* Fiber.interrupt(running)
        assert.deepStrictEqual(ended, ["kind"])
      })
  )

  it.effect("tells of an owner of another contract once, and of the opening of it once it understands", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<RegistryEvent>()
      yield* Queue.offer(events, { _tag: "Snapshot", entries: [entryOf(hostOf("a"), 77n)] })
      const asked: Array<string> = []
      const { connectEach } = yield* connectingBy({
        registry: registryOf([], Stream.fromQueue(events)),
        open: ({ id }) =>
          Effect.andThen(
            Effect.sync(() => asked.push(id)),
            Effect.never
          )
      })
      const told = yield* Queue.unbounded<string>()
      const running = yield* Effect.forkChild(
        Stream.runForEach(connectEach(Who), (each) =>
          Queue.offer(told, each._tag === "Failed" ? each.error.reason._tag : each.host.id)
        )
      )
      assert.strictEqual(yield* Queue.take(told), "Incompatible")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Queue.size(told), 0)
      assert.isEmpty(asked)
      yield* Queue.offer(events, { _tag: "Up", entry: entryOf(hostOf("a")) })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(asked, ["a"])
      yield* Fiber.interrupt(running)
    })
  )

  it.effect("keeps a flow when its host only relabels itself, opens it anew when the endpoint is another", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<RegistryEvent>()
      const opened = yield* Queue.unbounded<string>()
      const refused = yield* Deferred.make<string>()
      const { connectEach } = yield* connectingBy({
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
