import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../../src/protocol/Address.ts"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Random from "../../../src/testing/Random.ts"
import * as Harness from "./Harness.ts"

const { addressOf, advance, feed, make, populate, quiet, receive, sent, tags, view } = Harness

const ack = (seq: number): PacketMessage => ({ _tag: "Ack", seq, payload: new Uint8Array(0) })

const messagesTo = (outputs: ReadonlyArray<Swim.Output>, tag: PacketMessage["_tag"]): ReadonlyArray<PacketMessage> =>
  sent(outputs).flatMap(({ messages }) => messages.filter(({ _tag }) => _tag === tag))

/** Lets time pass up to the next ping, and returns its number, target and place. */
const nextPing = (
  host: Harness.Harness
): {
  readonly seq: number
  readonly name: string
  readonly to: Address
  readonly outputs: ReadonlyArray<Swim.Output>
} => {
  for (let ticks = 0; ticks < 100; ticks++) {
    const outputs = Harness.tick(host)
    for (const { messages, to } of sent(outputs)) {
      const [first] = messages
      if (first?._tag === "Ping") return { seq: first.seq, name: first.node, to, outputs }
    }
  }
  return assert.fail("no ping")
}

const probed = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<string> =>
  outputs.flatMap((output) => (output._tag === "Probed" ? [output.outcome] : []))

describe("a second probe", () => {
  const pingsOf = (outputs: ReadonlyArray<Swim.Output>) => messagesTo(outputs, "Ping").length
  const rules = { ...Config.memberlist, doubleProbes: true }
  const accuse = (host: Harness.Harness) => receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m0", from: "x" }])

  /** Pings that follow at once when a probe is answered, and then when that one is. */
  const following = (host: Harness.Harness): ReadonlyArray<number> => {
    const after = receive(host, [ack(nextPing(host).seq)])
    const seq = host.state.probe?.seq
    return seq === undefined ? [pingsOf(after)] : [pingsOf(after), pingsOf(receive(host, [ack(seq)]))]
  }

  it("follows each answered probe while somebody is suspected, and no other one does", () => {
    const host = make({ settings: quiet, rules })
    populate(host, 8)
    assert.deepStrictEqual(following(host), [0])
    accuse(host)
    for (let i = 0; i < 20; i++) assert.deepStrictEqual(following(host), [1, 0])
    receive(host, [Harness.aliveOf("m0", 2, addressOf(0))])
    assert.deepStrictEqual(following(host), [0])
  })

  it("does not follow by the rules of the reference, nor after a probe without an answer", () => {
    const reference = make({ settings: quiet })
    populate(reference, 8)
    accuse(reference)
    assert.deepStrictEqual(following(reference), [0])
    const host = make({ settings: quiet, rules })
    populate(host, 8)
    accuse(host)
    const { seq } = nextPing(host)
    advance(host, 990)
    assert.strictEqual(host.state.probe?.seq, seq)
    const outputs = advance(host, 20)
    assert.include(probed(outputs), "failed")
    assert.strictEqual(pingsOf(outputs), 1)
  })
})

