/** Hosts that go from plaintext to keys, and back, one after the other while they run: nobody is lost on the way. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Metric, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Cluster from "./Cluster.ts"

const names = ["h1", "h2", "h3", "h4", "h5"]
/** What a datagram carries at most, as peers have it. */
const packetBytesMax = 1400
/** A checksum is beside that. */
const crcBytes = 5

const everybody = names.map((name) => `${name}:alive`).join(" ")
const key = (fill: number) => Buffer.alloc(32, fill).toString("base64")
const [first, next] = [key(1), key(2)]

type Change = (keyring: Cluster.Running["gossip"]["keyring"]) => Effect.Effect<void, unknown>

/** There: a first key, what is sent, what is taken. */
const toKeys: ReadonlyArray<Change> = [
  ({ install }) => install(first),
  ({ verify }) => verify({ outgoing: true }),
  ({ verify }) => verify({ incoming: true })
]

const toAnother: ReadonlyArray<Change> = [
  ({ install }) => install(next),
  ({ use }) => use(next),
  ({ remove }) => remove(first)
]

const back: ReadonlyArray<Change> = [
  ({ verify }) => verify({ incoming: false }),
  ({ verify }) => verify({ outgoing: false }),
  ({ remove }) => remove(next)
]

/** How long a step takes from its first host to its last. */
const stepMillis = 20_000

/** All hosts do a step, each at a time by chance; the next one may follow at once. */
const everywhere = (hosts: ReadonlyArray<Cluster.Running>, change: Change) =>
  Effect.gen(function* () {
    const turns = yield* Effect.forEach(hosts, ({ gossip }) =>
      Effect.map(Random.nextIntBetween(0, stepMillis), (atMillis) => ({ atMillis, gossip }))
    )
    let nowMillis = 0
    for (const { atMillis, gossip } of turns.sort((a, b) => a.atMillis - b.atMillis)) {
      yield* TestClock.adjust(`${atMillis - nowMillis} millis`)
      nowMillis = atMillis
      yield* Effect.orDie(change(gossip.keyring))
    }
  })

/** Hosts in plaintext, and who of them was said to be gone. */
const start = Effect.gen(function* () {
  const hosts = yield* Effect.forEach(names, (name) => Cluster.start(name, { seeds: names }))
  yield* TestClock.adjust("30 seconds")
  const gone: Array<string> = []
  for (const { gossip, name } of hosts)
    yield* Effect.forkScoped(
      Stream.runForEach(gossip.changes, ({ member }) =>
        Effect.sync(() => {
          if (member.status === "dead" || member.status === "left") gone.push(`${name} lost ${member.id}`)
        })
      ),
      { startImmediately: true }
    )
  return { hosts, gone }
})

const views = (hosts: ReadonlyArray<Cluster.Running>) =>
  Effect.map(Effect.forEach(hosts, Cluster.view), (all) => [...new Set(all)])

