import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Pem from "../../src/protocol/Pem.ts"

const block = (label: string, body = "QUJD") => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`
const [one, two] = [block("CERTIFICATE", "MTEx"), block("CERTIFICATE", "MjIy")]

describe("texts in PEM", () => {
  it("are their blocks, whatever is around them", () => {
    const text = `subject=a\n${one}\n\nsubject=b\r\n${two}\n${block("EC PRIVATE KEY")}`
    assert.deepStrictEqual(Result.getOrThrow(Pem.blocks(text)), [
      { label: "CERTIFICATE", text: one },
      { label: "CERTIFICATE", text: two },
      { label: "EC PRIVATE KEY", text: block("EC PRIVATE KEY") }
    ])
  })

  it("are refused when they are empty, or no PEM", () => {
    for (const text of ["", " \n\t"]) assert.deepStrictEqual(Pem.blocks(text), Result.fail("is empty"))
    for (const text of ["nonsense", "/etc/tls.key"]) {
      assert.deepStrictEqual(Pem.blocks(text), Result.fail("is no PEM"))
      assert.isFalse(Pem.isPem(text))
    }
  })

  it("are refused when they were cut off anywhere, but between two blocks", () => {
    const text = `${one}\n${two}\n`
    for (let length = 1; length < text.length; length++) {
      const found = Result.isSuccess(Pem.blocks(text.slice(0, length)))
      const isWhole = length >= text.trimEnd().length || length === one.length || length === one.length + 1
      assert.strictEqual(found, isWhole, text.slice(0, length))
    }
    for (let from = 1; from < one.length; from++)
      assert.isTrue(Result.isFailure(Pem.blocks(one.slice(from))), String(from))
    assert.isTrue(Result.isFailure(Pem.blocks(`${block("CERTIFICATE").replace("END CERTIFICATE", "END X509 CRL")}`)))
  })

  it("may come from a variable, with their ends of lines spelt out", () => {
    assert.strictEqual(Pem.unescaped(one.replaceAll("\n", "\\n")), one)
  })
})
