/** What no message may do. Source: faults.md, U15 to U22; memberlist-wire.md, section 18. */
import { assert, describe, it } from "@effect/vitest"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import {
  addressOf,
  advance,
  aliveOf,
  at,
  feed,
  make,
  nodeOf,
  populate,
  quiet,
  reasons,
  receive,
  selfAddress,
  sent,
  tags,
  view
} from "./Harness.ts"

const suspect = (node: string, incarnation: number): PacketMessage => ({
  _tag: "Suspect",
  incarnation,
  node,
  from: "x"
})
const dead = (node: string, incarnation: number, from = "x"): PacketMessage => ({
  _tag: "Dead",
  incarnation,
  node,
  from
})

describe("an accusation", () => {
  it("of an unknown name is not stored (U15)", () => {
    const host = make({ settings: quiet })
    assert.deepStrictEqual(reasons(receive(host, [suspect("ghost", 5), dead("ghost", 5), dead("ghost", 5, "ghost")])), [
      "unknownMember",
      "unknownMember",
      "unknownMember"
    ])
    assert.strictEqual(Swim.localNodes(host.state).length, 1)
  })

  it.each(["Suspect", "Dead"] as const)("of the host itself, a %s, is refuted above, within reach (U16)", (_tag) => {
    const host = make({ settings: quiet })
    const accuse = (incarnation: number): ReadonlyArray<Swim.Output> =>
      receive(host, [{ _tag, incarnation, node: "self", from: "x" }])
    assert.deepStrictEqual(accuse(0), [])
    accuse(1)
    assert.strictEqual(view(host, "self"), "alive 2")
    assert.deepStrictEqual(accuse(1), [])
    accuse(2 + 2 ** 16)
    assert.strictEqual(view(host, "self"), `alive ${3 + 2 ** 16}`)
    for (const beyond of [4 + 2 ** 17, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]) {
      assert.deepStrictEqual(reasons(accuse(beyond)), ["incarnationJump"])
      assert.strictEqual(view(host, "self"), `alive ${3 + 2 ** 16}`)
    }
    assert.strictEqual(Swim.health(host.state), 2)
  })

  it("of another, out of its reach, is not believed either: it could never be refuted", () => {
    const host = make({ settings: quiet })
    populate(host, 3)
    const messages = [suspect("m0", 2 ** 32 - 1), dead("m1", 2 ** 20), aliveOf("m2", 2 ** 20, addressOf(2))]
    assert.deepStrictEqual(reasons(receive(host, messages)), ["incarnationJump", "incarnationJump", "incarnationJump"])
    assert.deepStrictEqual(
      ["m0", "m1", "m2"].map((name) => view(host, name)),
      ["alive 1", "alive 1", "alive 1"]
    )
  })

  it("is displaced by its refutation in the queue", () => {
    const host = make()
    populate(host, 3)
    receive(host, [suspect("self", 1)])
    const about = sent(advance(host, 400)).flatMap(({ messages }) =>
      messages.filter((message) => "node" in message && message.node === "self" && message._tag !== "Ping")
    )
    assert.isNotEmpty(about)
    for (const message of about) assert.deepInclude(message, { _tag: "Alive", incarnation: 2 })
  })
})

it("accusations of the host in the names of many are answered once a datagram", () => {
  const host = make({ settings: quiet, rules: Config.careful })
  populate(host, 200)
  receive(host, [suspect("self", 1)])
  const accused = Array.from({ length: 200 }, (_, i) => ({ ...suspect("self", 1), from: `m${i}` }))
  const answers = sent(receive(host, accused)).filter(({ messages }) => messages[0]?._tag === "Alive")
  assert.strictEqual(answers.length, 1)
})

describe("an alive about the host itself (U17)", () => {
  const meta = { meta: Uint8Array.of(1) }
  it.each([
    ["older", aliveOf("self", 0, selfAddress, meta), 1, []],
    ["its own", aliveOf("self", 1, selfAddress), 1, []],
    ["of other metadata", aliveOf("self", 1, selfAddress, meta), 2, ["Changed"]],
    [
      "of other versions",
      aliveOf("self", 1, selfAddress, { versions: Uint8Array.of(1, 5, 2, 9, 9, 9) }),
      2,
      ["Changed"]
    ],
    ["of a higher incarnation", aliveOf("self", 7, selfAddress), 8, ["Changed"]],
    ["of another port", aliveOf("self", 7, at("127.0.0.1", 9)), 1, ["Conflict"]],
    ["out of reach", aliveOf("self", 2 ** 32 - 1, selfAddress), 1, ["Dropped"]]
  ] as const)("%s", (_, message, incarnation, expected) => {
    const host = make({ settings: quiet })
    assert.deepStrictEqual(tags(receive(host, [message])), expected)
    assert.strictEqual(view(host, "self"), `alive ${incarnation}`)
  })
})

