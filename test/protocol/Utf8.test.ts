import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Utf8 from "../../src/protocol/Utf8.ts"

describe("UTF-8", () => {
  it.prop(
    "is what the platform writes, and stays so whatever is encoded later",
    [Schema.Array(Schema.String)],
    ([texts]) => {
      const all = [...texts, "é€😀", "\ud800", "x".repeat(2730), "x".repeat(2731), "€".repeat(20_000)]
      const encoded = all.map(Utf8.encode)
      all.forEach((text, index) => {
        assert.deepStrictEqual(encoded[index], new TextEncoder().encode(text))
      })
    }
  )
})
