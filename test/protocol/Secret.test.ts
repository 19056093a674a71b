import { createHash, randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Secret from "../../src/protocol/Secret.ts"

const keys = [16, 24, 32].flatMap((size) => Array.from({ length: 64 }, () => randomBytes(size)))

describe("what looks like a secret", () => {
  it("is a key in base64, wherever in a text it is, and PEM", () => {
    for (const key of keys)
      for (const text of [key.toString("base64"), key.toString("hex"), key.toString("hex").toUpperCase()])
        for (const given of [text, `10.0.0.1,${text}`, `${text}:7946`, `"${text}"`])
          assert.strictEqual(Secret.shown(given), "(not shown)", given)
    assert.isTrue(Secret.isSecret("-----BEGIN PRIVATE KEY-----\nMC4CAQ"))
    for (const key of keys.filter(({ length }) => length !== 24)) assert.isTrue(Secret.isSecret(key.toString("base64")))
  })

  it("is a key that was cut, too, one without its end, and the body of PEM", () => {
    for (let i = 0; i < 256; i++) {
      // Always the same: by chance one in ten thousand looks like no key.
      const bytes = createHash("shake256", { outputLength: 120 }).update(String(i)).digest()
      const body = bytes.toString("base64")
      assert.isTrue(Secret.isKey(body.slice(0, 64)), body)
      assert.isTrue(Secret.isKey(`${body}\n${body}`), body)
      assert.strictEqual(Secret.plain(`${body.slice(0, 30)} and more`), "(not shown)", body)
      const key = bytes.subarray(0, 32).toString("base64url")
      assert.isTrue(Secret.isKey(key), key)
    }
  })

  it("is no name, however long", () => {
    for (const name of [
      "Checkout-Service-For-Orders-In-Europe-Frankfurt-1-Rack-17",
      "ip-10-0-0-12-eu-central-1-compute-internal-availability-zone-b",
      "3f2504e0-4f89-11d3-9a0c-0305e82c3301-3f2504e0-4f89-11d3-9a0c",
      "gke-prod-pool-1-0a1b2c3d-x7qk.europe-west3-a.c.project-1234567890.internal",
      "a".repeat(128),
      "0123456789abcdef".repeat(4)
    ])
      assert.isFalse(Secret.isKey(name), name)
  })

  it("is not what hosts are told otherwise", () => {
    for (const text of [
      "10.0.0.1:7946",
      "server-1",
      "_gossip._tcp.hosts.shop.internal",
      "ip-10-0-0-12.eu-central-1.compute.internal:7946",
      "[2001:db8:85a3::8a2e:370:7334]:7946",
      "eu/fra/rack-7",
      "a=b",
      "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    ])
      assert.strictEqual(Secret.shown(text), JSON.stringify(text))
    assert.strictEqual(Secret.shown("a\nb"), '"a\\nb"')
    assert.isAtMost(Secret.shown("a.".repeat(1000)).length, 130)
  })
})
