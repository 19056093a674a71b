import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import type { Framing } from "../../../src/protocol/memberlist/Framing.ts"
import * as Label from "../../../src/protocol/memberlist/Label.ts"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as MessageCodec from "../../../src/protocol/memberlist/MessageCodec.ts"
import * as Packet from "../../../src/protocol/memberlist/Packet.ts"
import { encrypted, framed, messages, reference, serf, serfEncrypted } from "../../vectors/memberlist.ts"
import {
  aesCipher,
  ascii,
  fakeCipher,
  framing,
  hex,
  join,
  key16,
  make,
  mutate,
  nonce,
  Seed,
  unhex,
  vectorEntries
} from "./support.ts"

const plain = framing()
const prod = framing({ label: ascii("prod") })
const pingMin = unhex(messages.PING_MIN)
const suspect = unhex(messages.SUSPECT)
const none = new Uint8Array(0)

const decoded = (bytes: Uint8Array, by: Framing = plain): Pick<Packet.Decoded, "messages" | "dropped"> => {
  const { dropped, messages } = Result.getOrThrow(Packet.decode(bytes, by))
  return { messages, dropped }
}
const reason = (bytes: Uint8Array, by: Framing = plain): string =>
  Result.match(Packet.decode(bytes, by), { onSuccess: () => "decoded", onFailure: (error) => error.reason })
const tags = (bytes: Uint8Array, by: Framing = plain): ReadonlyArray<string> =>
  decoded(bytes, by).messages.map((message) => message._tag)

/** The one packet that some messages make. */
const single = (parts: ReadonlyArray<Uint8Array>, crc: boolean, by: Framing): Uint8Array => {
  const [packet = none, ...more] = Packet.encode({ parts, crc }, by)
  assert.isEmpty(more)
  return packet
}

