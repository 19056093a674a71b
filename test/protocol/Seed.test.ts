import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Seed from "../../src/protocol/Seed.ts"

describe("a seed", () => {
  it.each([
    ["10.0.0.1", undefined, "10.0.0.1", 7946, 4],
    ["10.0.0.1:80", undefined, "10.0.0.1", 80, 4],
    ["::1", undefined, "::1", 7946, 16],
    ["[::1]", undefined, "::1", 7946, 16],
    ["[fe80::2]:80", undefined, "fe80::2", 80, 16],
    ["::ffff:10.0.0.1", undefined, "::ffff:10.0.0.1", 7946, 16],
    ["db", undefined, "db", 7946, undefined],
    ["db.example.com:9000", undefined, "db.example.com", 9000, undefined],
    ["db_1.example.com.", undefined, "db_1.example.com.", 7946, undefined],
    ["alice/10.0.0.1:80", "alice", "10.0.0.1", 80, 4],
    ["alice/[::1]:80", "alice", "::1", 80, 16]
  ] as const)("may be %s", (text, name, host, port, bytes) => {
    const seed = Result.getOrThrow(Seed.parse(text))
    assert.deepStrictEqual({ ...seed, bytes: seed.bytes?.length }, { text, name, host, port, bytes, isService: false })
  })

  it("may be a service, whose records say the ports", () => {
    const seed = Result.getOrThrow(Seed.parse("_gossip._udp.example.com"))
    assert.isTrue(seed.isService)
    const ported = Seed.parse("_gossip._udp.example.com:80")
    assert.isTrue(Result.isFailure(ported) && ported.failure.rule === "is a service, whose records say the ports")
  })

  it("that may be a secret, such as a key in hex, is not repeated to people", () => {
    const key = "000102030405060708090a0b0c0d0e0f"
    const seed = Result.getOrThrow(Seed.parse(key))
    assert.deepStrictEqual([seed.text, seed.host], ["(not shown)", key])
  })

  it.each([
    ["", "has no host"],
    [":80", "has no host"],
    ["/10.0.0.1", "has no name before the slash"],
    ["alice/", "has no host"],
    ["10.0.0.256", "is neither an IP address nor a DNS name"],
    ["10.0.0", "is neither an IP address nor a DNS name"],
    ["a b", "is neither an IP address nor a DNS name"],
    ["[::1", "is neither an IP address nor a DNS name"],
    ["[db]:80", "is neither an IP address nor a DNS name"],
    ["[::1]80", "is neither an IP address nor a DNS name"],
    ["1:2:3", "is neither an IP address nor a DNS name"],
    [`${"a".repeat(64)}.com`, "is neither an IP address nor a DNS name"],
    ["http://db", "is neither an IP address nor a DNS name"],
    ["db:http", "has something other than a number as its port"],
    ["db:", "has something other than a number as its port"],
    ["db:0", "has a port outside 1 to 65535"],
    ["db:65536", "has a port outside 1 to 65535"],
    ["3q2+796tvu/erb7v3q2+7w==", "looks like a key"],
    ["AbcdefghijklmnopQrstuvwxyz012345", "looks like a key"]
  ])("may not be %o: %s", (text, rule) => {
    const seed = Seed.parse(text)
    assert.isTrue(Result.isFailure(seed))
    // The text may be a secret, and is not in it.
    if (Result.isFailure(seed))
      assert.deepEqual(Object.entries(seed.failure).sort(), [
        ["_tag", "SeedInvalid"],
        ["rule", rule]
      ])
  })
})
