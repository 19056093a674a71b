/** The simulator itself: order, determinism, and that its short cuts change nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Cluster from "../../scripts/sim/membership/Cluster.ts"
import { join } from "../../scripts/sim/membership/Delivery.ts"
import type { Network } from "../../scripts/sim/membership/Network.ts"
import { exponential, type Options } from "../../scripts/sim/membership/Options.ts"
import { svg } from "../../scripts/sim/membership/Plot.ts"
import * as Process from "../../scripts/sim/membership/Process.ts"
import { grinta } from "../../scripts/sim/membership/Profiles.ts"
import { advance } from "../../scripts/sim/membership/Run.ts"
import { run, scenarios } from "../../scripts/sim/membership/Scenario.ts"
import { encode } from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Agenda from "../../src/testing/Agenda.ts"
import * as Random from "../../src/testing/Random.ts"

describe("the agenda", () => {
  it("hands out events in order of time, and those of one instant as they came in", () => {
    const random = Random.make("agenda")
    const agenda = Agenda.make<{ readonly at: number; readonly order: number }>()
    const taken: Array<{ readonly at: number; readonly order: number }> = []
    for (let order = 0; order < 20_000; order++) {
      const at = Math.floor(random() * 500)
      Agenda.put(agenda, at, { at, order })
      if (random() < 0.3) Agenda.take(agenda)
    }
    while (Agenda.size(agenda) > 0) {
      assert.strictEqual(Agenda.next(agenda), agenda.events[0]?.at)
      const event = Agenda.take(agenda)
      if (event !== undefined) taken.push(event)
    }
    assert.strictEqual(Agenda.next(agenda), Number.POSITIVE_INFINITY)
    const sorted = [...taken].sort((a, b) => a.at - b.at || a.order - b.order)
    assert.deepStrictEqual(taken, sorted)
  })
})

describe("a run", () => {
  const faults = { loss: 0.1, duplication: 0.1, reordering: 0.1, latency: exponential(0.5, 3) }

  const story = (options: Partial<Options> & { readonly seed: string }): Network => {
    const network = Cluster.chained(10, { faults, ...options })
    const [first, second, third, fourth] = network.hosts
    if (first === undefined || second === undefined || third === undefined || fourth === undefined)
      return assert.fail("hosts are missing")
    fourth.serviceMillis = 20
    Process.crash(network, third)
    Process.block(network, second)
    advance(network, 5000)
    Process.resume(network, second)
    advance(network, 25_000)
    Process.restart(network, third)
    join(network, third, first)
    advance(network, 30_000)
    return network
  }

  it("is the same for the same seed, and another for another", () => {
    assert.strictEqual(story({ seed: "a" }).hash, story({ seed: "a" }).hash)
    assert.notStrictEqual(story({ seed: "a" }).hash, story({ seed: "b" }).hash)
  })

  it("is the same when each message is encoded and decoded anew", () => {
    assert.strictEqual(story({ seed: "a" }).hash, story({ seed: "a", config: { encode } }).hash)
  })

  it("is the same when sizes are measured, and those of all datagrams are what their sum says", () => {
    const [none, some, all] = [0, 0.1, 1].map((sampling) => story({ seed: "a", sampling }))
    const measured = ({ sizes }: Network): number => sizes.datagrams
    if (none === undefined || some === undefined || all === undefined) return assert.fail("runs are missing")
    assert.deepStrictEqual([some.hash, all.hash], [none.hash, none.hash])
    const sum = (of: "datagramsSent" | "bytesSent" | "exchanges"): number =>
      all.hosts.reduce((so, { traffic }) => so + traffic[of], 0)
    assert.deepStrictEqual(
      [measured(none), measured(all), all.sizes.states],
      [0, sum("datagramsSent"), sum("exchanges")]
    )
    assert.closeTo(measured(some) / measured(all), 0.1, 0.03)
    // No datagram is longer for being compressed, and many are shorter.
    assert.isAtMost(all.sizes.datagramBytes, sum("bytesSent"))
    assert.isAbove(all.sizes.datagramBytes, sum("bytesSent") / 3)
    assert.closeTo(some.sizes.datagramBytes / measured(some), all.sizes.datagramBytes / measured(all), 10)
  })

  it.each(scenarios.map(({ name }) => name))("of the scenario %s is the same for the same seed", (name) => {
    const scenario = scenarios.find((one) => one.name === name) ?? assert.fail(name)
    const small = { hosts: 12, minutes: 1 }
    const first = run(scenario, { ...small, seed: "a" })
    const { hash, samples } = run(scenario, { ...small, seed: "a" })
    assert.strictEqual(first.hash, hash)
    assert.deepStrictEqual(first.samples, samples)
    assert.notStrictEqual(run(scenario, { ...small, seed: "b" }).hash, hash)
  })
})

describe("a scenario", () => {
  const named = (name: string, minutes: number, hosts = 32) =>
    run(scenarios.find((one) => one.name === name) ?? assert.fail(name), { hosts, minutes, seed: "1" })

  it.each(["steady", "loss", "burst", "pause", "oneway"])("without a crash (%s) buries nobody", (name) => {
    const { falseDeaths, trueDeaths } = named(name, 5)
    assert.deepStrictEqual({ falseDeaths, trueDeaths }, { falseDeaths: 0, trueDeaths: 0 })
  })

  it("with crashes tells everybody of each", () => {
    const { falseDeaths, isConverged, samples, trueDeaths } = named("crash", 5)
    assert.strictEqual(trueDeaths, 3 * 29)
    assert.strictEqual(falseDeaths, 0)
    assert.isTrue(isConverged)
    assert.strictEqual(samples.at(-1)?.median, 29)
  })

  it.each(["partition", "restart"])("that ends well (%s) leaves one cluster", (name) => {
    assert.isTrue(named(name, 5).isConverged)
  })

  it("is drawn with the truth and what the hosts see", () => {
    const { samples } = run(scenarios[1] ?? assert.fail(), { hosts: 8, minutes: 1, seed: "1", profile: grinta })
    const picture = svg(`a < b & "c"`, samples)
    assert.match(picture, /^<svg [^>]*viewBox=/)
    assert.match(picture, /a &lt; b &amp; /)
    assert.strictEqual(picture.match(/<polyline/g)?.length, 2)
    assert.notMatch(picture, /NaN|Infinity|undefined/)
  })
})