describe("an alive that cannot be right is dropped (U18, U19)", () => {
  const address = addressOf(9)
  const versions = (...bytes: ReadonlyArray<number>): { readonly versions: Uint8Array } => ({
    versions: Uint8Array.from(bytes)
  })
  it.each([
    ["no name", aliveOf("", 1, address), "invalidName"],
    ["a name of 256 bytes", aliveOf("ü".repeat(128), 1, address), "invalidName"],
    ["a control character", aliveOf("a\u0007", 1, address), "invalidName"],
    ["a slash", aliveOf("a/b", 1, address), "invalidName"],
    ["a name that is not composed", aliveOf("u\u0308", 1, address), "invalidName"],
    ["no address", aliveOf("a", 1, { bytes: new Uint8Array(0), port: 1 }), "invalidAddress"],
    ["one byte of address", aliveOf("a", 1, { bytes: Uint8Array.of(1), port: 1 }), "invalidAddress"],
    ["0.0.0.0", aliveOf("a", 1, at("0.0.0.0", 1)), "invalidAddress"],
    ["broadcast", aliveOf("a", 1, at("255.255.255.255", 1)), "invalidAddress"],
    ["multicast", aliveOf("a", 1, at("239.1.2.3", 1)), "invalidAddress"],
    ["IPv6 multicast", aliveOf("a", 1, at("ff02::1", 1)), "invalidAddress"],
    ["mapped multicast", aliveOf("a", 1, at("::ffff:224.0.0.1", 1)), "invalidAddress"],
    ["513 bytes of metadata", aliveOf("a", 1, address, { meta: new Uint8Array(513) }), "metaTooLarge"],
    ["no versions", aliveOf("a", 1, address, versions()), "incompatible"],
    ["five versions", aliveOf("a", 1, address, versions(1, 5, 2, 0, 0)), "incompatible"],
    ["minimum 0", aliveOf("a", 1, address, versions(0, 5, 2, 0, 0, 0)), "incompatible"],
    ["minimum above maximum", aliveOf("a", 1, address, versions(5, 1, 2, 0, 0, 0)), "incompatible"],
    ["a protocol beyond ours", aliveOf("a", 1, address, versions(1, 6, 6, 0, 0, 0)), "incompatible"],
    ["another application", aliveOf("a", 1, address, versions(1, 5, 2, 2, 5, 5)), "incompatible"],
    ["an incarnation never to be refuted", aliveOf("a", 2 ** 32 - 1, address), "incarnationJump"]
  ] as const)("%s", (_, message, reason) => {
    const host = make({ settings: quiet })
    assert.deepStrictEqual(reasons(receive(host, [message])), [reason])
    assert.strictEqual(Swim.localNodes(host.state).length, 1)
  })

  it("port 0 stands for the port that the host itself has", () => {
    const host = make({ settings: quiet })
    receive(host, [aliveOf("a", 1, { ...address, port: 0 })])
    assert.strictEqual(Swim.member(host.state, "a")?.address.port, selfAddress.port)
  })

  it("more members than the cap, or faster than a source may name them", () => {
    const limits = { ...Config.limits, membersMax: 10, learnedPerSecondPerSource: 6 }
    const host = make({ settings: quiet, limits })
    const flood = (from: number): ReadonlyArray<Swim.DropReason> =>
      reasons(
        receive(
          host,
          Array.from({ length: 8 }, (_, i) => aliveOf(`n${from + i}`, 1, addressOf(from + i)))
        )
      )
    assert.deepStrictEqual(flood(0), ["learnLimit", "learnLimit"])
    host.now += 1000
    assert.deepStrictEqual(new Set(flood(100)), new Set(["memberLimit"]))
    assert.strictEqual(Swim.localNodes(host.state).length, 10)
  })

  it("an address outside the allowed networks", () => {
    const host = make({ settings: quiet, admits: (bytes) => bytes[0] === 10 || bytes[0] === 127 })
    assert.deepStrictEqual(reasons(receive(host, [aliveOf("a", 1, at("192.0.2.1", 1))])), ["notAdmitted"])
    assert.deepStrictEqual(reasons(receive(host, [aliveOf("a", 1, address)], at("192.0.2.1", 1))), ["notAdmitted"])
    assert.deepStrictEqual(reasons(receive(host, [aliveOf("a", 1, address)])), [])
  })

  it("keeps its own copy of the bytes it was given", () => {
    const host = make({ settings: quiet })
    const message = aliveOf("a", 1, { bytes: Uint8Array.of(10, 1, 2, 3), port: 1 }, { meta: Uint8Array.of(7) })
    receive(host, [message])
    message.meta.fill(9)
    message.address.fill(9)
    assert.deepInclude(Swim.member(host.state, "a"), { meta: Uint8Array.of(7) })
    assert.deepStrictEqual(Swim.member(host.state, "a")?.address.bytes, Uint8Array.of(10, 1, 2, 3))
  })
})

it("a live name from another address is a conflict, ignored and told (U20)", () => {
  const host = make({ settings: quiet })
  populate(host, 1)
  const [output] = receive(host, [aliveOf("m0", 9, at("192.0.2.1", 1))])
  assert.strictEqual(output?._tag, "Conflict")
  if (output?._tag === "Conflict") {
    assert.strictEqual(output.existing.name, "m0")
    assert.deepStrictEqual(output.address, at("192.0.2.1", 1))
  }
  assert.strictEqual(view(host, "m0"), "alive 1")
})

