/** What grinta is to reach, each from the medians of one run. */
import { streamWindowBytes } from "../src/layers/transport/http2/Session.ts"
import type { Run } from "./Run.ts"
import { median } from "./stats.ts"

/** A candidate's figure; of several, the best one counts. */
interface Reference {
  readonly candidate: string
  readonly figures: ReadonlyArray<string>
}

interface Target {
  readonly what: string
  readonly figure: string
  readonly candidate: string
  /** Bound of ours divided by the reference, of the difference, or without a reference of our figure itself. */
  readonly bound: number
  readonly sense: "at least" | "at most" | "below"
  readonly reference?: Reference & { readonly by: "ratio" | "difference" }
  /** A wish rather than a demand. */
  readonly isAim?: true
}

const bytes = "grinta, bytes"
const schema = "grinta, Schema"

const times = (candidate: string, ...figures: ReadonlyArray<string>) => ({ candidate, figures, by: "ratio" as const })
const above = (candidate: string, ...figures: ReadonlyArray<string>) => ({
  candidate,
  figures,
  by: "difference" as const
})

const send = { what: "100-byte messages, one by one", figure: "send", candidate: bytes, sense: "at least" } as const
const sendAll = { ...send, what: "100-byte messages in batches", figure: "sendAll" } as const
const pingPong = { what: "round trip, median", figure: "ping-pong p50", candidate: bytes } as const
const open = { what: "flow open to Accepted, median", figure: "open p50", candidate: bytes } as const
const memory = { candidate: bytes, sense: "at most" } as const
const sides = ["caller", "server"] as const

/** A `candidate` of a reference stands for all whose names begin with it. NATS has no batches, so its singles count. */
export const targets: ReadonlyArray<Target> = [
  { ...send, bound: 2.5, reference: times("NATS", "send") },
  { ...send, bound: 1.8, reference: times("Effect Rpc", "send") },
  { ...send, bound: 4, reference: times("ws", "send") },
  { ...send, bound: 20, reference: times("grpc-js", "send") },
  { ...send, bound: 1_000_000, isAim: true },
  { ...sendAll, bound: 5, reference: times("NATS", "send") },
  { ...sendAll, bound: 3, reference: times("Effect Rpc", "send", "sendAll") },
  { ...sendAll, bound: 1.3, reference: times("connect-node", "sendAll") },
  { ...sendAll, bound: 2_500_000, isAim: true },
  { ...pingPong, sense: "below", bound: 1, reference: times("grpc-js", "ping-pong p50") },
  { ...pingPong, sense: "below", bound: 1, reference: times("Effect Rpc", "ping-pong p50") },
  { ...pingPong, sense: "at most", bound: 1.6, reference: times("raw HTTP/2", "ping-pong p50") },
  { ...send, what: "64 KiB messages", figure: "large", bound: 0.7, reference: times("raw HTTP/2", "large") },
  { ...send, what: "typed {from, text} of 60 bytes", figure: "typed", candidate: schema, bound: 300_000 },
  { ...open, sense: "below", bound: 1_000 },
  { ...open, sense: "at most", bound: 1.5, reference: times("connect-node", "open p50") },
  {
    ...send,
    what: "within a process, one by one",
    figure: "local-send",
    bound: 0.8,
    reference: times("Effect Queue", "local-send")
  },
  { ...send, what: "within a process, in batches", figure: "local-sendAll", bound: 5_000_000 },
  ...sides.map((side): Target => {
    const figure = `idle ${side}`
    const reference = above("raw HTTP/2", figure)
    return { ...memory, what: `heap of an idle flow, ${side}`, figure, bound: 8, reference }
  }),
  ...sides.map(
    (side): Target => ({
      ...memory,
      what: `memory of a stalled flow, ${side}`,
      figure: `stalled ${side}`,
      bound: streamWindowBytes / 1024
    })
  ),
  { ...send, what: "what a neighbour of 1,000 stalled flows keeps", figure: "stalled neighbour", bound: 90 }
]

export interface Verdict extends Target {
  readonly unit: string
  /** Undefined, as the others, where it was not measured. */
  readonly ours: number | undefined
  /** The one that was compared with, and its figure. */
  readonly other: { readonly candidate: string; readonly value: number } | undefined
  /** What is held against the bound. */
  readonly value: number | undefined
  readonly holds: boolean | undefined
}

const isMet = (sense: Target["sense"], value: number, bound: number): boolean => {
  switch (sense) {
    case "at least":
      return value >= bound
    case "at most":
      return value <= bound
    case "below":
      return value < bound
  }
}

const belongs = (candidate: string, to: string): boolean => candidate === to || candidate.startsWith(`${to}, `)

export const judge = (run: Run): ReadonlyArray<Verdict> =>
  targets.map((target) => {
    const { bound, reference, sense } = target
    const figure = run.figures.find(({ name }) => name === target.figure)
    const own = run.results.find((one) => one.figure === target.figure && one.candidate === target.candidate)
    const ours = own === undefined ? undefined : median(own.values)
    const others = run.results
      .filter((one) => reference?.figures.includes(one.figure) && belongs(one.candidate, reference.candidate))
      .map(({ candidate, values }) => ({ candidate, value: median(values) }))
      .sort((a, b) => (figure?.better === "higher" ? b.value - a.value : a.value - b.value))
    const other = others[0]
    const compare = (): number | undefined => {
      if (ours === undefined || reference === undefined) return ours
      if (other === undefined) return undefined
      return reference.by === "ratio" ? ours / other.value : ours - other.value
    }
    const value = compare()
    const holds = value === undefined ? undefined : isMet(sense, value, bound)
    return { ...target, unit: figure?.unit ?? "", ours, other, value, holds }
  })
