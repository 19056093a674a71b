/** Names of hosts in certificates: what is written is read, and nothing else is. */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import * as Identity from "../../src/protocol/Identity.ts"

const HostName = Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9-]{1,9}(\.[a-z0-9-]{1,9})?$/))
const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(40))

const uriOf = (fabric: string, host: string): string => Identity.uriOf(fabric, host) ?? assert.fail("it has a name")

const isSpeakable = (text: string): boolean => text.isWellFormed()

describe("the host that a certificate names", () => {
  it.prop("is read as it was written, in its own fabric only", [Text, HostName, Text], ([fabric, host, other]) => {
    if (!isSpeakable(fabric) || !isSpeakable(other)) return
    // As Node writes it: in quotes where a reader could be misled.
    const uri = uriOf(fabric, host)
    const written = /[",'\\]/.test(uri) ? JSON.stringify(uri) : uri
    const names = `DNS:localhost, URI:${written}, IP Address:127.0.0.1`
    assert.deepStrictEqual(Identity.hostsOf(names, fabric), [host])
    if (other !== fabric) assert.deepStrictEqual(Identity.hostsOf(names, other), [])
  })

  it.prop("is none that hides within another name", [Text], ([before]) => {
    const hidden = JSON.stringify(`${before}, URI:grinta://shop/victim, DNS:x`)
    assert.deepStrictEqual(Identity.hostsOf(`DNS:${hidden}`, "shop"), [])
    assert.deepStrictEqual(Identity.hostsOf(`URI:${hidden}, DNS:y`, "shop"), [])
  })

  it.prop("is none in whatever else there may be, and nothing throws", [Schema.String], ([text]) => {
    const hosts = Result.getSuccess(Result.try(() => Identity.hostsOf(text, "shop")))
    assert.deepStrictEqual(hosts, Option.some([]))
  })

  it("is each of several", () => {
    const names = "URI:grinta:///a, URI:https://example.org/, URI:grinta:///b"
    assert.deepStrictEqual(Identity.hostsOf(names, ""), ["a", "b"])
  })

  it.each([
    ["no name", "URI:grinta://shop/"],
    ["a star", "URI:grinta://shop/*"],
    ["what no name has in it", "URI:grinta://shop/web_1"],
    ["a line in it", "URI:grinta://shop/h1%0Ax"],
    ["too long a name", `URI:grinta://shop/${"a".repeat(129)}`],
    ["a slash in it", "URI:grinta://shop/a/b"],
    ["more than is needed in percent", "URI:grinta://shop/%61"],
    ["half a percent", "URI:grinta://shop/%6"],
    ["another scheme", "URI:https://shop/a"],
    ["another spelling of the fabric", "URI:grinta://Shop/a"],
    ["something that is not understood behind it", "URI:grinta://shop/a; x"],
    ["another name behind it that is not understood", 'URI:grinta://shop/a, "x'],
    ["another kind of name", "DNS:grinta://shop/a"]
  ])("is none with %s", (_, names) => {
    assert.deepStrictEqual(Identity.hostsOf(names, "shop"), [])
  })

  it("cannot be said of half a character", () => {
    assert.isUndefined(Identity.uriOf("", "\ud800"))
  })
})
