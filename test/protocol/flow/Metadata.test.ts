/** Metadata of a caller: bounded, and told only to who asks for a key. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Equal, Formatter, Hash, Result } from "effect"
import * as Metadata from "../../../src/protocol/flow/Metadata.ts"

const parsed = (said: Record<string, unknown>) => Metadata.parse(Object.entries(said))

const made = (said: Record<string, string>): Metadata.Metadata => Result.getOrThrow(parsed(said))

const many = (keys: number, value: string) =>
  Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, value]))

describe("metadata", () => {
  it("gives what was said to who asks for its key", () => {
    const said = made({ token: "secret", "tenant.id": "Zürich 7", empty: "" })
    assert.strictEqual(said.get("token"), "secret")
    assert.strictEqual(said.get("tenant.id"), "Zürich 7")
    assert.strictEqual(said.get("empty"), "")
    assert.isUndefined(said.get("constructor"))
    assert.isUndefined(said.get("__proto__"))
    assert.deepStrictEqual([said.has("empty"), said.has("else"), said.size], [true, false, 3])
    assert.deepStrictEqual(said.keys, ["token", "tenant.id", "empty"])
  })

  it("tells no value to whoever prints or serializes what holds it", () => {
    const peer = { id: "a", metadata: made({ token: "secret" }) }
    const texts = [
      JSON.stringify(peer),
      inspect(peer, { showHidden: true, depth: 10 }),
      String(peer.metadata),
      `${peer.metadata}`,
      Formatter.format(peer),
      Formatter.formatJson(peer),
      JSON.stringify(structuredClone({ ...peer.metadata }))
    ]
    for (const text of texts) assert.notInclude(text, "secret")
    for (const text of texts.slice(0, 4)) assert.include(text, "token")
  })

  it("is another where it says something else, for whoever remembers by it", () => {
    const [a, b, c] = [made({ token: "a" }), made({ token: "b" }), made({ token: "a" })]
    assert.isFalse(Equal.equals({ metadata: a }, { metadata: b }))
    assert.isTrue(Equal.equals({ metadata: a }, { metadata: c }))
    assert.strictEqual(Hash.hash(a), Hash.hash(c))
    assert.isFalse(Equal.equals(a, made({ token: "a", tenant: "x" })))
  })

  const refused: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
    ["17 keys", many(17, "")],
    ["an empty key", { "": "secret" }],
    ["a key of 65 characters", { ["a".repeat(65)]: "secret" }],
    ["a key in capitals", { Token: "secret" }],
    ["a key with a line in it", { "a\nb": "secret" }],
    ["a value of 1,025 bytes", { a: "x".repeat(1025) }],
    ["a value of 1,026 bytes in fewer characters", { a: "é".repeat(513) }],
    ["a value with a line in it", { a: "secret\nx" }],
    ["a value with NUL in it", { a: "secret\0" }],
    ["half a character", { a: "secret\ud800" }],
    ["a number", { a: 7 }],
    ["nothing", { a: undefined }],
    ["4,097 bytes", { ...many(4, "x".repeat(1021)), k4: "x".repeat(3) }]
  ]
  it.each(refused)("is refused with %s, and no value is told", (_, said) => {
    const failure = Result.isFailure(parsed(said)) ? Result.getOrThrow(Result.flip(parsed(said))) : assert.fail("taken")
    assert.notInclude(failure, "secret")
    assert.notMatch(failure, /[\p{Cc}]/u)
  })

  it("may have what is just within its bounds", () => {
    assert.strictEqual(made(many(16, "")).size, 16)
    assert.strictEqual(made({ ["a".repeat(64)]: "x".repeat(1024) }).size, 1)
    assert.strictEqual(made({ ...many(4, "x".repeat(1021)), k4: "x".repeat(2) }).size, 5)
  })

  it("is said in one place only", () => {
    const merged = (a: Record<string, string>, b: Record<string, string>) => Metadata.merge(made(a), made(b))
    assert.deepStrictEqual(Result.getOrThrow(merged({ a: "1" }, { b: "2" })).revealed, { a: "1", b: "2" })
    assert.isTrue(Result.isFailure(merged({ a: "1" }, { a: "1" })))
    assert.isTrue(Result.isFailure(merged(many(16, ""), { other: "" })))
    assert.deepStrictEqual(Result.getOrThrow(merged({}, { b: "2" })).revealed, { b: "2" })
  })
})
