import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { toHex } from "../../src/protocol/Fingerprint.ts"
import { compatibleMax } from "../../src/protocol/names/NameRecords.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import { draw, randomOf } from "../protocol/codec/Drawn.ts"

const textOf = (input: Schema.Codec<string, unknown>, compatibleWith: ReadonlyArray<Contract.Signature> = []) =>
  Contract.make("text", { input, output: Schema.String, compatibleWith })

const One = textOf(Schema.Literal("a"))
const Two = textOf(Schema.Literals(["a", "b"]))
const Bytes = Contract.make("text", { input: Codec.bytes, output: Codec.bytes })

describe("compatibleWith", () => {
  it("keeps the fingerprint, and lists each other contract of the same codec once, ascending", () => {
    const plain = textOf(Schema.String)
    const declared = textOf(Schema.String, [Two, One, Two, Bytes, plain])
    assert.strictEqual(declared.fingerprint, plain.fingerprint)
    assert.deepStrictEqual(plain.compatible, [])
    assert.deepStrictEqual(
      declared.compatible,
      [One.fingerprint, Two.fingerprint].sort((a, b) => (a < b ? -1 : 1))
    )
  })
})

describe("what two sides speak", () => {
  const Declared = textOf(Schema.String, [One])
  const told = (contract: Contract.Contract<string, string, never>) => ({
    contract: contract.fingerprint,
    compatible: contract.compatible
  })

  it("the same contract, the caller's that the endpoint serves, the endpoint's that the caller speaks", () => {
    assert.strictEqual(Contract.common(Declared, told(Declared)), Declared.fingerprint)
    assert.strictEqual(Contract.common(One, told(Declared)), One.fingerprint)
    assert.strictEqual(Contract.common(Declared, told(One)), One.fingerprint)
    assert.isUndefined(Contract.common(Two, told(Declared)))
    assert.isUndefined(Contract.common(Declared, told(Two)))
    assert.isUndefined(Contract.common(Declared, told(textOf(Schema.Literal("c"), [One]))), "not through a third one")
  })

  it("a host of version 0.1.0 and one of today, whichever calls, by the fingerprint that the former knows", () => {
    const { fingerprint, former = 0n } = Declared
    assert.notStrictEqual(former, fingerprint)
    const old = { fingerprint: former, compatible: [] }
    assert.isTrue(Contract.serves(Declared, former))
    assert.strictEqual(Contract.common(Declared, { contract: former }), former)
    assert.strictEqual(Contract.common(old, Contract.told(Declared)), former)
    assert.strictEqual(
      Contract.common({ fingerprint: One.former ?? 0n, compatible: [] }, Contract.told(Declared)),
      One.former
    )
    assert.isUndefined(Contract.common(old, Contract.told(Two)))
    assert.isUndefined(Contract.common(Two, { contract: former }))
  })

  it("a record says the declared ones, and the former ones while there is room", () => {
    const many = Array.from({ length: compatibleMax - 1 }, (_, at) => textOf(Schema.Literal(`${at}`)))
    const declared = textOf(Schema.String, many)
    const { compatible = [] } = Contract.told(declared)
    assert.strictEqual(compatible.length, compatibleMax)
    assert.includeMembers([...compatible], [...declared.compatible])
    assert.deepStrictEqual(Contract.told(Bytes), { contract: Bytes.fingerprint })
  })

  it("an endpoint serves its own callers, the declared ones, and those that leave the check out", () => {
    assert.deepStrictEqual(
      [Declared.fingerprint, One.fingerprint, 0n, Two.fingerprint, 1n].map((asked) => Contract.serves(Declared, asked)),
      [true, true, true, false, false]
    )
  })
})

class Banned extends Schema.TaggedError<Banned>()("Banned", { until: Schema.String }) {}
class Said extends Schema.Class<Said>("Said")({ from: Schema.String, text: Schema.String }) {}

const of = (input: Codec.PureSchema<unknown>) => Contract.make("of", { input, output: Schema.String }).fingerprint

describe("the fingerprint", () => {
  it("by which version 0.1.0 knows a contract is the one that it computed", () => {
    const { String: Text, Struct } = Schema
    const input = Struct({ text: Text })
    const output = Struct({ from: Text, text: Text })
    const former = (contract: Contract.Signature) => toHex(contract.former ?? contract.fingerprint)
    assert.strictEqual(former(Contract.make("a", { input: Text, output: Text })), "2cce4cc7623ce7e7")
    assert.strictEqual(former(Contract.make("a", { input, output, error: Banned })), "766d39a39cf4d9ab")
    assert.strictEqual(former(Contract.make("a", { input: Codec.bytes, output: Codec.json })), "378bff53eac5dfef")
  })

  it("stays what it is", () => {
    const said = Contract.make("a", { input: Schema.String, output: Said, error: Banned })
    assert.strictEqual(toHex(said.fingerprint), "2b5491e79b1b311d")
  })

  it.prop("is that of the bytes, for drawn schemas: notes and names change nothing", [Schema.Int], ([seed]) => {
    const random = randomOf(seed)
    const [one, other] = [draw(random).schema, draw(random).schema]
    const name = (schema: Codec.PureSchema<unknown>, identifier: string) =>
      schema.annotate({ identifier, title: "t", description: "d" })
    const { Array, NullOr, Struct } = Schema
    assert.strictEqual(of(name(one, "One")), of(one))
    const plain = Struct({ a: one, b: Array(other), c: NullOr(one) })
    const named = { c: NullOr(name(one, "One")), b: name(Array(name(other, "Other")), "All"), a: name(one, "One") }
    assert.strictEqual(of(Struct(named)), of(plain))
    assert.notStrictEqual(of(Struct({ a: one, b: Array(other) })), of(plain))
  })

  it("is that of the bytes: a note, a name, a class, another order of fields change nothing", () => {
    const { Number: Num, String: Text, Struct } = Schema
    const plain = Struct({ from: Text, text: Text })
    const noted = Text.annotate({ title: "t", description: "d", identifier: "T", examples: ["x"], default: "x" })
    const same: ReadonlyArray<Codec.PureSchema<unknown>> = [
      plain,
      plain.annotate({ title: "Said", description: "d", identifier: "Said" }),
      Struct({ text: Text, from: Text }),
      Struct({ from: noted, text: Text.annotateKey({ description: "d" }) }),
      Struct({ from: Text.annotate({ identifier: "A" }), text: Text.annotate({ identifier: "A" }) }),
      Said,
      Schema.suspend(() => plain)
    ]
    for (const schema of same) assert.strictEqual(of(schema), of(plain))
    const checked = Struct({ from: Text.check(Schema.isMinLength(1, { description: "d" })), text: Text })
    assert.strictEqual(of(checked), of(Struct({ from: Schema.NonEmptyString, text: Text })))
    const others: ReadonlyArray<Codec.PureSchema<unknown>> = [
      Struct({ from: Text, text: Num }),
      Struct({ from: Text, words: Text }),
      Struct({ from: Text, text: Schema.optionalKey(Text) }),
      Struct({ from: Text, text: Schema.NullOr(Text) }),
      Struct({ from: Text, text: Schema.Uint8Array }),
      checked,
      Schema.Tuple([Text, Text])
    ]
    assert.strictEqual(new Set([plain, ...others].map((schema) => of(schema))).size, others.length + 1)
  })
})
