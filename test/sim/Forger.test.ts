/** Somebody who forges, in the simulator: what is left of the names of a fabric while it does, and afterwards. */
import { assert, describe, it } from "@effect/vitest"
import * as Forger from "../../scripts/sim/membership/Forger.ts"
import * as Names from "../../scripts/sim/membership/Names.ts"
import { judge } from "../../scripts/sim/membership/Oracle.ts"
import { grinta } from "../../scripts/sim/membership/Profiles.ts"
import { advance, until } from "../../scripts/sim/membership/Run.ts"
import * as Directory from "../../src/protocol/names/Directory.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"

const hosts = 12
const stepMillis = 50

/** A quarter of a minute of lies, and the share of all look-ups that were right meanwhile. */
const forged = (kind: Forger.Kind, seed: string) => {
  const names = Names.settled(hosts, { seed, ...grinta, config: { lives: HostMeta.lives } })
  const { network } = names
  for (const host of network.hosts) for (let i = 0; i < 3; i++) Names.claim(names, host, `${host.name}.${i}`)
  advance(network, 70_000)
  assert.isTrue(Names.isSettled(names))
  let right = 0
  let asked = 0
  for (let passed = 0; passed < 15_000; passed += stepMillis) {
    if (passed % 200 === 0) Forger.lie(names, kind)
    advance(network, stepMillis)
    for (const { directory } of Names.replicas(names))
      for (const { name } of network.hosts) {
        asked += 1
        if (Directory.resolve(directory, `${name}.0`).some(({ host }) => host.id === name)) right += 1
      }
  }
  const millis = until(network, () => Names.isSettled(names), 120_000, stepMillis)
  advance(network, 10_000)
  const members = names.network.hosts.map(({ state }) => state?.members.order.length ?? 0)
  return { share: right / asked, millis, members, told: names.told, verdict: judge(Names.replicas(names)) }
}

describe("somebody who tells a host what is not so of another, five times a second", () => {
  it.each(Forger.kinds.flatMap((kind) => ["a", "b", "c"].map((seed) => [kind, seed] as const)))(
    "%s: four of five look-ups are right meanwhile, and all soon after, seed %s",
    (kind, seed) => {
      const { members, millis, share, told, verdict } = forged(kind, seed)
      assert.isAtLeast(share, 0.8)
      assert.isAtMost(millis ?? Number.POSITIVE_INFINITY, 90_000)
      assert.deepStrictEqual(verdict, { lost: 0, ghosts: 0, unequal: 0 })
      assert.deepStrictEqual(members, new Array(hosts).fill(hosts))
      assert.strictEqual(told, 0, "nobody has lost a name")
    }
  )
})
