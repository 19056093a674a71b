import { assert, describe, it } from "@effect/vitest"
import * as Fields from "../../../src/protocol/memberlist/Fields.ts"
import * as Cursor from "../../../src/protocol/memberlist/MsgpackCursor.ts"
import * as Reader from "../../../src/protocol/memberlist/MsgpackReader.ts"
import * as Writer from "../../../src/protocol/memberlist/MsgpackWriter.ts"
import * as Struct from "../../../src/protocol/memberlist/Struct.ts"
import { ascii, hex, join, make, Seed, unhex } from "./support.ts"

const cursorOf = (text: string): Cursor.Cursor => {
  const bytes = unhex(text)
  return Cursor.make(bytes, 0, bytes.length)
}

/** What a reader makes of some bytes: the value and the status. */
const read = <A>(text: string, reader: (cursor: Cursor.Cursor) => A): readonly [A, Cursor.Cursor["status"]] => {
  const cursor = cursorOf(text)
  const value = reader(cursor)
  return [value, cursor.status]
}

const written = (write: (writer: Writer.Writer) => void): string => {
  const writer = Writer.make(1)
  write(writer)
  return hex(Writer.finish(writer))
}

interface Point {
  readonly zed: number
  readonly alpha: string
  readonly meta: string
}

/** A field whose value is what a reader makes of it. */
const field = (name: string, read: (cursor: Cursor.Cursor) => string): Struct.Field<string> => ({
  ...{ name, presence: "default", fault: undefined, initial: "", read },
  write: Writer.writeString
})

const point = Struct.table(
  [
    Fields.port("Zed"),
    field("Alpha", (cursor) => Reader.readString(cursor, 64) ?? "invalid"),
    field("Meta", (cursor) => hex(Reader.readBytes(cursor, 64) ?? ascii("too long")))
  ],
  (zed, alpha, meta): Point => ({ zed, alpha, meta }),
  ({ zed, alpha, meta }) => [zed, alpha, meta]
)

const readPoint = (cursor: Cursor.Cursor) => Struct.read(cursor, point)

const alpha = "a5416c706861"
const zed = "a35a6564"
const meta = "a44d657461"

describe("Msgpack writer", () => {
  it("writes the smallest unsigned form", () => {
    const forms = [
      [0, "00"],
      [127, "7f"],
      [128, "cc80"],
      [255, "ccff"],
      [256, "cd0100"],
      [65_535, "cdffff"],
      [65_536, "ce00010000"],
      [0xffff_ffff, "ceffffffff"]
    ] as const
    for (const [value, form] of forms)
      assert.strictEqual(
        written((writer) => Writer.writeUnsigned(writer, value)),
        form
      )
  })

  it("writes signed fields in signed forms", () => {
    const forms = [
      [0, "00"],
      [127, "7f"],
      [128, "d10080"],
      [585, "d10249"],
      [32_767, "d17fff"],
      [32_768, "d200008000"],
      [70_000, "d200011170"]
    ] as const
    for (const [value, form] of forms)
      assert.strictEqual(
        written((writer) => Writer.writeSigned(writer, value)),
        form
      )
  })

  it("writes raw strings only", () => {
    for (const [length, header] of [
      [1, "a1"],
      [31, "bf"],
      [32, "da0020"],
      [300, "da012c"],
      [65_535, "daffff"],
      [65_536, "db00010000"]
    ] as const) {
      const text = "x".repeat(length)
      assert.strictEqual(
        written((writer) => Writer.writeString(writer, text)),
        header + hex(ascii(text))
      )
      assert.strictEqual(
        written((writer) => Writer.writeBytes(writer, ascii(text))),
        header + hex(ascii(text))
      )
    }
    assert.strictEqual(
      written((writer) => Writer.writeString(writer, "")),
      "a0"
    )
    assert.strictEqual(
      written((writer) => Writer.writeBytes(writer, new Uint8Array(0))),
      "c0"
    )
    assert.strictEqual(
      written((writer) => Writer.writeString(writer, "aü")),
      "a361c3bc"
    )
    assert.strictEqual(
      written((writer) => Writer.writeString(writer, "ü".repeat(16))),
      `da0020${"c3bc".repeat(16)}`
    )
  })
})

