/** Names that a certificate grants: exactly what is written, in its own fabric. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Name from "../../src/protocol/Name.ts"
import * as NameGrants from "../../src/protocol/NameGrants.ts"

const Part = Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,8}$/))
const Names = Schema.Array(Part).check(Schema.isMinLength(1), Schema.isMaxLength(4))

const grants = (patterns: ReadonlyArray<string>, fabric = "shop"): string =>
  patterns.map((pattern) => `URI:${NameGrants.uriOf(fabric, pattern)}`).join(", ")

const may = (patterns: ReadonlyArray<string>, name: string): boolean =>
  NameGrants.allow(NameGrants.patternsOf(grants(patterns), "shop"), name)

describe("the names that a certificate grants", () => {
  it.prop("are a name itself, and by a prefix all that go on after its dot", [Names, Part], ([parts, more]) => {
    const name = parts.join(".")
    assert.isTrue(may([name], name))
    assert.isFalse(may([name], `${name}.${more}`))
    assert.isFalse(may([`${name}.*`], name))
    assert.isTrue(may([`${name}.*`], `${name}.${more}`))
    assert.isTrue(may([`${name}.*`], `${name}.${more}.${more}`))
    assert.isFalse(may([`${name}.*`], `${name}${more}.${more}`))
    assert.isTrue(may(["*"], name))
    assert.isFalse(may([], name))
  })

  it("need not list the names of hosts, and grant nothing that looks like one", () => {
    assert.isTrue(may([], "grinta.admin"))
    assert.isTrue(may(["orders"], "grinta.admin.v2"))
    for (const name of ["grinta", "grintas.admin", "my.grinta.admin", "Grinta.admin"]) assert.isFalse(may([], name))
  })

  it.prop("are none for whatever is no pattern, and nothing throws", [Schema.String, Names], ([text, parts]) => {
    const name = parts.join(".")
    const isPattern = text === "*" || Name.violation(text.replace(/\.\*$/, "")) === undefined
    assert.strictEqual(NameGrants.violation(text) === undefined, isPattern)
    if (!isPattern) assert.isFalse(NameGrants.allow(NameGrants.patternsOf(`URI:${JSON.stringify(text)}`, "shop"), name))
  })

  it.each([
    ["a star elsewhere", "a.*.b"],
    ["a star in a part", "a*"],
    ["two stars", "a.*.*"],
    ["nothing before the dot", ".*"],
    ["percent escapes", "%61"],
    ["nothing", ""],
    ["a NUL", "a\0b"],
    ["a slash", "a/b"]
  ])("are none by %s, which is told of", (_, pattern) => {
    const names = `URI:${JSON.stringify(`grinta-names://shop/${pattern}`)}`
    assert.deepStrictEqual(NameGrants.patternsOf(names, "shop"), [])
    assert.strictEqual(NameGrants.malformed(names, "shop")?.pattern, pattern)
  })

  it("are those of its own fabric, whose name is written in one way", () => {
    assert.deepStrictEqual(NameGrants.patternsOf(grants(["a"], "another"), "shop"), [])
    assert.deepStrictEqual(NameGrants.patternsOf(grants(["a"], ""), ""), ["a"])
    assert.deepStrictEqual(NameGrants.patternsOf("URI:grinta-names://SHOP/a, URI:GRINTA-NAMES://shop/a", "shop"), [])
    assert.deepStrictEqual(NameGrants.patternsOf(grants(["a"], "a b"), "a b"), ["a"])
    assert.isUndefined(NameGrants.malformed(grants(["a."], "another"), "shop"))
  })

  it("are lost to later ones unless those stand for all of it", () => {
    assert.deepStrictEqual(NameGrants.lost(["a", "b.*", "c.d", "*"], ["b.*", "c.*"]), ["a", "*"])
    assert.deepStrictEqual(NameGrants.lost(["a", "b.*", "*"], ["*"]), [])
    assert.deepStrictEqual(NameGrants.lost(["b.*", "b.c.*"], ["b.c"]), ["b.*", "b.c.*"])
    assert.deepStrictEqual(NameGrants.lost(["b.c.*"], ["b.*"]), [])
  })

  it("are none by a name of another kind, and all of several", () => {
    assert.deepStrictEqual(NameGrants.patternsOf("DNS:grinta-names://shop/a, DNS:a", "shop"), [])
    assert.deepStrictEqual(NameGrants.patternsOf(grants(["a", "b.*"]), "shop"), ["a", "b.*"])
  })
})
