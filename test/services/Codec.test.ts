/** Within a process a value takes the place of its text: whoever reads it must not be able to tell. */
import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { bytesAbove, bytesOf, Value } from "../../src/protocol/flow/Message.ts"
import * as Codec from "../../src/services/Codec.ts"

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, y: Schema.Number }) {}

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)).check(Schema.isMaxLength(2))
})

const Small = Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 3 }))

const schemas: Readonly<Record<string, Codec.PureSchema<unknown>>> = {
  String: Schema.String,
  NonEmptyString: Schema.NonEmptyString,
  Number: Schema.Number,
  Finite: Schema.Finite,
  Small,
  Boolean: Schema.Boolean,
  Null: Schema.Null,
  Undefined: Schema.Undefined,
  BigInt: Schema.BigInt,
  Literals: Schema.Literals(["a", "b", 1]),
  Date: Schema.Date,
  Bytes: Schema.Uint8Array,
  URL: Schema.URL,
  Json: Schema.Json,
  Unknown: Schema.Unknown,
  Struct: Schema.Struct({ from: Schema.String, text: Schema.String }),
  Optional: Schema.Struct({ a: Schema.optionalKey(Schema.Number), b: Schema.optional(Schema.String) }),
  Nullable: Schema.Struct({ a: Schema.NullOr(Schema.Number), b: Schema.UndefinedOr(Schema.Date) }),
  Nested: Schema.Struct({
    at: Schema.Date,
    tags: Schema.Array(Schema.Struct({ id: Schema.BigInt, n: Schema.Number }))
  }),
  Tuple: Schema.Tuple([Schema.String, Schema.Number, Schema.Boolean]),
  Record: Schema.Record(Schema.String, Schema.Number),
  Union: Schema.Union([
    Schema.Struct({ a: Schema.String, x: Schema.optionalKey(Schema.String) }),
    Schema.Struct({ a: Schema.String, b: Schema.Number })
  ]),
  Tagged: Schema.Union([Schema.TaggedStruct("A", { n: Small }), Schema.TaggedStruct("B", { s: Schema.String })]),
  Class: Point,
  Error: Refused,
  Transformed: Schema.Struct({ n: Schema.NumberFromString, d: Schema.DateFromString }),
  Option: Schema.Option(Schema.String),
  Map: Schema.ReadonlyMap(Schema.String, Schema.Number),
  Tree
}

/** What no schema would make up, and what some must refuse. */
const strangers: ReadonlyArray<unknown> = [
  undefined,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1n,
  Symbol("s"),
  () => 1,
  "\ud800",
  [],
  [undefined, 1],
  new Array(2),
  {},
  { a: -0, b: undefined },
  { a: "1", b: 2, x: 5 },
  { from: "a", text: "b", extra: [1] },
  JSON.parse('{"__proto__": {"a": 1}, "from": "a", "text": "b"}'),
  Object.create(null, { from: { value: "a", enumerable: true }, text: { value: "b", enumerable: true } }),
  { toJSON: () => "told" },
  Object.assign([1], { toJSON: () => "told" }),
  new Date(0),
  new Date(Number.NaN),
  new Map([["a", 1]]),
  new Uint8Array([1]),
  new (class Own {
    from = "a"
    text = "b"
  })(),
  Array.from({ length: 70_000 }, () => 0),
  "x".repeat(100_000),
  { from: "x".repeat(100_000), text: "" }
]

/** Everything that somebody could change through this. */
const objectsIn = (value: unknown, found = new Set<object>()): ReadonlySet<object> => {
  if (typeof value !== "object" || value === null || found.has(value)) return found
  found.add(value)
  for (const key of Reflect.ownKeys(value)) objectsIn(Reflect.get(value, key), found)
  if (value instanceof Map) for (const entry of value) objectsIn([...entry], found)
  if (ArrayBuffer.isView(value)) found.add(value.buffer)
  return found
}

const through = (codec: Codec.Codec<unknown>, message: unknown): Result.Result<unknown, unknown> =>
  Result.flatMap(codec.encode(message), (bytes) => codec.decode(bytes.slice()))