const compound = (...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  join(Uint8Array.of(7, parts.length, ...parts.flatMap((part) => [part.length >> 8, part.length & 0xff])), ...parts)

describe("golden packets", () => {
  it("framing is byte-identical to the reference", () => {
    assert.strictEqual(hex(single([pingMin, suspect], false, plain)), framed.COMPOUND)
    assert.strictEqual(hex(single([pingMin], true, plain)), framed.CRC)
    assert.strictEqual(hex(single([pingMin, suspect], true, plain)), framed.CRC_COMPOUND)
    assert.strictEqual(hex(single([pingMin], false, prod)), framed.LABEL)
    assert.strictEqual(hex(single([pingMin], false, plain)), messages.PING_MIN)
    for (const vector of [framed.COMPOUND, framed.CRC_COMPOUND])
      assert.deepStrictEqual(tags(unhex(vector)), ["Ping", "Suspect"])
    for (const vector of [framed.CRC, framed.LZW_PING_MIN]) assert.deepStrictEqual(tags(unhex(vector)), ["Ping"])
    assert.deepStrictEqual(tags(unhex(framed.LABEL), prod), ["Ping"])
    assert.strictEqual(reason(unhex(framed.LZW_EMPTY)), "inflate")
    assert.strictEqual(reason(unhex(framed.LZW_ABC20)), "type")
  })

  it("compression is sent only when it makes the packet smaller", () => {
    const compress = framing({ compress: true })
    assert.strictEqual(hex(single([pingMin], false, compress)), messages.PING_MIN)
    const user = join(Uint8Array.of(8), ascii("abc".repeat(40)))
    const packet = single([user], true, compress)
    assert.deepStrictEqual([packet[0], packet[5]], [12, 9])
    assert.isBelow(packet.length, user.length)
    assert.deepStrictEqual(decoded(packet).messages, [{ _tag: "User", payload: ascii("abc".repeat(40)) }])
  })

  it("decodes and re-encodes what Serf 0.9.4 sends", () => {
    const expected: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      [serf.S_PING, ["Ping"]],
      [serf.S_GOSSIP, ["Alive", "Alive"]],
      [serf.S_ACK_LZW, ["Ack"]],
      [serf.S_INDIRECT, ["IndirectPing"]],
      [serf.S_NACK, ["Nack"]],
      [serf.S_RELAYED_ACK, ["Ack"]],
      [serf.S_NACK_PIGGY, ["Nack", "Suspect"]],
      [serf.S_SUSPECT, ["Suspect"]],
      [serf.S_DEAD, ["Dead"]],
      [serf.S_PING_SUSPECT, ["Ping", "Suspect"]],
      [serf.S_USER_JOIN, ["User"]],
      [serf.S_USER_LEAVE, ["User"]],
      [serf.S_ALIVE_NOMETA, ["Alive"]]
    ]
    for (const [vector, kinds] of expected) {
      const bytes = unhex(vector)
      const packet = decoded(bytes)
      assert.deepStrictEqual(
        packet.messages.map((message) => message._tag),
        kinds
      )
      assert.isEmpty(packet.dropped)
      const parts = packet.messages.map(MessageCodec.encode)
      const again = single(parts, bytes[0] === 12, framing({ compress: bytes[0] === 9 }))
      assert.strictEqual(hex(again), vector)
    }
    const [ack] = decoded(unhex(serf.S_ACK_LZW)).messages
    assert.isTrue(ack?._tag === "Ack" && ack.seq === 1 && ack.payload.length === 130 && ack.payload[0] === 1)
    const [alive] = decoded(unhex(serf.S_GOSSIP)).messages
    assert.deepStrictEqual<PacketMessage | undefined>(alive, {
      _tag: "Alive",
      incarnation: 1,
      node: "a",
      address: unhex("7f000001"),
      port: 7946,
      meta: unhex("ff81a4726f6c65a3776562"),
      versions: unhex("010502020505")
    })
  })

  it("encryption is byte-identical to the reference, all key lengths and both versions", () => {
    const key24 = join(key16, unhex("1011121314151617"))
    const key32 = join(key24, unhex("18191a1b1c1d1e1f"))
    for (const [vector, key, version] of [
      [encrypted.ENC_V1_K16, key16, 1],
      [encrypted.ENC_V1_K24, key24, 1],
      [encrypted.ENC_V1_K32, key32, 1],
      [encrypted.ENC_V0_K16, key16, 0]
    ] as const) {
      const by = framing({ cipher: aesCipher({ keys: [key], version, nonce }) })
      assert.deepStrictEqual(tags(unhex(vector), by), ["Ping"])
      assert.strictEqual(hex(single([pingMin], false, by)), vector)
      const ring = framing({ cipher: aesCipher({ keys: [unhex("ff".repeat(16)), key] }) })
      assert.deepStrictEqual(tags(unhex(vector), ring), ["Ping"])
    }
    const labelled = framing({ label: ascii("prod"), cipher: aesCipher({ nonce }) })
    assert.deepStrictEqual(tags(unhex(encrypted.ENC_V1_LABEL), labelled), ["Ping"])
    assert.strictEqual(hex(single([pingMin], false, labelled)), encrypted.ENC_V1_LABEL)
    assert.deepStrictEqual(tags(unhex(encrypted.ENC_V1_LBL_CRC), labelled), ["Ping"])
    assert.strictEqual(hex(single([pingMin], true, labelled)), encrypted.ENC_V1_LBL_CRC)
  })

  it("decodes what an encrypted Serf cluster sends", () => {
    const by = framing({ cipher: aesCipher({}) })
    assert.deepStrictEqual(decoded(unhex(serfEncrypted.SE_ALIVE), by).messages, [
      {
        _tag: "Alive",
        incarnation: 1,
        node: "enc",
        address: unhex("7f000001"),
        port: 7958,
        meta: none,
        versions: unhex("010502020505")
      }
    ])
    assert.deepStrictEqual(decoded(unhex(serfEncrypted.SE_DEAD), by).messages, [
      { _tag: "Dead", incarnation: 1, node: "enc", from: "ea" }
    ])
  })

  it("decodes and re-encodes what the July 2026 reference sends under a label", () => {
    const keys = [ascii("0123456789abcdef")]
    for (const [vector, crc] of [
      [reference.H_PING, false],
      [reference.H_GOSSIP, true]
    ] as const) {
      const iv = unhex(vector).slice(7, 19)
      const by = framing({ label: ascii("prod"), cipher: aesCipher({ keys, nonce: iv }) })
      const packet = decoded(unhex(vector), by)
      assert.strictEqual(hex(single(packet.messages.map(MessageCodec.encode), crc, by)), vector)
      const names = packet.messages.map((message) => (message._tag === "Alive" ? message.node : message._tag))
      assert.deepStrictEqual(names, crc ? ["g1", "g2"] : ["Ping"])
    }
  })
})