describe("a leave in the name of another (U21)", () => {
  it("is a leave for who hears it, until that member has heard of it and refutes", () => {
    const [victim, peer] = [make({ settings: quiet }), make({ settings: quiet, name: "m0", address: addressOf(0) })]
    receive(peer, [aliveOf("self", 1, selfAddress)])
    const [told] = receive(peer, [dead("self", 1, "self")])
    assert.strictEqual(view(peer, "self"), "left 1")
    assert.deepInclude(told, { _tag: "Changed", change: "left", accusers: [] })
    // No host that knows keys can be kept from saying this, as nothing binds a message to its author: it is undone instead.
    receive(victim, [dead("self", 1, "self")])
    assert.strictEqual(view(victim, "self"), "alive 2")
    const [back] = receive(peer, [aliveOf("self", 2, selfAddress)])
    assert.deepInclude(back, { _tag: "Changed", change: "returned", from: "left" })
    assert.deepStrictEqual(receive(peer, [dead("self", 1, "self")]), [])
  })

  it("is undone by a push/pull, when gossip did not bring it", () => {
    const [victim, peer] = [make({ settings: quiet }), make({ settings: quiet, name: "m0", address: addressOf(0) })]
    receive(peer, [aliveOf("self", 1, selfAddress), dead("self", 1, "self")])
    feed(victim, { _tag: "Merge", nodes: Swim.localNodes(peer.state), join: false })
    feed(peer, { _tag: "Merge", nodes: Swim.localNodes(victim.state), join: false })
    assert.strictEqual(view(peer, "self"), "alive 2")
  })
})

describe("a replay (U22)", () => {
  const script: ReadonlyArray<PacketMessage> = [
    aliveOf("a", 1, addressOf(1)),
    suspect("a", 1),
    aliveOf("a", 2, addressOf(1)),
    aliveOf("b", 4, addressOf(2)),
    dead("b", 4),
    aliveOf("c", 1, addressOf(3)),
    dead("c", 1, "c"),
    suspect("self", 1)
  ]

  it.each([1000, 20_000])("of all that was heard, %i ms later, changes nothing", (millis) => {
    const host = make({ settings: { ...quiet, probeIntervalMillis: 1e9 } })
    for (const message of script) receive(host, [message])
    host.now += millis
    const before = Swim.localNodes(host.state)
    for (const message of script) assert.deepStrictEqual(receive(host, [message]), [])
    assert.deepStrictEqual(Swim.localNodes(host.state), before)
  })

  /** A host that has buried and reaped `m0`, last seen at incarnation 5. */
  const forgetful = (): ReturnType<typeof make> => {
    const host = make({ settings: { ...quiet, gossipToTheDeadMillis: 1000, tcpPings: false } })
    populate(host, 2)
    receive(host, [aliveOf("m0", 5, addressOf(0)), dead("m0", 5)])
    for (let i = 0; i < 30; i++)
      for (const { messages } of sent(advance(host, 1000)))
        for (const message of messages)
          if (message._tag === "Ping") receive(host, [{ _tag: "Ack", seq: message.seq, payload: new Uint8Array(0) }])
    assert.strictEqual(view(host, "m0"), "unknown")
    return host
  }

  it("does not revive a member that was forgotten since, but asks the member", () => {
    const host = forgetful()
    const outputs = receive(host, [aliveOf("m0", 5, addressOf(0))])
    assert.deepStrictEqual(reasons(outputs), ["replayed"])
    assert.strictEqual(view(host, "m0"), "unknown")
    const [asked] = sent(outputs)
    assert.deepStrictEqual(asked?.to, addressOf(0))
    assert.deepStrictEqual(asked?.messages, [{ _tag: "Suspect", incarnation: 5, node: "m0", from: "self" }])
    assert.deepStrictEqual(sent(receive(host, [aliveOf("m0", 5, addressOf(0))])), [])
    receive(host, [aliveOf("m0", 6, addressOf(0))])
    assert.strictEqual(view(host, "m0"), "alive 6")
  })

  it("at another address is asked after by gossip, never at that address", () => {
    const outputs = receive(forgetful(), [aliveOf("m0", 1, at("192.0.2.1", 1))])
    assert.deepStrictEqual(tags(outputs), ["Dropped"])
  })

  it("is believed of a push/pull, and of a datagram after a day", () => {
    const host = forgetful()
    feed(host, { _tag: "Merge", nodes: [nodeOf("m0", 1, "alive", addressOf(0))], join: false })
    assert.strictEqual(view(host, "m0"), "alive 1")
    const later = forgetful()
    later.now += Config.limits.forgottenMillis
    advance(later, 10_000)
    receive(later, [aliveOf("m0", 5, addressOf(0))])
    assert.strictEqual(view(later, "m0"), "alive 5")
  })
})
