/**
 * Incarnations that run out, or that are out of reach: a live member can always refute. Source: faults.md, U16 and G17;
 * security.md, D-13.
 */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as HostMeta from "../../../src/protocol/names/HostMeta.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Random from "../../../src/testing/Random.ts"
import {
  addressOf,
  advance,
  aliveOf,
  feed,
  type Harness,
  make,
  nodeOf,
  reasons,
  receive,
  sent,
  view
} from "./Harness.ts"

const settings: Config.Settings = { ...Config.swift, tcpPings: false }
const last = 2 ** 32 - 1

const metaOf = (generation: number, epoch = 0): Uint8Array =>
  Result.getOrThrow(HostMeta.encode({ flowPort: 0, generation, locality: "", tags: {}, epoch }))

const epochOf = (meta: Uint8Array | undefined): number | undefined =>
  meta === undefined ? undefined : Option.getOrUndefined(HostMeta.decode(meta))?.epoch

interface Options {
  readonly generation?: number
  readonly limits?: Partial<Config.Limits>
}

/** A host that tells lives by its metadata: "v" at address 0, "p" at 1, "q" at 2. */
const host = (name: "v" | "p" | "q", { generation = 5, limits = {} }: Options = {}): Harness =>
  make({
    name,
    address: addressOf("vpq".indexOf(name)),
    meta: metaOf(generation),
    settings,
    rules: Config.careful,
    limits: { ...Config.limits, learnedPerSecondPerSource: 1e6, ...limits },
    lives: HostMeta.lives
  })

const pushPull = (a: Harness, b: Harness, join = false): void => {
  const [ours, theirs] = [Swim.localNodes(a.state), Swim.localNodes(b.state)]
  feed(b, { _tag: "Merge", nodes: ours, join })
  feed(a, { _tag: "Merge", nodes: theirs, join })
}

const self = ({ state }: Harness): Swim.Member => state.self.member

const accuse = (of: Harness, incarnation: number, _tag: "Suspect" | "Dead" = "Suspect"): ReadonlyArray<Swim.Output> =>
  receive(of, [{ _tag, incarnation, node: "v", from: "x" }])

/** What a host has to gossip about itself: a few rounds of it. */
const gossipOf = (of: Harness): ReadonlyArray<PacketMessage> => {
  const messages: Array<PacketMessage> = []
  for (let i = 0; i < 4; i++) {
    of.now = Math.max(of.now, Swim.nextDeadline(of.state))
    for (const datagram of sent(feed(of, { _tag: "Tick" }))) messages.push(...datagram.messages)
  }
  return messages
}

describe("a host that is accused out of reach", () => {
  it("starts over one above, which is a change as any for who was not misled", () => {
    const [v, p] = [host("v"), host("p")]
    pushPull(v, p)
    accuse(v, last)
    assert.strictEqual(view(v, "v"), "alive 2")
    assert.strictEqual(epochOf(self(v).meta), 1)
    pushPull(v, p)
    assert.strictEqual(view(p, "v"), "alive 2")
    assert.isUndefined(gossipOf(v).find(({ _tag }) => _tag === "Dead"))
  })

  it("is heard by one that was misled", () => {
    const [v, p] = [host("v"), host("p")]
    receive(p, [aliveOf("v", 2 ** 31, addressOf(0), { meta: metaOf(9, 7) })])
    assert.strictEqual(view(p, "v"), `alive ${2 ** 31}`)
    pushPull(v, p)
    pushPull(v, p)
    assert.strictEqual(view(p, "v"), "alive 2")
    assert.deepStrictEqual(Swim.member(p.state, "v")?.meta, self(v).meta)
  })

  it("does so once in a second, and not when it is leaving", () => {
    const v = host("v")
    accuse(v, last)
    assert.deepStrictEqual(reasons(accuse(v, last)), ["incarnationJump"])
    v.now += 1000
    accuse(v, 2 ** 31)
    assert.strictEqual(epochOf(self(v).meta), 2)
    v.now += 1000
    feed(v, { _tag: "Leave" })
    accuse(v, last)
    assert.strictEqual(epochOf(self(v).meta), 2)
  })

  it("goes on refuting as before where its metadata cannot say so", () => {
    const v = make({ name: "v", meta: Uint8Array.of(1), lives: HostMeta.lives })
    assert.deepStrictEqual(reasons(accuse(v, last)), ["incarnationJump"])
    assert.strictEqual(view(v, "v"), "alive 1")
  })
})