/** As a reader of this process gets it. */
const within = (codec: Codec.Codec<unknown>, message: unknown): Result.Result<unknown, unknown> => {
  const { value } = codec
  if (value === undefined) return through(codec, message)
  return Result.flatMap(value.encode(message), (encoded) =>
    encoded instanceof Value ? value.decode(encoded) : codec.decode(encoded.slice())
  )
}

const check = (codec: Codec.Codec<unknown>, message: unknown): void => {
  const expected = through(codec, message)
  const got = within(codec, message)
  assert.strictEqual(Result.isSuccess(got), Result.isSuccess(expected))
  assert.strictEqual(
    Result.isSuccess(codec.value?.encode(message) ?? expected),
    Result.isSuccess(codec.encode(message))
  )
  if (Result.isFailure(got) || Result.isFailure(expected)) return
  assert.isTrue(isDeepStrictEqual(got.success, expected.success))
  const theirs = objectsIn(message)
  // What every decoding gives, such as `Option.none`, is nobody's.
  const everybodys = objectsIn(expected.success)
  for (const object of objectsIn(got.success))
    assert.isFalse(theirs.has(object) && !everybodys.has(object), "the sender could change it")
}

const checkText = (codec: Codec.Codec<unknown>, message: unknown): void => {
  const encoded = codec.value?.encode(message)
  if (encoded === undefined || Result.isFailure(encoded) || !(encoded.success instanceof Value)) return
  const text = codec.encode(message)
  assert.isTrue(Result.isSuccess(text))
  if (Result.isFailure(text)) return
  const { byteLength } = text.success
  assert.isAtMost(byteLength, 3 * encoded.success.byteLength)
  assert.strictEqual(bytesAbove(encoded.success, byteLength), undefined)
  assert.strictEqual(bytesAbove(encoded.success, byteLength - 1), byteLength)
  assert.deepStrictEqual(new TextDecoder().decode(bytesOf(encoded.success)), new TextDecoder().decode(text.success))
}

describe("bytes", () => {
  it("are encoded as a batch as one by one, and the list is nobody else's", () => {
    const messages = [Uint8Array.of(1), Uint8Array.of(2)]
    const encoded = Codec.bytes.encodeAll?.(messages)
    assert.deepStrictEqual(encoded, Result.succeed(messages))
    if (encoded === undefined || Result.isFailure(encoded)) return assert.fail()
    assert.notStrictEqual(encoded.success, messages)
    const strange = [Uint8Array.of(1), JSON.parse('"2"')]
    const failed = Codec.bytes.encodeAll?.(strange)
    assert.isTrue(failed !== undefined && Result.isFailure(failed))
    assert.isTrue(Result.isFailure(Codec.bytes.encode(strange[1])))
  })
})

describe("a value in place of its text", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const codec = Codec.schema(schema)
    it.prop(`is what the text would have given: ${name}`, [schema], ([message]) => {
      check(codec, message)
      checkText(codec, message)
    })
    it(`fails as the text would have, and copies what is strange: ${name}`, () => {
      for (const message of strangers) {
        check(codec, message)
        checkText(codec, message)
      }
    })
  }

  it("is a value for what is small and plain, and text for what is not", () => {
    const encode = (schema: Codec.PureSchema<unknown>, message: unknown) => {
      const encoded = Codec.schema(schema).value?.encode(message)
      return encoded !== undefined && Result.isSuccess(encoded) ? encoded.success : undefined
    }
    assert.instanceOf(encode(Schema.String, "a"), Value)
    assert.instanceOf(encode(Tree, { name: "a", children: [{ name: "b", children: [] }] }), Value)
    assert.instanceOf(encode(Schema.String, "a".repeat(100_000)), Uint8Array)
    const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 1)
    assert.instanceOf(encode(Schema.Json, deep), Uint8Array)
  })

  it("what goes in circles is refused as by its text", () => {
    const circle: Array<unknown> = []
    circle.push(circle, circle)
    check(Codec.schema(Schema.Unknown), circle)
  })
})
