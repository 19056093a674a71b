/** N2: how fast a name is known everywhere. */
import * as Names from "../membership/Names.ts"
import { grinta, type Profile } from "../membership/Profiles.ts"
import { advance, runUntil } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { median, quantile, range } from "../Statistics.ts"
import { allBytes, total } from "./Load.ts"

export interface Speed {
  /** Of each name: seconds until all hosts show it; Infinity beyond two minutes. */
  readonly everywhere: ReadonlyArray<number>
  /** Of each name and host. */
  readonly somewhere: ReadonlyArray<number>
  /** Bytes that a host sent a second meanwhile, push/pull included. */
  readonly bytes: number
}

/** Names claimed one after the other, 3 s apart, each by another host. */
export const speed = (n: number, count: number, seed: string, loss = 0, profile: Profile = grinta): Speed => {
  const names = Names.settled(n, { seed, ...profile, isRecording: false, faults: { loss } })
  const { network } = names
  advance(network, 5000)
  const everywhere: Array<number> = []
  const somewhere: Array<number> = []
  let beganAt = 0
  let name = ""
  let shown = 0
  names.observers.push((_, output, at) => {
    if (output._tag !== "Up" || output.entry.name !== name) return
    shown += 1
    somewhere.push((at - beganAt) / 1000)
  })
  const [startsAt, before] = [network.now, total(network, allBytes)]
  for (const turn of range(count)) {
    const host = network.hosts[Math.floor(network.random() * n)]
    beganAt = network.now
    name = `name-${turn}`
    shown = 0
    if (host !== undefined) Names.claim(names, host, name)
    runUntil(network, beganAt + 120_000, () => shown === n)
    everywhere.push(shown === n ? Math.max(...somewhere.slice(-n)) : Number.POSITIVE_INFINITY)
    if (network.now < beganAt + 3000) runUntil(network, beganAt + 3000)
  }
  const bytes = (1000 * (total(network, allBytes) - before)) / n / (network.now - startsAt)
  return { everywhere, somewhere, bytes }
}

/** For p99 of names, with 100 hosts. */
export const boundSeconds = 1

export const experiment: Experiment = {
  id: "N2",
  page: "names",
  title: "from the claim to all hosts",
  criterion: `Seconds from a claim until all hosts show the name, default settings, simulated LAN (0.2 to 2 ms); holds when p99 of the names is below ${boundSeconds} s with 100 hosts.`,
  run: (extent, tell) => {
    const cases =
      extent === "quick"
        ? ([{ n: 100, count: 30, loss: 0 }] as const)
        : ([
            { n: 100, count: 300, loss: 0 },
            { n: 1000, count: 30, loss: 0 },
            { n: 100, count: 100, loss: 0.1 }
          ] as const)
    return cases.flatMap(({ count, loss, n }, i): ReadonlyArray<Row> => {
      tell(i, cases.length)
      const { everywhere, somewhere } = speed(n, count, `N2 ${n}`, loss)
      const name = `n = ${n}${loss === 0 ? "" : `, ${100 * loss} % loss`}`
      const p99 = quantile(everywhere, 0.99)
      const isBound = n === 100 && loss === 0
      return [
        {
          what: `p99 of ${count} names, ${name}`,
          published: isBound ? boundSeconds : undefined,
          ours: p99,
          unit: "s",
          ...(isBound && { holds: p99 < boundSeconds }),
          note: `slowest ${Math.max(...everywhere).toFixed(2)} s`
        },
        { what: `median, ${name}`, published: undefined, ours: median(everywhere), unit: "s" },
        { what: `median of names and hosts, ${name}`, published: undefined, ours: median(somewhere), unit: "s" }
      ]
    })
  }
}
