/** X17: how fast one message reaches everybody. Source: the convergence simulator of Serf. */
import { lan, wan } from "../../../src/protocol/swim/Config.ts"
import * as Cluster from "../membership/Cluster.ts"
import * as Delivery from "../membership/Delivery.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, runUntil } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { median, range } from "../Statistics.ts"
import { total } from "./Load.ts"

export interface Convergence {
  /** Seconds until 99.99 % of the members have the message. */
  readonly seconds: number
  /** Bits sent per second and member in that time. */
  readonly bitsPerSecond: number
}

export const converge = (n: number, seed: string, { isWan = false, loss = 0 } = {}): Convergence => {
  const base = isWan ? wan : lan
  const settings = { ...grinta.settings, ...base, suspicionMult: grinta.settings.suspicionMult }
  const network = Cluster.settled(n, { seed, settings, rules: grinta.rules, isRecording: false, faults: { loss } })
  advance(network, 2000)
  const target = Math.ceil(0.9999 * n)
  const told = new Set<string>()
  network.observers.push((host, output) => {
    if (output._tag !== "Deliver" || told.has(host.name)) return
    told.add(host.name)
    // As a layer above does with news: it passes them on.
    Delivery.input(network, host, { _tag: "Broadcast", key: "news", payload: output.payload })
  })
  const [first] = network.hosts
  if (first === undefined) return { seconds: Number.NaN, bitsPerSecond: Number.NaN }
  told.add(first.name)
  const beganAt = network.now
  const before = total(network, ({ bytesSent }) => bytesSent)
  Delivery.input(network, first, { _tag: "Broadcast", key: "news", payload: new Uint8Array(100) })
  runUntil(network, beganAt + 60_000, () => told.size >= target)
  const seconds = (network.now - beganAt) / 1000
  return { seconds, bitsPerSecond: (8 * (total(network, ({ bytesSent }) => bytesSent) - before)) / n / seconds }
}

const cases = [
  { n: 30, published: 1.8, bound: 1.8 },
  { n: 100, published: 2.0, bound: 2.0 },
  { n: 1000, published: 2.2, bound: 1.6 },
  { n: 1000, published: 4.4, bound: 4.4, loss: 0.5 },
  { n: 1000, published: 4.5, bound: 4.5, isWan: true }
]

export const experiment: Experiment = {
  id: "X17",
  title: "convergence of gossip",
  criterion:
    "Seconds until 99.99 % of the members have a message, median of the runs; holds when not slower than published, at n = 1000 when at most 1.6 s; load at most a quarter of the 328 kbit/s shown there.",
  run: (extent, tell) => {
    const count = extent === "quick" ? 5 : 30
    const chosen = extent === "quick" ? cases.slice(0, 2) : cases
    return chosen.flatMap((one, i): ReadonlyArray<Row> => {
      tell(i, chosen.length)
      const { bound, n, published } = one
      const runs = range(count).map((seed) => converge(n, `X17 ${n} ${seed}`, one))
      const seconds = median(runs.map((run) => run.seconds))
      const kbits = median(runs.map(({ bitsPerSecond }) => bitsPerSecond)) / 1000
      const name = `n = ${n}${one.loss === undefined ? "" : ", half of all datagrams lost"}${one.isWan === true ? ", WAN timings" : ""}`
      return [
        {
          what: name,
          published,
          ours: seconds,
          unit: "s",
          holds: seconds <= bound,
          note: `slowest ${Math.max(...runs.map((run) => run.seconds)).toFixed(2)} s`
        },
        { what: `${name}, load`, published: 328.1, ours: kbits, digits: 1, unit: "kbit/s", holds: kbits <= 82 }
      ]
    })
  }
}