describe("the cipher", () => {
  it("seals everything inside the label, with the label as AAD", () => {
    const by = framing({ label: ascii("prod"), cipher: fakeCipher() })
    const packet = single([pingMin, suspect], true, by)
    assert.strictEqual(hex(packet.subarray(0, 6)), "f40470726f64")
    const inner = packet.subarray(9).map((byte) => byte ^ 0xff)
    assert.strictEqual(hex(inner), framed.CRC_COMPOUND)
    assert.deepStrictEqual(tags(packet, by), ["Ping", "Suspect"])
    assert.strictEqual(
      reason(packet, framing({ label: ascii("prod"), cipher: fakeCipher({ seal: (p) => p }) })),
      "decoded"
    )
    const relabelled = join(Label.header(ascii("test")), packet.subarray(6))
    assert.strictEqual(reason(relabelled, framing({ label: ascii("test"), cipher: fakeCipher() })), "decrypt")
  })

  it("follows the verify flags", () => {
    const lax = framing({ cipher: fakeCipher({ verifyIncoming: false, verifyOutgoing: false }) })
    assert.strictEqual(hex(single([pingMin], false, lax)), messages.PING_MIN)
    assert.deepStrictEqual(tags(pingMin, lax), ["Ping"])
    assert.deepStrictEqual(tags(single([pingMin], false, framing({ cipher: fakeCipher() })), lax), ["Ping"])
  })

  it("U3, U4: drops what no key opens", () => {
    const by = framing({ cipher: aesCipher({}) })
    const packet = unhex(encrypted.ENC_V1_K16)
    assert.strictEqual(reason(packet, by), "decoded")
    assert.strictEqual(reason(pingMin, by), "decrypt")
    assert.strictEqual(reason(unhex(framed.CRC_COMPOUND), by), "decrypt")
    assert.strictEqual(reason(Uint8Array.of(1), by), "decrypt")
    for (let length = 1; length < packet.length; length++)
      assert.strictEqual(reason(packet.subarray(0, length), by), "decrypt")
    for (const version of [2, 100, 255]) {
      const changed = Uint8Array.from(packet)
      changed[0] = version
      assert.strictEqual(reason(changed, by), "decrypt")
    }
    for (let i = 1; i < packet.length; i++) {
      const changed = Uint8Array.from(packet)
      changed[i] = (changed[i] ?? 0) ^ 1
      assert.strictEqual(reason(changed, by), "decrypt")
    }
    assert.strictEqual(reason(packet, framing({ cipher: aesCipher({ keys: [unhex("ff".repeat(16))] }) })), "decrypt")
    assert.strictEqual(reason(unhex(encrypted.ENC_V1_LABEL).subarray(6), by), "decrypt")
    const emptied = aesCipher({ nonce }).seal(none, none)
    assert.strictEqual(reason(emptied, by), "empty")
  })
})

