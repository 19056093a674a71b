/** The experiments that are quick, with their criteria; all of them run by `npm run sim`. Source: faults.md, section 1. */
import { assert, describe, it } from "@effect/vitest"
import * as Busy from "../../scripts/sim/experiments/Busy.ts"
import { cost, metaOf } from "../../scripts/sim/experiments/Bytes.ts"
import { converge } from "../../scripts/sim/experiments/Convergence.ts"
import { detections, expectedPeriods, together } from "../../scripts/sim/experiments/Detection.ts"
import { boundSeconds, healSeconds } from "../../scripts/sim/experiments/Heal.ts"
import { cells, sweep, threeOf, threshold } from "../../scripts/sim/experiments/Lifeguard.ts"
import { load } from "../../scripts/sim/experiments/Load.ts"
import { gaps } from "../../scripts/sim/experiments/Rounds.ts"
import * as Timeouts from "../../scripts/sim/experiments/Timeouts.ts"
import { grinta, paper, reference, swim2002 } from "../../scripts/sim/membership/Profiles.ts"
import { isNear, mean, quantile } from "../../scripts/sim/Statistics.ts"

const silent = (): void => {}

describe("the first paper", () => {
  it("X1: a crash is first missed after the expected time", () => {
    const found = detections(24, 2000, "test", true)
    assert.isTrue(isNear(mean(found), expectedPeriods(24), 0.05), `${mean(found)}`)
    assert.isAtMost(quantile(found, 0.99), 6)
  })

  it("X1: the expectation nears e / (e - 1)", () => {
    assert.closeTo(expectedPeriods(400), Math.E / (Math.E - 1), 0.01)
  })

  it("X1: many members that fall silent together are missed as soon, by the fewer that are left to probe them", () => {
    const found = together(300, 60, "test")
    assert.lengthOf(found, 60)
    assert.isTrue(isNear(mean(found), expectedPeriods(300, 240), 0.15), `${mean(found)}`)
  })

  it("X2: no member goes unprobed for more than 2n - 1 periods", () => {
    assert.strictEqual(gaps(50_000, "test").exceeded, 0)
  })

  it("X4: a member sends and gets two datagrams in a period", () => {
    const { below5, received, sent } = load(28, 200, "test", swim2002)
    assert.closeTo(sent, 2, 0.02)
    assert.closeTo(received, 2, 0.02)
    assert.isAtLeast(below5, 0.98)
  })

  it("X6: a suspect has the published time", () => {
    for (const { holds, what } of Timeouts.experiment.run("quick", silent)) assert.isTrue(holds, what)
  })
})

describe("Lifeguard", () => {
  it("X7: SWIM detects as published; ours twice as fast, and the slowest within 12 s", { timeout: 120_000 }, () => {
    const [median] = threeOf(threshold(paper.swim, 2, silent, [12, 16]).first)
    assert.isTrue(isNear(median, 12.44, 0.05), `${median}`)
    const [ours, , slowest] = threeOf(threshold(grinta, 2, silent, [12, 16]).first)
    assert.isAtMost(ours, 6.7)
    // Without second probes the slowest of these takes 15.6 s.
    assert.isAtMost(slowest, 12)
  })

  it("X8: in cycles of blocks ours buries no healthy member, and SWIM does", () => {
    const chosen = cells("quick").filter(
      ({ count, durationMillis, gapMillis }) => count === 24 && durationMillis === 16_384 && gapMillis > 1
    )
    const { all, atHealthy, runs } = sweep(grinta, chosen, false, silent)
    assert.deepStrictEqual({ all, atHealthy, runs }, { all: 0, atHealthy: 0, runs: 2 })
    assert.isAbove(sweep(paper.swim, chosen, false, silent).all, 100)
  })
})

describe("X9", () => {
  it("ours sends fewer bytes than the reference while members block in cycles", { timeout: 120_000 }, () => {
    const cell = { count: 8, durationMillis: 8192, gapMillis: 16_384, rep: 0 }
    const [ours, theirs] = [grinta, reference].map((profile) => cost(profile, [cell], silent))
    assert.isBelow(ours?.bytes ?? Number.NaN, theirs?.bytes ?? Number.NaN)
    assert.isBelow(ours?.bytes ?? Number.NaN, ours?.plainBytes ?? Number.NaN)
  })

  it("each agent says something else of itself", () => {
    assert.strictEqual(new Set(["h1", "h2", "h1"].map((name) => String(metaOf(name)))).size, 2)
  })
})

describe("our own bounds", () => {
  it.each([30, 100])("X17: a message reaches %i members faster than Serf's model says", (n) => {
    assert.isAtMost(converge(n, "test").seconds, 1.8)
  })

  it.each([true, false])("50 hosts, each in turn busy for 3 s, are all alive (whole process stops: %s)", (isPause) => {
    assert.strictEqual(Busy.deathsWhileBusy(50, 3000, "test", grinta, isPause), 0)
  })

  it.each(["a", "b"])("two halves are one again within a minute of the heal, seed %s", (seed) => {
    assert.isAtMost(healSeconds(64, 3, seed), boundSeconds)
  })

  it("the load of a member does not grow with the cluster", () => {
    assert.closeTo(load(16, 100, "test", grinta).sent, 2, 0.02)
    assert.closeTo(load(256, 30, "test", grinta).sent, 2, 0.02)
  })
})
