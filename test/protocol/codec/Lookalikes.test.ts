/** What is sent arrives as it is, or is not sent. */
import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema, SchemaAST } from "effect"
import * as Lookalikes from "../../../src/protocol/codec/Lookalikes.ts"
import { Value } from "../../../src/protocol/flow/Message.ts"
import * as Codec from "../../../src/services/Codec.ts"
import { draw, randomOf } from "./Drawn.ts"

type Of = Codec.PureSchema<unknown>

const through = (codec: Codec.Codec<unknown>, message: unknown) =>
  Result.flatMap(codec.encode(message), (bytes) => codec.decode(bytes.slice()))

const within = (codec: Codec.Codec<unknown>, message: unknown) =>
  Result.flatMap(codec.value?.encode(message) ?? Result.fail("no values"), (encoded) =>
    encoded instanceof Value ? (codec.value?.decode(encoded) ?? Result.fail("no values")) : codec.decode(encoded)
  )

const isRefused = (schema: Of, message: unknown): boolean => {
  const codec = Codec.schema(schema)
  const sent = codec.encode(message)
  if (Result.isSuccess(sent)) {
    const got = codec.decode(sent.success)
    assert.isTrue(
      Result.isSuccess(got) && isDeepStrictEqual(got.success, message),
      `${String(message)} is another value`
    )
    assert.deepStrictEqual(within(codec, message), got)
  }
  return Result.isFailure(sent)
}

class Person extends Schema.Class<Person>("Person")({ name: Schema.String }) {}

const { Date: Moment, BigInt: Big, Number: Num, String: Text, Struct, Union } = Schema

describe("a union whose members look alike once they are encoded", () => {
  it("sends what arrives as it is, and refuses what would not", () => {
    const date = new Date(0)
    for (const [schema, sent, refused] of [
      [Union([Num, Text]), [1, Number.NaN, "x", "1"], ["NaN", "Infinity", "-Infinity"]],
      [Union([Text, Num]), [1, "x", "NaN"], [Number.NaN]],
      [Union([Moment, Text]), [date, "x"], ["2020-01-01T00:00:00.000Z", "2020"]],
      [Union([Text, Moment]), ["x", "2020"], [date]],
      [Union([Text, Big]), ["x"], ["1"]],
      [Schema.NullOr(Schema.UndefinedOr(Text)), ["x", undefined], [null]],
      [Union([Struct({ a: Text }), Struct({ a: Text, b: Num })]), [{ a: "x" }], [{ a: "x", b: 1 }]],
      [Union([Struct({ a: Text, b: Num }), Struct({ a: Text })]), [{ a: "x" }, { a: "x", b: 1 }], []],
      [Union([Person, Struct({ name: Text })]), [new Person({ name: "x" })], [{ name: "x" }]],
      [Union([Text, Schema.Finite], { mode: "oneOf" }), ["x", 1], []],
      [Union([Text, Schema.Literal("x")], { mode: "oneOf" }), ["y"], ["x"]],
      [Union([Schema.Array(Text), Schema.Array(Num)]), [["x"], [1]], []],
      [Union([Struct({ n: Num }), Struct({ n: Schema.NumberFromString })]), [{ n: 1 }], []],
      [Schema.fromJsonString(Union([Schema.DateFromString, Text])), [date, "x"], ["2020"]],
      [Union([Schema.Record(Text, Num), Moment]), [{ a: 1 }, date], []]
    ] as ReadonlyArray<readonly [Of, ReadonlyArray<unknown>, ReadonlyArray<unknown>]>) {
      for (const message of sent) assert.isFalse(isRefused(schema, message), `${String(message)} is refused`)
      for (const message of refused) assert.isTrue(isRefused(schema, message), `${String(message)} is sent`)
    }
  })

  it("is found wherever it stands, and the rest goes as it did", () => {
    interface Tree {
      readonly value: number | string
      readonly at: Date
      readonly children: ReadonlyArray<Tree>
    }
    const Tree: Schema.Codec<Tree, unknown> = Struct({
      value: Union([Num, Text]),
      at: Moment,
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree, unknown> => Tree))
    })
    const tree = (value: number | string): Tree => ({
      value: 1,
      at: new Date(0),
      children: [{ value, at: new Date(1), children: [] }]
    })
    assert.isFalse(isRefused(Tree, tree("x")))
    assert.isTrue(isRefused(Tree, tree("NaN")))
    class Both extends Schema.Class<Both>("Both")({ a: Schema.optional(Union([Num, Text])), b: Schema.Option(Num) }) {}
    assert.isTrue(isRefused(Schema.ReadonlyMap(Text, Union([Num, Text])), new Map([["a", "NaN"]])))
    assert.isFalse(isRefused(Schema.ReadonlyMap(Text, Union([Num, Text])), new Map([["a", 1]])))
    assert.isTrue(isRefused(Both, new Both({ a: "NaN", b: Option.none() })))
    assert.isFalse(isRefused(Both, new Both({ a: "x", b: Option.some(1) })))
  })

  it.prop(
    "law: what is encoded arrives as it is, for drawn schemas",
    [Schema.Int],
    ([seed]) => {
      const random = randomOf(seed)
      const { schema, value } = draw(random)
      const codec = Codec.schema(schema)
      for (let i = 0; i < 10; i++) {
        const message = value(random)
        const got = through(codec, message)
        assert.deepStrictEqual(within(codec, message), got)
        if (Result.isFailure(codec.encode(message))) continue
        assert.isTrue(Result.isSuccess(got) && isDeepStrictEqual(got.success, message))
      }
    },
    { arbitrary: { runs: 200 } }
  )

  it("costs nothing where members are told apart", () => {
    for (const schema of [
      Schema.NullOr(Num),
      Schema.Literals(["a", "b"]),
      Union([Schema.TaggedStruct("A", { n: Num }), Schema.TaggedStruct("B", { n: Text })]),
      Schema.Option(Moment),
      Union([Text, Schema.Finite, Schema.Null, Schema.Array(Text)]),
      Struct({ a: Schema.optional(Text), b: Union([Schema.Literal("a"), Text]) })
    ]) {
      const encoder = SchemaAST.flip(Schema.toCodecJson(schema).ast)
      assert.strictEqual(Lookalikes.guard(encoder), encoder)
    }
  })
})
