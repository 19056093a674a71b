/** What honest hosts send, beside what a host looks at of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Intake from "../../src/protocol/memberlist/Intake.ts"
import * as Cluster from "../../src/testing/Cluster.ts"
import { join } from "../../src/testing/Delivery.ts"
import type { Network } from "../../src/testing/Network.ts"
import * as Process from "../../src/testing/Process.ts"
import { grinta } from "../../src/testing/Profiles.ts"
import { advance } from "../../src/testing/Run.ts"

/** Lets time pass: the most datagrams that any one host got in one of its seconds. */
const most = (network: Network, seconds: number): number => {
  let most = 0
  for (let i = 0; i < seconds; i++) {
    const before = network.hosts.map(({ traffic }) => traffic.datagramsReceived)
    advance(network, 1000)
    for (const [index, { traffic }] of network.hosts.entries())
      most = Math.max(most, traffic.datagramsReceived - (before[index] ?? 0))
  }
  return most
}

describe("the datagrams that one host gets in a second, from all others together", () => {
  it.each([
    [16, "a"],
    [16, "b"],
    [300, "a"]
  ])("are far below what it looks at of one address: %s hosts, seed %s", (n, seed) => {
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
    console.log(`rates: ${n} hosts, steady ${steady}, half of them crash ${crashed}, and come back ${back}`)
    assert.isBelow(steady, Intake.sourceUnitsPerSecond / 10)
    assert.isBelow(Math.max(crashed, back), Intake.sourceUnitsPerSecond)
  })
})
