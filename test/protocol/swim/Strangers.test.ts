/** Names that have not answered: whoever invents members takes nothing from those that are there. Source: faults.md, U18. */
import { assert, describe, it } from "@effect/vitest"
import { type Address, equal } from "../../../src/protocol/Address.ts"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import { silentCost } from "../../../src/protocol/swim/Ask.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import {
  addressOf,
  advance,
  aliveOf,
  at,
  feed,
  type Harness,
  make,
  nodeOf,
  reasons,
  receive,
  sent,
  tags,
  view
} from "./Harness.ts"

const settings: Config.Settings = { ...Config.swift, gossipIntervalMillis: 200, pushPullIntervalMillis: 0 }
const teller = at("192.0.2.66", 1)

const host = (limits: Partial<Config.Limits> = {}): Harness =>
  make({ settings, rules: Config.careful, limits: { ...Config.limits, ...limits } }, "strangers", true)

const pingsTo = (outputs: ReadonlyArray<Swim.Output>, place: Address) =>
  sent(outputs).flatMap(({ messages, to }) =>
    messages.flatMap((message) => (message._tag === "Ping" && equal(to, place) ? [message] : []))
  )

const ack = (seq: number): PacketMessage => ({ _tag: "Ack", seq, payload: new Uint8Array(0) })

/** Acknowledges all pings to addresses that somebody has. */
const answering = (one: Harness, outputs: ReadonlyArray<Swim.Output>, isThere: (to: Address) => boolean): void => {
  for (const { messages, to } of sent(outputs))
    for (const message of messages)
      if (message._tag === "Ping" && isThere(to)) answering(one, receive(one, [ack(message.seq)], to), isThere)
}

