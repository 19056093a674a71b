/**
 * Keys of the membership plane: the cipher against recorded bytes, the ring, and clusters that turn keys while they run.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as AesGcm from "../../../src/layers/gossip/AesGcm.ts"
import * as Keyring from "../../../src/protocol/memberlist/Keyring.ts"
import * as Cluster from "./Cluster.ts"

const key = (size: number, first = 0) => Uint8Array.from({ length: size }, (_, i) => (first + i) & 255)
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")
const unhex = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"))
const ring = (...keys: ReadonlyArray<Uint8Array>) => Result.getOrThrow(Keyring.make(keys))
const none = new Uint8Array()

const Bytes = Schema.Uint8Array
const Size = Schema.Literals([16, 24, 32])

describe("AES-GCM", () => {
  const ping = "0082a44e6f6465a162a55365714e6f2a"
  const recorded: ReadonlyArray<readonly [string, Uint8Array, string]> = [
    ["AES-128", key(16), "01000102030405060708090a0b93ee0380097f92f5297732ef47ed1f22980a33a6f9a489b262137e55fade4220"],
    ["AES-192", key(24), "01000102030405060708090a0be67b86d5f6ddacafb2968fe78ee7b35a6fbda47d9129d79c42567272eed6f0fc"],
    ["AES-256", key(32), "01000102030405060708090a0b47807255aa81a7baefe4c4eec0a717475540b540a31ecf572dbe130cf7dcc841"],
    [
      "version 0",
      key(16),
      "00000102030405060708090a0b93ee0380097f92f5297732ef47ed1f22a3360af643fdede6f631e13d0454b27c07883798aeff8d22989cef7511d1cd79"
    ]
  ]
  for (const [name, secret, sealed] of recorded) {
    it(`opens what a reference peer sealed: ${name}`, () => {
      const opened = AesGcm.make(() => ring(key(16, 99), secret)).open(unhex(sealed), none)
      assert.deepStrictEqual(
        Option.map(opened, (bytes) => Buffer.from(bytes).toString("hex")),
        Option.some(ping)
      )
    })
  }

  it.prop(
    "opens what it sealed, and nothing that was changed",
    [Bytes, Bytes, Size, Schema.Int],
    ([plain, aad, size, at]) => {
      const cipher = AesGcm.make(() => ring(key(size)))
      const sealed = cipher.seal(plain, aad)
      assert.strictEqual(sealed.length, plain.length + cipher.overheadBytes)
      assert.deepStrictEqual(cipher.open(sealed, aad), Option.some(plain))
      const changed = sealed.slice()
      const index = Math.abs(at) % changed.length
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.isTrue(Option.isNone(cipher.open(changed, aad)))
      assert.isTrue(Option.isNone(cipher.open(sealed, Uint8Array.from([...aad, 1]))))
      assert.isTrue(Option.isNone(AesGcm.make(() => ring(key(size, 7))).open(sealed, aad)))
    }
  )

  it("opens a large payload in parts, with each of its keys, and nothing that was changed", () => {
    const [first, second] = [key(32, 1), key(32, 2)]
    const plain = new Uint8Array(5_000_000).map((_, i) => i)
    const sealed = AesGcm.make(() => ring(second)).seal(plain, none)
    const parts = (bytes: Uint8Array) => {
      const opening = AesGcm.make(() => ring(first, second)).opening(bytes, none)
      for (let times = 1; ; times++) {
        const began = process.cpuUsage().user
        const opened = opening()
        assert.isBelow(process.cpuUsage().user - began, 50_000)
        if (opened !== "more") return { times, opened }
      }
    }
    assert.deepStrictEqual(parts(sealed), {
      times: 2 * Math.ceil(plain.length / 1_048_576),
      opened: Option.some(plain)
    })
    sealed[4_000_000] = (sealed[4_000_000] ?? 0) ^ 1
    assert.deepStrictEqual(parts(sealed).opened, Option.none())
  })

  it.prop("refuses any bytes without a throw", [Bytes], ([bytes]) => {
    assert.isTrue(Option.isNone(AesGcm.make(() => ring(key(16))).open(bytes, none)))
  })
})

describe("a keyring", () => {
  const a = key(16, 1)
  const b = key(32, 2)
  const refused = (result: Result.Result<Keyring.Keyring, string>) => Result.isFailure(result)

  it("installs, uses and removes; a key that comes twice counts once", () => {
    const both = Result.getOrThrow(Keyring.install(Result.getOrThrow(Keyring.install(ring(a), b)), b))
    assert.deepStrictEqual(Keyring.keys(both), [a, b])
    const used = Result.getOrThrow(Keyring.use(both, b))
    assert.deepStrictEqual(Keyring.keys(used), [b, a])
    assert.deepStrictEqual(Keyring.keys(Result.getOrThrow(Keyring.remove(used, a))), [b])
    assert.deepStrictEqual(Keyring.remove(ring(a), b), Result.succeed(ring(a)))
  })

  it("refuses keys of other sizes, the use of a stranger, the loss of the primary, and too many", () => {
    for (const size of [0, 15, 17, 31, 33]) assert.isTrue(refused(Keyring.install(ring(a), key(size))))
    assert.isTrue(refused(Keyring.make([])))
    assert.isTrue(refused(Keyring.use(ring(a), b)))
    assert.isTrue(refused(Keyring.remove(ring(a), a)))
    const full = ring(...Array.from({ length: Keyring.keysMax }, (_, i) => key(16, i * 16)))
    assert.isTrue(refused(Keyring.install(full, b)))
  })

  it("keeps copies: a key that is wiped after its installation still works", () => {
    const secret = key(16, 1)
    const made = ring(secret)
    secret.fill(0)
    assert.deepStrictEqual(Keyring.keys(made), [a])
  })
})

describe("a cluster with keys", () => {
  const old = text(key(16, 1))
  const next = text(key(32, 50))
  const start = (name: string, keys: ReadonlyArray<string>, options = {}) =>
    Cluster.start(name, { seeds: ["h1"], encryption: { keys, ...options } })
  const all = "h1:alive h2:alive h3:alive"

  it.effect.each(["a", "b"])("turns to a new key without losing a member, seed %s", (seed) =>
    Effect.gen(function* () {
      const hosts = yield* Effect.forEach(["h1", "h2", "h3"], (name) => start(name, [old]))
      yield* TestClock.adjust("10 seconds")
      const lost: Array<string> = []
      const look = Effect.forEach(hosts, (host) =>
        Effect.map(Cluster.view(host), (seen) => {
          if (seen !== all) lost.push(`${host.name} sees ${seen}`)
        })
      )
      const everywhere = (change: (host: Cluster.Running) => Effect.Effect<void, unknown>) =>
        Effect.forEach(hosts, (host) =>
          Effect.andThen(Effect.orDie(change(host)), Effect.andThen(TestClock.adjust("7 seconds"), look))
        )
      yield* look
      yield* everywhere(({ gossip }) => gossip.keyring.install(next))
      yield* everywhere(({ gossip }) => gossip.keyring.use(next))
      yield* everywhere(({ gossip }) => gossip.keyring.remove(old))
      yield* TestClock.adjust("60 seconds")
      yield* look
      assert.deepStrictEqual(lost, [])
      const late = yield* start("h4", [old])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Cluster.view(late), "h4:alive")
      const counted = yield* Effect.forEach(hosts, ({ gossip }) => gossip.counters)
      assert.isTrue(counted.some((counters) => Object.keys(counters).some((name) => name.startsWith("stream."))))
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("lets in neither plaintext nor another key, and counts them", () =>
    Effect.gen(function* () {
      const h1 = yield* start("h1", [old])
      const plain = yield* Cluster.start("h2", { seeds: ["h1"] })
      const other = yield* start("h3", [next])
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive")
      assert.strictEqual(yield* Cluster.view(plain), "h2:alive")
      assert.strictEqual(yield* Cluster.view(other), "h3:alive")
      const counters = yield* h1.gossip.counters
      assert.isAbove(Object.keys(counters).filter((name) => name.startsWith("stream.")).length, 0)
    }).pipe(Effect.provide(Cluster.network("k")))
  )

  it.effect("moves from plaintext to keys without losing a member", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { seeds: [] })
      const h2 = yield* start("h2", [old], { verifyIncoming: false, verifyOutgoing: false })
      const h3 = yield* start("h3", [old], { verifyIncoming: false, verifyOutgoing: false })
      yield* TestClock.adjust("60 seconds")
      for (const host of [h1, h2, h3]) assert.strictEqual(yield* Cluster.view(host), all)
    }).pipe(Effect.provide(Cluster.network("m")))
  )

  it.effect("says what is wrong with a key, and never the key itself", () =>
    Effect.gen(function* () {
      const bad = yield* Effect.exit(start("h9", ["secret!"]))
      assert.isTrue(Exit.isFailure(bad))
      assert.notInclude(String(bad), "secret!")
      const short = yield* Effect.exit(start("h9", [text(key(15))]))
      assert.include(String(short), "16, 24 or 32 bytes")
      const h1 = yield* start("h1", [old])
      const reason = (change: Effect.Effect<void, { readonly message: string }>) =>
        Effect.map(Effect.flip(change), ({ message }) => message)
      assert.include(yield* reason(h1.gossip.keyring.use(next)), "not installed")
      assert.include(yield* reason(h1.gossip.keyring.remove(old)), "in use")
      assert.strictEqual(yield* h1.gossip.keyring.size, 1)
      const plain = yield* Cluster.start("h2", {})
      assert.include(yield* reason(plain.gossip.keyring.use(old)), "not installed")
      assert.include(yield* reason(plain.gossip.keyring.verify({ outgoing: true })), "no key")
      const deaf = yield* Effect.exit(start("h9", [old], { verifyOutgoing: false }))
      assert.include(String(deaf), "has to send that: verifyOutgoing")
    }).pipe(Effect.provide(Cluster.network("e")))
  )
})
