import { create, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { NameRecordSchema, NameRecordsSchema, Ownership } from "../../../src/protocol/gen/grinta/v1/names_pb.ts"
import * as Digest from "../../../src/protocol/names/Digest.ts"
import * as Heading from "../../../src/protocol/names/Heading.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"

const record: NameRecords.NameRecord = {
  host: "h1",
  generation: 1_700_000_000_000_000,
  version: 3,
  name: "chat.lobby",
  ownership: "unique",
  contract: 0x0123456789abcdefn,
  isTombstone: false
}

const tombstone: NameRecords.NameRecord = {
  ...record,
  version: 4,
  name: "a",
  ownership: "group",
  contract: 0n,
  isTombstone: true
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const decoded = (bytes: Uint8Array): NameRecords.Decoded => Result.getOrThrow(NameRecords.decode(bytes))

const failure = (bytes: Uint8Array): string => {
  const result = NameRecords.decode(bytes)
  return Result.isFailure(result) ? result.failure.reason : "none"
}

/** A message of the given fields, as any implementation of the proto might send it. */
const message = (...records: ReadonlyArray<object>): Uint8Array => {
  const full = { host: "h", generation: 1n, version: 1n, name: "n", ownership: Ownership.UNIQUE }
  const body = create(NameRecordsSchema, {
    records: records.map((fields) => create(NameRecordSchema, { ...full, ...fields }))
  })
  return Uint8Array.of(0x67, ...toBinary(NameRecordsSchema, body))
}

describe("golden vectors", () => {
  it("a gossiped message, v1", () => {
    const bytes = NameRecords.encode([record])
    assert.strictEqual(hex(bytes), "670a260a026831108080f9c0c1c482031803220a636861742e6c6f626279280131efcdab8967452301")
    assert.deepStrictEqual(decoded(bytes), { records: [record], skipped: [] })
    assert.isAtMost(bytes.length - 1, NameRecords.recordBytes(record))
  })

  it("a record with the contracts that it is compatible with, v1", () => {
    const open = { ...record, compatible: [1n, 0xfedcba9876543210n] }
    const bytes = NameRecords.encode([open])
    assert.strictEqual(
      hex(bytes),
      "670a380a026831108080f9c0c1c482031803220a636861742e6c6f626279280131efcdab8967452301421001000000000000001032547698badcfe"
    )
    assert.deepStrictEqual(decoded(bytes), { records: [open], skipped: [] })
    assert.isAtMost(bytes.length - 1, NameRecords.recordBytes(open))
  })

  it("the state of a push/pull, v1", () => {
    const bytes = NameRecords.encode([record, tombstone])
    assert.strictEqual(
      hex(bytes),
      "670a260a026831108080f9c0c1c482031803220a636861742e6c6f626279280131efcdab89674523010a160a026831108080f9c0c1c48203180422016128023801"
    )
    assert.deepStrictEqual(decoded(bytes), { records: [record, tombstone], skipped: [] })
  })

  it("the state of a host that knows no names, v1", () => {
    assert.strictEqual(hex(NameRecords.encode([])), "67")
    assert.deepStrictEqual(decoded(Uint8Array.of(0x67)), { records: [], skipped: [] })
  })
})

describe("decode", () => {
  it("leaves what other programs gossip alone", () => {
    assert.strictEqual(failure(new Uint8Array(0)), "foreign")
    for (let type = 0; type <= 9; type++) assert.strictEqual(failure(Uint8Array.of(type, 1, 2)), "foreign")
  })

  it.each([
    ["invalidHost", { host: "" }],
    ["invalidHost", { host: "a/b" }],
    ["invalidName", { name: "" }],
    ["invalidName", { name: "a..b" }],
    ["invalidName", { name: "n".repeat(129) }],
    ["generation", { generation: 0n }],
    ["generation", { generation: 2n ** 53n }],
    ["version", { version: 0n }],
    ["version", { version: 2n ** 64n - 1n }],
    ["ownership", { ownership: Ownership.UNSPECIFIED }],
    ["ownership", { ownership: 99 }],
    ["compatible", { compatible: new Array(17).fill(1n) }]
  ] as const)("leaves out a record for its %s, and keeps the rest: %o", (reason, fields) => {
    const { records, skipped } = decoded(message({}, fields, { name: "m" }))
    assert.deepStrictEqual(skipped, [reason])
    assert.deepStrictEqual(
      records.map(({ name }) => name),
      ["n", "m"]
    )
  })

  it("leaves out a record that is no protobuf, and keeps the rest", () => {
    const good = message({})
    const { records, skipped } = decoded(Uint8Array.of(...good, 0x0a, 0x02, 0x0a, 0x7f))
    assert.deepStrictEqual([records.length, skipped], [1, ["malformed"]])
  })

  it("passes over fields that it does not know", () => {
    const { records, skipped } = decoded(Uint8Array.of(...message({}), 0x7a, 0x01, 0x00, 0x10, 0x05))
    assert.deepStrictEqual([records.length, skipped], [1, []])
  })

  it("refuses a cut message, too many bytes and too many records", () => {
    assert.strictEqual(failure(message({}).subarray(0, -1)), "malformed")
    const large = new Uint8Array(NameRecords.bytesMax + 1)
    large[0] = 0x67
    assert.strictEqual(failure(large), "tooLarge")
    const many = new Uint8Array(1 + 2 * (NameRecords.recordsMax + 1))
    many[0] = 0x67
    for (let at = 1; at < many.length; at += 2) many[at] = 0x0a
    assert.strictEqual(failure(many), "tooLarge")
  })

  it.prop("is total", [Schema.Uint8Array], ([bytes]) => {
    NameRecords.decode(bytes)
    NameRecords.decode(Uint8Array.of(0x67, ...bytes))
    const spoilt = NameRecords.encode([record, tombstone])
    for (const [at, byte] of bytes.entries()) spoilt[1 + ((at * 31 + byte) % (spoilt.length - 1))] = byte
    NameRecords.decode(spoilt)
  })

  const counter = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
  const fingerprint = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 1n }))
  const Record = Schema.Struct({
    host: Schema.Literals(["a", "b-1", "c.d"]),
    generation: counter,
    version: counter,
    name: Schema.Literals(["n", "m.k", "x".repeat(128)]),
    ownership: Schema.Literals(["unique", "group"]),
    contract: fingerprint,
    isTombstone: Schema.Boolean,
    compatible: Schema.optionalKey(Schema.Array(fingerprint).check(Schema.isMinLength(1), Schema.isMaxLength(16)))
  })

  it.prop("gives back what was encoded", [Schema.Array(Record)], ([records]) => {
    const bytes = NameRecords.encode(records)
    assert.deepStrictEqual(decoded(bytes), { records, skipped: [] })
    assert.isAtMost(
      bytes.length,
      records.reduce((sum, each) => sum + NameRecords.recordBytes(each), 1)
    )
  })

  it.prop("has a heading that says what the whole says", [Record, Schema.Uint8Array], ([said, bytes]) => {
    const whole = NameRecords.encode([said])
    const [piece = new Uint8Array()] = Digest.split(whole.subarray(1), 1, 1)?.pieces ?? []
    const { generation, host, isTombstone, name } = said
    assert.deepStrictEqual(Heading.read(piece), { host, generation, name, isTombstone })
    for (const [at, byte] of bytes.entries()) piece[(at * 31 + byte) % piece.length] = byte
    const heading = Heading.read(piece)
    const [record] = decoded(whole).records
    if (heading !== undefined && record !== undefined)
      assert.deepStrictEqual(
        [heading.host, heading.generation, heading.name],
        [record.host, record.generation, record.name]
      )
  })

  it.prop("of two records that differ, exactly one supersedes the other", [Record, Record], ([a, b]) => {
    const there = { ...a, host: "h", generation: 1, name: "n" }
    const back = { ...b, host: "h", generation: 1, name: "n" }
    const isSame = JSON.stringify(there, replacer) === JSON.stringify(back, replacer)
    assert.strictEqual(NameRecords.supersedes(there, back), !isSame && !NameRecords.supersedes(back, there))
  })
})

const replacer = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value)
