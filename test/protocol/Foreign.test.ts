import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Foreign from "../../src/protocol/Foreign.ts"

const Said = Schema.Array(
  Schema.Literals([
    "a",
    "ü",
    "日",
    "😀",
    " ",
    '"',
    "\\",
    "\n",
    "\r",
    "\0",
    "\x1b[2J",
    "\u202e",
    "\u2028",
    "\u200b",
    "\ud800",
    "\x7f",
    "\u0085",
    "\ufeff"
  ])
)

describe("foreign text", () => {
  it.prop("has nothing but what is printed, and no more than its bound", [Said], ([parts]) => {
    const said = parts.join("")
    for (const shown of [Foreign.text(said), Foreign.quoted(said)]) {
      assert.notMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      assert.isAtMost(shown.length, Foreign.lengthMax + 5)
    }
    assert.notMatch(Foreign.quoted(said).slice(1, -1), /(?<!\\)(?:\\\\)*"/)
  })

  it("is what it was when it is harmless", () => {
    for (const said of ["", "host-1.shop", "an answer of 3 bytes", "日本 😀 ü"]) {
      assert.strictEqual(Foreign.text(said), said)
      assert.strictEqual(Foreign.quoted(said), `"${said}"`)
    }
  })

  it("says what it was when it is not", () => {
    assert.strictEqual(Foreign.text("a\nb\u202ec"), "a\\u{a}b\\u{202e}c")
    assert.strictEqual(Foreign.quoted('a\nb"'), '"a\\nb\\""')
    assert.strictEqual(Foreign.text("x".repeat(60_000), 5), "xxxxx...")
  })

  it("cuts no character in two, also where what comes before it is written at length", () => {
    assert.strictEqual(Foreign.text("\u{1f980}\u{1f980}", 3), "\u{1f980}...")
    assert.strictEqual(Foreign.text("\n\u{1f980}", 6), "\\u{a}...")
  })
})
