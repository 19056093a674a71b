import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Metric, Result, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as RegistryGossip from "../../../src/layers/registry/RegistryGossip.ts"
import * as Doubts from "../../../src/protocol/names/Doubts.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import type { NetworkError } from "../../../src/services/NetworkError.ts"
import type { Claim, Registry } from "../../../src/services/Registry.ts"
import * as Random from "../../../src/testing/Random.ts"
import * as Fold from "./Fold.ts"
import * as ToyGossip from "./ToyGossip.ts"

const unique = (name: string): Claim => ({ name, ownership: "unique", contract: 1n })
const group = (name: string): Claim => ({ name, ownership: "group", contract: 1n })

const start = (bus: ToyGossip.Bus, id: string, generation: number) =>
  ToyGossip.run(bus, bus.add(id, generation), RegistryGossip.layerLimits({}))

/** `count` hosts h0, h1, .. that know each other; the one with the highest number lives longest. */
const fabric = Effect.fnUntraced(function* (seed: string, count: number) {
  const bus = yield* ToyGossip.make(seed)
  const hosts = yield* Effect.forEach(Array.from({ length: count }), (_, index) => start(bus, `h${index}`, 100 - index))
  for (const a of hosts) for (const b of hosts) if (a !== b) yield* bus.tell(a.node, b.node.host, "alive")
  return { bus, hosts }
})

const sees = (registry: Registry["Service"], prefix = "") =>
  Effect.map(registry.scan(prefix), (entries) => entries.map(({ host, name }) => `${name}@${host.id}`))

/** How an effect failed. */
const failure = <A, R>(effect: Effect.Effect<A, NetworkError, R>) => Effect.map(Effect.flip(effect), String)

const taken = (name: string, owner: string) => `NetworkError: expose: the name "${name}" is held by host "${owner}"`

const closed = (host: string) => `NetworkError: expose: host "${host}" has left the fabric`

const nth = <A>(items: ReadonlyArray<A>, index: number): A => {
  const item = items[index]
  if (item === undefined) throw new Error(`no item ${index}`)
  return item
}