const inventions = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i
    return nodeOf(`fake-${n}`, 1, "alive", at(`100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, 7946))
  })

describe("a name that was never heard of", () => {
  it("is asked at once, and is a member when it has answered; only then is it passed on, shown and told", () => {
    const one = host()
    const outputs = receive(one, [aliveOf("m0", 3, addressOf(0))], teller)
    const [ping] = pingsTo(outputs, addressOf(0))
    assert.deepStrictEqual(tags(outputs), ["Send"])
    assert.strictEqual(sent(outputs)[0]?.messages.length, 1, "bare")
    assert.strictEqual(view(one, "m0"), "unknown")
    assert.strictEqual(Swim.localNodes(one.state).length, 1)
    const proven = receive(one, [ack(ping?.seq ?? 0)], addressOf(0))
    assert.strictEqual(view(one, "m0"), "alive 3")
    assert.include(tags(proven), "Changed")
  })

  it("that says nothing is asked three times, over TCP too, and forgotten; asked again when it is heard of again", () => {
    const one = host()
    const outputs = [...receive(one, [aliveOf("m0", 1, addressOf(0))], teller), ...advance(one, 60_000)]
    assert.strictEqual(pingsTo(outputs, addressOf(0)).length, 3)
    assert.strictEqual(outputs.filter(({ _tag }) => _tag === "TcpPing").length, 2)
    assert.deepStrictEqual(reasons(outputs), ["silentStranger"])
    assert.strictEqual(one.state.strangers.all.size + one.state.strangers.told.size, 0)
    assert.strictEqual(pingsTo(receive(one, [aliveOf("m0", 1, addressOf(0))], teller), addressOf(0)).length, 1)
  })

  it("that answers over TCP alone is a member", () => {
    const one = host()
    receive(one, [aliveOf("m0", 1, addressOf(0))], teller)
    const asked = advance(one, 600).find((output) => output._tag === "TcpPing")
    if (asked?._tag !== "TcpPing") return assert.fail("not asked")
    feed(one, { _tag: "TcpPingAnswered", seq: asked.seq })
    assert.strictEqual(view(one, "m0"), "alive 1")
  })

  it("has answered if it is the one that was asked for its state", () => {
    const one = host()
    const nodes = [nodeOf("seed", 1, "alive", addressOf(0)), nodeOf("m1", 1, "alive", addressOf(1))]
    feed(one, { _tag: "Merge", nodes, join: true, from: addressOf(0) })
    assert.deepStrictEqual([view(one, "seed"), view(one, "m1")], ["alive 1", "unknown"])
  })

  it("is not made a member by an answer that nobody was asked for", () => {
    const one = host()
    const known = pingsTo(receive(one, [aliveOf("m0", 1, addressOf(0))], teller), addressOf(0))[0]?.seq ?? 0
    receive(one, [aliveOf("fake", 1, addressOf(9))], teller)
    for (let near = 1; near < 1000; near++) receive(one, [ack((known + near) >>> 0)], teller)
    assert.strictEqual(view(one, "fake"), "unknown")
  })

  it("is the one that answers, though somebody else was said to have the name before", () => {
    const one = host()
    receive(one, [aliveOf("m0", 50, at("100.64.0.1", 1))], teller)
    answering(one, receive(one, [aliveOf("m0", 1, addressOf(0))], addressOf(5)), (to) => equal(to, addressOf(0)))
    assert.deepStrictEqual(Swim.member(one.state, "m0")?.address, addressOf(0))
    assert.strictEqual(one.state.strangers.all.size, 0)
  })
})

describe("a member that invents others", () => {
  /** Ten members that answer, one of which dies; somebody tells of 65,000 others. */
  const flooded = () => {
    const one = host()
    const isThere = (to: Address): boolean => to.bytes[0] === 10 && one.state.members.byName.size > 0
    const nodes = Array.from({ length: 10 }, (_, i) => nodeOf(`m${i}`, 1, "alive", addressOf(i)))
    answering(one, feed(one, { _tag: "Merge", nodes, join: false, peer: addressOf(0) }), isThere)
    assert.strictEqual(one.state.members.order.length, 11)
    return { one, isThere }
  }

  it("takes no more than half of the table, keeps no newcomer out, and makes nobody a member", () => {
    const { isThere, one } = flooded()
    for (let from = 0; from < 65_000; from += 1000)
      answering(one, feed(one, { _tag: "Merge", nodes: inventions(1000, from), join: false, peer: teller }), isThere)
    assert.isAtMost(one.state.strangers.all.size, Config.limits.strangersMax / 2)
    assert.strictEqual(one.state.members.order.length, 11)
    answering(one, receive(one, [aliveOf("new", 1, addressOf(20))], addressOf(1)), isThere)
    for (let i = 0; i < 10 && view(one, "new") === "unknown"; i++) answering(one, advance(one, 50), isThere)
    assert.strictEqual(view(one, "new"), "alive 1")
    assert.strictEqual(Swim.localNodes(one.state).length, 12)
  })

  it("from many addresses has its own go first, when there is no more room", () => {
    const one = host({ strangersMax: 100, strangersAskedAtOnce: 0, strangersAskedPerSecond: 1 })
    for (let i = 0; i < 3; i++)
      feed(one, { _tag: "Merge", nodes: inventions(60, 60 * i), join: false, peer: at(`192.0.2.${i + 1}`, 1) })
    assert.strictEqual(one.state.strangers.all.size, 100)
    receive(one, [aliveOf("new", 1, addressOf(20))], addressOf(1))
    assert.isTrue([...one.state.strangers.all.values()].some(({ message }) => message.node === "new"))
    assert.strictEqual(one.state.strangers.all.size, 100)
    const sizes = [...one.state.strangers.told.values()].map((told) => told.size)
    assert.isAtMost(Math.max(...sizes), 50)
  })

  it("keeps nobody from being asked: each teller has its turn", () => {
    const one = host({ strangersAskedAtOnce: 1, strangersAskedPerSecond: 10 })
    feed(one, { _tag: "Merge", nodes: inventions(5000), join: false, peer: teller })
    receive(one, [aliveOf("new", 1, addressOf(20))], addressOf(1))
    assert.isNotEmpty(pingsTo(advance(one, 500), addressOf(20)))
  })

  it("has few of them dialled, and the others asked by datagrams", () => {
    const one = host()
    feed(one, { _tag: "Merge", nodes: inventions(2000), join: false, peer: teller })
    const outputs = Array.from({ length: 100 }, () => advance(one, 50)).flat()
    const { strangersDialledAtOnce, strangersDialledPerSecond } = Config.limits
    assert.isAtMost(
      tags(outputs).filter((tag) => tag === "TcpPing").length,
      strangersDialledAtOnce + 5 * strangersDialledPerSecond
    )
    assert.isAtLeast(sent(outputs).length, 4000)
  })

  it("counts as one address whatever its ports, and has no more seats than one address may", () => {
    const one = host({ learnedPerSecondPerSource: 10, membersPerAddressMax: 4 })
    const dropped = Array.from({ length: 30 }, (_, i) =>
      reasons(receive(one, [aliveOf(`n${i}`, 1, addressOf(i))], { ...teller, port: 1000 + i }))
    ).flat()
    assert.deepStrictEqual(dropped, new Array(20).fill("learnLimit"))
    const crowd = host({ membersPerAddressMax: 4 })
    for (let i = 0; i < 10; i++)
      answering(crowd, receive(crowd, [aliveOf(`n${i}`, 1, { ...teller, port: 2000 + i })], teller), () => true)
    assert.strictEqual(crowd.state.members.order.length, 1 + 4)
  })

  it("is heard of ever fewer that do not answer, and of all that do", () => {
    const learned = (isThere: (to: Address) => boolean, seconds: number) => {
      const one = host({ learnedPerSecondPerSource: 80 })
      const asked = new Set<string>()
      for (let second = 0; second < seconds; second++) {
        if (second === seconds - 10) asked.clear()
        for (let i = 0; i < 80; i++) {
          const outputs = receive(one, [aliveOf(`n${second}-${i}`, 1, addressOf(80 * second + i))], teller)
          if (sent(outputs).length > 0) asked.add(`n${second}-${i}`)
          answering(one, outputs, isThere)
        }
        answering(one, advance(one, 1000), isThere)
      }
      return asked.size
    }
    assert.strictEqual(
      learned(() => true, 20),
      800
    )
    assert.isAtMost(
      learned(() => false, 60),
      (10 * 80) / (1 + silentCost) + 80
    )
  })

  it("does not keep a death from being found, by one that has nobody to confirm it", () => {
    const { isThere, one } = flooded()
    const isAlive = (to: Address): boolean => isThere(to) && !equal(to, addressOf(3))
    for (let passed = 0; passed < 42_000; passed += 100) {
      if (passed < 12_000) feed(one, { _tag: "Merge", nodes: inventions(200, 4 * passed), join: false, peer: teller })
      answering(one, advance(one, 100), isAlive)
    }
    assert.strictEqual(Swim.member(one.state, "m3")?.status, "dead")
    assert.strictEqual([...Swim.members(one.state)].filter(({ status }) => status === "alive").length, 10)
  })
})
