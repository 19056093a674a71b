/** Bulk in both directions on one path for a long time, while flows come and go; one line a minute, one sample a second. */
import { writeFileSync } from "node:fs"
import type { Host } from "../../test/net/Host.ts"
import type { Failure, Vitals } from "../../test/net/HostOrders.ts"
import * as Lab from "../../test/net/Lab.ts"
import { sleep } from "../../test/net/Lines.ts"
import * as Path from "../../test/net/Path.ts"
import type { Arguments } from "./Arguments.ts"
import { svg } from "./SoakPlot.ts"
import { begin, number } from "./Table.ts"
import { type Sample, trendOf } from "./Trend.ts"

interface Figure {
  readonly title: string
  readonly of: (vitals: Vitals) => number
  /** Whether its growth is a fault: the lag tells of whatever else the machine does, too. */
  readonly isJudged: boolean
}

const figures: ReadonlyArray<Figure> = [
  { title: "resident memory, MiB", of: ({ rss }) => rss / 2 ** 20, isJudged: true },
  { title: "heap in use, MiB", of: ({ heap }) => heap / 2 ** 20, isJudged: true },
  { title: "open descriptors", of: ({ descriptors }) => descriptors, isJudged: true },
  { title: "active timers", of: ({ timers }) => timers, isJudged: true },
  { title: "lag of the event loop, most in a second, ms", of: ({ lagMillis }) => lagMillis, isJudged: false }
]

interface Seen {
  readonly at: number
  readonly vitals: Vitals
}

/** Samples a host once a second, and has flows opened and closed, until `isOver`. */
const watch = async (host: Host, isOver: () => boolean): Promise<ReadonlyArray<Seen>> => {
  const seen: Array<Seen> = []
  const began = performance.now()
  while (!isOver()) {
    const at = (performance.now() - began) / 1000
    seen.push({ at, vitals: await host.vitals() })
    await sleep(Math.max(0, 1000 * seen.length - (performance.now() - began)))
  }
  return seen
}

/** Opens and closes flows, so many a second; those that could not be opened. */
const comeAndGo = async (caller: Host, to: string, connects: number, isOver: () => boolean) => {
  const failed: Array<Failure> = []
  while (connects > 0 && !isOver()) {
    const [connected] = await Promise.all([caller.connect(to), sleep(1000 / connects)])
    if (connected.failure !== undefined) failed.push(connected.failure)
  }
  return failed
}

const samplesOf = (seen: ReadonlyArray<Seen>, { of }: Figure): ReadonlyArray<Sample> =>
  seen.map(({ at, vitals }) => ({ at, value: of(vitals) }))

/** Prints the trend of each figure; true if nothing that is judged grows. */
const verdicts = (hosts: ReadonlyArray<readonly [name: string, seen: ReadonlyArray<Seen>]>): boolean => {
  process.stdout.write(
    "\nSecond half of the time: mean, growth from its beginning to its end, and where that lies with 95 %.\n\n"
  )
  const table = begin("figure", "host", "mean:", "growth:", "from:", "to:", "verdict")
  let isFlat = true
  for (const figure of figures)
    for (const [name, seen] of hosts) {
      const { growth, high, low, mean, verdict } = trendOf(samplesOf(seen, figure))
      table.row(figure.title, name, number(mean), number(growth), number(low), number(high), verdict)
      if (figure.isJudged && verdict === "grows") isFlat = false
    }
  return isFlat
}

/** True if no flow was lost, nothing crashed, and nothing grows. */
export const soak = async (asked: Arguments): Promise<boolean> => {
  const { connects, flows, loss, minutes, plot, rate, roundTripMillis, seed } = asked
  const path = Path.make({ bitsPerSecond: rate * 1e6, roundTripMillis, loss })
  const title = `${Path.nameOf(path)}: ${flows} flows in both directions, ${connects} more opened and closed a second, ${minutes} minutes`
  process.stdout.write(`${title}\n\n`)
  const lab = await Lab.open({ hosts: 2, seed })
  const [caller, peer] = await Lab.startPair(lab)
  await lab.net.both(0, 1, Path.linkOf(path))
  const messageBytes = Path.messageBytesOf(path)
  await caller.open("duplex", { kind: "duplex", to: peer.name, flows, messageBytes, isKept: true })
  await sleep(1_000)
  let isDone = false
  const isOver = () => isDone
  const watching = Promise.all([caller, peer].map((host) => watch(host, isOver)))
  const coming = comeAndGo(caller, peer.name, connects, isOver)
  const table = begin("minute:", "MB/s out:", "MB/s back:", "open:", "longest silence, ms:", "lost so far:")
  let before = await Lab.moved(caller, peer, "duplex", "duplex")
  for (let left = minutes; left > 0; left -= 1) {
    await sleep(Math.min(1, left) * 60_000)
    const now = await Lab.moved(caller, peer, "duplex", "duplex")
    const seconds = (now.atMillis - before.atMillis) / 1000
    table.row(
      number(minutes - left + Math.min(1, left)),
      number((now.out - before.out) / 1e6 / seconds),
      number((now.back - before.back) / 1e6 / seconds),
      now.flows,
      Math.round(now.silenceMillis),
      caller.lost().length
    )
    before = now
    await Promise.all([caller.mark(), peer.mark()])
  }
  isDone = true
  const [[ofCaller = [], ofPeer = []], failed] = await Promise.all([watching, coming])
  const hosts = [["caller", ofCaller] as const, ["peer", ofPeer] as const]
  const lost = caller.lost()
  const crashes = [...caller.crashes(), ...peer.crashes()]
  await lab.down()
  const isFlat = verdicts(hosts)
  if (plot !== undefined) {
    const panels = figures.map((figure) => ({
      title: figure.title,
      lines: hosts.map(([name, seen]) => ({ name, samples: samplesOf(seen, figure) }))
    }))
    writeFileSync(plot, svg(title, panels))
  }
  process.stdout.write("\n")
  for (const [what, times] of Object.entries(Lab.tally(...lost, ...failed)))
    process.stdout.write(`${times} x ${what}\n`)
  for (const crash of crashes) process.stdout.write(`crash: ${crash}\n`)
  process.stdout.write(
    `\n${lost.length} flows lost, ${failed.length} not opened, ${crashes.length} uncaught exceptions\n`
  )
  return lost.length === 0 && failed.length === 0 && crashes.length === 0 && isFlat
}
