/** Bad input from the name plane, row by row of faults.md: dropped, counted, told now and then, and nothing else disturbed. */
import { create, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as Grinta from "../../../src/layers/Grinta.ts"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import * as RegistryGossip from "../../../src/layers/registry/RegistryGossip.ts"
import * as RegistryLocal from "../../../src/layers/registry/RegistryLocal.ts"
import { NameRecordSchema, NameRecordsSchema, Ownership } from "../../../src/protocol/gen/grinta/v1/names_pb.ts"
import type * as Directory from "../../../src/protocol/names/Directory.ts"
import { Self } from "../../../src/services/Host.ts"
import type { Registry } from "../../../src/services/Registry.ts"
import * as Cluster from "../gossip/Cluster.ts"
import * as ToyGossip from "./ToyGossip.ts"

/** A message of the given records, as any program might gossip it. */
const message = (...records: ReadonlyArray<object>): Uint8Array => {
  const full = { host: "h1", generation: 50n, version: 1n, name: "n", ownership: Ownership.GROUP, contract: 1n }
  const body = create(NameRecordsSchema, {
    records: records.map((fields) => create(NameRecordSchema, { ...full, ...fields }))
  })
  return Uint8Array.of(0x67, ...toBinary(NameRecordsSchema, body))
}

/** Hosts h0 and h1 that know each other; what others gossip comes to h0. */
const pair = Effect.fnUntraced(function* (limits: Partial<Directory.Limits> = {}) {
  const bus = yield* ToyGossip.make("rows")
  const start = (id: string, generation: number) =>
    ToyGossip.run(bus, bus.add(id, generation), RegistryGossip.layerLimits(limits))
  const [h0, h1] = [yield* start("h0", 10), yield* start("h1", 50)]
  yield* bus.tell(h0.node, h1.node.host, "alive")
  yield* bus.tell(h1.node, h0.node.host, "alive")
  const hear = (...records: ReadonlyArray<object>) =>
    h0.node.passenger?.message(message(...records)) ?? Effect.die("nobody is aboard")
  return { bus, h0, h1, hear }
})

const seen = (registry: Registry["Service"]) =>
  Effect.map(registry.scan(""), (entries) => entries.map(({ host, name }) => `${name}@${host.id}`))

const countOf = (reason: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics
      .filter(({ attributes, id }) => id === "grinta_names_dropped" && attributes?.reason === reason)
      .map(({ state }) => ("count" in state ? Number(state.count) : 0))
      .reduce((sum, count) => sum + count, 0)
  )

/** How much a counter goes up by an effect. */
const counted = <A, E, R>(reason: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* countOf(reason)
    yield* effect
    return (yield* countOf(reason)) - before
  })

const listening = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

describe("R1: a word about a host by somebody else", () => {
  it.effect("has no effect, is counted and told, and answered", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const { h0, h1, hear } = yield* pair()
      yield* h0.registry.claim({ name: "mine", ownership: "unique", contract: 1n })
      yield* TestClock.adjust("1 second")
      const forged = { host: "h0", generation: 10n, name: "mine", version: 9n, tombstone: true }
      assert.strictEqual(yield* counted("ownRecord", hear(forged, { ...forged, name: "planted", tombstone: false })), 2)
      yield* TestClock.adjust("1 second")
      for (const { registry } of [h0, h1]) assert.deepStrictEqual(yield* seen(registry), ["mine@h0"])
      assert.deepStrictEqual(lines, [
        'a word of this host, "h0", came in that it does not stand by; its own word is said again'
      ])
    }).pipe(Effect.provide(layer))
  })
})

describe("R3: counters, ownership and names that none may have", () => {
  it.effect.each([
    ["version", { version: 0n }],
    ["version", { version: 2n ** 64n - 1n }],
    ["generation", { generation: 0n }],
    ["generation", { generation: 2n ** 64n - 1n }],
    ["ownership", { ownership: Ownership.UNSPECIFIED }],
    ["ownership", { ownership: 99 }],
    ["invalidName", { name: "a b" }],
    ["invalidName", { name: "" }],
    ["invalidName", { name: "x".repeat(129) }],
    ["invalidHost", { host: "h\u0000" }],
    ["versionJump", { version: 2n ** 53n - 1n }]
  ] as const)("%s: %o is left out and counted, and its neighbours are taken", ([reason, fields]) =>
    Effect.gen(function* () {
      const { h0, hear } = yield* pair()
      assert.strictEqual(yield* counted(reason, hear({}, { ...fields }, { name: "m", version: 2n })), 1)
      assert.deepStrictEqual(yield* seen(h0.registry), ["m@h1", "n@h1"])
    })
  )

  it.effect("more names than a host may have are passed over unread, and what is held goes on", () =>
    Effect.gen(function* () {
      const { h0, hear } = yield* pair({ hostNamesMax: 2 })
      const many = Array.from({ length: 1000 }, (_, i) => ({ name: `n${i}`, version: BigInt(i + 1) }))
      const [first, ...others] = many
      // What is not parsed is not found to be wrong.
      const all = others.map((fields, i) => (i < 500 ? fields : { ...fields, ownership: Ownership.UNSPECIFIED }))
      const held = [
        { name: "n0", version: 1001n, contract: 9n },
        { name: "n1", version: 1002n, tombstone: true }
      ]
      const message = hear({ ...first }, ...all, ...held)
      assert.strictEqual(yield* counted("ownership", counted("hostQuota", message)), 0)
      const entries = yield* h0.registry.scan("")
      assert.deepStrictEqual(
        entries.map(({ contract, name }) => [name, contract]),
        [["n0", 9n]]
      )
    })
  )

  it.effect("a version that runs backwards changes nothing", () =>
    Effect.gen(function* () {
      const { h0, hear } = yield* pair()
      yield* hear({ version: 5n })
      yield* hear({ version: 4n, tombstone: true }, { version: 1n, contract: 9n })
      const [entry] = yield* h0.registry.resolve("n")
      assert.strictEqual(entry?.contract, 1n)
    })
  )
})

