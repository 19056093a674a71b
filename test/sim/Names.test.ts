/** Names in the simulator: the experiments that are quick, with their criteria, and that a run can be had again. */
import { assert, describe, it } from "@effect/vitest"
import { boundSeconds, burst } from "../../scripts/sim/experiments/NamesBurst.ts"
import { gone, killSeconds, leaveSeconds } from "../../scripts/sim/experiments/NamesGone.ts"
import { healed } from "../../scripts/sim/experiments/NamesHeal.ts"
import { cost } from "../../scripts/sim/experiments/NamesLoad.ts"
import * as NamesSpeed from "../../scripts/sim/experiments/NamesSpeed.ts"
import * as Names from "../../scripts/sim/membership/Names.ts"
import { scenarios } from "../../scripts/sim/membership/NamesScenario.ts"
import { judge } from "../../scripts/sim/membership/Oracle.ts"
import * as Process from "../../scripts/sim/membership/Process.ts"
import { grinta } from "../../scripts/sim/membership/Profiles.ts"
import { advance, until } from "../../scripts/sim/membership/Run.ts"
import { run } from "../../scripts/sim/membership/Scenario.ts"
import { quantile } from "../../scripts/sim/Statistics.ts"
import * as Directory from "../../src/protocol/names/Directory.ts"

const none = { lost: 0, ghosts: 0, unequal: 0 }

describe("a burst of claims, while datagrams are lost, late and repeated, and hosts restart", () => {
  it.each(["a", "b", "c"])("loses no claim and leaves no ghost, seed %s", (seed) => {
    const { ghosts, ghostsEver, lost, seconds, unequal } = burst({ hosts: 30, exposes: 300, restarts: 4, seed })
    assert.deepStrictEqual({ ghosts, lost, unequal, ghostsEver }, { ...none, ghostsEver: 0 })
    assert.isAtMost(seconds, boundSeconds)
  })
})

describe("a name", () => {
  it("is on all of 100 hosts within a second, in 99 of 100 cases", () => {
    const { everywhere, somewhere } = NamesSpeed.speed(100, 25, "test")
    assert.strictEqual(somewhere.length, 25 * 100)
    assert.isBelow(quantile(everywhere, 0.99), NamesSpeed.boundSeconds)
  })

  it("of a killed host is gone everywhere within the suspicion bound", () => {
    const { ghostsEver, seconds } = gone(30, 4, "test", false)
    assert.isAtMost(Math.max(...seconds), killSeconds(30))
    assert.isAtLeast(Math.min(...seconds), 1)
    assert.strictEqual(ghostsEver, 0)
  })

  it("of a leaver is gone everywhere within one dissemination", () => {
    const { ghostsEver, seconds } = gone(30, 4, "test", true)
    assert.isAtMost(Math.max(...seconds), leaveSeconds)
    assert.strictEqual(ghostsEver, 0)
  })

  it("claimed in both halves of a partition has one owner after it, and each loser is told once", () => {
    const { disputed, ghosts, ghostsEver, lost, told, unequal } = healed(20, 20, 60, "test")
    assert.deepStrictEqual(
      { disputed, ghosts, ghostsEver, lost, told, unequal },
      { ...none, disputed: 0, ghostsEver: 0, told: 20 }
    )
  })

  it("costs hosts at rest little beside their membership", () => {
    const { bare, behind, rest, settledSeconds } = cost(20, 10, "test", 5)
    // A directory of this size rides along with each push/pull.
    assert.isBelow(rest - bare, 1024)
    assert.isBelow(behind, 0.02)
    assert.isBelow(settledSeconds, 90)
  })
})

describe("a simulated host", () => {
  const cluster = (seed: string) => {
    const names = Names.settled(5, { seed, ...grinta })
    for (const [index, host] of names.network.hosts.entries()) Names.claim(names, host, `of-${index}`)
    const [first, second] = names.network.hosts
    if (first === undefined || second === undefined) return assert.fail("hosts are missing")
    return { first, names, network: names.network, second }
  }

  it("that restarts is a new generation with its claims made again", () => {
    const { first, names, network, second } = cluster("restart")
    advance(network, 10_000)
    const before = Names.peerOf(names, second)?.directory.own.claims.generation ?? assert.fail()
    Names.restart(names, second, first)
    advance(network, 30_000)
    const [entry] = Directory.resolve(Names.peerOf(names, first)?.directory ?? assert.fail(), "of-1")
    assert.isAbove(entry?.host.generation ?? 0, before)
    assert.deepStrictEqual(judge(Names.replicas(names)), none)
  })

  it("that is paused exchanges nothing, and catches up when it goes on", () => {
    const { first, names, network, second } = cluster("pause")
    advance(network, 10_000)
    Process.pause(network, second)
    const sent = second.traffic.cargoBytesSent
    Names.claim(names, first, "new")
    advance(network, 3000)
    assert.strictEqual(second.traffic.cargoBytesSent, sent)
    assert.isFalse(Names.isSettled(names))
    Process.resume(network, second)
    assert.isDefined(until(network, () => Names.isSettled(names), 60_000))
  })

  it("knows of a name that is given up, and refuses one that another has", () => {
    const { first, names, network, second } = cluster("release")
    advance(network, 10_000)
    assert.isFalse(Names.claim(names, first, "of-1"))
    Names.release(names, second, "of-1")
    advance(network, 10_000)
    assert.isTrue(Names.claim(names, first, "of-1"))
    assert.isDefined(until(network, () => Names.isSettled(names), 60_000))
  })
})

describe("the oracle", () => {
  it("sees a claim that is missing, and an entry that nobody claims", () => {
    const names = Names.settled(3, { seed: "oracle", ...grinta })
    const [first] = names.network.hosts
    const [peer] = Names.replicas(names)
    if (first === undefined || peer === undefined) return assert.fail("hosts are missing")
    Names.claim(names, first, "here")
    assert.deepStrictEqual(judge(Names.replicas(names)), { lost: 2, ghosts: 0, unequal: 2 })
    assert.isFalse(Names.isSettled(names))
    advance(names.network, 5000)
    assert.deepStrictEqual(judge(Names.replicas(names)), none)
    peer.held.delete("here")
    assert.deepStrictEqual(judge(Names.replicas(names)), { lost: 0, ghosts: 3, unequal: 0 })
  })
})

describe("a scenario", () => {
  it.each(scenarios.map(({ name }) => name))(
    "%s is the same for the same seed, and shows no name of the known dead",
    (name) => {
      const scenario = scenarios.find((one) => one.name === name) ?? assert.fail(name)
      const small = { hosts: 6, minutes: 0.5 }
      const first = run(scenario, { ...small, seed: "a" })
      const { hash, names, samples } = run(scenario, { ...small, seed: "a" })
      assert.strictEqual(first.hash, hash)
      assert.deepStrictEqual(first.samples, samples)
      assert.strictEqual(names?.ghostsEver, 0)
      assert.isAbove(names?.claimed ?? 0, 0)
      assert.notStrictEqual(run(scenario, { ...small, seed: "b" }).hash, hash)
    }
  )

  it.each(["names", "names-burst", "names-partition"])("that ends well (%s) leaves equal directories", (name) => {
    const scenario = scenarios.find((one) => one.name === name) ?? assert.fail(name)
    const { names } = run(scenario, { hosts: 10, minutes: 2, seed: "1" })
    assert.deepStrictEqual({ lost: names?.lost, ghosts: names?.ghosts, unequal: names?.unequal }, none)
  })
})
