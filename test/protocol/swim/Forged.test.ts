/** Deaths and leaves that their member knows nothing of: who is accused is asked first. Source: faults.md, U20 and U21. */
import { assert, describe, it } from "@effect/vitest"
import { equal } from "../../../src/protocol/Address.ts"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import { addressOf, advance, aliveOf, at, feed, type Harness, make, nodeOf, receive, sent, view } from "./Harness.ts"

const settings: Config.Settings = { ...Config.swift, tcpPings: false }
const stranger = at("192.0.2.66", 1)

const host = (index: number, gossipIntervalMillis: number): Harness =>
  make(
    {
      name: `m${index}`,
      address: addressOf(index),
      settings: { ...settings, gossipIntervalMillis, secondOpinions: 0 },
      rules: Config.careful
    },
    `forged ${index}`
  )

const dead = (incarnation: number, from: string): PacketMessage => ({ _tag: "Dead", node: "m1", incarnation, from })

/** Two hosts, and ten members that say nothing more. */
const pair = (
  gossipIntervalMillis = settings.gossipIntervalMillis
): { readonly accuser: Harness; readonly victim: Harness } => {
  const [accuser, victim] = [host(0, gossipIntervalMillis), host(1, gossipIntervalMillis)]
  const nodes = Array.from({ length: 12 }, (_, i) => nodeOf(`m${i}`, 1, "alive", addressOf(i)))
  for (const one of [accuser, victim]) feed(one, { _tag: "Merge", nodes, join: false })
  return { accuser, victim }
}

/** Carries what the accuser has sent to the victim, and back. */
const carry = ({ accuser, victim }: ReturnType<typeof pair>, outputs: ReadonlyArray<Swim.Output>): void => {
  for (const { messages, to } of sent(outputs))
    if (equal(to, addressOf(1)))
      for (const answer of sent(receive(victim, messages, addressOf(0))))
        if (equal(answer.to, addressOf(0))) receive(accuser, answer.messages, addressOf(1))
}

describe("a forged death", () => {
  it.each([1, 2, 3, 500])(
    "of a healthy member is denied by it though gossip and probes miss it, %i accusers",
    (accusers) => {
      const both = pair(0)
      const names = Array.from({ length: accusers }, (_, i) => `m${2 + (i % 10)}`)
      let forged = 0
      for (let passed = 0; passed < 30_000; passed += 50) {
        const { incarnation } = Swim.member(both.accuser.state, "m1") ?? assert.fail()
        const flood = passed < 20_000 ? names.slice(0, 20).map((from) => dead(incarnation, from)) : []
        forged += flood.length
        carry(both, receive(both.accuser, flood, stranger))
        carry(both, advance(both.accuser, 50))
        for (const { messages, to } of sent(advance(both.victim, 50)))
          if (equal(to, addressOf(0))) carry(both, receive(both.accuser, messages, addressOf(1)))
        assert.notInclude(["dead", "left"], Swim.member(both.accuser.state, "m1")?.status, `after ${passed} ms`)
      }
      assert.isAbove(forged, 100)
    }
  )

  it("is believed of one that says nothing, after it was asked", () => {
    const { accuser } = pair()
    for (let i = 0; i < 4; i++)
      receive(accuser, [{ _tag: "Suspect", node: "m1", incarnation: 1, from: `m${i + 2}` }], stranger)
    for (let i = 0; i < 3; i++) {
      advance(accuser, settings.suspicionRoundsMin * settings.probeIntervalMillis * 0.2)
      receive(accuser, [{ _tag: "Nack", seq: 0 }], stranger)
    }
    receive(accuser, [dead(1, "m9")], stranger)
    const [asked] = sent(advance(accuser, 0))
    assert.deepStrictEqual(asked?.messages, [{ _tag: "Suspect", node: "m1", incarnation: 1, from: "m0" }])
    assert.strictEqual(view(accuser, "m1"), "suspect 1")
    advance(accuser, settings.probeTimeoutMillis)
    assert.strictEqual(view(accuser, "m1"), "dead 1")
  })
})

