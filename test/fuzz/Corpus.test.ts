/** Inputs that were once taken badly, and whether the fuzzer would see it if they were again. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { parse } from "../../scripts/fuzz/Arguments.ts"
import * as Engine from "../../scripts/fuzz/Engine.ts"
import type { Target } from "../../scripts/fuzz/Target.ts"
import { targets } from "../../scripts/fuzz/targets.ts"

const corpus = new URL("corpus/", import.meta.url)

const kept = ({ name }: Target): ReadonlyArray<string> =>
  existsSync(new URL(`${name}/`, corpus)) ? readdirSync(new URL(`${name}/`, corpus)) : []

describe("what takes bytes from elsewhere", () => {
  for (const target of targets) {
    it(`takes what is legal: ${target.name}`, () => {
      for (const input of target.legal) assert.isUndefined(Engine.judge(target, input, false)?.detail)
    })
    for (const file of kept(target))
      it(`takes what it once did not: ${target.name} ${file}`, () => {
        const input = new Uint8Array(readFileSync(new URL(`${target.name}/${file}`, corpus)))
        assert.isUndefined(Engine.judge(target, input)?.detail)
      })
  }
})

const broken = (run: (input: Uint8Array) => void, bounds: Target["bounds"] = {}): Target => ({
  bounds,
  name: "broken",
  says: "",
  legal: [Uint8Array.of(2, 1, 1), Uint8Array.of(1, 7)],
  bytesMax: 64,
  run
})

describe("the fuzzer", () => {
  const cases: ReadonlyArray<readonly [string, string, Target]> = [
    [
      "reads beyond the end",
      "threw",
      broken((input) => {
        for (let i = 1; i <= (input[0] ?? 0); i++) if (input[i] === undefined) throw new RangeError("beyond the end")
      })
    ],
    [
      "allocates what a length says",
      "heavy",
      broken(
        (input) => {
          new Uint8Array((input[0] ?? 0) * 20_000).fill(1)
        },
        { millis: 10_000 }
      )
    ],
    [
      "takes the square of a length",
      "slow",
      broken((input) => {
        let sum = 0
        for (let i = 0; i < 100 * (input[0] ?? 0) ** 2; i++) sum = (sum * 31 + i) % 1_000_003
        assert.isAtLeast(sum, 0)
      })
    ]
  ]
  it.each(cases)("finds a decoder that %s", async (_, kind, target) => {
    const { findings } = await Engine.fuzz(target, { seconds: 20, seed: "a", isGuided: false, findingsMax: 1 })
    assert.include(
      findings.map((finding) => finding.kind),
      kind
    )
  })

  it("makes what it finds as small as it can", async () => {
    const target = broken((input) => {
      if (input.includes(0xee)) throw new Error("0xee")
    })
    const { findings } = await Engine.fuzz(target, { seconds: 20, seed: "a", isGuided: false, findingsMax: 1 })
    assert.deepStrictEqual(
      findings.map(({ input }) => [...input]),
      findings.map(() => [0xee])
    )
  })

  it("says in one line what is wrong with its arguments", () => {
    const wrong = (...argv: ReadonlyArray<string>): unknown => parse(argv, 1, targets)
    assert.deepStrictEqual(wrong("--seconds", "0"), {
      wrong: '--seconds takes a whole number from 1 to 86400, not "0"'
    })
    assert.deepStrictEqual(wrong("--only", "nothing"), { wrong: 'no target has "nothing" in its name' })
    assert.deepStrictEqual(wrong("--seed", "-1"), {
      wrong: "Option '--seed' argument is ambiguous."
    })
    assert.strictEqual(wrong("--help"), "help")
  })
})
