/** A slice of `npm run chaos`; and hosts that break a promise on purpose, which it has to find. */
import { rmSync } from "node:fs"
import { assert, it } from "vitest"
import * as Chaos from "../../scripts/chaos/Chaos.ts"
import * as Plan from "../../scripts/chaos/Plan.ts"
import * as Report from "../../scripts/chaos/Report.ts"
import { describeNet } from "./Suite.ts"

const timeout = 240_000

/** Of faults; coming up, healing and judging take about as long again. */
const minutes = 0.25

/** What the seed of the slice has, among others. */
const wanted = [
  "kill and restart",
  "half-open TCP",
  "stop",
  "restart in good order",
  "loss",
  "new keys",
  "new certificates"
]

describeNet("chaos", () => {
  it("eight hosts under random faults keep every promise", { timeout }, async () => {
    const options = { hosts: 8, minutes, seed: 13_043, isOnLoopback: false }
    const planned = Plan.make({ ...options, millis: minutes * 60_000, hasSwitch: true })
    for (const name of wanted)
      assert.include(
        planned.map(({ fault }) => fault),
        name
      )
    const result = await Chaos.run(options)
    const report = Report.text(options, result)
    console.log(report)
    assert.deepStrictEqual(result.violations, [], report)
    assert.isAbove(result.well, 100)
  })

  it("finds hosts that break a promise on purpose", { timeout }, async () => {
    const options = { hosts: 3, minutes: 0.12, seed: 5, isOnLoopback: true }
    const broken = ["drops a message", "no is untrue", "starts twice"] as const
    const { folder, violations } = await Chaos.run({ ...options, broken })
    for (const [law, host] of [
      ["order", "h0."],
      ["no silent loss", "h0."],
      ["no is a promise", "h1."],
      ["at most once", "h2."]
    ] as const) {
      const found = violations.find((violation) => violation.law === law)
      assert.isTrue(
        found?.lives.some((life) => life.startsWith(host)),
        `${law}: ${JSON.stringify(found)}`
      )
    }
    rmSync(folder ?? "", { recursive: true, force: true })
  })
})
