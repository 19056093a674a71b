/**
 * The code of today beside the release that users have: hosts of both join one fabric and call each other. Without the
 * history of the repository there is no release: then these tests are left out and say so, and in CI they fail.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { released } from "../../scripts/released.ts"
import { Grinta } from "../../src/index.ts"
import * as Hosts from "./Hosts.ts"

const found = released()
const isMissing = typeof found === "string"
const isCi = process.env.CI === "true"
if (isMissing && !isCi) console.warn(`NOTHING WAS TESTED BESIDE A RELEASE: ${found}`)

/** What it takes to fill windows and frames, and to be answered in order. */
const messages = 300

/** Hosts of a busy machine take long to come up. */
const timeout = 120_000

describe("a release", () => {
  it.skipIf(isMissing && !isCi)("is installed whole", () => {
    if (isMissing) assert.fail(found)
    for (const part of ["package.json", "src/index.ts", "src/testing/index.ts", "proto"])
      assert.isTrue(existsSync(join(found.folder, part)), part)
    assert.deepStrictEqual(released(), found)
  })

  it.skipIf(isMissing && !isCi)("can be imported beside the code of today", async () => {
    if (isMissing) return assert.fail(found)
    const theirs: typeof import("../../src/index.ts") = await import(found.entry.href)
    assert.notStrictEqual(theirs.Grinta.layer, Grinta.layer)
    return assert.isFunction(theirs.Grinta.layer)
  })

  it("that is not known is refused in one line", () => {
    assert.match(String(released("v0.0.0")), /^there is no release "v0\.0\.0"; there are v0\.1\.0[^\n]*$/)
  })
})

describe.skipIf(isMissing && !isCi)("a host of today and one of a release", () => {
  const folder = isMissing ? "" : found.folder
  const entry = isMissing ? "" : found.entry.href
  const ours = new URL("../../src/index.ts", import.meta.url).href

  it.live.each([
    { founds: "the release", first: { folder }, second: {}, sources: [entry, ours] },
    { founds: "today's", first: {}, second: { folder }, sources: [ours, entry] }
  ])(
    "call each other both ways in one fabric, which $founds founds",
    ({ first, second, sources }) =>
      Effect.gen(function* () {
        assert.isNotString(found, String(found))
        const founder = yield* Hosts.start({ name: "founder", ...first })
        const joiner = yield* Hosts.start({ name: "joiner", seeds: [founder.gossip], ...second })
        assert.deepStrictEqual([founder.sources, joiner.sources], sources)
        const [there, back] = yield* Effect.all([joiner.call("founder", messages), founder.call("joiner", messages)], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(there, { called: "founder", replies: messages, from: "founder" })
        assert.deepStrictEqual(back, { called: "joiner", replies: messages, from: "joiner" })
      }).pipe(Effect.scoped),
    timeout
  )

  it.live(
    "go on when an endpoint fails after its end, which the release neither says nor looks at",
    () =>
      Effect.gen(function* () {
        const today = yield* Hosts.start({ name: "today" })
        const release = yield* Hosts.start({ name: "release", seeds: [today.gossip], folder })
        for (const [caller, host, from] of [
          [today, today, "Late"],
          [release, today, "the end"],
          [today, release, "the end"]
        ] as const) {
          assert.deepStrictEqual(yield* caller.callLate(host.name), { called: host.name, replies: 1, from })
          const { replies } = yield* caller.call(host.name, messages)
          assert.strictEqual(replies, messages)
        }
      }).pipe(Effect.scoped),
    timeout
  )
})
