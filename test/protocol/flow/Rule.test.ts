/** Rules of who may call: what each lets in, and what is refused as a rule. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Rule from "../../../src/protocol/flow/Rule.ts"
import type * as Proof from "../../../src/protocol/Proof.ts"

const certificate = (names: Partial<Proof.Certificate>): Proof.Certificate => ({
  subject: "CN=a",
  uris: [],
  dnsNames: [],
  fingerprint: "00",
  ...names
})

const hostWith = (id: string, names?: Partial<Proof.Certificate>): Proof.Identity => ({
  _tag: "Host",
  id,
  certificate: names && certificate(names)
})
const clientWith = (names: Partial<Proof.Certificate>): Proof.Identity => ({
  _tag: "Client",
  certificate: certificate(names)
})
const nothing: Proof.Identity = { _tag: "Nothing" }

const shown: Readonly<Record<string, Rule.Shown>> = {
  "web.1": { locality: "eu/fra/rack-7", tags: { role: "web", tier: "1" } },
  db: { locality: "eu", tags: { role: "db" } }
}

const lets = (allow: unknown, proven: Proof.Identity, isRelayed = false): boolean => {
  const rules = Rule.parse(allow, "allow")
  if (Result.isFailure(rules)) return assert.fail(JSON.stringify(rules.failure))
  return Rule.allows(rules.success, proven, isRelayed, (id) => shown[id])
}

const web = hostWith("web.1", { uris: ["grinta://shop/web.1", "spiffe://shop/ns/web"] })
const db = hostWith("db")
const probe = clientWith({ uris: ["spiffe://shop/ops/probe"], dnsNames: ["probe.shop.internal"] })

describe("a rule lets in", () => {
  const cases: ReadonlyArray<readonly [string, unknown, ReadonlyArray<Proof.Identity>]> = [
    ["members", "members", [web, db, nothing]],
    ["anyone", "anyone", [web, db, probe, nothing]],
    ["a host", { hosts: ["db"] }, [db]],
    ["hosts by the beginning of their names", { hosts: ["web.*"] }, [web]],
    ["one of several hosts", { hosts: ["a", "db", "web.*"] }, [web, db]],
    ["a place", { localities: ["eu"] }, [db]],
    ["all below a place", { localities: ["eu/*"] }, [web]],
    ["a tag", { tags: { role: "web" } }, [web]],
    ["one of the values of a tag", { tags: { role: ["db", "web"] } }, [web, db]],
    ["all of several tags", { tags: { role: ["db", "web"], tier: "1" } }, [web]],
    ["a URI in a certificate", { certificates: ["spiffe://shop/ops/probe"] }, [probe]],
    ["all URIs below one", { certificates: ["spiffe://shop/*"] }, [web, probe]],
    ["URIs by the beginning of their last part", { certificates: ["grinta://shop/web.*"] }, [web]],
    ["a name of DNS, in any case", { certificates: ["Probe.Shop.Internal"] }, [probe]],
    ["names of DNS by their beginning", { certificates: ["probe.*"] }, [probe]],
    ["who matches all fields", { hosts: ["web.*", "db"], tags: { role: "web" } }, [web]],
    ["nobody whom one field leaves out", { hosts: ["web.*"], tags: { role: "db" } }, []],
    ["who matches one of several rules", [{ hosts: ["db"] }, { certificates: ["probe.*"] }], [db, probe]]
  ]
  it.each(cases)("%s", (_, allow, those) => {
    const all = { web, db, probe, nothing }
    const found = Object.entries(all).filter(([, proven]) => lets(allow, proven))
    assert.deepStrictEqual(
      found.map(([, proven]) => proven),
      Object.values(all).filter((proven) => those.includes(proven))
    )
  })

  it("nobody where nothing was proven", () => {
    for (const rule of [{ hosts: ["db"] }, { tags: { role: "db" } }, { localities: ["eu"] }, { certificates: ["a"] }])
      assert.isFalse(lets(rule, nothing))
  })

  it("nobody whose flow another host has passed on", () => {
    assert.isTrue(lets({ hosts: ["db"] }, db))
    assert.isFalse(lets({ hosts: ["db"] }, db, true))
    assert.isTrue(lets("members", db, true))
  })

  it("no host that membership does not show, where it is on what it shows", () => {
    const stranger = hostWith("stranger")
    assert.isTrue(lets({ hosts: ["stranger"] }, stranger))
    assert.isFalse(lets({ hosts: ["stranger"], tags: { role: "web" } }, stranger))
  })

  it("no tag that every object has", () => {
    assert.isFalse(lets({ tags: { constructor: "" } }, web))
    assert.isFalse(lets({ tags: JSON.parse('{"__proto__":"x"}') }, web))
  })

  it("no certificate for all names below one", () => {
    const wild = clientWith({ dnsNames: ["*.shop.internal", "probe.*"] })
    assert.isFalse(lets({ certificates: ["probe.*", "shop.internal"] }, wild))
  })

  it("no URI whose scheme begins as a name of DNS does", () => {
    assert.isFalse(lets({ certificates: ["probe.*"] }, clientWith({ uris: ["probe.x://shop"] })))
  })

  it("no name that only begins as another does", () => {
    assert.isFalse(lets({ hosts: ["web.*"] }, hostWith("web")))
    assert.isFalse(lets({ hosts: ["web.*"] }, hostWith("web2.1")))
    assert.isFalse(lets({ certificates: ["spiffe://shop/ops/*"] }, clientWith({ uris: ["spiffe://shop/ops/"] })))
  })
})

describe("what is no rule", () => {
  const cases: ReadonlyArray<readonly [string, unknown, string]> = [
    ["another word", "everyone", "allow"],
    ["nothing", null, "allow"],
    ["a number", 1, "allow"],
    ["no rules", [], "allow"],
    ["a rule that says nothing", {}, "allow"],
    ["a rule whose fields are undefined", { hosts: undefined }, "allow.hosts"],
    ["a field that is undefined beside one that is not", { hosts: undefined, tags: { role: "web" } }, "allow.hosts"],
    ["places that are undefined", [{ hosts: ["a"], localities: undefined }], "allow[0].localities"],
    ["tags that are undefined", { hosts: ["a"], tags: undefined }, "allow.tags"],
    ["a tag that is undefined", { hosts: ["a"], tags: { role: undefined } }, "allow.tags.role"],
    ["certificates that are undefined", { hosts: ["a"], certificates: undefined }, "allow.certificates"],
    ["a list within a list", [[]], "allow[0]"],
    ["an unknown field", { hosts: ["a"], host: ["b"] }, "allow"],
    ["a word on relayed flows", { hosts: ["a"], relayed: true }, "allow.relayed"],
    ["an empty list", [{ hosts: ["a"] }, { hosts: [] }], "allow[1].hosts"],
    ["a text in place of a list", { hosts: "a" }, "allow.hosts"],
    ["a host that is no name", { hosts: ["a", "b_c"] }, "allow.hosts[1]"],
    ["an empty host", { hosts: [""] }, "allow.hosts[0]"],
    ["a host of a number", { hosts: [7] }, "allow.hosts[0]"],
    ["all hosts", { hosts: ["*"] }, "allow.hosts[0]"],
    ["a star within", { hosts: ["web.*.1"] }, "allow.hosts[0]"],
    ["a star behind no dot", { hosts: ["web*"] }, "allow.hosts[0]"],
    ["a star behind dots", { hosts: ["web..*"] }, "allow.hosts[0]"],
    ["a place with a star behind no slash", { localities: ["eu*"] }, "allow.localities[0]"],
    ["all places", { localities: ["/*"] }, "allow.localities[0]"],
    ["no place", { localities: [""] }, "allow.localities[0]"],
    ["no tags", { tags: {} }, "allow.tags"],
    ["a list of tags", { tags: ["role"] }, "allow.tags"],
    ["a tag without values", { tags: { role: [] } }, "allow.tags.role"],
    ["a tag of a number", { tags: { tier: 1 } }, "allow.tags.tier"],
    ["a tag with a number among its values", { tags: { tier: ["1", 1] } }, "allow.tags.tier"],
    ["a tag longer than the metadata of a host", { tags: { role: "x".repeat(513) } }, "allow.tags.role"],
    ["a certificate that is a pattern of DNS", { certificates: ["*.shop.internal"] }, "allow.certificates[0]"],
    ["a certificate of percents", { certificates: ["spiffe://shop/%61"] }, "allow.certificates[0]"],
    ["a certificate with a step up", { certificates: ["spiffe://shop/../a"] }, "allow.certificates[0]"],
    ["a certificate of a scheme alone", { certificates: ["spiffe://*"] }, "allow.certificates[0]"],
    ["a certificate with a star within a part", { certificates: ["spiffe://shop/web*"] }, "allow.certificates[0]"],
    ["a certificate with a space", { certificates: ["a b"] }, "allow.certificates[0]"],
    ["too many rules", Array.from({ length: 65 }, () => ({ hosts: ["a"] })), "allow"],
    ["too many hosts", { hosts: Array.from({ length: 1025 }, () => "a") }, "allow.hosts"]
  ]
  it.each(cases)("is %s", (_, allow, at) => {
    const rules = Rule.parse(allow, "allow")
    if (Result.isSuccess(rules)) return assert.fail("it was taken")
    assert.strictEqual(rules.failure.at, at)
    assert.isAbove(rules.failure.detail.length, 0)
  })
})
