/** A host whose name is known elsewhere, a member that comes back elsewhere, and two processes of one name. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Dead, PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Rivalry from "../../../src/protocol/swim/Rivalry.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Twin from "../../../src/protocol/swim/Twin.ts"
import * as Harness from "./Harness.ts"

const { addressOf, advance, aliveOf, at, feed, nodeOf, populate, receive, selfAddress, sent, tags, view } = Harness

const rules = Config.careful
/** Probing alone would disturb, and the rounds of gossip are looked at one by one. */
const settings = { ...Harness.quiet, probeIntervalMillis: 1e6, deadReclaimMillis: 1000 }
const there = at("192.0.2.7", 7946)

const make = (config: Partial<Config.Config> = {}) => {
  const host = Harness.make({ rules, settings, bornAtMicros: 500, ...config })
  populate(host, 3)
  return host
}

const hearElsewhere = (host: Harness.Harness, incarnation = 4, state: "alive" | "suspect" = "alive") =>
  feed(host, { _tag: "Merge", nodes: [nodeOf("self", incarnation, state, there)], join: true })

const answer = (host: Harness.Harness, said: Twin.Answer | undefined) =>
  feed(host, { _tag: "TwinAnswered", address: there, answer: said })

/** What a member sends that knows the host by its name. */
const ping: PacketMessage = {
  _tag: "Ping",
  seq: 1,
  node: "self",
  sourceAddress: addressOf(0).bytes,
  sourcePort: 7946,
  sourceNode: "m0"
}

const twin = (over: Partial<Twin.Claimant> = {}): Twin.Claimant => ({
  bornAtMicros: 900,
  life: 7,
  isKnown: false,
  incarnation: 1,
  ...over
})

const dead = (node: string, incarnation: number, from: string): Dead => ({ _tag: "Dead", node, incarnation, from })

const pushPulls = (outputs: ReadonlyArray<Swim.Output>) => tags(outputs).filter((tag) => tag === "PushPull").length

describe("a host that hears its name from another address", () => {
  it.each(["alive", "suspect"] as const)("asks who is there, and goes above what was heard (%s)", (state) => {
    const host = make()
    const outputs = hearElsewhere(host, 4, state)
    assert.includeMembers([...tags(outputs)], ["Conflict", "AskTwin"])
    assert.isAtLeast(Swim.member(host.state, "self")?.incarnation ?? 0, 5)
  })

  it("says each second where it is, until a member asks it by its name", () => {
    const host = make()
    hearElsewhere(host)
    answer(host, undefined)
    assert.strictEqual(pushPulls(advance(host, 5500)), 5)
    receive(host, [ping])
    assert.strictEqual(pushPulls(advance(host, 60_000)), 0)
    assert.strictEqual(Swim.nextDeadline(host.state) > host.now + 1000, true)
  })

  it("says nothing of itself before its first question is answered, and is not kept silent beyond that", () => {
    const words = (outputs: ReadonlyArray<Swim.Output>) =>
      sent(outputs)
        .flatMap(({ messages }) => messages)
        .filter((message) => message._tag === "Alive" && message.node === "self").length
    const gossiping = { ...settings, gossipIntervalMillis: 200 }
    const host = make({ settings: gossiping })
    hearElsewhere(host)
    assert.strictEqual(words(advance(host, 900)), 0)
    answer(host, undefined)
    assert.isAbove(words(advance(host, 900)), 0)

    const named = make({ settings: gossiping })
    hearElsewhere(named)
    // Somebody names another address before the first is answered, and so on.
    for (let turn = 1; turn < 4; turn++) {
      const other = nodeOf("self", 4 + turn, "alive", at(`192.0.2.${10 + turn}`, 7946))
      feed(named, { _tag: "Merge", nodes: [other], join: true })
      answer(named, undefined)
    }
    assert.isAbove(words(advance(named, 900)), 0)
  })

  it("is silent where nothing has been said, and at its own address in another form", () => {
    const host = make()
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...selfAddress.bytes)
    const outputs = receive(host, [aliveOf("self", 1, { ...selfAddress, bytes: mapped })])
    assert.deepStrictEqual(outputs, [])
    assert.strictEqual(pushPulls(advance(host, 10_000)), 0)
  })

  it("keeps its user messages back until it is known", () => {
    const host = make({ settings: { ...settings, gossipIntervalMillis: 200 } })
    const users = (outputs: ReadonlyArray<Swim.Output>) =>
      sent(outputs).flatMap(({ messages }) => messages.filter(({ _tag }) => _tag === "User")).length
    hearElsewhere(host)
    assert.isFalse(Rivalry.maySpeak(host.state))
    feed(host, { _tag: "Broadcast", key: "k", payload: Uint8Array.of(1) })
    assert.strictEqual(users(advance(host, 1000)), 0)
    receive(host, [ping])
    assert.isTrue(Rivalry.maySpeak(host.state))
    assert.isAbove(users(advance(host, 1000)), 0)
  })

  it("says no goodbye, which would be taken for that of the other", () => {
    const told = (isHeld: boolean) => {
      const host = make({ settings: { ...settings, gossipIntervalMillis: 200 } })
      if (isHeld) hearElsewhere(host)
      feed(host, { _tag: "Leave" })
      return sent(advance(host, 2000)).some(({ messages }) => messages.some(({ _tag }) => _tag === "Dead"))
    }
    assert.isFalse(told(true))
    assert.isTrue(told(false))
  })

  it("does nothing of that without the rule", () => {
    const host = make({ rules: Config.memberlist })
    assert.deepStrictEqual(tags(hearElsewhere(host)), ["Conflict"])
    assert.strictEqual(view(host, "self"), "alive 1")
  })
})

