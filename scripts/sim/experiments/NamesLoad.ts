/** N3: what names cost: memory on each host, and bytes on the wire at rest and while names come and go. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Names from "../membership/Names.ts"
import { call } from "../membership/Network.ts"
import { judge } from "../membership/Oracle.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { allBytes, total } from "./Load.ts"
import { populate } from "./NamesCluster.ts"

const collect = (): void => {
  setFlagsFromString("--expose-gc")
  const gc: unknown = runInNewContext("gc")
  if (typeof gc === "function") gc()
}

const heapBytes = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

export interface Cost {
  /** Heap of each name on each host, the record itself shared, and of a host without names. */
  readonly bytesPerName: number
  readonly bytesPerHost: number
  /** Bytes sent per host and second: of membership alone, at rest with names, and while one in a hundred changes each second. */
  readonly bare: number
  readonly rest: number
  readonly churn: number
  readonly churnDatagrams: number
  readonly churnStreams: number
  /** At the end of that time: claims that a host does not show, as a share of all. */
  readonly behind: number
  /** From the end of it until all directories are equal. */
  readonly settledSeconds: number
}

export const cost = (n: number, perHost: number, seed: string, churnSeconds: number): Cost => {
  const limits = { recordsMax: 1_000_000, recordsBytesMax: 2 ** 30 }
  const before = heapBytes()
  const names = Names.settled(n, { seed, ...grinta, isRecording: false }, { limits })
  const { network } = names
  const bytes = (seconds: number, of: Parameters<typeof total>[1]): number => {
    const begin = total(network, of)
    advance(network, 1000 * seconds)
    return (total(network, of) - begin) / n / seconds
  }
  // As long as the pause of push/pull with 1,000 hosts.
  const restSeconds = 180
  advance(network, 60_000)
  const bare = bytes(
    restSeconds,
    ({ bytesSent, cargoBytesSent, streamBytesSent }) => bytesSent + streamBytesSent - cargoBytesSent
  )
  const empty = heapBytes()
  populate(names, perHost)
  const full = heapBytes()
  advance(network, 60_000)
  const rest = bytes(restSeconds, allBytes)
  const everyMillis = 1000 / ((n * perHost) / 100)
  const endsAt = network.now + 1000 * churnSeconds
  const turn = (i: number): void => {
    if (network.now >= endsAt) return
    const host = network.hosts[Math.floor(network.random() * n)]
    const [old] = (host && Names.peerOf(names, host)?.held) ?? []
    if (host !== undefined && old !== undefined) {
      Names.release(names, host, old)
      Names.claim(names, host, `${host.name}.turn-${i}`)
    }
    call(network, everyMillis, () => turn(i + 1))
  }
  turn(0)
  const streams = total(network, ({ cargoBytesSent }) => cargoBytesSent)
  const datagrams = total(network, ({ datagramsSent }) => datagramsSent)
  const churn = bytes(churnSeconds, allBytes)
  const per = (end: number, begin: number): number => (end - begin) / n / churnSeconds
  const churnStreams = per(
    total(network, ({ cargoBytesSent }) => cargoBytesSent),
    streams
  )
  const churnDatagrams = per(
    total(network, ({ datagramsSent }) => datagramsSent),
    datagrams
  )
  const { lost } = judge(Names.replicas(names))
  const settled = until(network, () => Names.isSettled(names), 600_000, 1000)
  return {
    bytesPerName: (full - empty) / (n * n * perHost),
    bytesPerHost: (empty - before) / n,
    bare,
    rest,
    churn,
    churnDatagrams,
    churnStreams,
    behind: lost / (n * n * perHost),
    settledSeconds: (settled ?? Number.POSITIVE_INFINITY) / 1000
  }
}

export const experiment: Experiment = {
  id: "N3",
  page: "names",
  title: "what names cost",
  criterion:
    "Memory of a name on a host, its record shared by all hosts as only the simulator can; bytes that a host sends per second, membership included, at rest and while each second one name in a hundred is given up for another. No bound.",
  run: (extent, tell) => {
    const cases =
      extent === "quick"
        ? ([{ n: 50, perHost: 20, churn: 10 }] as const)
        : extent === "subset"
          ? ([
              { n: 100, perHost: 100, churn: 30 },
              { n: 1000, perHost: 3, churn: 30 }
            ] as const)
          : ([
              { n: 400, perHost: 100, churn: 120 },
              { n: 1000, perHost: 16, churn: 120 }
            ] as const)
    return cases.flatMap(({ churn: seconds, n, perHost }, i): ReadonlyArray<Row> => {
      tell(i, cases.length)
      const found = cost(n, perHost, `N3 ${n}`, seconds)
      const row = (what: string, ours: number, unit: string, digits = 0, note = ""): Row => ({
        what: `${what}, ${n} hosts x ${perHost} names`,
        published: undefined,
        ours,
        unit,
        digits,
        note
      })
      return [
        row("heap of a name on a host", found.bytesPerName, "B"),
        row("heap of a host without names", found.bytesPerHost / 1024, "KiB"),
        row("sent by membership alone", found.bare, "B/s"),
        row("sent at rest", found.rest, "B/s"),
        row("sent under churn", found.churn, "B/s", 0, `${found.churnDatagrams.toFixed(0)} datagrams/s`),
        row("of that, streams for names", found.churnStreams, "B/s"),
        row("claims not shown at the end of it", 100 * found.behind, "%", 2),
        row("until all are equal again", found.settledSeconds, "s")
      ]
    })
  }
}
