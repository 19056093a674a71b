/** What a whole cluster promises, on a virtual network. Source: faults.md, sections 1 and 2. */
import { assert, describe, it } from "@effect/vitest"
import * as Config from "../../src/protocol/swim/Config.ts"
import { minMillis } from "../../src/protocol/swim/Suspicion.ts"
import * as Swim from "../../src/protocol/swim/Swim.ts"
import * as Cluster from "./Cluster.ts"
import * as Network from "./Network.ts"

const changes = (network: Network.Network, change: Swim.Change): ReadonlyArray<string> =>
  network.seen.flatMap(({ at, host, output }) =>
    output._tag === "Changed" && output.change === change ? [`${at} ${host} ${change} ${output.member.name}`] : []
  )

const names = (from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from }, (_, i) => `h${from + i}`)

/**
 * A crash is probed within 7 periods, but for one time in a thousand; then the probe fails, the suspect's time passes,
 * and word spreads.
 */
const crashSeenMillis = (n: number): number => (7 + 1) * 1000 + minMillis(4, n, 1000) + 2000

describe("a cluster", () => {
  it.each(["a", "b", "c", "d"])("of 32 hosts that join in a chain converges, seed %s", (seed) => {
    const network = Cluster.chained(32, { seed, loss: 0.02, duplication: 0.02, reordering: 0.05 })
    assert.isDefined(
      Cluster.until(network, () => Cluster.isConverged(network), 2 * Config.lan.pushPullIntervalMillis),
      `seed ${seed}`
    )
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
  })

  it.each(["a", "b", "c", "d", "e", "f"])("of 32 hosts sees a crash in time everywhere, seed %s", (seed) => {
    const network = Cluster.settled(32, { seed })
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
    Network.crash(network, "h7")
    const millis = Cluster.until(network, () => Cluster.allSee(network, "h7", "dead"), crashSeenMillis(32))
    assert.isDefined(millis, `seed ${seed}`)
    assert.isAtLeast(millis ?? 0, minMillis(4, 32, 1000), `seed ${seed}`)
    assert.strictEqual(changes(network, "died").length, 31, `seed ${seed}`)
  })

  it.each(["a", "b"])("of 16 hosts with a tenth of all datagrams lost buries nobody in 5 minutes, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed, loss: 0.1 })
    Network.advance(network, 5 * 60_000)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
  })

  it.each(["a", "b", "c"])("takes no harm from copies and late datagrams, seed %s", (seed) => {
    const network = Cluster.settled(12, { seed, duplication: 0.5, reordering: 0.5, reorderMillis: 400 })
    Network.advance(network, 60_000)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
  })

  it.each(["a", "b", "c"])("survives a pause of 3 s of one host, seed %s", (seed) => {
    const network = Cluster.settled(10, { seed })
    Network.pause(network, "h3")
    Network.advance(network, 3000)
    Network.resume(network, "h3")
    Network.advance(network, 15_000)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
  })

  it.each(["a", "b", "c"])("hears a leave as a leave, never as a death, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Network.input(network, Network.host(network, "h5"), { _tag: "Leave" })
    assert.isDefined(
      Cluster.until(network, () => Cluster.allSee(network, "h5", "left"), 5000),
      `seed ${seed}`
    )
    const isFinished = (): boolean => network.seen.some(({ output }) => output._tag === "LeaveFinished")
    assert.isDefined(Cluster.until(network, isFinished, 5000), `seed ${seed}`)
    Network.crash(network, "h5")
    Network.advance(network, 20_000)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
  })
})

