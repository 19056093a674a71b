/** The rows: what is done with a candidate, and what is told of it. */
import { median, percentile } from "../stats.ts"
import * as Asks from "./Asks.ts"
import * as Calls from "./Calls.ts"
import type { Client, RowName } from "./Candidate.ts"
import * as Duplex from "./Duplex.ts"
import { expected, type Load, loadOf, type Receipt } from "./Load.ts"
import { type Effort, type Figure, memoryNow, need, type Row } from "./Row.ts"

const smallBytes = 100
const typedBytes = 60
const largeBytes = 64 * 1024
const trips = 20_000
const opens = 4_000
const idleFlows = 10_000
const stalledFlows = 1_000

type Form = "bytes" | "said"

/** Seconds that a load took. It counts only if the receiver has counted all of it. */
const deliver = async (sending: (load: Load) => Promise<Receipt>, load: Load, form: Form): Promise<number> => {
  const began = performance.now()
  const { bytes, count, sum } = await sending(load)
  const seconds = (performance.now() - began) / 1000
  const wanted = expected(load, form)
  if (count !== wanted.count || bytes !== wanted.bytes || sum !== wanted.sum)
    throw new Error(
      `incomplete: ${wanted.count} messages (${wanted.bytes} bytes, sum ${wanted.sum}) were sent, ` +
        `${count} (${bytes}, ${sum}) arrived`
    )
  return seconds
}

/**
 * Messages a second, over about the seconds that are to be measured, after a warm-up. Loads grow until one takes that long: a short one would tell
 * more of how a flow is opened. The warm-up is as long as the rates of the candidates go on rising: V8 compiles, and learns
 * how large its heap is to be.
 */
const throughput = async (
  sending: (load: Load) => Promise<Receipt>,
  size: number,
  form: Form,
  { measuredSeconds, warmUpSeconds }: Effort
): Promise<number> => {
  const began = performance.now()
  let rounds = 4
  while (true) {
    const isWarm = performance.now() - began >= warmUpSeconds * 1000
    const load = loadOf(size, rounds)
    const seconds = await deliver(sending, load, form)
    if (isWarm && seconds >= measuredSeconds * 0.8) return (rounds * load.bytes.length) / seconds
    rounds = Math.ceil(rounds * Math.min(8, (isWarm ? measuredSeconds : measuredSeconds / 4) / seconds))
  }
}

const perSecond = (name: string, title: string): Figure => ({ name, title, unit: "messages/s", better: "higher" })
const micros = (name: string, title: string): Figure => ({ name, title, unit: "us", better: "lower" })
const kibibytes = (name: string, title: string): Figure => ({ name, title, unit: "KiB", better: "lower" })

/** The median and the 99th percentile of the second half; the first one warms up. */
const percentiles = (all: ReadonlyArray<number>): ReadonlyArray<number> => {
  const warm = all.slice(Math.floor(all.length / 2))
  return [percentile(warm, 0.5), percentile(warm, 0.99)]
}

const throughputRow = (name: RowName, title: string, of: (client: Client) => Client["send"]): Row => ({
  name,
  figures: [perSecond(name, title)],
  measure: async (client, _, effort) => [await throughput(need(of(client), name), smallBytes, "bytes", effort)]
})

/** KiB for each of so many flows. */
const each = (before: number, after: number, flows: number): number => (after - before) / 1024 / flows

export const rows: ReadonlyArray<Row> = [
  throughputRow("send", "100-byte messages, one by one", ({ send }) => send),
  throughputRow("sendAll", "100-byte messages in batches of 256", ({ sendAll }) => sendAll),
  {
    name: "large",
    figures: [{ name: "large", title: "64 KiB messages", unit: "MB/s", better: "higher" }],
    measure: async ({ send }, _, effort) => [
      ((await throughput(need(send, "send"), largeBytes, "bytes", effort)) * largeBytes) / 1e6
    ]
  },
  {
    name: "typed",
    figures: [perSecond("typed", "Typed {from, text} messages of 60 bytes, one by one")],
    measure: async ({ sendTyped }, _, effort) => [
      await throughput(need(sendTyped, "sendTyped"), typedBytes, "said", effort)
    ]
  },
  {
    name: "ping-pong",
    figures: [
      micros("ping-pong p50", "Round trip of 100 bytes, median"),
      micros("ping-pong p99", "Round trip of 100 bytes, 99th percentile")
    ],
    measure: async ({ pingPong }, _, { share }) =>
      percentiles(await need(pingPong, "pingPong")(loadOf(smallBytes, 1), Math.ceil(trips * share)))
  },
  {
    name: "open",
    figures: [
      micros("open p50", "Flow open to Accepted, or a unary call, median"),
      micros("open p99", "Flow open to Accepted, or a unary call, 99th percentile")
    ],
    measure: async ({ open }, _, { share }) => percentiles(await need(open, "open")(Math.ceil(opens * share)))
  },
  ...Duplex.rows,
  Calls.row,
  ...Asks.rows,
  throughputRow("local-send", "Within a process, 100 bytes one by one", ({ send }) => send),
  throughputRow("local-sendAll", "Within a process, 100 bytes in batches of 256", ({ sendAll }) => sendAll),
  {
    name: "idle",
    figures: [
      kibibytes("idle caller", "Heap of one of 10,000 idle flows, caller"),
      kibibytes("idle server", "Heap of one of 10,000 idle flows, server")
    ],
    measure: async ({ hold }, server) => {
      const holding = need(hold, "hold")
      const first = idleFlows / 100
      const rest = idleFlows - first
      await holding(first)
      const before = { here: memoryNow(), there: await server.memory() }
      await holding(rest)
      const after = { here: memoryNow(), there: await server.memory() }
      return [each(before.here.heap, after.here.heap, rest), each(before.there.heap, after.there.heap, rest)]
    }
  },
  {
    name: "stalled",
    figures: [
      { name: "stalled neighbour", title: "What a flow keeps beside 1,000 stalled ones", unit: "%", better: "higher" },
      kibibytes("stalled taken", "What a stalled flow takes before its sender waits"),
      kibibytes("stalled caller", "Memory of one of 1,000 stalled flows, caller"),
      kibibytes("stalled server", "Memory of one of 1,000 stalled flows, server")
    ],
    measure: async ({ sendAll, stall }, server, effort) => {
      const sending = need(sendAll, "sendAll")
      // The noise between two single figures would be taken for the cost of the stalled flows.
      const middle = async () => {
        const all: Array<number> = []
        while (all.length < 3) all.push(await throughput(sending, smallBytes, "bytes", effort))
        return median(all)
      }
      const alone = await middle()
      const before = { here: memoryNow(), there: await server.memory() }
      const taken = await need(stall, "stall")(stalledFlows)
      const after = { here: memoryNow(), there: await server.memory() }
      const beside = await middle()
      return [
        (beside / alone) * 100,
        taken / 1024 / stalledFlows,
        each(before.here.all, after.here.all, stalledFlows),
        each(before.there.all, after.there.all, stalledFlows)
      ]
    }
  },
  {
    name: "kill",
    figures: [{ name: "kill", title: "From SIGKILL of the peer to PeerLost", unit: "ms", better: "lower" }],
    measure: async ({ lost }, { kill }) => [await need(lost, "lost")(kill)]
  }
]