describe("a forged leave", () => {
  const left = (incarnation: number) => dead(incarnation, "m1")

  it.each([1, 7, 60_000])("is denied by its member before it is believed: of incarnation %i", (incarnation) => {
    const both = pair()
    carry(both, receive(both.accuser, [left(incarnation)], stranger))
    assert.strictEqual(view(both.accuser, "m1"), `alive ${incarnation + 1}`)
    advance(both.accuser, settings.probeTimeoutMillis)
    assert.strictEqual(view(both.accuser, "m1"), `alive ${incarnation + 1}`)
  })

  it("is denied as well when a push/pull brings it", () => {
    const both = pair()
    const nodes = [nodeOf("m1", 1, "left", addressOf(1))]
    carry(both, feed(both.accuser, { _tag: "Merge", nodes, join: false }))
    assert.strictEqual(view(both.accuser, "m1"), "alive 2")
  })

  it("leaves the address of its member to nobody", () => {
    const both = pair()
    const moved = aliveOf("m1", 9, at("192.0.2.66", 7946))
    carry(both, receive(both.accuser, [left(5), moved], stranger))
    carry(both, advance(both.accuser, 1000))
    assert.deepStrictEqual(Swim.member(both.accuser.state, "m1")?.address, addressOf(1))
  })

  it("is passed on at once, and believed of one that says nothing", () => {
    const { accuser } = pair()
    receive(accuser, [left(1)], stranger)
    const [passed] = sent(advance(accuser, 0)).flatMap(({ messages }) =>
      messages.filter((message) => message._tag === "Dead")
    )
    assert.deepStrictEqual(passed, left(1))
    assert.strictEqual(view(accuser, "m1"), "alive 1")
    advance(accuser, settings.probeTimeoutMillis)
    assert.strictEqual(view(accuser, "m1"), "left 1")
  })

  it("that was believed all the same comes to the ears of its member by gossip, for a while", () => {
    const { accuser } = pair()
    receive(accuser, [left(1)], stranger)
    advance(accuser, settings.probeTimeoutMillis)
    let told = 0
    for (let i = 0; i < 20; i++) {
      receive(accuser, [aliveOf(`new${i}`, 1, addressOf(100 + i))], stranger)
      told += sent(advance(accuser, 200)).filter(({ to }) => equal(to, addressOf(1))).length
    }
    assert.isAbove(told, 0)
    advance(accuser, 10_000)
    receive(accuser, [aliveOf("late", 1, addressOf(300))], stranger)
    assert.isFalse(sent(advance(accuser, 2000)).some(({ to }) => equal(to, addressOf(1))))
  })

  it.each(["left", "dead"] as const)("is told to a member that pings though it is believed to be %s", (status) => {
    const { accuser } = pair()
    receive(accuser, [dead(1, status === "left" ? "m1" : "m5")], stranger)
    advance(accuser, 30_000)
    assert.strictEqual(view(accuser, "m1"), `${status} 1`)
    const ping: PacketMessage = {
      _tag: "Ping",
      seq: 1,
      node: "m0",
      sourceAddress: addressOf(1).bytes,
      sourcePort: addressOf(1).port,
      sourceNode: "m1"
    }
    const asked = () =>
      sent(receive(accuser, [ping], addressOf(1))).filter(({ messages }) => messages[0]?._tag === "Suspect")
    assert.deepStrictEqual(asked()[0]?.messages, [{ _tag: "Suspect", node: "m1", incarnation: 1, from: "m0" }])
    assert.isEmpty(asked(), "once a second")
    assert.isFalse(
      sent(receive(accuser, [ping], stranger)).some(({ messages }) => messages[0]?._tag === "Suspect"),
      "and nowhere else"
    )
  })
})