describe("a host that restarts under its name", () => {
  const isBack = (network: Network.Network) => (): boolean => {
    const { state } = Network.host(network, "h4")
    const own = state === undefined ? 0 : (Swim.member(state, "h4")?.incarnation ?? 0)
    return own > 1 && Cluster.isConverged(network)
  }

  it.each(["a", "b", "c"])("before anybody missed it refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Network.crash(network, "h4")
    Network.advance(network, 500)
    Network.restart(network, "h4", "second life")
    Network.join(network, "h4", "h9")
    assert.isDefined(Cluster.until(network, isBack(network), 10_000), `seed ${seed}`)
    Network.advance(network, 20_000)
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
  })

  it.each(["a", "b", "c"])("after it was buried refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Network.crash(network, "h4")
    assert.isDefined(
      Cluster.until(network, () => Cluster.allSee(network, "h4", "dead"), 20_000),
      `seed ${seed}`
    )
    Network.restart(network, "h4")
    Network.join(network, "h4", "h9")
    assert.isDefined(Cluster.until(network, isBack(network), 10_000), `seed ${seed}`)
    assert.isNotEmpty(changes(network, "returned"), `seed ${seed}`)
  })

  it.each(["a", "b", "c"])("after it was forgotten is asked, refutes and is alive everywhere, seed %s", (seed) => {
    const network = Cluster.settled(16, { seed })
    Network.crash(network, "h4")
    Network.advance(network, 120_000)
    assert.isUndefined(Cluster.sees(network, "h9", "h4"), `seed ${seed}`)
    Network.restart(network, "h4")
    Network.join(network, "h4", "h9")
    assert.isDefined(Cluster.until(network, isBack(network), 10_000), `seed ${seed}`)
  })
})

describe("a partition", () => {
  it.each(["a", "b"])(
    "buries the other half on each side; after one join across, all are one again, seed %s",
    (seed) => {
      const network = Cluster.settled(12, { seed })
      Network.partition(network, names(0, 6), names(6, 12))
      Network.advance(network, 120_000)
      assert.strictEqual([...Swim.members(Network.host(network, "h0").state ?? assert.fail())].length, 6)
      Network.partition(network)
      Network.join(network, "h0", "h11")
      assert.isDefined(
        Cluster.until(network, () => Cluster.isConverged(network), 2 * Config.lan.pushPullIntervalMillis),
        `seed ${seed}`
      )
      Network.advance(network, 30_000)
      assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
    }
  )

  it.each(["a", "b"])("of single links buries nobody: helpers carry the probes, seed %s", (seed) => {
    const network = Cluster.settled(10, {
      seed,
      cutLinks: [
        ["h1", "h2"],
        ["h3", "h4"]
      ]
    })
    Network.advance(network, 120_000)
    assert.deepStrictEqual(changes(network, "died"), [], `seed ${seed}`)
    assert.isNotEmpty(
      network.seen.filter(({ output }) => output._tag === "TcpPing"),
      `seed ${seed}`
    )
  })
})

describe("load", () => {
  it.each(["a", "b"])("is two datagrams sent and received per member and period in steady state, seed %s", (seed) => {
    const settings = { ...Config.lan, gossipIntervalMillis: 0, pushPullIntervalMillis: 0 }
    const network = Cluster.settled(28, { seed, settings })
    assert.isTrue(Cluster.isConverged(network), `seed ${seed}`)
    const hosts = [...network.hosts.values()]
    for (const host of hosts) {
      host.sent = 0
      host.received = 0
    }
    const periods = 200
    Network.advance(network, periods * 1000)
    const mean = (count: (host: Network.Host) => number): number =>
      hosts.reduce((sum, host) => sum + count(host), 0) / hosts.length / periods
    assert.closeTo(
      mean(({ sent }) => sent),
      2,
      0.02,
      `seed ${seed}`
    )
    assert.closeTo(
      mean(({ received }) => received),
      2,
      0.02,
      `seed ${seed}`
    )
  })
})

describe("a run", () => {
  const run = (seed: string): number => {
    const network = Cluster.settled(10, { seed, loss: 0.1, duplication: 0.1, reordering: 0.1 })
    Network.crash(network, "h2")
    Network.advance(network, 30_000)
    Network.restart(network, "h2")
    Network.join(network, "h2", "h0")
    Network.advance(network, 30_000)
    return network.hash
  }

  it("is the same for the same seed, and another for another", () => {
    assert.strictEqual(run("a"), run("a"))
    assert.notStrictEqual(run("a"), run("b"))
  })
})
