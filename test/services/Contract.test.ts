import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"

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

  it("an endpoint serves its own callers, the declared ones, and those that leave the check out", () => {
    assert.deepStrictEqual(
      [Declared.fingerprint, One.fingerprint, 0n, Two.fingerprint, 1n].map((asked) => Contract.serves(Declared, asked)),
      [true, true, true, false, false]
    )
  })
})