describe("a host whose incarnations run out", () => {
  const limits = { incarnationJumpMax: 4, incarnationFirstMax: 64 }

  /** Accusations within reach, until the host has started over. */
  const exhaust = (v: Harness): void => {
    for (let i = 0; i < 100 && epochOf(self(v).meta) === 0; i++) accuse(v, self(v).incarnation + 4)
  }

  it("starts over at 1, leaves for those who know no lives, and is believed at once by those who do", () => {
    const [v, p] = [host("v", { limits }), host("p", { limits })]
    pushPull(v, p)
    for (let i = 0; i < 10; i++) {
      accuse(v, self(v).incarnation + 4)
      pushPull(v, p)
    }
    assert.strictEqual(view(p, "v"), "alive 51")
    exhaust(v)
    assert.strictEqual(view(v, "v"), "alive 1")
    const said = gossipOf(v)
    assert.deepInclude(
      said.find(({ _tag }) => _tag === "Dead"),
      { node: "v", from: "v", incarnation: 65 }
    )
    receive(p, said)
    assert.strictEqual(view(p, "v"), "alive 1")
    receive(p, said)
    assert.strictEqual(view(p, "v"), "alive 1")
  })

  it("comes back to one that heard of the leave only, and to one that forgot it", () => {
    const [v, p, q] = [host("v", { limits }), host("p", { limits }), host("q", { limits })]
    pushPull(v, q)
    exhaust(v)
    const said = gossipOf(v)
    receive(p, [aliveOf("v", 61, addressOf(0), { meta: metaOf(5) }), ...said.filter(({ _tag }) => _tag === "Dead")])
    advance(p, settings.probeTimeoutMillis)
    assert.strictEqual(view(p, "v"), "left 65")
    pushPull(v, p)
    assert.strictEqual(view(p, "v"), "alive 1")
  })

  it("starts over after a restart at which the cluster remembers more than it may go above", () => {
    const [v, p] = [host("v", { limits, generation: 6 }), host("p", { limits })]
    receive(p, [aliveOf("v", 63, addressOf(0), { meta: metaOf(5) })])
    accuse(p, 66)
    pushPull(v, p, true)
    pushPull(v, p)
    assert.strictEqual(view(p, "v"), view(v, "v"))
    assert.deepStrictEqual(Swim.member(p.state, "v")?.meta, self(v).meta)
  })

  it("keeps saying so with new metadata", () => {
    const v = host("v", { limits })
    for (let i = 1; i < 200; i++) {
      const meta = Option.getOrThrow(HostMeta.decode(self(v).meta))
      const next = HostMeta.encode({ ...meta, tags: { i: String(i) } })
      assert.notInclude(reasons(feed(v, { _tag: "UpdateMeta", meta: Result.getOrThrow(next) })), "updateRefused")
      assert.isAtMost(self(v).incarnation, 64)
      assert.strictEqual(Option.getOrThrow(HostMeta.decode(self(v).meta)).tags.i, String(i))
    }
    assert.strictEqual(epochOf(self(v).meta), 3)
  })
})

