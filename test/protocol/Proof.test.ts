/** What is shown of a certificate: text from elsewhere, whose odd spellings pass for no name. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Identity from "../../src/protocol/Identity.ts"
import * as Proof from "../../src/protocol/Proof.ts"

const fingerprint256 = Array.from({ length: 32 }, () => "A0").join(":")

const shown = (alternativeNames: string, subject?: string) =>
  Proof.certificateOf({ fingerprint256, subject }, Identity.namesOf(alternativeNames))

describe("what is shown of a certificate", () => {
  it("has its names, its subject and its fingerprint", () => {
    const names =
      "URI:spiffe://shop/web, DNS:Probe.Shop.Internal, IP Address:10.0.0.1, URI:grinta://shop/a, DNS:*.shop.internal"
    assert.deepStrictEqual(shown(names, "C=CH\nCN=probe"), {
      subject: "C=CH, CN=probe",
      uris: ["spiffe://shop/web", "grinta://shop/a"],
      dnsNames: ["probe.shop.internal", "*.shop.internal"],
      fingerprint: "a0".repeat(32)
    })
  })

  it("has no name when it has a common name only", () => {
    const { dnsNames, subject, uris } = shown("", "CN=spiffe://shop/web")
    assert.deepStrictEqual([uris, dnsNames], [[], []])
    assert.strictEqual(subject, "CN=spiffe://shop/web")
  })

  it.each([
    ["needless percents", "URI:spiffe://shop/%77eb"],
    ["percents in lower case", "URI:spiffe://shop/a%2fb"],
    ["half a percent", "URI:spiffe://shop/%2"],
    ["NUL in percents", "URI:spiffe://shop/web%00.evil"],
    ["NUL", 'URI:"spiffe://shop/web\\u0000.evil"'],
    ["a step up", "URI:spiffe://shop/web/../admin"],
    ["a step up at its end", "URI:spiffe://shop/web/.."],
    ["a step in place", "URI:spiffe://shop/./web"],
    ["a step up in percents", "URI:spiffe://shop/web/%2E%2E/admin"],
    ["capitals in its scheme", "URI:SPIFFE://shop/web"],
    ["no scheme", "URI:shop/web"],
    ["a space", "URI:spiffe://shop/a b"],
    ["letters beyond ASCII", 'URI:"spiffe://shop/w\\u00e9b"'],
    ["more than 255 characters", `URI:spiffe://shop/${"a".repeat(255)}`],
    ["another kind of name", "email:a@shop"],
    ["NUL in a name of DNS", 'DNS:"probe.shop\\u0000.evil"'],
    ["an empty part of a name of DNS", "DNS:probe..shop"],
    ["a dot at its end", "DNS:probe.shop."],
    ["a star within a name of DNS", "DNS:pro*.shop"],
    ["something behind it that is not understood", "URI:spiffe://shop/web; x"],
    ["another name behind it that is not understood", 'URI:spiffe://shop/web, DNS:probe, "x']
  ])("has no name for %s", (_, names) => {
    const { dnsNames, uris } = shown(names)
    assert.deepStrictEqual([uris, dnsNames], [[], []])
  })

  it("leaves out the odd ones of several names, and keeps the others", () => {
    const names = "URI:spiffe://shop/%61, URI:spiffe://shop/web, DNS:a..b, DNS:probe"
    const { dnsNames, uris } = shown(names)
    assert.deepStrictEqual([uris, dnsNames], [["spiffe://shop/web"], ["probe"]])
  })

  it("is bounded", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `URI:spiffe://shop/${i}, DNS:d${i}`).join(", ")
    const { dnsNames, subject, uris } = shown(many, `CN=${"x".repeat(10_000)}`)
    assert.deepStrictEqual([uris.length, dnsNames.length, subject.length], [64, 64, 256 + "...".length])
  })

  it.prop("prints as one line, whatever its text", [Schema.String, Schema.String], ([subject, name]) => {
    const certificate = shown(`URI:${JSON.stringify(name)}, DNS:${JSON.stringify(name)}`, subject)
    const text = [certificate.subject, ...certificate.uris, ...certificate.dnsNames].join(" ")
    assert.isTrue(text.isWellFormed())
    assert.notMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  })
})

describe("who somebody is", () => {
  const certificate = shown("URI:grinta://shop/a, URI:grinta://shop/b")

  it("is nobody where nothing was proven, whatever is said", () => {
    assert.deepStrictEqual(Proof.identityOf(undefined, "a"), { _tag: "Nothing" })
    assert.deepStrictEqual(Proof.identityOf(undefined, ""), { _tag: "Nothing" })
  })

  it("is each host that a certificate names, and no other", () => {
    const proof = Proof.byCertificate(certificate, ["a", "b"])
    assert.deepStrictEqual(Proof.identityOf(proof, "b"), { _tag: "Host", id: "b", certificate })
    assert.isUndefined(Proof.identityOf(proof, "c"))
    assert.deepStrictEqual(Proof.identityOf(proof, ""), { _tag: "Host", id: "a", certificate })
  })

  it("is a client where a certificate names no host, and never a host", () => {
    const proof = Proof.byCertificate(certificate, [])
    assert.deepStrictEqual(Proof.identityOf(proof, ""), { _tag: "Client", certificate })
    assert.isUndefined(Proof.identityOf(proof, "a"))
  })

  it("is nobody who may speak where a certificate is missing, whatever is said", () => {
    assert.isUndefined(Proof.identityOf(Proof.unproven, "a"))
    assert.isUndefined(Proof.identityOf(Proof.unproven, ""))
  })

  it("makes nothing for a flow", () => {
    const proof = Proof.byCertificate(certificate, ["a"])
    assert.strictEqual(Proof.identityOf(proof, "a"), Proof.identityOf(proof, "a"))
  })
})