describe("one probe", () => {
  it("ends with the direct ack, which tells the round trip", () => {
    const host = make({ settings: quiet })
    populate(host, 5)
    const { seq } = nextPing(host)
    advance(host, 30)
    const [output] = receive(host, [ack(seq)])
    assert.deepInclude(output, { _tag: "Probed", outcome: "acked", roundTripMillis: 30 })
    assert.deepStrictEqual(receive(host, [ack(seq)]), [])
    assert.strictEqual(Swim.health(host.state), 0)
  })

  it("is not moved by acks and nacks of other numbers, however many, nor by late ones (U13)", () => {
    const host = make({ settings: quiet })
    populate(host, 1)
    const { name, seq } = nextPing(host)
    for (let offset = 1; offset <= 5000; offset++)
      for (const other of [seq + offset, seq - offset])
        assert.deepStrictEqual(receive(host, [ack(other >>> 0), { _tag: "Nack", seq: other >>> 0 }]), [])
    assert.include(probed(advance(host, 1000)), "failed")
    assert.strictEqual(view(host, name), "suspect 1")
    const health = Swim.health(host.state)
    assert.deepStrictEqual(receive(host, [ack(seq), { _tag: "Nack", seq }]), [])
    assert.deepStrictEqual([view(host, name), Swim.health(host.state)], ["suspect 1", health])
  })

  it("numbers are random at first, and differ from host to host", () => {
    const numbers = ["a", "b", "c"].map((seed) => {
      const host = make({ settings: quiet }, seed)
      populate(host, 3)
      return nextPing(host).seq
    })
    assert.strictEqual(new Set(numbers).size, 3)
    assert.isTrue(numbers.every((seq) => Number.isInteger(seq) && seq >= 0 && seq < 2 ** 32))
  })

  it("after the time-out asks helpers, with the same number, and the target over TCP", () => {
    const host = make({ settings: quiet })
    populate(host, 8)
    const { name, seq, to } = nextPing(host)
    const outputs = advance(host, 500)
    const requests = sent(outputs)
    assert.strictEqual(requests.length, 3)
    assert.strictEqual(new Set(requests.map((request) => request.to)).size, 3)
    for (const request of requests) {
      assert.notDeepEqual(request.to, to)
      const [message] = request.messages
      assert.deepInclude(message, {
        _tag: "IndirectPing",
        seq,
        node: name,
        nack: true,
        port: to.port,
        sourceNode: "self"
      })
    }
    const tcp = outputs.find(({ _tag }) => _tag === "TcpPing")
    assert.deepStrictEqual(tcp, { _tag: "TcpPing", to, seq, name, timeoutMillis: 500 })
    const late = receive(host, [ack(seq)], addressOf(7))
    assert.deepInclude(late[0], { _tag: "Probed", outcome: "acked", roundTripMillis: undefined })
    assert.strictEqual(view(host, name), "alive 1")
  })

  it("never asks the target itself to help", () => {
    const host = make({ settings: quiet })
    populate(host, 4)
    const { to } = nextPing(host)
    const helpers = sent(advance(host, 500)).map((request) => request.to)
    assert.strictEqual(helpers.length, 3)
    assert.notDeepInclude(helpers, to)
  })

  it("makes a silent member suspect once its whole time is over, and counts the nacks that are missing", () => {
    const host = make({ settings: quiet })
    populate(host, 8)
    const { name, seq } = nextPing(host)
    const helpers = sent(advance(host, 500)).map(({ to }) => to)
    const [first] = helpers
    assert.isDefined(first)
    for (let copy = 0; copy < 3; copy++) receive(host, [{ _tag: "Nack", seq }], first)
    advance(host, 499)
    assert.strictEqual(view(host, name), "alive 1")
    const outputs = advance(host, 1)
    assert.strictEqual(view(host, name), "suspect 1")
    assert.include(probed(outputs), "failed")
    assert.strictEqual(Swim.health(host.state), 2)
  })

  it("costs nothing when all helpers say that they hear no answer either", () => {
    const host = make({ settings: quiet })
    populate(host, 8)
    const { seq } = nextPing(host)
    for (const { to } of sent(advance(host, 500))) receive(host, [{ _tag: "Nack", seq }], to)
    advance(host, 500)
    assert.strictEqual(Swim.health(host.state), 0)
  })

  it("without helpers counts against the host itself", () => {
    const host = make({ settings: quiet })
    populate(host, 1)
    nextPing(host)
    advance(host, 1000)
    assert.strictEqual(Swim.health(host.state), 1)
  })

  it("succeeds at its end if only TCP was answered", () => {
    const host = make({ settings: quiet })
    populate(host, 8)
    const { name, seq } = nextPing(host)
    advance(host, 600)
    assert.deepStrictEqual(feed(host, { _tag: "TcpPingAnswered", seq }), [])
    assert.include(probed(advance(host, 400)), "tcpOnly")
    assert.strictEqual(view(host, name), "alive 1")
  })

  it("tells a suspect that it is one, in the same datagram, with a CRC and no piggyback", () => {
    const host = make({ settings: quiet })
    populate(host, 1)
    receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m0", from: "x" }])
    const { outputs, seq } = nextPing(host)
    const [datagram] = sent(outputs)
    assert.isTrue(datagram?.crc)
    assert.strictEqual(datagram?.messages.length, 2)
    assert.deepInclude(datagram?.messages[0], { _tag: "Ping", seq, node: "m0" })
    assert.deepStrictEqual(datagram?.messages[1], { _tag: "Suspect", incarnation: 1, node: "m0", from: "self" })
  })

  it("sends a plain ping to a suspect where that rule is off", () => {
    const host = make({ settings: quiet, rules: Config.swim })
    populate(host, 1)
    receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m0", from: "x" }])
    assert.isFalse(sent(nextPing(host).outputs)[0]?.crc)
    advance(host, 5000)
    assert.strictEqual(Swim.health(host.state), 0)
  })

  it("lasts longer on a host in doubt, never overlaps, and is followed at once by the one that was due", () => {
    const host = make({ settings: quiet })
    populate(host, 8)
    for (let i = 1; i <= 3; i++) receive(host, [{ _tag: "Suspect", incarnation: i, node: "self", from: "x" }])
    assert.strictEqual(Swim.health(host.state), 3)
    const { name, seq } = nextPing(host)
    assert.deepStrictEqual(messagesTo(advance(host, 3990), "Ping"), [])
    assert.strictEqual(view(host, name), "alive 1")
    const outputs = receive(host, [ack(seq)])
    assert.deepStrictEqual(tags(outputs), ["Probed", "Send"])
    assert.strictEqual(messagesTo(outputs, "Ping").length, 1)
  })

  it("keeps the suspicion for as long as the formula says, shortened by confirmations", () => {
    const host = make({ settings: { ...quiet, probeIntervalMillis: 1000 } })
    populate(host, 9)
    const accuse = (from: string): ReadonlyArray<Swim.Output> =>
      receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m0", from }])
    accuse("x")
    const dies = (): number => {
      let millis = 0
      for (; millis < 30_000 && view(host, "m0") === "suspect 1"; millis++) advance(host, 1)
      return millis
    }
    accuse("x")
    accuse("y")
    accuse("y")
    // One confirmation of two, n = 10: 11.381 s.
    assert.strictEqual(dies(), 11_381)
    assert.strictEqual(view(host, "m0"), "dead 1")
  })
})

