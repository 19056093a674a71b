import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import { decode, encode } from "../../../src/protocol/memberlist/MessageCodec.ts"
import { messages, serf } from "../../vectors/memberlist.ts"
import { ascii, hex, join, make, mutate, Seed, unhex, vectorEntries } from "./support.ts"

const localhost = unhex("7f000001")
const noBytes = new Uint8Array(0)
const versions = unhex("010502000000")

const reason = (bytes: Uint8Array): string =>
  Result.match(decode(bytes), { onSuccess: (message) => message._tag, onFailure: (error) => error.reason })

/** A msgpack struct from hex values by key. */
const struct = (type: number, fields: Record<string, string>): Uint8Array =>
  join(
    Uint8Array.of(type, 0x80 | Object.keys(fields).length),
    ...Object.entries(fields).map(([key, value]) => join(Uint8Array.of(0xa0 | key.length), ascii(key), unhex(value)))
  )

const raw = (bytes: Uint8Array): string =>
  bytes.length < 32
    ? hex(join(Uint8Array.of(0xa0 | bytes.length), bytes))
    : hex(join(Uint8Array.of(0xda, bytes.length >> 8, bytes.length), bytes))

const text = (length: number): string => raw(ascii("x".repeat(length)))

const source = { sourceAddress: localhost, sourcePort: 7946, sourceNode: "a" }
const noSource = { sourceAddress: noBytes, sourcePort: 0, sourceNode: "" }

const golden: ReadonlyArray<readonly [string, PacketMessage]> = [
  [messages.PING, { _tag: "Ping", seq: 42, node: "b", ...source }],
  [messages.PING_MIN, { _tag: "Ping", seq: 42, node: "b", ...noSource }],
  [
    messages.INDIRECT,
    { _tag: "IndirectPing", seq: 300, target: localhost, port: 7947, node: "b", nack: true, ...source }
  ],
  [messages.ACK, { _tag: "Ack", seq: 42, payload: noBytes }],
  [messages.ACK_PAYLOAD, { _tag: "Ack", seq: 70_000, payload: ascii("hi") }],
  [messages.NACK, { _tag: "Nack", seq: 42 }],
  [messages.SUSPECT, { _tag: "Suspect", incarnation: 7, node: "b", from: "a" }],
  [messages.DEAD, { _tag: "Dead", incarnation: 7, node: "b", from: "a" }],
  [messages.DEAD_LEFT, { _tag: "Dead", incarnation: 200, node: "b", from: "b" }],
  [
    messages.ALIVE,
    { _tag: "Alive", incarnation: 1, node: "a", address: localhost, port: 7946, meta: noBytes, versions }
  ],
  [
    messages.ALIVE_META,
    { _tag: "Alive", incarnation: 0xffff_ffff, node: "a", address: localhost, port: 7946, meta: ascii("m1"), versions }
  ],
  [
    messages.ALIVE_V6,
    {
      _tag: "Alive",
      incarnation: 1,
      node: "a",
      address: unhex("00000000000000000000000000000001"),
      port: 80,
      meta: ascii("x".repeat(40)),
      versions: unhex("010502020504")
    }
  ],
  [serf.S_PING, { _tag: "Ping", seq: 1, node: "b", sourceAddress: localhost, sourcePort: 7946, sourceNode: "a" }],
  [
    serf.S_INDIRECT,
    { _tag: "IndirectPing", seq: 96, target: localhost, port: 7950, node: "py", nack: true, ...source }
  ],
  [serf.S_NACK, { _tag: "Nack", seq: 96 }],
  [serf.S_RELAYED_ACK, { _tag: "Ack", seq: 777, payload: noBytes }]
]

