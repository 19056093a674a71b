/**
 * Answers and relays: where they go, and where they never go.
 *
 * Source: memberlist-protocol.md, section 13.4; faults.md, U11 and U12.
 */
import { assert, describe, it } from "@effect/vitest"
import type { IndirectPing, Ping } from "../../../src/protocol/memberlist/Message.ts"
import { addressOf, advance, at, make, populate, quiet, reasons, receive, selfAddress, sent } from "./Harness.ts"

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
  it("is answered at its source, with piggyback, also by a host that knows nobody", () => {
    const [answer] = sent(receive(make(), [ping()], stranger))
    assert.deepStrictEqual(answer?.to, stranger)
    assert.deepInclude(answer?.messages[0], { _tag: "Ack", seq: 42 })
    assert.deepInclude(answer?.messages[1], { _tag: "Alive", node: "self", incarnation: 1 })
    assert.isFalse(answer?.crc)
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

  it("of a member is answered at the address that the member is known by, also in its mapped form", () => {
    const known = addressOf(0)
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...known.bytes)
    for (const sourceAddress of [known.bytes, mapped]) {
      const source = { sourceAddress, sourcePort: known.port, sourceNode: "m0" }
      assert.deepStrictEqual(sent(receive(host(), [ping(source)], stranger))[0]?.to, known)
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

  it("is limited per source", () => {
    const helper = host()
    const many = receive(
      helper,
      Array.from({ length: 100 }, () => request()),
      stranger
    )
    assert.strictEqual(sent(many).length, 16)
    assert.strictEqual(reasons(many).filter((reason) => reason === "relayLimit").length, 84)
    assert.strictEqual(sent(receive(helper, [request()], addressOf(3))).length, 1)
    helper.now += 1000
    assert.strictEqual(sent(receive(helper, [request()], stranger)).length, 1)
  })
})