describe("of two processes of one name", () => {
  it("one that nobody knows gives up at once to one that is known, and stops", () => {
    const host = make()
    hearElsewhere(host)
    assert.deepStrictEqual(tags(answer(host, twin({ isKnown: true }))), ["NameLost"])
    assert.deepStrictEqual(receive(host, [ping]), [])
    assert.deepStrictEqual(feed(host, { _tag: "Leave" }), [])
    assert.strictEqual(Swim.nextDeadline(host.state), Number.POSITIVE_INFINITY)
  })

  it("another program does not give up, so a host that nobody knows does", () => {
    const host = make()
    hearElsewhere(host)
    assert.deepStrictEqual(tags(answer(host, "foreign")), ["NameLost"])
  })

  it("a known host keeps its name against one that is not known, and against another program", () => {
    for (const other of [twin(), twin({ bornAtMicros: 1 }), "foreign"] as const) {
      const host = make()
      receive(host, [ping])
      hearElsewhere(host)
      for (let turn = 0; turn < 20; turn++) {
        advance(host, 1000)
        receive(host, [ping])
        assert.notInclude(tags(answer(host, other)), "NameLost")
      }
    }
  })

  it("of two that nobody knows the one born later gives up, once it has asked twice", () => {
    const host = make()
    hearElsewhere(host)
    assert.deepStrictEqual(tags(answer(host, twin({ bornAtMicros: 100 }))), [])
    assert.include(tags(advance(host, 1000)), "AskTwin")
    assert.deepStrictEqual(tags(answer(host, twin({ bornAtMicros: 100 }))), ["NameLost"])
  })

  it("a known one gives up only after eight answers that say so, and a silence counts against one of them", () => {
    const host = make({ settings: { ...settings, probeIntervalMillis: 1000, probeTimeoutMillis: 500 } })
    const other = twin({ bornAtMicros: 100, isKnown: true })
    receive(host, [ping])
    const turn = () => {
      advance(host, 1000)
      receive(host, [ping])
      hearElsewhere(host)
      return tags(answer(host, other)).includes("NameLost")
    }
    for (let at = 1; at <= 7; at++) assert.isFalse(turn(), `turn ${at}`)
    answer(host, undefined)
    assert.isFalse(turn())
    assert.isTrue(turn())
  })

  it("a process that finds itself there says that the name has moved", () => {
    const host = make({ settings: { ...settings, gossipIntervalMillis: 200 } })
    hearElsewhere(host, 4)
    answer(host, Rivalry.claimant(host.state, host.now))
    const messages = sent(advance(host, 1000)).flatMap(({ messages }) => messages)
    assert.deepInclude(messages, dead("self", 5, "self"))
    assert.isTrue(messages.some((message) => message._tag === "Alive" && message.incarnation === 6))
  })

  const Claimant = Schema.Struct({
    bornAtMicros: Schema.Literals([1, 2]),
    life: Schema.Literals([1, 2]),
    isKnown: Schema.Boolean,
    incarnation: Schema.Literal(1)
  })
  it.prop("just one gives way", [Claimant, Claimant], ([a, b]) => {
    if (!Twin.isSame(a, b)) assert.notStrictEqual(Twin.yields(a, b), Twin.yields(b, a))
  })

  it("an answer is what was said, and anything else is another program's", () => {
    const said = twin({ bornAtMicros: 2 ** 51, life: 2 ** 32 - 1, isKnown: true })
    assert.deepStrictEqual(Twin.decode(Twin.encode(said)), said)
    assert.strictEqual(Buffer.from(Twin.encode(twin({ isKnown: true }))).toString("hex"), "74088407150700000018012001")
    for (const other of [
      new Uint8Array(0),
      Uint8Array.of(0x74, 0xff),
      new Uint8Array(100).fill(0x74),
      Uint8Array.of(1)
    ])
      assert.strictEqual(Twin.decode(other), "foreign")
  })
})