describe("MessageCodec", () => {
  it("decodes and re-encodes the golden vectors", () => {
    for (const [vector, message] of golden) {
      assert.deepStrictEqual(Result.getOrThrow(decode(unhex(vector))), message)
      assert.strictEqual(hex(encode(message)), vector)
    }
  })

  it("takes an empty byte array for nil, and writes nil", () => {
    const message = Result.getOrThrow(decode(unhex(messages.ACK_EMPTY)))
    assert.deepStrictEqual(message, { _tag: "Ack", seq: 42, payload: noBytes })
    assert.strictEqual(hex(encode(message)), messages.ACK)
  })

  it.prop(
    "decodes what it encodes, also with bytes after the struct",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const message = random.message()
      const bytes = encode(message)
      assert.deepStrictEqual(Result.getOrThrow(decode(bytes)), message)
      if (message._tag !== "User")
        assert.deepStrictEqual(Result.getOrThrow(decode(join(bytes, random.bytes(9)))), message)
    },
    { arbitrary: { runs: 1000 } }
  )

  it("decoded messages do not share the bytes of the packet, a Node Buffer included", () => {
    for (const [vector, message] of golden) {
      const packet = Buffer.from(vector, "hex")
      const decoded = Result.getOrThrow(decode(packet))
      packet.fill(0)
      assert.deepStrictEqual(decoded, message)
    }
  })

  it("every truncation is told as such", () => {
    for (const [vector] of golden) {
      const bytes = unhex(vector)
      assert.strictEqual(reason(noBytes), "empty")
      for (let length = 1; length < bytes.length; length++)
        assert.strictEqual(reason(bytes.subarray(0, length)), "truncated", vector)
    }
  })

  it.prop(
    "never throws, neither on random nor on mutated bytes",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const vectors = vectorEntries(messages, serf).map(([, bytes]) => bytes)
      decode(random.bytes(80))
      decode(join(Uint8Array.of(random.integer(8)), random.bytes(80)))
      for (const vector of vectors) decode(mutate(random, vector))
    },
    { arbitrary: { runs: 200 } }
  )

  it("U9: refuses types that no packet carries", () => {
    for (const type of [6, 7, 9, 10, 12, 13, 14, 128, 243, 244, 255])
      assert.strictEqual(reason(struct(type, { SeqNo: "01" })), "type")
    assert.strictEqual(reason(unhex(messages.ERR)), "type")
    assert.strictEqual(reason(unhex(messages.PUSHPULL)), "type")
  })

  it("U10: refuses wrong types and ranges of a field", () => {
    for (const value of [
      "a101",
      "ca3f800000",
      "cb7ff8000000000000",
      "ff",
      "d1ffff",
      "cf0000000100000000",
      "cf8000000000000000",
      "90",
      "80",
      "c3",
      "d40100"
    ])
      assert.strictEqual(reason(struct(2, { SeqNo: value })), "malformed", value)
    assert.strictEqual(reason(struct(0, { SeqNo: "01", SourcePort: "ce00010000" })), "malformed")
    assert.strictEqual(reason(struct(1, { Nack: "02", Target: "a47f000001" })), "malformed")
    assert.strictEqual(reason(unhex("00dfffffffff")), "malformed")
    assert.strictEqual(reason(unhex(`00${"91".repeat(10_000)}`)), "malformed")
    assert.strictEqual(reason(unhex(`0081a17a${"91".repeat(10_000)}`)), "malformed")
    assert.strictEqual(reason(unhex("0081a44e6f6465dbffffffff")), "truncated")
    assert.strictEqual(reason(unhex("0081a44e6f6465c6ffffffff")), "truncated")
  })

  it("U10: takes missing, unknown and duplicate keys, and no key for a property", () => {
    const ping = { _tag: "Ping", seq: 0, node: "", ...noSource }
    assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(unhex("0080"))), ping)
    assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(unhex("00c0"))), ping)
    const keys = struct(0, { constructor: "02", _tag: "a141", seqno: "03" })
    assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(keys)), ping)
    const proto = unhex("0082a95f5f70726f746f5f5f81a373657105a55365714e6f07")
    assert.deepStrictEqual<unknown>(Result.getOrThrow(decode(proto)), { ...ping, seq: 7 })
  })

  it("U10: refuses names that are not UTF-8", () => {
    for (const name of ["a1ff", "a2c328", "a3eda080"]) {
      assert.strictEqual(reason(struct(0, { Node: name })), "name")
      assert.strictEqual(reason(struct(0, { SourceNode: name })), "name")
      assert.strictEqual(reason(struct(3, { Node: name, From: "a161" })), "name")
      assert.strictEqual(reason(struct(5, { Node: "a161", From: name })), "name")
    }
  })

  it("bounds names: those in a ping may be empty, others not", () => {
    assert.strictEqual(reason(struct(0, { Node: text(255), SourceNode: text(255) })), "Ping")
    assert.strictEqual(reason(struct(0, { Node: text(256) })), "name")
    assert.strictEqual(reason(struct(0, { SourceNode: text(256) })), "name")
    assert.strictEqual(reason(struct(1, { Node: text(256), Target: "a47f000001" })), "name")
    for (const type of [3, 5]) {
      assert.strictEqual(reason(struct(type, { Node: "a0", From: "a161" })), "name")
      assert.strictEqual(reason(struct(type, { Node: "a161", From: "a0" })), "name")
      assert.strictEqual(reason(struct(type, { Node: text(256), From: "a161" })), "name")
      assert.strictEqual(reason(struct(type, { Node: text(255), From: text(255) })), type === 3 ? "Suspect" : "Dead")
    }
  })

  it("bounds the addresses of pings", () => {
    for (const length of [1, 3, 5, 15, 17, 64]) {
      assert.strictEqual(reason(struct(0, { SourceAddr: text(length) })), "address")
      assert.strictEqual(reason(struct(1, { Target: text(length) })), "address")
      assert.strictEqual(reason(struct(1, { Target: text(4), SourceAddr: text(length) })), "address")
    }
    assert.strictEqual(reason(struct(1, { SeqNo: "01" })), "address")
    for (const length of [4, 16]) {
      assert.strictEqual(reason(struct(0, { SourceAddr: text(length) })), "Ping")
      assert.strictEqual(reason(struct(1, { Target: text(length), SourceAddr: text(length) })), "IndirectPing")
    }
  })

  it("U14: ignores an ack's payload beyond 1 KiB", () => {
    const ack = (length: number) => Result.getOrThrow(decode(struct(2, { SeqNo: "05", Payload: text(length) })))
    assert.deepStrictEqual(ack(1024), { _tag: "Ack", seq: 5, payload: ascii("x".repeat(1024)) })
    assert.deepStrictEqual(ack(1025), { _tag: "Ack", seq: 5, payload: noBytes })
    assert.deepStrictEqual(ack(65_535), { _tag: "Ack", seq: 5, payload: noBytes })
  })

  it("U18: refuses an alive that nobody could use", () => {
    const good = { Addr: "a47f000001", Incarnation: "01", Meta: "c0", Node: "a161", Port: "50", Vsn: raw(versions) }
    const alive = (fields: Record<string, string>) => reason(struct(4, { ...good, ...fields }))
    assert.strictEqual(alive({}), "Alive")
    assert.strictEqual(alive({ Port: "00" }), "Alive")
    assert.strictEqual(alive({ Meta: text(512) }), "Alive")
    assert.strictEqual(alive({ Meta: text(513) }), "meta")
    assert.strictEqual(alive({ Meta: text(900) }), "meta")
    for (const name of ["a0", "c0", text(256), text(10_000)]) assert.strictEqual(alive({ Node: name }), "name")
    for (const length of [0, 1, 3, 5, 15, 17]) assert.strictEqual(alive({ Addr: text(length) }), "address")
    for (const length of [0, 1, 2, 3, 4, 5, 7]) assert.strictEqual(alive({ Vsn: text(length) }), "versions")
    assert.strictEqual(alive({ Port: "ce00010000" }), "malformed")
    assert.strictEqual(alive({ Incarnation: "cf0000000100000000" }), "malformed")
  })

  it("U23: refuses a user message without payload", () => {
    assert.strictEqual(reason(Uint8Array.of(8)), "empty")
    assert.deepStrictEqual(Result.getOrThrow(decode(Uint8Array.of(8, 0))), { _tag: "User", payload: Uint8Array.of(0) })
  })
})
