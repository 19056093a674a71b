/** What goes out, and in which order. Source: memberlist-wire.md, sections 5.4, 14, 15 and 16. */
import { assert, describe, it } from "@effect/vitest"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import type * as Swim from "../../../src/protocol/swim/Swim.ts"
import {
  addressOf,
  advance,
  aliveOf,
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

const gossiping: Config.Settings = { ...Config.lan, probeIntervalMillis: 1e9, pushPullIntervalMillis: 0 }

const bytesOf = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<number> =>
  outputs.flatMap((output) =>
    output._tag === "Send" ? [output.parts.reduce((bytes, part) => bytes + part.length + 2, 0)] : []
  )

const messagesOf = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<PacketMessage> =>
  sent(outputs).flatMap(({ messages }) => messages)

const user = (host: ReturnType<typeof make>, key: string, payload: Uint8Array): ReadonlyArray<Swim.Output> =>
  feed(host, { _tag: "Broadcast", key, payload })

describe("a gossip round", () => {
  it("reaches as many members as the fan-out says, with a CRC, and stops when there is nothing left", () => {
    const host = make({ settings: gossiping })
    populate(host, 6)
    const outputs = advance(host, 200)
    const targets = sent(outputs)
    assert.strictEqual(targets.length, 3)
    assert.strictEqual(new Set(targets.map(({ to }) => to)).size, 3)
    assert.isTrue(targets.every(({ crc }) => crc))
    advance(host, 5000)
    assert.deepStrictEqual(advance(host, 5000), [])
  })

  it("sends each message as often as the transmit limit says", () => {
    const host = make({ settings: gossiping })
    populate(host, 6)
    const counts = new Map<string, number>()
    for (const message of messagesOf(advance(host, 10_000)))
      if (message._tag === "Alive") counts.set(message.node, (counts.get(message.node) ?? 0) + 1)
    assert.strictEqual(counts.size, 7)
    assert.deepStrictEqual(new Set(counts.values()), new Set([4]))
  })

  it("keeps to the budget of a datagram, less what framing adds", () => {
    for (const framingOverheadBytes of [0, 45]) {
      const host = make({ settings: gossiping, framingOverheadBytes })
      populate(host, 200)
      const sizes = bytesOf(advance(host, 2000))
      assert.isNotEmpty(sizes)
      for (const size of sizes) assert.isAtMost(size, 1400 - 2 - framingOverheadBytes)
      assert.isAbove(Math.max(...sizes), 1300 - framingOverheadBytes)
      const ping = {
        _tag: "Ping",
        seq: 1,
        node: "",
        sourceAddress: new Uint8Array(0),
        sourcePort: 0,
        sourceNode: ""
      } as const
      populate(host, 100, 200)
      const [answer] = bytesOf(receive(host, [ping]))
      assert.isAtMost(answer ?? 0, 1400 - framingOverheadBytes)
    }
  })

  it("goes on to the dead for a while, and never to those who left", () => {
    const host = make({ settings: gossiping })
    populate(host, 2)
    receive(host, [
      { _tag: "Dead", incarnation: 1, node: "m0", from: "x" },
      { _tag: "Dead", incarnation: 1, node: "m1", from: "m1" }
    ])
    const reached = (): ReadonlyArray<number | undefined> => {
      for (let i = 0; i < 5; i++) user(host, `k${i}`, Uint8Array.of(i))
      return [...new Set(sent(advance(host, 2000)).map(({ to }) => to.bytes[3]))]
    }
    assert.deepStrictEqual(reached(), [0])
    host.now += 30_000
    assert.deepStrictEqual(reached(), [])
  })
})

describe("a message of the application", () => {
  it("rides after membership messages, in what room is left, and never starves them", () => {
    const host = make({ settings: gossiping })
    populate(host, 30)
    for (let i = 0; i < 200; i++) user(host, `k${i}`, new Uint8Array(20).fill(i))
    const outputs = advance(host, 600)
    const rounds = sent(outputs)
    assert.isNotEmpty(rounds)
    for (const { messages } of rounds) {
      const firstUser = messages.findIndex(({ _tag }) => _tag === "User")
      if (firstUser >= 0) assert.isTrue(messages.slice(firstUser).every(({ _tag }) => _tag === "User"))
    }
    const [first] = rounds
    assert.strictEqual(first?.messages[0]?._tag, "Alive")
    const users = messagesOf(advance(host, 20_000)).filter(({ _tag }) => _tag === "User")
    assert.isNotEmpty(users)
    for (const size of bytesOf(outputs)) assert.isAtMost(size, 1398)
  })

  it("is displaced by a newer one of the same key", () => {
    const host = make({ settings: gossiping })
    populate(host, 3)
    user(host, "k", Uint8Array.of(1))
    user(host, "k", Uint8Array.of(2))
    const payloads = messagesOf(advance(host, 5000)).flatMap((message) =>
      message._tag === "User" ? [message.payload[0]] : []
    )
    assert.deepStrictEqual(payloads, [2, 2, 2, 2])
  })

  it("that is empty, never fits, or is one too many is refused", () => {
    const host = make({ settings: gossiping, limits: { ...Config.limits, userBroadcastsMax: 2 } })
    assert.deepStrictEqual(reasons(user(host, "a", new Uint8Array(0))), ["emptyPayload"])
    assert.deepStrictEqual(reasons(user(host, "a", new Uint8Array(1396))), ["broadcastTooLarge"])
    assert.deepStrictEqual(reasons(user(host, "a", new Uint8Array(1395))), [])
    user(host, "b", Uint8Array.of(1))
    assert.deepStrictEqual(reasons(user(host, "c", Uint8Array.of(2))), ["broadcastLimit"])
  })

  it("that is for hosts goes to hosts alone, in gossip and on probes and answers, and what is for all to all", () => {
    const settings = { ...Config.lan, pushPullIntervalMillis: 0 }
    const host = make({ settings, isHost: (meta) => meta.length > 0 })
    const meta = Uint8Array.of(1)
    const hosts = [0, 1].map((i) => nodeOf(`host${i}`, 1, "alive", addressOf(i), { meta }))
    const others = [2, 3, 4, 5].map((i) => nodeOf(`other${i}`, 1, "alive", addressOf(i)))
    feed(host, { _tag: "Merge", nodes: [...hosts, ...others], join: false })
    const heard = new Map<string, Set<number | undefined>>()
    const note = (outputs: ReadonlyArray<Swim.Output>) => {
      for (const { messages, to } of sent(outputs))
        for (const message of messages)
          if (message._tag === "User") {
            const who = new TextDecoder().decode(message.payload)
            heard.set(who, (heard.get(who) ?? new Set()).add(to.bytes[3]))
          }
    }
    for (let round = 0; round < 20; round++) {
      for (const audience of ["hosts", "members"] as const)
        feed(host, { _tag: "Broadcast", key: `${audience}${round}`, payload: Buffer.from(audience), audience })
      const [from = addressOf(0), source = "host0"] = [
        addressOf(round % 6),
        round % 6 < 2 ? `host${round % 6}` : "other"
      ]
      const ping = { _tag: "Ping", seq: round, node: "self", sourceAddress: from.bytes, sourcePort: from.port } as const
      note(receive(host, [{ ...ping, sourceNode: source }], from))
      note(advance(host, 1000))
    }
    assert.sameMembers([...(heard.get("hosts") ?? [])], [0, 1])
    assert.sameMembers([...(heard.get("members") ?? [])], [0, 1, 2, 3, 4, 5])
  })

  it("that is for hosts waits while there is none, and is no reason to gossip", () => {
    const host = make({ settings: gossiping, isHost: (meta) => meta.length > 0 })
    populate(host, 3)
    advance(host, 10_000)
    feed(host, { _tag: "Broadcast", key: "a", payload: Uint8Array.of(7), audience: "hosts" })
    assert.deepStrictEqual(sent(advance(host, 10_000)), [])
    const nodes = [nodeOf("host", 1, "alive", addressOf(9), { meta: Uint8Array.of(1) })]
    feed(host, { _tag: "Merge", nodes, join: false })
    const users = messagesOf(advance(host, 10_000)).filter(({ _tag }) => _tag === "User")
    assert.isNotEmpty(users)
  })

  it("that comes in is delivered", () => {
    const payload = Uint8Array.of(1, 2, 3)
    assert.deepStrictEqual(receive(make(), [{ _tag: "User", payload }]), [{ _tag: "Deliver", payload }])
    assert.deepStrictEqual(reasons(receive(make(), [{ _tag: "User", payload: new Uint8Array(0) }])), ["emptyPayload"])
  })
})

describe("push/pull", () => {
  it("is asked for once per interval, with a member that is alive", () => {
    const host = make({ settings: { ...Config.lan, probeIntervalMillis: 1e9 } })
    populate(host, 3)
    receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m1", from: "x" }])
    const asked = advance(host, 600_000).flatMap((output) => (output._tag === "PushPull" ? [output.name] : []))
    assert.isAtLeast(asked.length, 19)
    assert.isAtMost(asked.length, 20)
    assert.deepStrictEqual(new Set(asked), new Set(["m0", "m2"]))
  })
})

describe("a change of metadata", () => {
  it("raises the incarnation and is told", () => {
    const host = make({ settings: gossiping })
    populate(host, 2)
    const meta = Uint8Array.of(1, 2)
    const [output] = feed(host, { _tag: "UpdateMeta", meta })
    assert.deepInclude(output, { _tag: "Changed", change: "updated", updated: true })
    assert.strictEqual(view(host, "self"), "alive 2")
    const told = messagesOf(advance(host, 200)).find((message) => message._tag === "Alive" && message.node === "self")
    assert.deepStrictEqual(told, aliveOf("self", 2, selfAddress, { meta }))
  })

  it("of more than 512 bytes is refused", () => {
    const host = make({ settings: gossiping })
    assert.deepStrictEqual(reasons(feed(host, { _tag: "UpdateMeta", meta: new Uint8Array(513) })), ["metaTooLarge"])
    assert.strictEqual(view(host, "self"), "alive 1")
  })

  it("of a member is reported as what it is", () => {
    const host = make({ settings: quiet })
    const change = (message: PacketMessage): unknown => {
      const [output] = receive(host, [message])
      return output?._tag === "Changed" ? [output.from, output.change, output.updated] : output
    }
    const meta = { meta: Uint8Array.of(1) }
    const suspect = { _tag: "Suspect", node: "m", from: "x" } as const
    const dead = { _tag: "Dead", node: "m" } as const
    assert.deepStrictEqual(change(aliveOf("m", 1, addressOf(0))), [undefined, "joined", false])
    assert.deepStrictEqual(change(aliveOf("m", 2, addressOf(0))), ["alive", "raised", false])
    assert.deepStrictEqual(change(aliveOf("m", 3, addressOf(0), meta)), ["alive", "updated", true])
    assert.deepStrictEqual(change({ ...suspect, incarnation: 3 }), ["alive", "suspected", false])
    assert.deepStrictEqual(change(aliveOf("m", 4, addressOf(0))), ["suspect", "refuted", true])
    assert.deepStrictEqual(change({ ...dead, incarnation: 4, from: "x" }), ["alive", "died", false])
    assert.deepStrictEqual(change(aliveOf("m", 5, addressOf(0))), ["dead", "returned", false])
    assert.deepStrictEqual(change({ ...dead, incarnation: 5, from: "m" }), ["alive", "left", false])
    assert.deepStrictEqual(change(aliveOf("m", 1, addressOf(1))), ["left", "returned", true])
  })
})

describe("a leave", () => {
  it("of a host alone is finished at once", () => {
    assert.deepStrictEqual(tags(feed(make(), { _tag: "Leave" })), ["Changed", "LeaveFinished"])
  })

  it("is told as often as the transmit limit says, then finished, once; the host goes on answering", () => {
    const host = make({ settings: gossiping })
    populate(host, 3)
    advance(host, 5000)
    assert.deepStrictEqual(tags(feed(host, { _tag: "Leave" })), ["Changed"])
    assert.deepStrictEqual(feed(host, { _tag: "Leave" }), [])
    assert.strictEqual(view(host, "self"), "left 1")
    const outputs = advance(host, 5000)
    const goodbyes = messagesOf(outputs).filter((message) => message._tag === "Dead")
    assert.deepStrictEqual(
      goodbyes,
      Array.from({ length: 4 }, () => ({ _tag: "Dead", incarnation: 1, node: "self", from: "self" }) as const)
    )
    assert.strictEqual(tags(outputs).filter((tag) => tag === "LeaveFinished").length, 1)
    const ping = {
      _tag: "Ping",
      seq: 1,
      node: "self",
      sourceAddress: new Uint8Array(0),
      sourcePort: 0,
      sourceNode: ""
    } as const
    assert.strictEqual(messagesOf(receive(host, [ping]))[0]?._tag, "Ack")
    assert.deepStrictEqual(receive(host, [aliveOf("self", 9, selfAddress)]), [])
    assert.deepStrictEqual(reasons(feed(host, { _tag: "UpdateMeta", meta: new Uint8Array(0) })), ["updateRefused"])
  })

  it("leaves the host on its own list, however long ago", () => {
    const host = make({ settings: { ...quiet, gossipToTheDeadMillis: 1000 } })
    feed(host, { _tag: "Leave" })
    advance(host, 60_000)
    assert.strictEqual(view(host, "self"), "left 1")
  })

  it("is finished when the last member to tell is gone", () => {
    const host = make({ settings: gossiping })
    populate(host, 1)
    feed(host, { _tag: "Leave" })
    assert.include(tags(receive(host, [{ _tag: "Dead", incarnation: 1, node: "m0", from: "m0" }])), "LeaveFinished")
  })
})