describe("R4: more names than a host may have", () => {
  it.effect("of others are refused, counted, told once in a while, and taken in when there is room", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const { bus, h0, h1 } = yield* pair({ hostNamesMax: 50 })
      for (let at = 0; at < 60; at++) yield* h1.registry.claim({ name: `n${at}`, ownership: "group", contract: 1n })
      const own = yield* Effect.exit(h0.registry.claim({ name: "own", ownership: "unique", contract: 1n }))
      assert.isTrue(Exit.isSuccess(own))
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual((yield* seen(h0.registry)).length, 51)
      assert.isAbove(yield* countOf("hostQuota"), 0)
      assert.deepStrictEqual(lines, ['host "h1" has more names than are kept of one host; those beyond are refused'])
      yield* h1.stop
      yield* bus.tell(h0.node, h1.node.host, "left")
      assert.deepStrictEqual(yield* seen(h0.registry), ["own@h0"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("of its own are a typed error that says what the bound is", () =>
    Effect.gen(function* () {
      const { h0 } = yield* pair({ ownBytesMax: 100 })
      const claim = (name: string) => h0.registry.claim({ name, ownership: "unique", contract: 1n })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* claim("first")
          yield* claim("second")
          const { reason } = yield* Effect.flip(claim("third"))
          assert.strictEqual(reason.message, "bytes of name records of one host is limited to 100")
        })
      )
      yield* claim("third")
    })
  )
})

describe("O7: a host that changes its names without end", () => {
  it.effect("is cut off, counted and told of once; its last word comes by digest all the same", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const { h0, h1 } = yield* pair({ hostNamesMax: 8, tombstonesMax: 8, writerRecordsPerSecond: 1 })
      const blink = (at: number) =>
        Effect.scoped(
          Effect.andThen(
            h1.registry.claim({ name: `n${at}`, ownership: "group", contract: 1n }),
            TestClock.adjust("600 millis")
          )
        )
      for (let at = 0; at < 100; at++) yield* blink(at)
      yield* h1.registry.claim({ name: "last", ownership: "group", contract: 1n })
      yield* h0.registry.claim({ name: "own", ownership: "group", contract: 1n })
      yield* TestClock.adjust("1 second")
      assert.isAbove(yield* countOf("writerRate"), 0)
      const told = 'host "h1" changes its names faster than is followed; what is beyond waits for an exchange'
      assert.isTrue(lines.includes(told))
      assert.isAtMost(lines.filter((line) => line === told).length, 2, "in a minute")
      assert.deepStrictEqual(yield* seen(h1.registry), ["last@h1", "own@h0"])
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(yield* seen(h0.registry), ["last@h1", "own@h0"])
    }).pipe(Effect.provide(layer))
  })
})

describe("R8: bounds that cannot work", () => {
  const reasonOf = (exit: Exit.Exit<unknown, unknown>) =>
    Exit.isFailure(exit) ? `${Cause.squash(exit.cause)}` : "no failure"
  const limits = { ownBytesMax: 0.5 }

  it.effect("are typed errors of each layer that takes them", () =>
    Effect.gen(function* () {
      const wrong = /^NetworkError: listen: names.ownBytesMax: 0.5 is no whole number/
      const bus = yield* ToyGossip.make("bounds")
      const overGossip = ToyGossip.run(bus, bus.add("h", 1), RegistryGossip.layerLimits(limits))
      assert.match(reasonOf(yield* Effect.exit(overGossip)), wrong)
      const self = Layer.succeed(Self, { id: "h", generation: 1, locality: "", tags: {} })
      const local = Layer.build(Layer.provide(RegistryLocal.layerLimits(limits), self))
      assert.match(reasonOf(yield* Effect.exit(local)), wrong)
      const memory = Layer.build(Grinta.layerMemory({ name: "h", names: limits }))
      assert.match(reasonOf(yield* Effect.exit(memory)), wrong)
      const node = Layer.build(Grinta.layer({ name: "h", names: limits }))
      assert.match(reasonOf(yield* Effect.exit(node)), wrong)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer()))
  )
})

describe("R9: the keyring", () => {
  const key = (fill: number) => Buffer.alloc(16, fill).toString("base64")

  it.effect("a stranger cannot be used, the primary not removed; twice the same is once", () =>
    Effect.gen(function* () {
      const { gossip } = yield* Cluster.start("h1", { encryption: { keys: [key(1)] } })
      const { install, remove, size, use } = gossip.keyring
      const refused = (change: ReturnType<typeof use>) =>
        Effect.map(Effect.flip(change), ({ operation, reason }) => `${operation} ${reason._tag}`)
      assert.strictEqual(yield* refused(use(key(2))), "keyring InvalidConfig")
      assert.strictEqual(yield* refused(remove(key(1))), "keyring InvalidConfig")
      assert.strictEqual(yield* refused(install("AAAA")), "keyring InvalidConfig")
      yield* install(key(1))
      assert.strictEqual(yield* size, 1)
      yield* install(key(2))
      yield* install(key(2))
      assert.strictEqual(yield* size, 2)
      yield* use(key(2))
      yield* remove(key(1))
      yield* remove(key(1))
      assert.strictEqual(yield* refused(remove(key(2))), "keyring InvalidConfig")
      assert.strictEqual(yield* size, 1)
    }).pipe(Effect.provide(Cluster.network("r9")))
  )
})
