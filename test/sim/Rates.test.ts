/** What honest hosts send, beside what a host looks at of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Cluster from "../../scripts/sim/membership/Cluster.ts"
import { join } from "../../scripts/sim/membership/Delivery.ts"
import type { Network } from "../../scripts/sim/membership/Network.ts"
import * as Process from "../../scripts/sim/membership/Process.ts"
import { grinta } from "../../scripts/sim/membership/Profiles.ts"
import { advance } from "../../scripts/sim/membership/Run.ts"
import * as Intake from "../../src/protocol/memberlist/Intake.ts"

/**
 * Lets time pass: the most datagrams that any one host gets in one of its seconds, and how far below what it looks at of one
 * address they stay if all of them come from one, and those of a second at once.
 */
const most = (network: Network, seconds: number): { readonly most: number; readonly left: number } => {
  const { sourceUnitsBurst, sourceUnitsPerSecond } = Intake
  const levels = network.hosts.map(() => sourceUnitsBurst)
  let most = 0
  let left: number = sourceUnitsBurst
  for (let i = 0; i < seconds; i++) {
    const before = network.hosts.map(({ traffic }) => traffic.datagramsReceived)
    advance(network, 1000)
    for (const [index, { traffic }] of network.hosts.entries()) {
      const came = traffic.datagramsReceived - (before[index] ?? 0)
      const level = (levels[index] ?? 0) - came
      most = Math.max(most, came)
      left = Math.min(left, level)
      levels[index] = Math.min(sourceUnitsBurst, level + sourceUnitsPerSecond)
    }
  }
  return { most, left }
}

describe("the datagrams that one host gets in a second, from all others together", () => {
  it.each([
    [16, "a"],
    [16, "b"],
    [300, "a"]
  ])("are below what it looks at of one address: %s hosts, seed %s", { timeout: 120_000 }, (n, seed) => {
    const network = Cluster.settled(n, { seed, ...grinta, isRecording: false })
    const steady = most(network, 10)
    const half = network.hosts.slice(0, n / 2)
    for (const host of half) Process.crash(network, host)
    const crashed = most(network, 30)
    for (const host of half) {
      Process.restart(network, host)
      const last = network.hosts.at(-1)
      if (last !== undefined) join(network, host, last)
    }
    const back = most(network, 20)
    const rates = `steady ${steady.most}, half of them crash ${crashed.most}, and come back ${back.most}`
    console.log(`rates: ${n} hosts, ${rates}`)
    assert.isBelow(steady.most, Intake.sourceUnitsPerSecond / 10)
    for (const { left } of [steady, crashed, back]) assert.isAbove(left, 0)
  })
})
