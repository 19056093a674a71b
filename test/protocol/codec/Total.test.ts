/** What a codec is given, or its schema does, is a failure of it and never a defect. */
import * as vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, SchemaGetter } from "effect"
import * as JsonBounds from "../../../src/protocol/codec/JsonBounds.ts"
import { Value } from "../../../src/protocol/flow/Message.ts"
import * as Codec from "../../../src/services/Codec.ts"
import { MalformedMessage } from "../../../src/services/FlowError.ts"

interface List {
  readonly tail: List | null
}
const List: Schema.Codec<List> = Schema.Struct({ tail: Schema.NullOr(Schema.suspend((): Schema.Codec<List> => List)) })

const listOf = (depth: number): List => {
  let list: List = { tail: null }
  for (let i = 0; i < depth; i++) list = { tail: list }
  return list
}

const textOf = (depth: number, [open, close]: readonly [string, string]) =>
  new TextEncoder().encode(`${open.repeat(depth)}null${close.repeat(depth)}`)

/** Nobody may fail to say why. */
const assertFails = (result: Result.Result<unknown, unknown> | undefined, what: string) => {
  assert.isTrue(result !== undefined && Result.isFailure(result), what)
  if (result !== undefined && Result.isFailure(result))
    assert.isString(new MalformedMessage({ cause: result.failure }).message)
}

const thrown = (): never => {
  throw new Error("by a user")
}
const decodedBy = (decode: SchemaGetter.Getter<string, string>, encode: SchemaGetter.Getter<string, string>) =>
  Schema.String.pipe(Schema.decodeTo(Schema.String, { decode, encode }))