describe("bad packets", () => {
  it("U1: empty, one byte, and 65,507 bytes of noise", () => {
    assert.strictEqual(reason(none), "empty")
    for (let byte = 0; byte < 256; byte++) assert.notStrictEqual(reason(Uint8Array.of(byte)), "decoded")
    const noise = make(1).bytes(65_507, 65_507)
    for (let byte = 0; byte < 256; byte++) {
      noise[0] = byte
      if (byte !== 7 && byte !== 8) assert.notStrictEqual(reason(noise), "decoded", `type ${byte}`)
    }
  })

  it("U2: another label, or a broken one", () => {
    const packet = unhex(framed.LABEL)
    for (const bad of ["f4", "f400", "f40000", "f4ff70", "f40470726f", "f404", "f40470726f65", "f40370726f00"])
      assert.strictEqual(reason(unhex(bad), prod), "label", bad)
    assert.strictEqual(reason(packet), "label")
    assert.strictEqual(reason(packet, framing({ label: ascii("pro") })), "label")
    assert.strictEqual(reason(packet, framing({ label: ascii("prods") })), "label")
    assert.strictEqual(reason(pingMin, prod), "label")
    assert.strictEqual(reason(join(Label.header(ascii("prod")), packet), prod), "type")
    assert.strictEqual(reason(Label.header(ascii("prod")), prod), "empty")
    const long = framing({ label: ascii("x".repeat(255)) })
    assert.deepStrictEqual(tags(single([pingMin], false, long), long), ["Ping"])
    assert.strictEqual(reason(single([pingMin], false, long)), "label")
  })

  it("U5: checksums", () => {
    const packet = unhex(framed.CRC)
    for (let i = 1; i < packet.length; i++) {
      const changed = Uint8Array.from(packet)
      changed[i] = (changed[i] ?? 0) ^ 0x80
      assert.strictEqual(reason(changed), "crc")
    }
    for (let length = 1; length < 5; length++) assert.strictEqual(reason(packet.subarray(0, length)), "crc")
    assert.strictEqual(reason(unhex("0c00000000")), "empty")
    assert.strictEqual(reason(compound(packet)), "decoded")
    assert.deepStrictEqual(decoded(compound(packet)), { messages: [], dropped: ["type"] })
  })

  it("U6: compression that is unknown, broken or a bomb", () => {
    assert.strictEqual(reason(unhex("0982a4416c676f01a3427566a3000302")), "inflate")
    assert.strictEqual(reason(unhex("0982a4416c676fcd0100a3427566a3000302")), "malformed")
    assert.strictEqual(reason(unhex("0980")), "inflate")
    assert.strictEqual(reason(unhex("09")), "truncated")
    const whole = unhex(framed.LZW_PING_MIN)
    for (let length = 1; length < whole.length; length++)
      assert.strictEqual(reason(whole.subarray(0, length)), "truncated")
    const user = (bytes: number): Uint8Array => {
      const message = new Uint8Array(bytes)
      message[0] = 8
      return Compression.encode(message)
    }
    assert.strictEqual(decoded(user(Packet.inflatedBytesMax)).messages.length, 1)
    assert.strictEqual(reason(user(Packet.inflatedBytesMax + 1)), "inflate")
    assert.strictEqual(reason(user(610_000)), "inflate")
    const packet = compound(unhex(framed.LZW_PING_MIN), pingMin)
    assert.deepStrictEqual(decoded(packet).dropped, ["nesting"])
  })

  it("U7: one compression, with one compound in it, and nothing nested any other way", () => {
    const inner = compound(pingMin, suspect)
    assert.deepStrictEqual(tags(Compression.encode(inner)), ["Ping", "Suspect"])
    assert.strictEqual(reason(Compression.encode(Compression.encode(pingMin))), "nesting")
    assert.strictEqual(reason(Compression.encode(Compression.encode(inner))), "nesting")
    for (const nested of [Compression.encode(pingMin), inner, Compression.encode(inner), compound()]) {
      for (const by of [(bytes: Uint8Array) => bytes, Compression.encode]) {
        const { dropped, messages: kept } = decoded(by(compound(nested, suspect)))
        assert.deepStrictEqual([kept.map(({ _tag }) => _tag), dropped], [["Suspect"], ["nesting"]])
      }
    }
  })

  it("U7: a packet that is all pings holds no more than 255, however it is nested", () => {
    const many = (parts: ReadonlyArray<Uint8Array>): Uint8Array => compound(...parts)
    const pings = many(Array.from({ length: Packet.partsMax }, () => pingMin))
    const bomb = many(Array.from({ length: 10 }, () => pings))
    assert.strictEqual(decoded(Compression.encode(pings)).messages.length, Packet.partsMax)
    for (const packet of [bomb, Compression.encode(bomb)])
      assert.deepStrictEqual(
        [decoded(packet).messages.length, new Set(decoded(packet).dropped)],
        [0, new Set(["nesting"])]
      )
    assert.strictEqual(reason(Compression.encode(Compression.encode(bomb))), "nesting")
  })

  it("U8: a compound loses only its bad parts", () => {
    const parts = compound(pingMin, suspect)
    assert.strictEqual(reason(Uint8Array.of(7)), "truncated")
    assert.strictEqual(reason(Uint8Array.of(7, 255)), "truncated")
    assert.strictEqual(reason(parts.subarray(0, 5)), "truncated")
    assert.deepStrictEqual(decoded(Uint8Array.of(7, 0)), { messages: [], dropped: [] })
    assert.deepStrictEqual(decoded(Uint8Array.of(7, 0, 1, 2, 3)), { messages: [], dropped: [] })
    const [ping, suspicion] = decoded(parts).messages
    for (let length = 6; length < parts.length; length++) {
      const isFirstWhole = length >= 6 + pingMin.length
      assert.deepStrictEqual<unknown>(decoded(parts.subarray(0, length)), {
        messages: isFirstWhole ? [ping] : [],
        dropped: isFirstWhole ? ["truncated"] : ["truncated", "truncated"]
      })
    }
    assert.deepStrictEqual<unknown>(decoded(compound(pingMin, none, suspect)), {
      messages: [ping, suspicion],
      dropped: ["empty"]
    })
    const broken = compound(unhex("00c1"), pingMin, unhex("0c00000000"), unhex("06"), suspect, Uint8Array.of(8))
    assert.deepStrictEqual<unknown>(decoded(broken), {
      messages: [ping, suspicion],
      dropped: ["malformed", "type", "type", "empty"]
    })
    assert.deepStrictEqual(tags(join(parts, make(2).bytes(50))), ["Ping", "Suspect"])
    assert.deepStrictEqual<unknown>(decoded(compound(Uint8Array.of(7), Uint8Array.of(0, 0))).dropped, [
      "nesting",
      "malformed"
    ])
  })

  it("U9: types that do not belong in a packet", () => {
    for (let type = 0; type < 256; type++) {
      if (type > 13 || type === 6 || type === 10 || type === 13)
        assert.strictEqual(reason(Uint8Array.of(type, 0x80)), type === 244 ? "label" : "type", `type ${type}`)
    }
  })

  it("U10, U14, U18, U23: bad messages tell their reason", () => {
    assert.strictEqual(reason(unhex("00dfffffffff")), "malformed")
    assert.strictEqual(reason(unhex("0381a44e6f6465a1ff")), "name")
    assert.strictEqual(reason(unhex("0481a44e6f6465a161")), "address")
    assert.strictEqual(reason(Uint8Array.of(8)), "empty")
    assert.strictEqual(reason(Compression.encode(join(Uint8Array.of(8), new Uint8Array(65_536)))), "inflate")
  })
})