describe("hosts that gossip", () => {
  it.effect.each(["a", "b", "c", "d"])("agree despite loss and reordering, seed %s", (seed) =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric(seed, 5)
      bus.setLoss(0.4)
      const random = Random.make(seed)
      const folds = yield* Effect.forEach(hosts, ({ registry }) => Fold.start(registry.watch("")))
      const slow = yield* Effect.forEach(hosts, ({ registry }) =>
        Fold.start(registry.watch("n"), Effect.sleep("3 seconds"))
      )
      const contested: Array<Effect.Effect<never, NetworkError>> = []
      for (const [index, { registry }] of hosts.entries()) {
        yield* registry.claim(unique(`n${index}`))
        yield* registry.claim(group("workers"))
        const exposure = yield* Effect.option(registry.claim(unique("contested")))
        if (exposure._tag === "Some") contested.push(exposure.value.lost)
      }
      const losers = yield* Effect.forEach(contested, (lost) => Effect.forkScoped(failure(lost)))
      for (let second = 0; second < 30; second++) {
        yield* TestClock.adjust("1 second")
        const [a, b] = [nth(hosts, Math.floor(random() * 5)), nth(hosts, Math.floor(random() * 5))]
        if (a !== b) yield* bus.pushPull(a.node, b.node)
        yield* Fold.settle
        for (const [index, { registry }] of hosts.entries())
          assert.deepStrictEqual(Fold.scan(nth(folds, index)), yield* registry.scan(""))
      }
      yield* TestClock.adjust("2 minutes")
      const expected = [
        "contested@h4",
        ...hosts.map((_, index) => `n${index}@h${index}`),
        ...hosts.map((_, index) => `workers@h${index}`)
      ]
      for (const [index, { registry }] of hosts.entries()) {
        assert.deepStrictEqual(yield* sees(registry), expected)
        assert.deepStrictEqual(Fold.scan(nth(slow, index)), yield* registry.scan("n"))
        assert.deepStrictEqual(
          (yield* registry.hosts).map(({ id }) => id),
          ["h0", "h1", "h2", "h3", "h4"]
        )
      }
      const told = losers.map((loser) => loser.pollUnsafe())
      const earlier = (index: number) => [1, 2, 3, 4].filter((other) => other > index).map((other) => `h${other}`)
      for (let index = 0; index < 4; index++)
        assert.include(
          earlier(index).map((owner) => Exit.succeed(taken("contested", owner)).toString()),
          `${told[index]}`
        )
      assert.deepStrictEqual([told.length, told[4]], [5, undefined])
    })
  )

  it.effect("show what a host withdraws that is disputed when its time has come, without another word", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("disputed")
      const { node, registry } = yield* start(bus, "h0", 100)
      const host = ToyGossip.hostOf("h1", 200)
      const say = (version: number, isTombstone: boolean) => {
        const record = { host: host.id, generation: host.generation, version, isTombstone, name: "n", contract: 1n }
        return node.passenger?.message(NameRecords.encode([{ ...record, ownership: "unique" }])) ?? Effect.void
      }
      yield* bus.tell(node, host, "alive")
      const fold = yield* Fold.start(registry.watch(""))
      for (let version = 1; version <= 1 + 2 * Doubts.contradictionsMin; version++)
        yield* say(version, version % 2 === 0)
      yield* say(10, true)
      yield* TestClock.adjust(Doubts.doubtMillis - 100)
      assert.deepStrictEqual(yield* sees(registry), ["n@h1"])
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* sees(registry), [])
      yield* Fold.settle
      assert.deepStrictEqual(Fold.scan(fold), [])
    })
  )

  it.effect("a newcomer learns everything by the push/pull of its join, and is learned of", () =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric("join", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      bus.setLoss(1)
      yield* h0.registry.claim(unique("x"))
      yield* bus.pushPull(h0.node, h1.node)
      bus.setLoss(0)
      const late = yield* start(bus, "late", 200)
      yield* late.registry.claim(unique("y"))
      yield* TestClock.adjust("1 second")
      yield* bus.join(late.node, h0.node)
      assert.deepStrictEqual(yield* sees(late.registry), ["x@h0", "y@late"])
      assert.deepStrictEqual(yield* sees(h0.registry), ["x@h0", "y@late"])
      yield* bus.tell(h1.node, late.node.host, "alive")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* sees(h1.registry), ["x@h0", "y@late"])
      assert.strictEqual(yield* failure(late.registry.claim(unique("x"))), taken("x", "h0"))
      const here = 'NetworkError: expose: the name "x" is exposed on this host already'
      assert.strictEqual(yield* failure(h0.registry.claim(unique("x"))), here)
    })
  )

  it.effect("a claim ends with its scope, and may be made again", () =>
    Effect.gen(function* () {
      const { hosts } = yield* fabric("scope", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      const fold = yield* Fold.start(h1.registry.watch(""))
      for (let round = 0; round < 2; round++) {
        yield* Effect.scoped(Effect.andThen(h0.registry.claim(unique("x")), TestClock.adjust("1 second")))
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(fold.events, [
        "snapshot ",
        "up x@h0",
        "down x@h0 withdrawn",
        "up x@h0",
        "down x@h0 withdrawn"
      ])
    })
  )

  it.effect("the scope of a lost claim does not take a later claim of the name with it", () =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric("again", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      const [first, winning] = [yield* Scope.fork(yield* Effect.scope), yield* Scope.fork(yield* Effect.scope)]
      const { lost } = yield* Scope.provide(h0.registry.claim(unique("x")), first)
      yield* Scope.provide(h1.registry.claim(unique("x")), winning)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* failure(lost), taken("x", "h1"))
      yield* Scope.close(winning, Exit.void)
      yield* TestClock.adjust("1 second")
      yield* h0.registry.claim(unique("x"))
      yield* Scope.close(first, Exit.void)
      yield* TestClock.adjust("1 second")
      for (const { registry } of hosts) assert.deepStrictEqual(yield* sees(registry), ["x@h0"])
      assert.strictEqual(bus.nodes.size, 2)
    })
  )

  it.effect("P5, P6, R5: watchers hear of death, return, restart and leave", () =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric("lives", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      yield* h1.registry.claim(unique("x"))
      yield* TestClock.adjust("1 second")
      const fold = yield* Fold.start(h0.registry.watch(""))
      const evidence = [{ accuser: "h7", probesMissed: 3 }, { accuser: "h8" }]
      for (const status of ["suspect", "dead", "alive"] as const) {
        yield* bus.tell(h0.node, h1.node.host, status, status === "alive" ? [] : evidence)
        yield* Fold.settle
      }
      assert.deepStrictEqual(fold.events.splice(0), ["snapshot x@h1", "down x@h1 dead by h7 by h8", "up x@h1"])
      const again = yield* start(bus, "h1", 1000)
      yield* bus.join(h0.node, again.node)
      yield* again.registry.claim(group("x"))
      yield* TestClock.adjust("1 second")
      yield* bus.tell(h0.node, again.node.host, "left")
      yield* Fold.settle
      assert.deepStrictEqual(fold.events.splice(0), ["down x@h1 restarted", "up x@h1", "down x@h1 left"])
      assert.deepStrictEqual(
        (yield* h0.registry.hosts).map(({ id }) => id),
        ["h0"]
      )
    })
  )

  it.effect("G19: after a partition both claimants see one owner, and the loser is told once", () =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric("split", 4)
      const halves = [hosts.slice(0, 2), hosts.slice(2)]
      const tellAll = (status: "dead" | "alive") =>
        Effect.forEach(nth(halves, 0), (a) =>
          Effect.forEach(nth(halves, 1), (b) =>
            Effect.andThen(bus.tell(a.node, b.node.host, status), bus.tell(b.node, a.node.host, status))
          )
        )
      yield* tellAll("dead")
      const exposures = yield* Effect.forEach(halves, (half) => nth(half, 0).registry.claim(unique("x")))
      yield* TestClock.adjust("5 seconds")
      for (const [index, half] of halves.entries())
        for (const { registry } of half) assert.deepStrictEqual(yield* sees(registry), [`x@h${2 * index}`])
      yield* tellAll("alive")
      yield* bus.pushPull(nth(hosts, 1).node, nth(hosts, 3).node)
      yield* TestClock.adjust("5 seconds")
      for (const { registry } of hosts) assert.deepStrictEqual(yield* sees(registry), ["x@h2"])
      assert.strictEqual(yield* failure(nth(exposures, 0).lost), taken("x", "h2"))
      const waiting = yield* Effect.forkChild(nth(exposures, 1).lost, { startImmediately: true })
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(waiting)
    })
  )
})

