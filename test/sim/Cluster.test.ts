/** What a whole cluster promises, on a virtual network, with the rules of the reference. Source: faults.md, section 2. */
import { assert, describe, it } from "@effect/vitest"
import * as Cluster from "../../scripts/sim/membership/Cluster.ts"
import * as Delivery from "../../scripts/sim/membership/Delivery.ts"
import type { Host } from "../../scripts/sim/membership/Host.ts"
import * as Network from "../../scripts/sim/membership/Network.ts"
import * as Process from "../../scripts/sim/membership/Process.ts"
import { grinta } from "../../scripts/sim/membership/Profiles.ts"
import { advance, until } from "../../scripts/sim/membership/Run.ts"
import { lan } from "../../src/protocol/swim/Config.ts"
import { minMillis } from "../../src/protocol/swim/Suspicion.ts"
import type * as Swim from "../../src/protocol/swim/Swim.ts"

const changes = (network: Network.Network, change: Swim.Change): ReadonlyArray<string> =>
  network.seen.flatMap(({ at, host, output }) =>
    output.change === change ? [`${at} ${host.name} ${change} ${output.member.name}`] : []
  )

const host = (network: Network.Network, name: string): Host =>
  Network.find(network, name) ?? assert.fail(`no host ${name}`)

/**
 * A crash is probed within 7 periods, but for one time in a thousand; then the probe fails, the suspect's time passes,
 * and word spreads.
 */
const crashSeenMillis = (n: number): number => (7 + 1) * 1000 + minMillis(4, n, 1000) + 2000

describe("a cluster", () => {
  it.each(["a", "b", "c", "d"])("of 32 hosts that join in a chain converges, seed %s", (seed) => {
    const network = Cluster.chained(32, { seed, faults: { loss: 0.02, duplication: 0.02, reordering: 0.05 } })
    assert.isDefined(until(network, () => Cluster.isConverged(network), 2 * lan.pushPullIntervalMillis))
    assert.deepStrictEqual(changes(network, "died"), [])
  })

  it.each(["a", "b", "c", "d", "e", "f"])("of 32 hosts sees a crash in time everywhere, seed %s", (seed) => {
    const network = Cluster.settled(32, { seed })
    const victim = host(network, "h7")
    Process.crash(network, victim)
    const millis = until(network, () => Cluster.allSee(network, victim, "dead"), crashSeenMillis(32))
    assert.isDefined(millis)
    assert.isAtLeast(millis ?? 0, minMillis(4, 32, 1000))
    assert.strictEqual(changes(network, "died").length, 31)
  })

  it.each(["a", "b"])("of 16 hosts with a tenth of all datagrams lost buries nobody in 5 minutes, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed, faults: { loss: 0.1 } })
    advance(network, 5 * 60_000)
    assert.deepStrictEqual(changes(network, "died"), [])
    assert.isTrue(Cluster.isConverged(network))
  })

  it.each(["a", "b", "c"])("takes no harm from copies and late datagrams, seed %s", (seed) => {
    const faults = { duplication: 0.5, reordering: 0.5, reorderMillis: 400 }
    const network = Cluster.settled(12, { seed, faults })
    advance(network, 60_000)
    assert.deepStrictEqual(changes(network, "died"), [])
    assert.isTrue(Cluster.isConverged(network))
  })

  it.each(["a", "b", "c"])("survives a pause of 3 s of one host, seed %s", (seed) => {
    const network = Cluster.settled(10, { seed })
    Process.pause(network, host(network, "h3"))
    advance(network, 3000)
    Process.resume(network, host(network, "h3"))
    advance(network, 15_000)
    assert.deepStrictEqual(changes(network, "died"), [])
    assert.isTrue(Cluster.isConverged(network))
  })

  it.each(["a", "b", "c"])("hears a leave as a leave, never as a death, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    const leaver = host(network, "h5")
    let isFinished = false
    network.observers.push((_, { _tag }) => {
      if (_tag === "LeaveFinished") isFinished = true
    })
    Delivery.input(network, leaver, { _tag: "Leave" })
    assert.isDefined(until(network, () => Cluster.allSee(network, leaver, "left"), 5000))
    assert.isDefined(until(network, () => isFinished, 5000))
    Process.crash(network, leaver)
    advance(network, 20_000)
    assert.deepStrictEqual(changes(network, "died"), [])
  })
})

describe("a host that restarts under its name", () => {
  const isBack = (network: Network.Network) => (): boolean =>
    (host(network, "h4").state?.self.member.incarnation ?? 0) > 1 && Cluster.isConverged(network)

  const returns = (network: Network.Network): void => {
    Process.restart(network, host(network, "h4"), Uint8Array.of(2))
    Delivery.join(network, host(network, "h4"), host(network, "h9"))
  }

  it.each(["a", "b", "c"])("before anybody missed it refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Process.crash(network, host(network, "h4"))
    advance(network, 500)
    returns(network)
    assert.isDefined(until(network, isBack(network), 10_000))
    advance(network, 20_000)
    assert.isTrue(Cluster.isConverged(network))
    assert.deepStrictEqual(changes(network, "died"), [])
  })

  it.each(["a", "b", "c"])("after it was buried refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Process.crash(network, host(network, "h4"))
    assert.isDefined(until(network, () => Cluster.allSee(network, host(network, "h4"), "dead"), 20_000))
    returns(network)
    assert.isDefined(until(network, isBack(network), 10_000))
    assert.isNotEmpty(changes(network, "returned"))
  })

  it.each(["a", "b", "c"])("after it was forgotten is asked, refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Process.crash(network, host(network, "h4"))
    advance(network, 120_000)
    assert.isUndefined(Cluster.sees(host(network, "h9"), host(network, "h4")))
    returns(network)
    assert.isDefined(until(network, isBack(network), 10_000))
  })
})

describe("a partition", () => {
  it.each(["a", "b"])("buries the other half; after one join across all are one again, seed %s", (seed) => {
    const network = Cluster.settled(12, { seed })
    Network.partition(network, network.hosts.slice(0, 6), network.hosts.slice(6))
    advance(network, 120_000)
    assert.strictEqual(host(network, "h0").state?.members.order.length, 6)
    Network.partition(network)
    Delivery.join(network, host(network, "h0"), host(network, "h11"))
    assert.isDefined(until(network, () => Cluster.isConverged(network), 2 * lan.pushPullIntervalMillis))
    advance(network, 30_000)
    assert.isTrue(Cluster.isConverged(network))
  })

  it.each(["a", "b"])("of single links, even one way, buries nobody: helpers carry the probes, seed %s", (seed) => {
    const network = Cluster.settled(10, { seed })
    let tcpPings = 0
    network.observers.push((_, { _tag }) => {
      if (_tag === "TcpPing") tcpPings += 1
    })
    for (const [from, to] of [
      ["h1", "h2"],
      ["h2", "h1"],
      ["h3", "h4"]
    ] as const)
      Network.cut(network, host(network, from), host(network, to))
    advance(network, 120_000)
    assert.deepStrictEqual(changes(network, "died"), [])
    assert.isAbove(tcpPings, 0)
  })

  it.each(["a", "b"])("from one deaf host costs only that host, with our own rules, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed, ...grinta })
    const deaf = host(network, "h3")
    deaf.isDeaf = true
    advance(network, 60_000)
    const deaths = network.seen.filter(({ host, output }) => output.change === "died" && host !== deaf)
    assert.strictEqual(deaths.length, 15)
    assert.isTrue(deaths.every(({ output }) => output.member.name === "h3"))
  })
})