describe("a fabric in plaintext", () => {
  it.effect.each(["a", "b", "c", "d", "e", "f"])(
    "gets keys, other ones, and goes back, host by host at any times, and loses nobody: seed %s",
    (seed) =>
      Effect.gen(function* () {
        const { gone, hosts } = yield* start
        for (const change of [...toKeys, ...toAnother, ...back]) {
          yield* everywhere(hosts, change)
          assert.deepStrictEqual(yield* views(hosts), [everybody])
        }
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual([yield* views(hosts), gone], [[everybody], []])
        for (const { gossip } of hosts) assert.deepStrictEqual(yield* gossip.keyring.list, [])
      }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("loses members when a host does two steps where the others have done none", () =>
    Effect.gen(function* () {
      const { gone, hosts } = yield* start
      for (const change of toKeys.slice(0, 2))
        yield* Effect.forEach(hosts.slice(0, 1), ({ gossip }) => Effect.orDie(change(gossip.keyring)))
      yield* TestClock.adjust("2 minutes")
      assert.isAbove(gone.length, 0)
    }).pipe(Effect.provide(Cluster.network("hasty")))
  )

  it.effect("hears a host again that missed the change once that is told of the key, and names it until then", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const log = Logger.layer([
        Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
      ])
      const { hosts } = yield* Effect.provide(start, log)
      const [late, ...others] = hosts
      if (late === undefined) return
      for (const change of toKeys) yield* everywhere(others, change)
      yield* TestClock.adjust("2 minutes")
      assert.notStrictEqual(yield* Cluster.view(late), everybody)
      const named =
        'packets of host "h1" at 10.0.0.1:7946 are dropped: its packets are encrypted with none of the keys of this host, or not at all: keys (GRINTA_KEYS)'
      const asked =
        'nothing came of gossip with host "h1" at 10.0.0.1:7946: it does not encrypt gossip, and this host has keys: keys (GRINTA_KEYS)'
      assert.includeMembers(lines, [named, asked], lines.join("\n"))
      yield* late.gossip.keyring.install(first)
      yield* late.gossip.keyring.verify({ outgoing: true })
      yield* late.gossip.keyring.verify({ incoming: true })
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* views(hosts), [everybody])
    }).pipe(Effect.provide(Cluster.network("late")))
  )
})

describe("what a host without keys has to say", () => {
  it.effect("fits into its packets once they are encrypted", () =>
    Effect.gen(function* () {
      const sizes: Array<number> = []
      const [host] = yield* Effect.forEach(["h1", "h2"], (name) =>
        Cluster.start(name, { seeds: ["h1"], compress: false }, 1, (socket) => ({
          ...socket,
          send: (to, bytes) =>
            Effect.andThen(
              Effect.sync(() => sizes.push(bytes.length)),
              socket.send(to, bytes)
            )
        }))
      )
      if (host === undefined) return
      yield* TestClock.adjust("10 seconds")
      yield* host.gossip.broadcast("full", new Uint8Array(host.gossip.broadcastBytesMax))
      yield* host.gossip.keyring.install(first)
      yield* host.gossip.keyring.verify({ outgoing: true })
      yield* TestClock.adjust("10 seconds")
      assert.isAtMost(Math.max(...sizes), packetBytesMax + crcBytes)
      assert.isAbove(Math.max(...sizes), packetBytesMax - crcBytes)
    }).pipe(Effect.provide(Cluster.network("full")))
  )
})

describe("the keys of a host", () => {
  it.effect("are shown by fingerprints with the primary, and how often each has sealed, also as a metric", () =>
    Effect.gen(function* () {
      const hosts = yield* Effect.forEach(["h1", "h2"], (name) =>
        Cluster.start(name, { seeds: ["h1"], encryption: { keys: [first, next] } })
      )
      yield* TestClock.adjust("10 seconds")
      const [host] = hosts
      if (host === undefined) return
      const { list, use } = host.gossip.keyring
      const [a, b] = yield* list
      // SHA-256 of 32 bytes of 1 and of 2.
      assert.deepStrictEqual([a?.fingerprint, a?.isPrimary], ["72cd6e8422c407fb", true])
      assert.deepStrictEqual([b?.fingerprint, b?.isPrimary, b?.sealed], ["75877bb41d393b5f", false, 0])
      assert.isAbove(a?.sealed ?? 0, 5)
      yield* use(next)
      yield* TestClock.adjust("10 seconds")
      const after = yield* list
      assert.deepStrictEqual(
        after.map(({ fingerprint }) => fingerprint),
        [b?.fingerprint, a?.fingerprint]
      )
      assert.isAbove(after[0]?.sealed ?? 0, 5)
      const counted = (yield* Metric.snapshot).find(
        ({ attributes, id }) => id === "grinta_gossip_sealed" && attributes?.key === b?.fingerprint
      )
      assert.isAtLeast(counted?.type === "Counter" ? Number(counted.state.count) : 0, after[0]?.sealed ?? 1)
      assert.notInclude(JSON.stringify(after), first)
    }).pipe(Effect.provide(Cluster.network("list")))
  )
})