/** Any bytes of anybody to anybody, replays and forgeries included; then the hosts talk to each other, undisturbed. */
const attack = (seed: number, limits: Partial<Config.Limits>): void => {
  const random = Random.make(`attack ${seed}`)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <A>(items: ReadonlyArray<A>): A => {
    const item = items[below(items.length)]
    return item === undefined ? assert.fail("nothing to pick") : item
  }
  const full = { ...Config.limits, ...limits }
  const [p, q] = [host("p", { limits }), host("q", { limits })]
  let v = host("v", { limits })
  let generation = 5
  const all = (): ReadonlyArray<Harness> => [v, p, q]
  const heard: Array<PacketMessage> = []
  const incarnation = (): number => {
    const from = pick([0, self(v).incarnation, ...[p, q].map(({ state }) => Swim.member(state, "v")?.incarnation ?? 1)])
    const { incarnationFirstMax: first, incarnationJumpMax: jump } = full
    const offset = pick([0, 1, 2, -1, jump - 1, jump, jump + 1, -jump, -jump - 1, first - 1, first, first + 1])
    return Math.min(last, Math.max(0, pick([from + offset, from + offset, from + offset, last, last - 1, last - 2])))
  }
  const meta = (): Uint8Array =>
    pick([
      self(v).meta,
      Uint8Array.of(1, 2, 3),
      metaOf(generation, pick([0, 1, 2, 2 ** 31, last, below(last)])),
      metaOf(pick([1, 4, 2 ** 53 - 1]), pick([0, 1, last]))
    ])
  const forge = (): PacketMessage => {
    switch (below(6)) {
      case 0:
        return { _tag: "Suspect", incarnation: incarnation(), node: "v", from: pick(["x", "p", "q", "v"]) }
      case 1:
        return { _tag: "Dead", incarnation: incarnation(), node: "v", from: pick(["x", "p", "v"]) }
      case 2:
        return pick([...heard, aliveOf("v", 1, addressOf(0), { meta: metaOf(5) })])
      default:
        return aliveOf("v", incarnation(), addressOf(0), { meta: meta() })
    }
  }
  for (let i = 0; i < 60; i++) {
    const to = pick(all())
    const move = below(10)
    if (move < 7) receive(to, [forge()])
    else if (move < 9) pushPull(to, pick(all().filter((other) => other !== to)), random() < 0.3)
    else if (random() < 0.2) {
      const { now } = v
      generation += 1
      v = host("v", { limits, generation })
      v.now = now
    }
    const { address, meta: own, name, versions } = self(v)
    heard.push(aliveOf(name, self(v).incarnation, address, { meta: own, versions }))
    assert.isTrue(self(v).incarnation >= 1 && self(v).incarnation < last, `incarnation ${self(v).incarnation}`)
    for (const one of all()) one.now += below(700)
  }
  // By chance, as in life: in a fixed order two forgeries half a circle apart can undo each other's answers for ever.
  for (let round = 0; round < 200; round++) {
    const one = pick(all())
    pushPull(one, pick(all().filter((other) => other !== one)))
    for (const one of all()) one.now += 300
  }
  for (const one of [p, q]) {
    assert.strictEqual(view(one, "v"), `alive ${self(v).incarnation}`, `seed ${seed}`)
    assert.deepStrictEqual(Swim.member(one.state, "v")?.meta, self(v).meta)
  }
}

describe("a live member can always refute, and its incarnation never wraps (G17)", () => {
  const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))
  it.prop("with the limits as they are", [Seed], ([seed]) => attack(seed, {}), { arbitrary: { runs: 300 } })
  it.prop(
    "where incarnations run out soon",
    [Seed],
    ([seed]) => attack(seed, { incarnationJumpMax: 8, incarnationFirstMax: 256 }),
    { arbitrary: { runs: 300 } }
  )
})

it("a record of ours that is out of reach does not get in the way of others", () => {
  const [v, p] = [host("v"), host("p")]
  feed(v, { _tag: "Merge", nodes: [nodeOf("v", last, "alive", addressOf(0))], join: true })
  pushPull(v, p, true)
  assert.strictEqual(view(p, "v"), view(v, "v"))
})