describe("the layer", () => {
  const countOf = (reason: string) =>
    Effect.map(Metric.snapshot, (metrics) =>
      metrics
        .filter(({ attributes, id }) => id === "grinta_names_dropped" && attributes?.reason === reason)
        .map(({ state }) => ("count" in state ? Number(state.count) : 0))
        .reduce((sum, count) => sum + count, 0)
    )

  it.effect("lets others run while it takes in a state of many names", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 16_000 }, (_, i) => ({
        host: `x${i}`,
        generation: 1,
        version: 1,
        name: "n",
        ownership: "group" as const,
        contract: 1n,
        isTombstone: false
      }))
      const state = NameRecords.encode(names)
      let millis = 0
      // Time passes with each look at the clock, so that what is done between two of them is a slice.
      const monotonicTimeNanosUnsafe = (): bigint => {
        millis += 5
        return BigInt(millis) * 1_000_000n
      }
      const clock = { ...(yield* Clock.Clock), monotonicTimeNanosUnsafe }
      const slow = yield* ToyGossip.make("slow")
      const { node: other } = yield* Effect.provideService(start(slow, "s0", 5), Clock.Clock, clock)
      if (other.passenger === undefined) return assert.fail("nobody is aboard")
      let turns = 0
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => (turns += 1))
          )
        )
      )
      yield* Effect.yieldNow
      const before = turns
      yield* Effect.provideService(other.passenger.mergeState(state), Clock.Clock, clock)
      assert.isAtLeast(turns - before, 16_000 / 256 / 3)
    })
  )

  it.effect("ignores what other programs gossip, and counts what is bad", () =>
    Effect.gen(function* () {
      const { hosts } = yield* fabric("bad", 1)
      const { node, registry } = nth(hosts, 0)
      const passenger = node.passenger
      if (passenger === undefined) return assert.fail("nobody is aboard")
      for (const bytes of [new Uint8Array(0), Uint8Array.of(3, 1, 2), Uint8Array.of(0x67, 0x0a, 0x7f)]) {
        yield* passenger.message(bytes)
        yield* passenger.mergeState(bytes)
      }
      yield* passenger.message(Uint8Array.of(0x67, 0x0a, 0x00))
      assert.deepStrictEqual(
        [yield* countOf("malformed"), yield* countOf("invalidHost"), yield* countOf("foreign")],
        [2, 1, 0]
      )
      assert.isEmpty(yield* registry.scan(""))
    })
  )

  it.effect("spreads records one by one, each under a key of its own, and few of them all at once in a push/pull", () =>
    Effect.gen(function* () {
      const { hosts } = yield* fabric("keys", 1)
      const { node, registry } = nth(hosts, 0)
      yield* registry.claim(unique("x"))
      yield* registry.claim(group("y"))
      yield* Fold.settle
      assert.deepStrictEqual(
        node.said.map(({ key }) => key),
        ["h0/x", "h0/y"]
      )
      const record = { host: "h0", generation: 100, contract: 1n, isTombstone: false }
      const x = { ...record, version: 1, name: "x", ownership: "unique" } as const
      const y = { ...record, version: 2, name: "y", ownership: "group" } as const
      assert.deepStrictEqual(
        node.said.map(({ payload }) => payload),
        [NameRecords.encode([x]), NameRecords.encode([y])]
      )
      const state = yield* node.passenger?.localState ?? Effect.die("nobody aboard")
      assert.deepStrictEqual(Result.getOrThrow(NameRecords.decode(state)).records, [x, y])
    })
  )

  it.effect("knows the members from before it came aboard, and those that are no grinta hosts by nothing", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("before")
      const [a, b] = [bus.add("a", 1), bus.add("b", 2)]
      yield* bus.tell(a, b.host, "suspect")
      a.members.set("serf", {
        id: "serf",
        status: "alive",
        incarnation: 1,
        address: "::1",
        port: 7946,
        meta: Uint8Array.of(1),
        host: undefined
      })
      const { registry } = yield* ToyGossip.run(bus, a, RegistryGossip.layerLimits({}))
      assert.deepStrictEqual(yield* registry.hosts, [a.host, b.host])
    })
  )

  it.effect("gives up the records of forgotten hosts in time", () =>
    Effect.gen(function* () {
      const { bus, hosts } = yield* fabric("forget", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      yield* h1.registry.claim(unique("x"))
      yield* TestClock.adjust("1 second")
      const given = Effect.map(
        h0.node.passenger?.localState ?? Effect.die("nobody aboard"),
        (state) => Result.getOrThrow(NameRecords.decode(state)).records.length
      )
      yield* bus.tell(h0.node, h1.node.host, "dead")
      assert.strictEqual(yield* given, 1)
      bus.forget(h0.node, "h1")
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* given, 0)
      yield* bus.tell(h0.node, h1.node.host, "alive")
      assert.deepStrictEqual(yield* sees(h0.registry), ["x@h1"])
      yield* bus.tell(h0.node, h1.node.host, "dead")
      bus.forget(h0.node, "h1")
      yield* TestClock.adjust("62 minutes")
      yield* bus.tell(h0.node, h1.node.host, "alive")
      assert.isEmpty(yield* sees(h0.registry))
    })
  )

  it.effect("when it closes, withdraws what is claimed, ends watches and waits, and takes no claims", () =>
    Effect.gen(function* () {
      const { hosts } = yield* fabric("close", 2)
      const [h0, h1] = [nth(hosts, 0), nth(hosts, 1)]
      const { lost } = yield* h0.registry.claim(unique("x"))
      yield* TestClock.adjust("1 second")
      const watched = yield* Effect.forkChild(Fold.collect(h0.registry.watch("")), { startImmediately: true })
      yield* Fold.settle
      yield* h0.stop
      assert.strictEqual(yield* failure(lost), closed("h0"))
      assert.strictEqual(yield* failure(h0.registry.claim(unique("y"))), closed("h0"))
      assert.deepStrictEqual((yield* Fiber.join(watched)).events, ["snapshot x@h0", "down x@h0 withdrawn"])
      yield* TestClock.adjust("1 second")
      assert.isEmpty(yield* sees(h1.registry))
    })
  )

  it.effect("refuses a host whose records nobody would take", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("self")
      for (const [id, generation, setting] of [
        ["a b", 1, "name"],
        ["a", 0, "generation"],
        ["a", 1.5, "generation"]
      ] as const) {
        const refused = yield* failure(ToyGossip.run(bus, bus.add(id, generation), RegistryGossip.layer))
        assert.include(refused, `NetworkError: listen: ${setting}: `)
      }
    })
  )
})
