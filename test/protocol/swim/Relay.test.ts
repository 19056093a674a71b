/**
 * Answers and relays: where they go, and where they never go.
 *
 * Source: memberlist-wire.md, section 13.4; faults.md, U11 and U12.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../../src/protocol/Address.ts"
import type { IndirectPing, Ping } from "../../../src/protocol/memberlist/Message.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import {
  addressOf,
  advance,
  aliveOf,
  at,
  feed,
  make,
  populate,
  prove,
  quiet,
  reasons,
  receive,
  selfAddress,
  sent
} from "./Harness.ts"

const stranger = at("192.0.2.7", 5000)
const victim = at("198.51.100.9", 53)

const ping = (over: Partial<Ping> = {}): Ping => ({
  _tag: "Ping",
  seq: 42,
  node: "self",
  sourceAddress: new Uint8Array(0),
  sourcePort: 0,
  sourceNode: "",
  ...over
})

const request = (over: Partial<IndirectPing> = {}): IndirectPing => ({
  _tag: "IndirectPing",
  seq: 300,
  target: addressOf(1).bytes,
  port: addressOf(1).port,
  node: "m1",
  nack: true,
  sourceAddress: addressOf(0).bytes,
  sourcePort: addressOf(0).port,
  sourceNode: "m0",
  ...over
})

const host = (): ReturnType<typeof make> => {
  const made = make({ settings: quiet })
  populate(made, 5)
  return made
}

describe("a ping", () => {
  it("of a stranger is answered at its source, also by a host that knows nobody, and nothing rides along", () => {
    const [answer, ...more] = sent(receive(make(), [ping()], stranger))
    assert.isEmpty(more)
    assert.deepStrictEqual(answer?.to, stranger)
    assert.deepStrictEqual<unknown>(answer?.messages, [{ _tag: "Ack", seq: 42, payload: new Uint8Array(0) }])
    assert.isFalse(answer?.crc)
  })

  it("is the only one of its datagram that is answered, or carried on", () => {
    const asked = [...Array.from({ length: 255 }, () => ping()), request(), request()]
    const outputs = receive(host(), asked, addressOf(0))
    assert.strictEqual(sent(outputs).length, 1)
    assert.strictEqual(reasons(outputs).filter((reason) => reason === "requestLimit").length, 256)
    const relayed = receive(host(), [request(), request(), ping()], addressOf(0))
    assert.deepStrictEqual(
      sent(relayed).map(({ messages }) => messages[0]?._tag),
      ["Ping"]
    )
    assert.deepStrictEqual(reasons(relayed), ["requestLimit", "requestLimit"])
  })

  it("rides with the news to a member that has answered a probe where it is, and only then", () => {
    const answerTo = (known: ReturnType<typeof make>, from: Address) => {
      feed(known, { _tag: "Broadcast", key: "news", payload: Uint8Array.of(1) })
      return sent(receive(known, [ping({ sourceNode: "m0" })], from)).map(({ messages }) => messages.length > 1)
    }
    const made = host()
    assert.deepStrictEqual(answerTo(made, addressOf(0)), [false])
    prove(made, "m0")
    assert.deepStrictEqual(answerTo(made, stranger), [false])
    assert.deepStrictEqual(answerTo(made, addressOf(0)), [true])
    // It says that it has moved, where nobody has answered yet.
    receive(made, [{ _tag: "Dead", incarnation: 1, node: "m0", from: "m0" }, aliveOf("m0", 2, victim)])
    assert.deepStrictEqual(Swim.member(made.state, "m0")?.address, victim)
    assert.deepStrictEqual(answerTo(made, victim), [false])
    assert.deepStrictEqual(answerTo(made, addressOf(0)), [false])
  })

  it("without a name is answered, for another name is not", () => {
    assert.strictEqual(sent(receive(host(), [ping({ node: "" })], stranger)).length, 1)
    assert.deepStrictEqual(reasons(receive(host(), [ping({ node: "other" })], stranger)), ["wrongTarget"])
  })

  it.each([
    ["a third party", { sourceAddress: victim.bytes, sourcePort: victim.port, sourceNode: "" }],
    [
      "a third party in the name of a member",
      { sourceAddress: victim.bytes, sourcePort: victim.port, sourceNode: "m0" }
    ],
    ["an address of 3 bytes", { sourceAddress: Uint8Array.of(1, 2, 3), sourcePort: 7946, sourceNode: "m0" }],
    ["port 0", { sourceAddress: addressOf(0).bytes, sourcePort: 0, sourceNode: "m0" }]
  ])("that asks for an answer to %s is answered at its source", (_, source) => {
    const [answer] = sent(receive(host(), [ping(source)], stranger))
    assert.deepStrictEqual(answer?.to, stranger)
  })

  it("of a member is answered where that is known to be, also in the mapped form, once it has answered there", () => {
    const made = host()
    const known = addressOf(0)
    const named = ping({ sourceAddress: known.bytes, sourcePort: known.port, sourceNode: "m0" })
    assert.deepStrictEqual(sent(receive(made, [named], stranger))[0]?.to, stranger)
    prove(made, "m0")
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...known.bytes)
    for (const sourceAddress of [known.bytes, mapped]) {
      const source = { sourceAddress, sourcePort: known.port, sourceNode: "m0" }
      assert.deepStrictEqual(sent(receive(made, [ping(source)], stranger))[0]?.to, known)
    }
  })
})

describe("a relay", () => {
  it("pings the member under a number of its own and hands the ack on under the requester's", () => {
    const helper = host()
    const [carried] = sent(receive(helper, [request()], addressOf(0)))
    assert.deepStrictEqual(carried?.to, addressOf(1))
    const [message] = carried?.messages ?? []
    assert.deepInclude(message, { _tag: "Ping", node: "m1", sourceNode: "self", sourcePort: selfAddress.port })
    const seq = message?._tag === "Ping" ? message.seq : 0
    assert.notStrictEqual(seq, 300)
    helper.now += 20
    const [answer] = sent(receive(helper, [{ _tag: "Ack", seq, payload: new Uint8Array(0) }], addressOf(1)))
    assert.deepStrictEqual(answer?.to, addressOf(0))
    assert.deepInclude(answer?.messages[0], { _tag: "Ack", seq: 300 })
    assert.isFalse(sent(advance(helper, 600)).some(({ messages }) => messages.some(({ _tag }) => _tag === "Nack")))
    assert.deepStrictEqual(receive(helper, [{ _tag: "Ack", seq, payload: new Uint8Array(0) }]), [])
  })

  it.each([true, false])("sends a nack after the probe time-out if asked to: %s", (nack) => {
    const helper = host()
    receive(helper, [request({ nack })], addressOf(0))
    const nacks = (millis: number): number =>
      sent(advance(helper, millis)).filter(({ messages }) => messages[0]?._tag === "Nack").length
    assert.strictEqual(nacks(499), 0)
    assert.strictEqual(nacks(1), nack ? 1 : 0)
  })

  it.each([
    ["an unknown name", { node: "nobody" }],
    ["no name", { node: "" }],
    ["a member's name at another address", { target: victim.bytes }],
    ["a member's name at another port", { port: 53 }],
    ["loopback", { target: Uint8Array.of(127, 0, 0, 1) }],
    ["the helper itself", { node: "self", target: selfAddress.bytes, port: selfAddress.port }]
  ])("to %s is dropped", (_, over) => {
    const outputs = receive(host(), [request(over)], addressOf(0))
    assert.deepStrictEqual(reasons(outputs), ["relayTarget"])
    assert.deepStrictEqual(sent(outputs), [])
  })

  it("is limited per address, whatever its port", () => {
    const helper = host()
    const many = Array.from({ length: 200 }, (_, i) =>
      receive(helper, [request()], { ...stranger, port: 1000 + i })
    ).flat()
    assert.strictEqual(sent(many).length, 128)
    assert.strictEqual(reasons(many).filter((reason) => reason === "relayLimit").length, 72)
    assert.strictEqual(sent(receive(helper, [request()], addressOf(3))).length, 1)
    helper.now += 1000
    assert.strictEqual(sent(receive(helper, [request()], stranger)).length, 1)
  })
})