describe("a member that comes back elsewhere", () => {
  const elsewhere = aliveOf("m0", 2, there)
  const isThere = (host: Harness.Harness) =>
    Swim.member(host.state, "m0")?.address.port === there.port &&
    Swim.member(host.state, "m0")?.address.bytes[0] === there.bytes[0]

  const certain = { ...rules, deathNeedsSuspicion: false }

  it.each([
    [0, true],
    [3900, true],
    [4100, false]
  ])("is taken a second after the death of its former life, %d ms after its word: %s", (afterMillis, isTaken) => {
    const host = make({ rules: certain })
    assert.deepStrictEqual(tags(receive(host, [elsewhere])), ["Send", "Conflict"])
    advance(host, afterMillis)
    receive(host, [dead("m0", 1, "m1")])
    advance(host, 1000)
    assert.strictEqual(view(host, "m0"), "dead 1")
    advance(host, 2)
    assert.strictEqual(isThere(host), isTaken)
    assert.strictEqual(view(host, "m0"), isTaken ? "alive 2" : "dead 1")
  })

  it("is taken a second after the death of its former life when it speaks within that second", () => {
    const host = make({ rules: certain })
    receive(host, [dead("m0", 1, "m1")])
    advance(host, 500)
    assert.deepStrictEqual(tags(receive(host, [elsewhere])), ["Conflict"])
    advance(host, 502)
    assert.isTrue(isThere(host))
  })

  it("is not taken when the former life has answered", () => {
    const host = make({ rules: certain })
    receive(host, [elsewhere, dead("m0", 1, "m1"), aliveOf("m0", 2, addressOf(0))])
    advance(host, 60_000)
    assert.strictEqual(view(host, "m0"), "alive 2")
    assert.isFalse(isThere(host))
  })

  it("follows one that has moved, and tells those that did not hear where to", () => {
    const host = make({ settings: { ...settings, gossipIntervalMillis: 200 } })
    receive(host, [elsewhere])
    receive(host, [dead("m0", 1, "m0")])
    const outputs = advance(host, settings.probeTimeoutMillis)
    const changed = outputs.find((output) => output._tag === "Changed")
    assert.deepInclude(changed, { _tag: "Changed", change: "updated", updated: true })
    assert.isTrue(isThere(host))
    const messages = sent([...outputs, ...advance(host, 1000)]).flatMap(({ messages }) => messages)
    assert.deepInclude(messages, dead("m0", 1, "m0"))
    assert.deepInclude(messages, elsewhere)
  })
})

