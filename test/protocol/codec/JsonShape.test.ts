import { assert, describe, it } from "@effect/vitest"
import { canonical } from "../../../src/protocol/codec/JsonShape.ts"

const shape = (schema: unknown, definitions: Readonly<Record<string, unknown>> = {}) =>
  canonical({ schema, definitions })
const ref = (name: string) => ({ $ref: `#/$defs/${name}` })
const text = { type: "string" }
const list = (tail: unknown) => ({ type: "object", properties: { tail: { anyOf: [tail, { type: "null" }] } } })

describe("the canonical text of a JSON Schema", () => {
  it("is the same without what is noted, in another order, and by other names", () => {
    const plain = { type: "object", properties: { a: text, description: text }, required: ["a", "description"] }
    for (const same of [
      { title: "A", ...plain, description: "all of it" },
      { required: ["description", "a"], properties: { description: text, a: text }, type: "object" },
      { ...plain, properties: { a: { type: "string", allOf: [{ description: "one" }] }, description: text } },
      { ...plain, properties: { a: { ...text, examples: ["x"], default: "x", format: "email" }, description: text } }
    ])
      assert.strictEqual(shape(same), shape(plain))
    assert.strictEqual(shape(ref("A"), { A: plain }), shape(plain))
    assert.strictEqual(shape({ allOf: [ref("A")], title: "B" }, { A: plain }), shape(plain))
    assert.strictEqual(
      shape({ ...plain, properties: { a: ref("T"), description: ref("T") } }, { T: text }),
      shape(plain)
    )
    assert.strictEqual(
      shape({ ...ref("T"), minLength: 1 }, { T: { ...text, title: "T" } }),
      shape({ minLength: 1, type: "string" })
    )
    assert.strictEqual(shape({ enum: ["b", "a"] }), shape({ enum: ["a", "b"] }))
  })

  it("takes a union in a union for its members, by whatever name", () => {
    const [number, nothing] = [{ type: "number" }, { type: "null" }]
    const plain = shape({ anyOf: [text, number, nothing] })
    assert.strictEqual(shape({ anyOf: [{ anyOf: [text, number] }, nothing] }), plain)
    assert.strictEqual(shape({ anyOf: [ref("A"), nothing] }, { A: { anyOf: [text, number], title: "A" } }), plain)
    assert.strictEqual(shape({ anyOf: [ref("A"), nothing] }, { A: ref("B"), B: { anyOf: [text, number] } }), plain)
    assert.isString(shape(ref("A"), { A: { anyOf: [ref("A"), text] } }))
    const values = (...all: ReadonlyArray<string>) => ({ type: "string", enum: all })
    assert.strictEqual(shape({ anyOf: [values("a"), values("b")] }), shape(values("a", "b")))
    assert.strictEqual(shape({ anyOf: [ref("L"), values("c")] }, { L: values("b", "a") }), shape(values("a", "b", "c")))
  })

  it("is another one for other bytes", () => {
    const all = [
      text,
      { type: "string", contentEncoding: "base64" },
      { type: "string", minLength: 1 },
      { type: "number" },
      { anyOf: [text, { type: "null" }] },
      { anyOf: [{ type: "null" }, text] },
      { oneOf: [text, { type: "null" }] },
      { type: "array", prefixItems: [text, { type: "number" }] },
      { type: "array", prefixItems: [{ type: "number" }, text] },
      { type: "object", properties: { a: text } },
      { type: "object", properties: { b: text } },
      { type: "object", properties: { a: text }, required: ["a"] },
      { type: "object", properties: { a: text, description: text }, required: ["a"] },
      { type: "object", additionalProperties: text },
      { enum: ["a"] },
      { enum: ["a", "b"] },
      {}
    ]
    assert.strictEqual(new Set(all.map((schema) => shape(schema))).size, all.length)
  })

  it("follows what is within itself, however it is written", () => {
    const plain = shape(ref("List"), { List: list(ref("List")) })
    assert.strictEqual(shape(ref("A"), { A: list(ref("A")) }), plain)
    assert.strictEqual(shape(list(ref("A")), { A: list(ref("A")) }), plain, "once unfolded")
    assert.strictEqual(shape(ref("A"), { A: list(ref("B")), B: list(ref("A")) }), plain, "by way of another")
    assert.strictEqual(shape(ref("A"), { A: ref("B"), B: list(ref("A")) }), plain, "by another name")
    const named = { type: "object", properties: { tail: ref("Tail") } }
    assert.strictEqual(shape(ref("A"), { A: named, Tail: { anyOf: [ref("A"), { type: "null" }] } }), plain)
    assert.notStrictEqual(shape(ref("A"), { A: list(ref("B")), B: list(text) }), plain)
    assert.isString(shape(ref("A"), { A: ref("A") }), "a name for nothing")
  })

  it("is as long as its document, however its definitions refer to each other", () => {
    const names = Array.from({ length: 60 }, (_, at) => `N${at}`)
    const fields = (own: string) => ({
      type: "object",
      properties: Object.fromEntries([...names.map((name) => [name, ref(name)] as const), [own, text]])
    })
    const definitions = Object.fromEntries(names.map((name) => [name, fields(`own${name}`)]))
    assert.isBelow(shape(ref("N0"), definitions).length, 10 * JSON.stringify(definitions).length)
  })
})