describe("a suspicion", () => {
  const settings = { ...Config.lan, probeIntervalMillis: 1e9, pushPullIntervalMillis: 0, suspicionMult: 4 }
  const accuse = (host: Harness.Harness, from: string): ReadonlyArray<Swim.Output> =>
    receive(host, [{ _tag: "Suspect", incarnation: 1, node: "m0", from }])
  const gossiped = (host: Harness.Harness): ReadonlyArray<string> => [
    ...new Set(messagesTo(advance(host, 10_000), "Suspect").flatMap((m) => (m._tag === "Suspect" ? [m.from] : [])))
  ]

  it("is told again for each accuser that is news, up to two, and for no other", () => {
    const host = make({ settings })
    populate(host, 9)
    advance(host, 10_000)
    const told = ["x", "x", "y", "y", "x", "z", "w"].map((from) => {
      accuse(host, from)
      return gossiped(host)
    })
    assert.deepStrictEqual(told, [["x"], [], ["y"], [], [], ["z"], []])
  })

  it("is over with the death: later accusers are not heard", () => {
    const host = make({ settings })
    populate(host, 9)
    accuse(host, "x")
    receive(host, [{ _tag: "Dead", incarnation: 1, node: "m0", from: "x" }])
    accuse(host, "y")
    assert.deepStrictEqual(gossiped(host), [])
    assert.strictEqual(view(host, "m0"), "dead 1")
  })

  it("dates a change of status, and nothing else", () => {
    const host = make({ settings })
    const since = (message: PacketMessage): number | undefined => {
      host.now += 100
      receive(host, [message])
      return Swim.member(host.state, "m0")?.changedAt
    }
    assert.strictEqual(since(Harness.aliveOf("m0", 1, addressOf(0))), 100)
    assert.strictEqual(since(Harness.aliveOf("m0", 2, addressOf(0))), 100)
    assert.strictEqual(since({ _tag: "Suspect", incarnation: 2, node: "m0", from: "x" }), 300)
    assert.strictEqual(since(Harness.aliveOf("m0", 3, addressOf(0))), 400)
    assert.strictEqual(since({ _tag: "Dead", incarnation: 3, node: "m0", from: "x" }), 500)
    assert.strictEqual(since(Harness.aliveOf("m0", 4, addressOf(0))), 600)
  })
})

describe("the probe order", () => {
  it.each(["a", "b", "c", "d"])("leaves no member out for more than 2n - 1 periods, seed %s", (seed) => {
    const random = Random.make(`order ${seed}`)
    const host = make({ settings: { ...quiet, gossipToTheDeadMillis: 3000 } }, seed)
    populate(host, 8)
    let named = 8
    let period = 0
    const due = new Map<string, { since: number; n: number }>()
    const watch = (name: string, n: number): void => {
      const gap = due.get(name)
      if (gap === undefined) due.set(name, { since: period, n })
      else gap.n = Math.max(gap.n, n)
    }
    while (period < 5000) {
      const n = host.state.members.order.length
      for (const member of Swim.members(host.state))
        if (member.name !== "self" && member.status === "alive") watch(member.name, n)
        else due.delete(member.name)
      if (n < 40 && random() < 0.05) populate(host, 1, named++)
      if (n > 4 && random() < 0.05) {
        const alive = [...Swim.members(host.state)].filter(({ name, status }) => name !== "self" && status === "alive")
        const victim = alive[Math.floor(random() * alive.length)]
        if (victim !== undefined) {
          receive(host, [{ _tag: "Dead", incarnation: victim.incarnation, node: victim.name, from: victim.name }])
          due.delete(victim.name)
        }
      }
      for (const message of messagesTo(advance(host, 1000), "Ping")) {
        if (message._tag !== "Ping") continue
        receive(host, [ack(message.seq)])
        due.delete(message.node)
      }
      period += 1
      for (const [name, gap] of due)
        if (Swim.member(host.state, name)?.status === "alive")
          assert.isAtMost(period - gap.since, 2 * gap.n - 1, `seed ${seed}, period ${period}, ${name}`)
    }
  })
})
