/** Encrypted clusters of ours and of the current hashicorp/memberlist. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go } from "./Peers.ts"
import * as Processes from "./Processes.ts"
import * as Wire from "./Wire.ts"

/** Keys for AES-128, AES-192 and AES-256, in hex. */
const [small = "", medium = "", large = ""] = [16, 24, 32].map((length) => "5e".repeat(length))

const encryption = (...keys: ReadonlyArray<string>) => ({ keys: keys.map(Wire.toBase64) })

const together = Effect.fnUntraced(function* (ours: Ours.Ours, peer: GoPeer.GoPeer) {
  yield* Ours.becomes("ours sees both", Ours.view(ours), `${peer.name}:alive ${ours.name}:alive`)
  yield* Ours.becomes("the peer sees both", GoPeer.view(peer), `${peer.name} ${ours.name}`)
})

/** Time for probes, gossip and push/pulls. */
const awhile = Effect.sleep("3 seconds")

/** What could not be read for want of the right key. */
const unreadable = Effect.fnUntraced(function* ({ gossip }: Ours.Ours) {
  const counters = yield* gossip.counters
  return Object.entries(counters).filter(([reason]) => /decrypt|plaintext|encrypted/.test(reason))
})

describeWith([go], "encryption with memberlist", () => {
  GoPeer.build()

  it.live.each([
    { key: small, label: "", joins: "ours" },
    { key: small, label: "prod", joins: "theirs" },
    { key: medium, label: "prod", joins: "ours" },
    { key: large, label: "", joins: "theirs" }
  ])("a cluster under one key, where $joins joins, label '$label', key $key", ({ joins, key, label }) =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", fabric: label, encryption: encryption(key) })
      const peer = yield* GoPeer.start({ name: "go", label, keys: [key] })
      if (joins === "ours") yield* ours.gossip.join([peer.address])
      else yield* peer.ask({ cmd: "join", seeds: [ours.address] })
      yield* together(ours, peer)
      yield* awhile
      yield* together(ours, peer)
      const node = yield* Wire.stateOf(peer.address, "ts", { label, keys: [key] })
      assert.strictEqual(node?.state, "alive")
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live("a wrong key or none never joins, and nobody is harmed", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", encryption: encryption(small) })
      const peer = yield* GoPeer.start({ name: "go", keys: [small], flags: [`-join=${ours.address}`] })
      yield* together(ours, peer)
      const wrong = yield* GoPeer.start({ name: "wrong", keys: [large] })
      const none = yield* GoPeer.start({ name: "none" })
      yield* Effect.flip(wrong.ask({ cmd: "join", seeds: [ours.address] }))
      yield* Effect.flip(ours.gossip.join([wrong.address]))
      yield* Effect.flip(none.ask({ cmd: "join", seeds: [ours.address] }))
      yield* Effect.flip(ours.gossip.join([none.address]))
      yield* Wire.sendBestEffort(ours.address, Uint8Array.of(100), { keys: [large] })
      yield* Wire.sendBestEffort(ours.address, Uint8Array.of(100))
      const plain = yield* Ours.start({ name: "plain" })
      const error = yield* Effect.flip(wrong.ask({ cmd: "join", seeds: [plain.address] }))
      assert.include(error, "encryption is configured but remote state is not encrypted")
      yield* Effect.flip(plain.gossip.join([wrong.address]))
      yield* together(ours, peer)
      for (const each of [wrong, none]) assert.strictEqual(yield* GoPeer.view(each), each.name)
      assert.strictEqual(yield* Ours.view(plain), "plain:alive")
      assert.deepStrictEqual(ours.messages, [])
      const counters = yield* ours.gossip.counters
      assert.strictEqual(counters["packet.decrypt"], 2)
      assert.strictEqual(counters["stream.decrypt"], 1)
      assert.strictEqual(counters["stream.plaintext"], 1)
      assert.strictEqual((yield* plain.gossip.counters)["stream.encrypted"], 1)
    })
  )

  it.live("the key turns at run time: new key in, in use, old key out, without a word lost", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", encryption: encryption(small) })
      const peer = yield* GoPeer.start({ name: "go", keys: [small], flags: [`-join=${ours.address}`] })
      const { keyring } = ours.gossip
      const key = Wire.toBase64(large)
      yield* together(ours, peer)
      yield* keyring.install(key)
      yield* peer.ask({ cmd: "installKey", hex: large })
      yield* awhile
      yield* peer.ask({ cmd: "useKey", hex: large })
      yield* awhile
      yield* keyring.use(key)
      yield* awhile
      yield* keyring.remove(Wire.toBase64(small))
      yield* peer.ask({ cmd: "removeKey", hex: small })
      yield* awhile
      assert.deepStrictEqual((yield* peer.ask({ cmd: "keys" })).keys, [large])
      assert.strictEqual(yield* keyring.size, 1)
      yield* together(ours, peer)
      assert.deepStrictEqual(
        ours.changes.filter(({ member }) => member.status === "dead"),
        []
      )
      assert.deepStrictEqual(yield* unreadable(ours), [])
      GoPeer.assertQuiet(peer)
      const late = yield* GoPeer.start({ name: "late", keys: [small] })
      yield* Effect.flip(late.ask({ cmd: "join", seeds: [ours.address] }))
    })
  )

  it.live.each([
    {
      step: "ours has keys and checks nothing, theirs has none",
      verify: { verifyIncoming: false, verifyOutgoing: false },
      keys: [],
      flags: []
    },
    {
      step: "theirs has keys and checks nothing, ours has keys and encrypts",
      verify: { verifyIncoming: false, verifyOutgoing: true },
      keys: [large],
      flags: ["-verify-incoming=false", "-verify-outgoing=false"]
    },
    {
      step: "ours checks all, theirs encrypts and checks nothing yet",
      verify: {},
      keys: [large],
      flags: ["-verify-incoming=false"]
    }
  ])("on the way from plaintext to keys, all see all: $step", ({ flags, keys, verify }) =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", encryption: { ...encryption(large), ...verify } })
      const peer = yield* GoPeer.start({ name: "go", keys, flags: [...flags, `-join=${ours.address}`] })
      yield* together(ours, peer)
      yield* awhile
      yield* together(ours, peer)
      GoPeer.assertQuiet(peer)
    })
  )

  it.live("a peer of protocol 1, which knows one port for all and pads what it encrypts", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", encryption: encryption(small) })
      const peer = yield* GoPeer.start({
        name: "go",
        keys: [small],
        host: "127.0.0.2",
        port: ours.port,
        flags: ["-protocol=1", `-join=${Processes.loopback}`]
      })
      yield* together(ours, peer)
      yield* awhile
      yield* peer.ask({ cmd: "reliable", to: "ts", hex: "c0ffee" })
      yield* Ours.becomes(
        "heard",
        Effect.sync(() => ours.messages.length),
        1
      )
      yield* together(ours, peer)
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )
})