describe("a codec", () => {
  it("refuses what is nested too deeply, and takes what is not", () => {
    const codec = Codec.schema(List)
    assert.isTrue(Result.isSuccess(Result.flatMap(codec.encode(listOf(100)), codec.decode)))
    for (const depth of [20_000, 200_000]) {
      assertFails(codec.encode(listOf(depth)), "encode")
      assertFails(codec.value?.encode(listOf(depth)), "encode within")
      assertFails(codec.decode(textOf(depth, ['{"tail":', "}"])), "decode")
      assert.isObject(Codec.json.decode(textOf(depth, ["[", "]"])))
    }
    let deep: Schema.Json = null
    for (let i = 0; i < 200_000; i++) deep = [deep]
    assertFails(Codec.json.encode(deep), "encode JSON")
  })

  it("does not begin to read what is nested too deeply, and does not write it", () => {
    const refused = Result.fail("nested deeper than 4096")
    for (const text of ["[".repeat(4_194_304), `${"[".repeat(2_097_152)}${"]".repeat(2_097_152)}`])
      assert.deepStrictEqual(Codec.json.decode(new TextEncoder().encode(text)), refused)
    const nested = (depth: number) => Array.from({ length: depth }).reduce<Schema.Json>((inner) => [inner], null)
    assert.deepStrictEqual(Codec.json.encode(nested(4097)), refused)
    assert.deepStrictEqual(Codec.json.value?.encode(nested(4097)), refused)
    assert.isTrue(Result.isSuccess(Result.flatMap(Codec.json.encode(nested(2000)), Codec.json.decode)))
  })

  it("does not begin to read what has too many values, and does not write it", () => {
    const broad = Array.from({ length: JsonBounds.containersMax }, () => [])
    const refused = Result.fail(`more than ${JsonBounds.containersMax} arrays and objects`)
    for (const codec of [Codec.json, Codec.schema(Schema.Array(Schema.Array(Schema.Json)))]) {
      assert.deepStrictEqual(codec.decode(new TextEncoder().encode(JSON.stringify(broad))), refused)
      assert.deepStrictEqual(codec.encode(broad), refused)
      assert.deepStrictEqual(codec.value?.encode(broad), refused)
      assert.isTrue(Result.isSuccess(Result.flatMap(codec.encode(broad.slice(1)), codec.decode)))
    }
  })

  it("says what is wrong at any depth that it can look at", () => {
    const codec = Codec.schema(List)
    for (let depth = 1; depth < 20_000; depth = Math.ceil(depth * 1.5))
      assertFails(
        codec.decode(textOf(depth, ['{"tail":', ',"x":1}']).map((byte) => (byte === 110 ? 49 : byte))),
        "decode"
      )
  })

  it("refuses what its schema throws at", () => {
    const pass = SchemaGetter.passthrough<string>()
    const throws = SchemaGetter.transform<string, string>(thrown)
    const filter = Codec.schema(Schema.String.check(Schema.makeFilter(thrown)))
    const bytes = new TextEncoder().encode('"x"')
    assertFails(filter.encode("x"), "a filter, on encoding")
    assertFails(filter.decode(bytes), "a filter, on decoding")
    assertFails(Codec.schema(decodedBy(throws, pass)).decode(bytes), "a transformation, on decoding")
    const encode = Codec.schema(decodedBy(pass, throws))
    assertFails(encode.encode("x"), "a transformation, on encoding")
    assertFails(encode.value?.encode("x"), "the same within a process")
    assertFails(filter.value?.decode(new Value("x", 1)), "a filter within a process")
    const union = Codec.schema(Schema.Union([decodedBy(pass, throws), Schema.Number]))
    assertFails(union.encode("x"), "a member of a union")
    const getter = Codec.schema(Schema.Struct({ a: Schema.String }))
    assertFails(getter.encode(Object.defineProperty({ a: "" }, "a", { get: thrown })), "a getter")
  })

  it("refuses what its schema would have to wait for", () => {
    const pass = SchemaGetter.passthrough<string>()
    const slow = SchemaGetter.transformEffect((text: string) => Effect.delay(Effect.succeed(text), 1))
    const bytes = new TextEncoder().encode('"x"')
    assertFails(Codec.schema(decodedBy(slow, pass)).decode(bytes), "decode")
    assertFails(Codec.schema(decodedBy(pass, slow)).encode("x"), "encode")
  })

  it("of a user's may throw", () => {
    const own = { _tag: "Codec", id: "own", shape: "", encode: thrown, decode: thrown } as const
    const all = { ...own, encodeAll: thrown, decodeAll: thrown, value: { encode: thrown, decode: thrown } }
    const codec = Codec.from<string>(all)
    assertFails(codec.encode("x"), "encode")
    assertFails(codec.decode(Uint8Array.of(1)), "decode")
    assertFails(codec.encodeAll?.(["x"]), "encode a batch")
    assertFails(codec.decodeAll?.([Uint8Array.of(1)]), "decode a batch")
    assertFails(codec.value?.encode("x"), "encode a value")
    assertFails(codec.value?.decode(new Value("x", 1)), "decode a value")
    assert.isUndefined(Codec.from<string>(own).encodeAll)
    assert.strictEqual(Codec.from(Codec.bytes), Codec.bytes)
    assert.strictEqual(Codec.from(Codec.json), Codec.json)
  })

  it("of bytes takes those of another realm, and nothing that is none", () => {
    const foreign: Uint8Array = vm.runInNewContext("Uint8Array.of(1, 2)")
    assert.notInstanceOf(foreign, Uint8Array)
    assert.deepStrictEqual(
      Result.map(Codec.bytes.encode(foreign), (bytes) => [...bytes]),
      Result.succeed([1, 2])
    )
    assert.isTrue(Result.isSuccess(Codec.bytes.encodeAll?.([foreign]) ?? Result.fail("none")))
    assert.isTrue(Result.isSuccess(Codec.bytes.encode(Buffer.from([1]))))
    const { encode } = Codec.bytes as Codec.Codec<unknown>
    for (const other of [
      new Uint8ClampedArray(1),
      new Uint16Array(1),
      new DataView(new ArrayBuffer(1)),
      new ArrayBuffer(1),
      [1],
      "a",
      { [Symbol.toStringTag]: "Uint8Array" },
      Object.defineProperty(new DataView(new ArrayBuffer(1)), Symbol.toStringTag, { value: "Uint8Array" }),
      undefined
    ])
      assertFails(encode(other), Object.prototype.toString.call(other))
  })
})
