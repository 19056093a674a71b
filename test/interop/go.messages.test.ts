/** Messages and state of the application, between ours and members of the current hashicorp/memberlist. */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { Gossip } from "../../src/services/Gossip.ts"
import { Registry } from "../../src/services/Registry.ts"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go } from "./Peers.ts"
import * as Wire from "./Wire.ts"

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Bytes that compress badly: no two hundred of them repeat. */
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * i * 31 + (i >> 8) * 7) & 0xff)

const isAmong = (all: ReadonlyArray<Uint8Array>, hex: string) =>
  Effect.sync(() => all.some(({ length }) => length * 2 === hex.length) && all.some((bytes) => toHex(bytes) === hex))

const hasMessage = (ours: Ours.Ours, hex: string) => isAmong(ours.messages, hex)

const hasTold = (peer: GoPeer.GoPeer, kind: "message" | "mergeState", hex: string, node?: string) =>
  Effect.sync(() => GoPeer.told(peer, kind, node).some((event) => event.hex === hex))

/** Who is in the cluster, and how it frames its messages. */
interface Setting extends Wire.Cluster {
  readonly compress: boolean
  readonly label: string
  readonly keys: ReadonlyArray<string>
}

const pair = Effect.fnUntraced(function* ({ compress, keys, label }: Setting) {
  const encryption = { keys: keys.map(Wire.toBase64) }
  const ours = yield* Ours.start({ name: "ts", compress, fabric: label, encryption })
  const peer = yield* GoPeer.start({
    name: "go",
    label,
    keys,
    flags: [`-compress=${compress}`, `-join=${ours.address}`]
  })
  yield* Ours.becomes("together", Ours.view(ours), "go:alive ts:alive")
  yield* Ours.becomes("together", GoPeer.view(peer), "go ts")
  return { ours, peer }
})

const settings: ReadonlyArray<readonly [title: string, setting: Setting]> = [
  ["compressed", { compress: true, label: "", keys: [] }],
  ["labelled", { compress: false, label: "prod", keys: [] }],
  ["encrypted, labelled, compressed", { compress: true, label: "prod", keys: ["0a".repeat(32)] }],
  ["encrypted", { compress: false, label: "", keys: ["0b".repeat(16)] }]
]

describeWith([go], "messages with memberlist", () => {
  GoPeer.build()

  it.live.each(settings)("gossiped, both ways: %s", ([, setting]) =>
    Effect.gen(function* () {
      const { ours, peer } = yield* pair(setting)
      const { keys, label } = setting
      const third = yield* GoPeer.start({ name: "third", label, keys, flags: [`-join=${ours.address}`] })
      yield* Ours.becomes("the third is in", GoPeer.view(peer), "go third ts")
      const bytes = noise(ours.gossip.broadcastBytesMax)
      yield* ours.gossip.broadcast("key", bytes)
      for (const each of [peer, third])
        yield* Ours.becomes(`${each.name} hears it`, hasTold(each, "message", toHex(bytes)), true)
      yield* peer.ask({ cmd: "broadcast", hex: "c0ffee" })
      yield* Ours.becomes("ours hears it", hasMessage(ours, "c0ffee"), true)
      yield* Ours.becomes("the third hears it", hasTold(third, "message", "c0ffee"), true)
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live.each(settings)("in a datagram, both ways: %s", ([, setting]) =>
    Effect.gen(function* () {
      const { ours, peer } = yield* pair(setting)
      const hex = toHex(noise(1300))
      yield* peer.ask({ cmd: "bestEffort", to: "ts", hex })
      yield* Ours.becomes("ours hears it", hasMessage(ours, hex), true)
      yield* Wire.sendBestEffort(peer.address, noise(900), setting)
      yield* Ours.becomes("the peer hears it", hasTold(peer, "message", toHex(noise(900))), true)
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live.each(settings)("over a stream, both ways, from a byte to a megabyte: %s", ([, setting]) =>
    Effect.gen(function* () {
      const { ours, peer } = yield* pair(setting)
      for (const length of [1, 127, 128, 200, 32_768, 65_536, 1_048_576]) {
        const hex = toHex(noise(length))
        yield* peer.ask({ cmd: "reliable", to: "ts", hex })
        yield* Ours.becomes(`ours hears ${length} bytes`, hasMessage(ours, hex), true)
        yield* Wire.sendReliable(peer.address, noise(length), setting)
        yield* Ours.becomes(`the peer hears ${length} bytes`, hasTold(peer, "message", hex), true)
      }
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live.each([128, 300, 70_000])(
    "user state of %d bytes goes both ways in a join and in later push/pulls",
    (length) =>
      Effect.gen(function* () {
        const state = noise(length)
        const ours = yield* Ours.start({ name: "ts", state })
        const first = toHex(noise(length + 1))
        const peer = yield* GoPeer.start({ name: "go" })
        yield* peer.ask({ cmd: "state", hex: first })
        yield* peer.ask({ cmd: "join", seeds: [ours.address] })
        const hasState = (hex: string) => isAmong(ours.states, hex)
        yield* Ours.becomes("ours gets it in the join", hasState(first), true)
        yield* Ours.becomes("the peer gets it in the join", hasTold(peer, "mergeState", toHex(state)), true)
        const second = toHex(noise(length * 2))
        yield* peer.ask({ cmd: "state", hex: second })
        yield* Ours.becomes("ours gets the next one", hasState(second), true)
        yield* Ours.becomes(
          "the peer gets it in a later push/pull",
          Effect.sync(() => GoPeer.told(peer, "mergeState").some((event) => !event.join)),
          true
        )
        GoPeer.assertQuiet(peer)
        yield* Ours.assertQuiet(ours)
      })
  )

  it.live("hosts tell each other of names and of deaths, and a member that is no host nothing of it", () =>
    Effect.gen(function* () {
      const options = { listen: { gossipPort: 0, flowPort: 0 }, profile: "local" } as const
      const near = yield* Layer.build(Grinta.layer({ name: "near", ...options }))
      const { address, port } = yield* Context.get(near, Gossip).self
      const seed = `${address}:${port}`
      // At an address of its own: who gives nothing when it joins is told from hosts by where it is.
      const peer = yield* GoPeer.start({ name: "go", host: "127.0.0.2", flags: [`-join=${seed}`] })
      const far = yield* Layer.build(Grinta.layer({ name: "far", ...options, seeds: [seed] }))
      const victim = yield* Ours.start({ name: "victim", seeds: [seed] })
      yield* Ours.becomes("all are in", GoPeer.view(peer), "far go near victim")
      yield* Context.get(far, Fabric).expose(
        Endpoint.make("chat", { input: Codec.bytes, output: Codec.bytes }),
        () => Effect.never
      )
      const names = Effect.map(Context.get(near, Registry).scan("chat"), (entries) => entries.length)
      yield* Ours.becomes("the name is known", names, 1)
      yield* victim.crash
      const dead = Effect.map(Context.get(near, Gossip).members, (members) =>
        members.some(({ id, status }) => id === "victim" && status === "dead")
      )
      yield* Ours.becomes("the death is known", dead, true, 60)
      yield* Ours.becomes("the peer knows it too", GoPeer.view(peer), "far go near")
      const exchanged = () => GoPeer.told(peer, "localState").length
      const before = exchanged()
      yield* Ours.eventually("push/pulls go on", Effect.sync(exchanged), (count) => count >= before + 3)
      assert.deepStrictEqual(GoPeer.told(peer, "message"), [])
      assert.deepStrictEqual(GoPeer.told(peer, "mergeState"), [])
      GoPeer.assertQuiet(peer)
    })
  )
})