describe("a host that is reached elsewhere from now on", () => {
  it("leaves its former address and lives at the new one, above what it was, and says so until it is known", () => {
    const host = make({ settings: { ...settings, gossipIntervalMillis: 200 } })
    advance(host, 10_000)
    assert.include(tags(feed(host, { _tag: "Move", address: there })), "Changed")
    const outputs = advance(host, 5000)
    const messages = sent(outputs).flatMap(({ messages }) => messages)
    assert.deepInclude(messages, dead("self", 1, "self"))
    assert.deepInclude(messages, aliveOf("self", 2, there))
    assert.isAtLeast(pushPulls(outputs), 4)
    receive(host, [ping])
    assert.strictEqual(pushPulls(advance(host, 5000)), 0)
  })

  it("says nothing when it is where it was", () => {
    const host = make()
    assert.deepStrictEqual(feed(host, { _tag: "Move", address: selfAddress }), [])
  })

  it("ends in one place though its address changes each second", () => {
    const [host, peer] = [make({ settings: { ...settings, gossipIntervalMillis: 200 } }), make({ name: "m0" })]
    receive(peer, [aliveOf("self", 1, selfAddress)])
    for (let turn = 1; turn <= 20; turn++) {
      feed(host, { _tag: "Move", address: at("192.0.2.9", 1000 + turn) })
      for (const { messages } of sent(advance(host, 1000))) receive(peer, messages)
      advance(peer, 1000)
    }
    assert.strictEqual(Swim.member(peer.state, "self")?.address.port, 1020)
    assert.strictEqual(view(peer, "self"), "alive 21")
  })
})

describe("those that know one of two processes of a name", () => {
  const elsewhere = aliveOf("m0", 5, there)

  it("show it the word of the other, once a second", () => {
    const host = make()
    const shown = (outputs: ReadonlyArray<Swim.Output>) => sent(outputs).map(({ messages, to }) => ({ messages, to }))
    assert.deepStrictEqual(shown(receive(host, [elsewhere])), [{ to: addressOf(0), messages: [elsewhere] }])
    assert.deepStrictEqual(shown(receive(host, [elsewhere])), [])
    advance(host, 1000)
    assert.strictEqual(shown(receive(host, [elsewhere])).length, 1)
  })

  it("ask where the other was, if its word is old when theirs is dead", () => {
    const host = make({ rules: { ...rules, deathNeedsSuspicion: false } })
    receive(host, [elsewhere])
    advance(host, 60_000)
    receive(host, [dead("m0", 1, "m1")])
    const asked = advance(host, 2000).filter((output) => output._tag === "PushPull")
    assert.deepStrictEqual(asked, [{ _tag: "PushPull", to: there, name: "m0" }])
  })
})

describe("a process that slept", () => {
  it("gives its name up at once to one that took it meanwhile, though what came before says that it is known", () => {
    const host = make({ settings: { ...settings, probeIntervalMillis: 1000, probeTimeoutMillis: 500 } })
    receive(host, [ping])
    host.now += 10_000
    feed(host, { _tag: "Tick" })
    receive(host, [ping])
    hearElsewhere(host)
    assert.include(tags(answer(host, twin({ isKnown: true }))), "NameLost")
  })
})

describe("new metadata of a host", () => {
  it("goes to all members beside the gossip, at most once a second", () => {
    const host = make()
    const told = (meta: number) => sent(feed(host, { _tag: "UpdateMeta", meta: Uint8Array.of(meta) })).length
    assert.deepStrictEqual([told(1), told(2)], [3, 0])
    advance(host, 1000)
    assert.strictEqual(told(3), 3)
  })
})
