/** Seven hosts in processes of their own, cut in two sides of any size, and healed. */
import { assert, it } from "vitest"
import type { Host } from "./Host.ts"
import * as Hosts from "./Host.ts"
import * as Lab from "./Lab.ts"
import { sleep, until } from "./Lines.ts"
import { describeNet } from "./Suite.ts"

const hosts = 7

/** Until a side has stopped to show the other: below 30 seconds, and the machine may be busy. */
const shownMillis = 45_000

/** Until all are one again: below 10 seconds, and the machine may be busy. */
const healedMillis = 25_000

/** How long a cut lasts, at least: by then the dead are forgotten. */
const cutMillis = 75_000

const timeout = 300_000

/** What a host has said last of a member; nothing of itself, and of whom it has not heard. */
const statusOf = ({ events }: Host, name: string): string | undefined =>
  events.flatMap((event) => ("member" in event && event.member === name ? [event.status] : [])).at(-1)

const shows = (host: Host, other: Host): boolean => ["alive", "suspect"].includes(statusOf(host, other.name) ?? "")

describeNet("a cut of seven hosts", () => {
  // Of all sides of seven the one on which it takes longest: docs/membership.md has the others.
  it.each([1])("ends the names of the others on a side of %i, and heals soon", { timeout }, (side) =>
    Lab.use({ hosts }, async (lab) => {
      const all = await lab.start()
      const [larger, smaller] = [all.slice(side), all.slice(0, side)]
      const cutAt = performance.now()
      for (const [one, host] of all.entries())
        for (const [other] of all.entries())
          if (smaller.includes(host) && other >= side) await lab.net.both(one, other, { drop: "all" })
      const gone = async (which: string, of: ReadonlyArray<Host>, others: ReadonlyArray<Host>): Promise<number> => {
        await until(`that the ${which} side shows nobody of the other`, shownMillis, () =>
          of.every((host) => others.every((other) => !shows(host, other)))
        )
        return performance.now() - cutAt
      }
      const millis = await Promise.all([gone("smaller", smaller, larger), gone("larger", larger, smaller)])
      for (const own of [smaller, larger])
        for (const host of own)
          for (const other of own)
            if (host !== other)
              assert.notStrictEqual(statusOf(host, other.name), "dead", `${other.name} at ${host.name}`)
      await sleep(Math.max(0, cutMillis - (performance.now() - cutAt)))
      await lab.net.reset()
      const healedAt = performance.now()
      await Hosts.allSee(all, healedMillis)
      const seconds = [...millis, performance.now() - healedAt].map((one) => (one / 1000).toFixed(1))
      console.log(
        `a side of ${side} of ${hosts}: gone after ${seconds[0]} and ${seconds[1]} s, healed after ${seconds[2]} s`
      )
      assert.deepStrictEqual(
        all.flatMap((host) => host.crashes()),
        []
      )
    })
  )
})