describe("Msgpack reader", () => {
  const expected = { zed: 7, alpha: "b", meta: "01" }

  it("takes keys in any order and in any string form", () => {
    for (const text of [
      `83${alpha}a162${meta}a101${zed}07`,
      `83${zed}07${meta}a101${alpha}a162`,
      `de0003${zed}07${alpha}a162${meta}a101`,
      `df00000003${zed}07${alpha}a162${meta}a101`,
      `83d905416c706861a162c4044d657461a101da00035a656407`,
      `83db00000005416c706861a162c600000004${"4d657461"}a101c500035a656407`
    ])
      assert.deepStrictEqual(read(text, readPoint), [expected, "ok"])
  })

  it("takes a struct as an array in declaration order", () => {
    assert.deepStrictEqual(read("9307a162a101", readPoint), [expected, "ok"])
    assert.deepStrictEqual(read("dc000307a162a101", readPoint), [expected, "ok"])
    assert.deepStrictEqual(read("dd0000000307a162a101", readPoint), [expected, "ok"])
    assert.deepStrictEqual(read("9107", readPoint), [{ zed: 7, alpha: "", meta: "" }, "ok"])
    assert.deepStrictEqual(read("9507a162a101c39107", readPoint), [expected, "ok"])
  })

  it("takes nil, an empty map and missing keys for zero", () => {
    const zero = { zed: 0, alpha: "", meta: "" }
    for (const text of ["c0", "80", "90", `83${alpha}c0${meta}c0${zed}c0`])
      assert.deepStrictEqual(read(text, readPoint), [zero, "ok"])
  })

  it("lets the last of duplicate keys win, and knows keys only by their exact name", () => {
    assert.deepStrictEqual(read(`83${zed}01${zed}02a37a656403`, readPoint), [{ zed: 2, alpha: "", meta: "" }, "ok"])
    assert.deepStrictEqual(read(`82a95f5f70726f746f5f5f01ab636f6e7374727563746f7202`, readPoint), [
      { zed: 0, alpha: "", meta: "" },
      "ok"
    ])
  })

  it("skips unknown values of every kind", () => {
    const values = [
      "00",
      "7f",
      "e0",
      "ff",
      "c0",
      "c2",
      "c3",
      "cc01",
      "cd0102",
      "ce01020304",
      "cf0102030405060708",
      "d001",
      "d10102",
      "d201020304",
      "d30102030405060708",
      "ca3f800000",
      "cb3ff0000000000000",
      "a0",
      "a161",
      "d90161",
      "da000161",
      "db0000000161",
      "c40161",
      "c5000161",
      "c60000000161",
      "d40100",
      "d5010000",
      "d60100000000",
      "d7010000000000000000",
      `d801${"00".repeat(16)}`,
      "c70105ff",
      "c800010500",
      "c9000000010500",
      "90",
      "93010203",
      "dc000101",
      "dd0000000101",
      "80",
      "81a16101",
      "de00010102",
      "df00000001a161c0",
      "8193018191c0c0a1ffc3"
    ]
    for (const value of values)
      assert.deepStrictEqual(
        read(`83a17a${value}${zed}07a17a${value}`, readPoint),
        [{ ...expected, alpha: "", meta: "" }, "ok"],
        value
      )
    for (const value of values) {
      for (let length = 0; length < value.length / 2; length++) {
        const cursor = cursorOf(`81a17a${value.slice(0, 2 * length)}`)
        readPoint(cursor)
        assert.strictEqual(cursor.status, "truncated", value)
        assert.isAbove(cursor.needed, cursor.end)
        assert.isAtMost(cursor.needed, 3 + value.length / 2)
      }
    }
    assert.strictEqual(read("81a17ac1", readPoint)[1], "malformed")
  })

  it("takes strings and byte arrays in every form", () => {
    for (const form of [
      "a3616263",
      "d903616263",
      "da0003616263",
      "db00000003616263",
      "c403616263",
      "c50003616263",
      "c600000003616263",
      "93616263",
      "dc0003616263",
      "dd00000003cc61d062cd0063"
    ]) {
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readString(cursor, 3)),
        ["abc", "ok"],
        form
      )
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readBytes(cursor, 3)),
        [unhex("616263"), "ok"],
        form
      )
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readString(cursor, 2)),
        [undefined, "ok"],
        form
      )
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readBytes(cursor, 2)),
        [undefined, "ok"],
        form
      )
      for (let length = 0; length < form.length / 2; length++) {
        const part = form.slice(0, 2 * length)
        assert.strictEqual(read(part, (cursor) => Reader.readString(cursor, 3))[1], "truncated", part)
        assert.strictEqual(read(part, (cursor) => Reader.readBytes(cursor, 3))[1], "truncated", part)
      }
    }
    for (const form of ["07", "c3", "80", "ca3f800000", "92cd010001", "91ff", "91a161"]) {
      assert.strictEqual(read(form, (cursor) => Reader.readString(cursor, 9))[1], "malformed", form)
      assert.strictEqual(read(form, (cursor) => Reader.readBytes(cursor, 9))[1], "malformed", form)
    }
  })

  it("tells names apart that a lossy decoder would join", () => {
    for (const form of ["a1ff", "a2c3", "a3eda080", "a2c080", "a4f4908080"]) {
      const [text, status] = read(`${form}20`.slice(0, form.length + 2), (cursor) => Reader.readString(cursor, 99))
      assert.deepStrictEqual([text, status], [undefined, "ok"], form)
    }
    const long = join(ascii("x".repeat(40)), Uint8Array.of(0xff))
    assert.isUndefined(Reader.readText(long, 0, long.length))
    assert.strictEqual(Reader.readText(unhex("efbbbf61"), 0, 4), "\ufeffa")
    assert.strictEqual(Reader.readText(long, 0, 40), "x".repeat(40))
  })

  it("takes integers of any form within the field's range", () => {
    for (const form of [
      "05",
      "cc05",
      "cd0005",
      "ce00000005",
      "cf0000000000000005",
      "d005",
      "d10005",
      "d200000005",
      "d30000000000000005"
    ])
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readUnsigned(cursor, 255)),
        [5, "ok"],
        form
      )
    assert.deepStrictEqual(
      read("ceffffffff", (cursor) => Reader.readUnsigned(cursor, 0xffff_ffff)),
      [0xffff_ffff, "ok"]
    )
    for (const form of ["ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"]) {
      assert.deepStrictEqual(read(form, Reader.readInteger), [-1, "ok"], form)
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readUnsigned(cursor, 255)),
        [0, "malformed"],
        form
      )
    }
    for (const form of [
      "cd0100",
      "cf0000000100000000",
      "cf8000000000000000",
      "cfffffffffffffffff",
      "ca3f800000",
      "cb7ff8000000000000",
      "a105",
      "c3",
      "91",
      "80"
    ])
      assert.deepStrictEqual(
        read(form, (cursor) => Reader.readUnsigned(cursor, 255)),
        [0, "malformed"],
        form
      )
  })

  it("takes booleans, also as 0 and 1", () => {
    for (const [form, value] of [
      ["c3", true],
      ["c2", false],
      ["01", true],
      ["00", false],
      ["c0", false]
    ] as const)
      assert.deepStrictEqual(read(form, Reader.readBoolean), [value, "ok"])
    for (const form of ["02", "ff", "a0", "cc01", "90"])
      assert.strictEqual(read(form, Reader.readBoolean)[1], "malformed")
  })

  it("U10: bounds depth, values and declared lengths", () => {
    const nested = (depth: number): string => `81a17a${"91".repeat(depth)}00`
    assert.strictEqual(read(nested(Cursor.depthMax), readPoint)[1], "ok")
    assert.strictEqual(read(nested(Cursor.depthMax + 1), readPoint)[1], "malformed")
    assert.strictEqual(read(nested(10_000), readPoint)[1], "malformed")
    assert.strictEqual(read("dfffffffff", readPoint)[1], "malformed")
    assert.strictEqual(read("ddffffffff", readPoint)[1], "malformed")
    assert.strictEqual(read("81a17addffffffff", readPoint)[1], "malformed")
    assert.strictEqual(read("81a17adfffffffff", readPoint)[1], "malformed")
    assert.strictEqual(read(`81${alpha}ddffffffff`, readPoint)[1], "malformed")
    assert.strictEqual(read(`81${alpha}dbffffffff`, readPoint)[1], "truncated")
    assert.strictEqual(read(`81${alpha}c6ffffffff`, readPoint)[1], "truncated")
    assert.strictEqual(read("81dbffffffff", readPoint)[1], "truncated")
    assert.strictEqual(read(`81a17adc2000${"00".repeat(0x2000)}`, readPoint)[1], "malformed")
  })

  it("refuses keys that are no strings, and values that are no struct", () => {
    for (const text of ["810101", "81c001", "819001", "07", "a0", "c3", "ff", "ca3f800000"])
      assert.strictEqual(read(text, readPoint)[1], "malformed", text)
  })

  it.prop(
    "never throws, and never moves beyond its end",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const bytes = random.bytes(60)
      const cursor = Cursor.make(bytes, 0, random.integer(bytes.length))
      readPoint(cursor)
      assert.isAtMost(cursor.offset, cursor.end)
      if (cursor.status === "truncated") assert.isAbove(cursor.needed, cursor.end)
    },
    { arbitrary: { runs: 1000 } }
  )
})
