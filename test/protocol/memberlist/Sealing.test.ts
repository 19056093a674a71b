/** The steps between plaintext and keys, without a network; and the text of a file of keys. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Keyring from "../../../src/protocol/memberlist/Keyring.ts"
import * as KeysText from "../../../src/protocol/memberlist/KeysText.ts"
import * as Sealing from "../../../src/protocol/memberlist/Sealing.ts"

const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)]
const both = { incoming: true, outgoing: true }

type Step = (sealing: Sealing.Sealing) => Sealing.Changed
const install =
  (key: Uint8Array): Step =>
  (sealing) =>
    Sealing.install(sealing, key)
const use =
  (key: Uint8Array): Step =>
  (sealing) =>
    Sealing.use(sealing, key)
const remove =
  (key: Uint8Array): Step =>
  (sealing) =>
    Sealing.remove(sealing, key)
const verify =
  (what: Partial<Sealing.Verify>): Step =>
  (sealing) =>
    Sealing.verify(sealing, what)

const walk = (steps: ReadonlyArray<Step>): Sealing.Changed =>
  steps.reduce<Sealing.Changed>((changed, step) => Result.flatMap(changed, step), Result.succeed(Sealing.plain))

const refusal = (changed: Sealing.Changed): string => (Result.isFailure(changed) ? changed.failure.setting : "none")

const steps: ReadonlyArray<Step> = [
  install(a),
  install(b),
  use(b),
  remove(a),
  remove(b),
  ...[true, false].flatMap((is) => [verify({ incoming: is }), verify({ outgoing: is })])
]

describe("what a host does about encryption", () => {
  it("goes from plaintext to keys and back, step by step", () => {
    const there = [install(a), verify({ outgoing: true }), verify({ incoming: true })]
    const opens = Result.getOrThrow(walk(there.slice(0, 1)))
    assert.deepStrictEqual(opens.verify, { incoming: false, outgoing: false })
    assert.deepStrictEqual(Result.getOrThrow(walk(there)).verify, both)
    const back = [verify({ incoming: false }), verify({ outgoing: false }), remove(a)]
    assert.deepStrictEqual(walk([...there, ...back]), Result.succeed(Sealing.plain))
  })

  it("refuses what would keep a host from the others, and names the setting", () => {
    assert.strictEqual(refusal(walk([verify({ outgoing: true })])), "verifyOutgoing")
    assert.strictEqual(refusal(walk([install(a), verify({ incoming: true })])), "verifyIncoming")
    assert.strictEqual(refusal(walk([install(a), verify(both), verify({ outgoing: false })])), "verifyIncoming")
    assert.strictEqual(refusal(walk([install(a), verify({ outgoing: true }), remove(a)])), "keys")
    assert.strictEqual(refusal(walk([install(a), install(b), remove(a)])), "keys")
    assert.strictEqual(refusal(walk([use(a)])), "keys")
    assert.strictEqual(refusal(Sealing.make([a], { incoming: true, outgoing: false })), "verifyIncoming")
  })

  it("is plaintext without keys, whatever is to be verified, and a stranger that is removed changes nothing", () => {
    assert.deepStrictEqual(Sealing.make([], both), Result.succeed(Sealing.plain))
    assert.strictEqual(Result.getOrThrow(Sealing.remove(Sealing.plain, a)), Sealing.plain)
  })

  it.prop("keeps its invariants whatever is done to it in any order", [Schema.Array(Schema.Int)], ([picks]) => {
    let sealing = Sealing.plain
    for (const pick of picks) {
      const step = steps[Math.abs(pick) % steps.length]
      sealing = Result.getOrElse(step?.(sealing) ?? Result.succeed(sealing), () => sealing)
      const { incoming, outgoing } = sealing.verify
      assert.isTrue(outgoing || !incoming)
      assert.isTrue(sealing.ring !== undefined || !outgoing)
      assert.isAtMost(sealing.ring === undefined ? 0 : Keyring.keys(sealing.ring).length, 2)
    }
  })
})

describe("a file of keys", () => {
  const text = (key: Uint8Array) => Buffer.from(key).toString("base64")
  const lines = (...all: ReadonlyArray<string>) => `${all.join("\n")}\n`

  it("has one key a line, the first one encrypts, and says what is not verified", () => {
    const read = KeysText.parse(lines("# of May", text(b), "", `  ${text(a)}\r`, "verifyIncoming=false"))
    const keys = { keys: [text(b), text(a)], verifyIncoming: false, verifyOutgoing: true }
    assert.deepStrictEqual(read, Result.succeed(keys))
    const spaced = KeysText.parse(lines("verifyOutgoing = false", text(a), "verifyIncoming = true"))
    assert.deepStrictEqual(spaced, Result.succeed({ keys: [text(a)], verifyIncoming: true, verifyOutgoing: false }))
  })

  const bad: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["nothing", "", /empty/],
    ["blanks", " \n\n", /empty/],
    ["comments alone", "# none yet\n", /no key/],
    ["directives alone", "verifyIncoming=false\n", /no key/],
    ["a key that is half written", text(a).slice(0, 20), /does not end/],
    ["a last line that is half written", `${text(a)}\n${text(b).slice(0, 20)}`, /does not end/],
    ["half of a key on a whole line", lines(text(a), `${text(b).slice(0, 21)}`), /line 2/],
    ["what is no base64", lines("secret!secret!"), /line 1/],
    ["a directive that is none", lines(text(a), "verifyIncoming=no"), /line 2/]
  ]
  it.each(bad)("that is %s is refused, and what it holds is not shown", (_, given, why) => {
    const read = KeysText.parse(given)
    const said = Result.isFailure(read) ? read.failure : "nothing"
    assert.match(said, why)
    for (const line of given.split("\n")) if (line.trim() !== "") assert.notInclude(said, line.trim())
  })
})
