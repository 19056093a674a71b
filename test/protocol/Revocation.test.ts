/** Lists of certificates that count no more. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Revocation from "../../src/protocol/Revocation.ts"

const print = "AB".repeat(32)
const colons = Array.from({ length: 32 }, () => "ab").join(":")

const parsed = (text: string): Revocation.Revocation =>
  Result.getOrThrowWith(Revocation.parse(text), (why) => new Error(why))

const why = (text: string): string => {
  const read = Revocation.parse(text)
  return Result.isFailure(read) ? read.failure : assert.fail("it can be read")
}

describe("a list of revoked certificates", () => {
  it("names certificates and hosts, a line each", () => {
    const text = `# lost in May\ncertificate ${colons}\n\n  host server-1\r\nhost\tserver-2\n`
    assert.deepStrictEqual(parsed(text), { certificates: [colons], hosts: ["server-1", "server-2"] })
    assert.deepStrictEqual(parsed("# none\n"), Revocation.none)
    assert.deepStrictEqual(parsed("host a # lost\n").hosts, ["a"])
    for (const front of ["sha256 Fingerprint=", "SHA256 Fingerprint="])
      assert.deepStrictEqual(parsed(`certificate ${front}${colons}\n`).certificates, [colons])
  })

  it("finds a certificate however its fingerprint is written, and by the host that it names", () => {
    const list = Revocation.lookup({ certificates: [colons], hosts: ["server-1"] })
    const shown = { fingerprints: [print], hosts: ["server-2"] }
    assert.strictEqual(Revocation.revokedOf(list, shown), "its certificate is revoked")
    const other = "CD".repeat(32)
    assert.isUndefined(Revocation.revokedOf(list, { ...shown, fingerprints: [other] }))
    const vouched = { ...shown, fingerprints: [other, print] }
    assert.strictEqual(Revocation.revokedOf(list, vouched), "a certificate that vouches for its own is revoked")
    const named = { fingerprints: [other], hosts: ["server-2", "server-1"] }
    assert.strictEqual(Revocation.revokedOf(list, named), 'host "server-1" is revoked')
  })

  it.each([
    ["nothing", "", "it is empty"],
    ["half a line", "host server-1\nhost serv", "may not be whole"],
    ["no kind", `${print}\n`, "line 1 is neither"],
    ["too much in a line", "# one\nhost a b\n", "line 2 is neither"],
    ["half a fingerprint", `certificate ${print.slice(1)}\n`, "line 1: the certificate is no SHA-256"],
    ["no host id", "host a/b\n", "line 1: the host has something"]
  ])("is not used with %s", (_, text, expected) => {
    assert.include(why(text), expected)
  })

  it.each([
    null,
    undefined,
    {},
    "x",
    5,
    { hosts: ["a"] },
    { certificates: [], hosts: "a" },
    { certificates: [1], hosts: [] }
  ])("is not used when it is %j, in a program without types", (list) => {
    assert.isString(Revocation.violation(list))
  })

  it.prop("is whole, or says what is wrong, whatever it holds; nothing throws", [Schema.String], ([text]) => {
    const read = Revocation.parse(`${text}\n`)
    if (Result.isSuccess(read)) assert.isUndefined(Revocation.violation(read.success))
    else assert.include(read.failure, "line ")
  })
})