describe("packets in general", () => {
  const ciphers = [undefined, fakeCipher(), aesCipher({})]

  it.prop(
    "decoding gives back what was encoded, under every framing",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const values = Array.from({ length: 1 + random.integer(random.pick([0, 6, 40])) }, random.message)
      const by = framing({
        label: random.pick([none, ascii("prod"), random.bytes(255, 1)]),
        compress: random.pick([true, false]),
        cipher: ciphers[random.integer(2)]
      })
      const packet = single(values.map(MessageCodec.encode), random.pick([true, false]), by)
      assert.deepStrictEqual(decoded(packet, by), { messages: values, dropped: [] })
    },
    { arbitrary: { runs: 300 } }
  )

  it("more than 255 parts become several packets, no parts none", () => {
    for (const [count, sizes] of [
      [0, []],
      [255, [255]],
      [256, [255, 1]],
      [600, [255, 255, 90]]
    ] as const) {
      const packets = Packet.encode({ parts: Array.from({ length: count }, () => suspect), crc: true }, prod)
      assert.deepStrictEqual(
        packets.map((packet) => decoded(packet, prod).messages.length),
        [...sizes]
      )
    }
    const oversized = new Uint8Array(Packet.partBytesMax + 1)
    const packets = Packet.encode({ parts: [pingMin, oversized, suspect], crc: false }, plain)
    assert.deepStrictEqual(
      packets.map((packet) => packet.length),
      [framed.COMPOUND.length / 2, oversized.length]
    )
  })

  it.prop(
    "decoding never throws on random and mutated bytes",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const by = framing({ label: random.pick([none, ascii("prod")]), cipher: ciphers[random.integer(2)] })
      Packet.decode(random.bytes(100), by)
      Packet.decode(join(Uint8Array.of(random.pick([7, 9, 12])), random.bytes(100)), plain)
      const groups = vectorEntries(messages, framed, encrypted, serf, serfEncrypted, reference)
      for (const [, vector] of groups) {
        Packet.decode(mutate(random, vector), by)
        Packet.decode(mutate(random, vector), plain)
      }
      // Below the checksum and the cipher, where mutations would not get through from outside.
      const inner = compound(...Array.from({ length: 4 }, () => MessageCodec.encode(random.message())))
      Packet.decode(mutate(random, inner), plain)
      Packet.decode(Compression.encode(mutate(random, inner)), plain)
      Packet.decode(fakeCipher().seal(mutate(random, inner), none), framing({ cipher: fakeCipher() }))
    },
    { arbitrary: { runs: 100 } }
  )
})
