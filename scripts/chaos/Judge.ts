/**
 * Compares every end that a caller saw with what handlers saw, over all lives of all hosts.
 *
 * What is not said is no fault: a process that was killed wrote its last note before it died, and a caller that was killed saw
 * no end. Time in which the process of a caller was not let run counts against no bound.
 */
import { exchangeBounds } from "../../test/net/HostOrders.ts"
import type { Note } from "../../test/net/Notes.ts"

/** A span of time, in milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** One process of a host, and its journal. */
export interface Life {
  /** Such as "h3.2", the second life of h3. */
  readonly name: string
  readonly notes: ReadonlyArray<Note>
  /** When and how it ended before the run did. */
  readonly end?: { readonly at: number; readonly by: "kill" | "close" }
}

export interface Violation {
  readonly law: string
  readonly text: string
  readonly exchange?: string
  readonly span?: Span
  /** The lives that had part in it. */
  readonly lives: ReadonlyArray<string>
}

export interface Measured {
  readonly begun: number
  readonly well: number
  readonly left: number
  /** Messages that came back to callers. */
  readonly messages: number
  readonly failures: ReadonlyMap<string, number>
  /** Longest times: of a connect, of a whole exchange, and from the kill of the peer to the end. */
  readonly connectMillisMax: number
  readonly exchangeMillisMax: number
  readonly toldMillisMax: number
}

export interface Verdict extends Measured {
  readonly violations: ReadonlyArray<Violation>
}

/** What a busy machine may add to a bound. */
const slackMillis = 8_000

/** Longest times: a silence is told after 4 to 6 seconds, on a path with slow answers after twice as long. */
export const bounds = {
  connectMillis: exchangeBounds.connectMillis + slackMillis,
  exchangeMillis: exchangeBounds.connectMillis + exchangeBounds.deadlineMillis + slackMillis,
  toldMillis: 12_000 + slackMillis
} as const

type End = Extract<Note, { readonly note: "end" }>

interface Run {
  readonly life: Life
  readonly numbers: Array<number>
  over?: Extract<Note, { readonly note: "over" }>
}

interface Exchange {
  readonly name: string
  readonly life: Life
  readonly late: ReadonlyArray<Span>
  readonly to: string
  readonly of: number
  readonly at: number
  readonly backs: Array<number>
  readonly runs: Array<Run>
  openedAt?: number
  end?: End
}

/** How long the process of a life was not let run. */
const lateIn = (late: ReadonlyArray<Span>, { from, to }: Span): number =>
  late.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0)

/** Where the numbers are not 0, 1, 2, ..; undefined if they are. */
const disorderOf = (numbers: ReadonlyArray<number>): string | undefined => {
  const at = numbers.findIndex((number, i) => number !== i)
  return at === -1 ? undefined : `message ${numbers[at]} where ${at} was next`
}

interface Read {
  readonly exchanges: ReadonlyMap<string, Exchange>
  readonly violations: Array<Violation>
}

/** Sorts the notes of all lives by exchange. */
const sort = (lives: ReadonlyArray<Life>): Read => {
  const exchanges = new Map<string, Exchange>()
  const violations: Array<Violation> = []
  const strange = (life: Life, exchange: string, text: string) =>
    violations.push({ law: "values", text, exchange, lives: [life.name] })
  for (const life of lives) {
    const late = life.notes.filter((note) => note.note === "late")
    for (const note of life.notes)
      if (note.note === "begin")
        exchanges.set(note.exchange, { ...note, name: note.exchange, life, late, backs: [], runs: [] })
  }
  for (const life of lives) {
    const runs = new Map<number, { readonly name: string; readonly run: Run }>()
    for (const note of life.notes)
      switch (note.note) {
        case "begin":
        case "late":
          break
        case "opened":
        case "end":
        case "back": {
          const exchange = exchanges.get(note.exchange)
          if (exchange === undefined || exchange.life !== life) {
            strange(life, note.exchange, `${life.name} got a message of an exchange that it did not begin`)
          } else if (note.note === "opened") exchange.openedAt = note.at
          else if (note.note === "end") exchange.end = note
          else exchange.backs.push(note.number)
          break
        }
        case "start": {
          const exchange = exchanges.get(note.exchange)
          if (exchange === undefined) {
            strange(life, note.exchange, `${life.name} started a handler for an exchange that nobody began`)
            break
          }
          const run: Run = { life, numbers: [] }
          exchange.runs.push(run)
          runs.set(note.run, { name: exchange.name, run })
          break
        }
        case "got": {
          const of = runs.get(note.run)
          if (of?.name === note.exchange) of.run.numbers.push(note.number)
          else
            strange(life, note.exchange, `a handler for ${of?.name} of ${life.name} got a message of another exchange`)
          break
        }
        case "over": {
          const of = runs.get(note.run)
          if (of !== undefined) of.run.over = note
        }
      }
  }
  return { exchanges, violations }
}

type Complaint = readonly [law: string, text: string]

/** Order, at most once, and what the other side has seen. */
const deliveryOf = ({ backs, end, of, runs }: Exchange): ReadonlyArray<Complaint> => {
  const complaints: Array<Complaint> = []
  const complain = (law: string, text: string) => complaints.push([law, text])
  const got = Math.max(0, ...runs.map(({ numbers }) => numbers.length))
  if (runs.length > 1) complain("at most once", `handlers started ${runs.length} times`)
  for (const { numbers, over } of runs) {
    const disorder = disorderOf(numbers)
    if (disorder !== undefined) complain("order", `the endpoint got ${disorder}`)
    if (over?.how === "well" && numbers.length !== of)
      complain("no silent loss", `it ended well for the endpoint after ${numbers.length} of ${of} messages`)
  }
  const disorder = disorderOf(backs)
  if (disorder !== undefined) complain("order", `the caller got ${disorder}`)
  if (backs.length > got)
    complain("nothing acknowledged is lost", `${backs.length} messages came back, and the endpoint got ${got}`)
  const how = end?.how
  if (how === "well") {
    if (backs.length !== of)
      complain("no silent loss", `it ended well for the caller after ${backs.length} of ${of} messages`)
    if (runs[0]?.over?.how !== "well")
      complain("no silent loss", `it ended well for the caller, and for the endpoint: ${runs[0]?.over?.how ?? "not"}`)
  }
  if (typeof how !== "object") return complaints
  if (how.tag !== "FlowError" && how.tag !== "NetworkError") complain("every failure has a type", how.detail)
  if (how.delivered !== "no") return complaints
  if (how.operation === "connect" && runs.length > 0)
    complain("no is a promise", `the connect failed with ${how.reason}, delivered: no, and a handler was started`)
  if (how.operation === "flow" && runs.some(({ numbers, over }) => numbers.length > 0 || over?.how === "well"))
    complain(
      "no is a promise",
      `the flow failed with ${how.reason}, delivered: no, and the handler saw ${got} messages`
    )
  return complaints
}

interface Times {
  readonly connect: number
  readonly whole: number
  readonly told: number
}

/** How long the caller waited, while its process ran. */
const timesOf = ({ at, end, late, life, openedAt, runs }: Exchange, runEndsAt: number): Times => {
  const over = end?.at ?? life.end?.at ?? runEndsAt
  const waited = (from: number, to: number) => Math.max(0, to - from - lateIn(late, { from, to }))
  const killedAt = runs.flatMap((run) => (run.life.end?.by === "kill" ? [run.life.end.at] : [])).at(0)
  const isTold = killedAt !== undefined && openedAt !== undefined && openedAt < killedAt && over > killedAt
  return {
    connect: waited(at, openedAt ?? over),
    whole: waited(at, over),
    told: isTold ? waited(killedAt, over) : 0
  }
}

const lateOf = (exchange: Exchange, { connect, told, whole }: Times): ReadonlyArray<Complaint> => {
  const late = (what: string, millis: number, bound: number): ReadonlyArray<Complaint> =>
    millis <= bound
      ? []
      : [["everything settles", `${what} took ${Math.round(millis)} ms, at most ${bound} are allowed`]]
  const isLeft = exchange.end === undefined && exchange.life.end === undefined
  return [
    ...(isLeft ? [["everything settles", "it has no end"] as const] : []),
    ...late("the connect", connect, bounds.connectMillis),
    ...late("the exchange", whole, bounds.exchangeMillis),
    ...late("the news that the peer was killed", told, bounds.toldMillis)
  ]
}

/** `runEndsAt`: when the last exchange was to have ended. */
export const judge = (lives: ReadonlyArray<Life>, runEndsAt: number): Verdict => {
  const { exchanges, violations } = sort(lives)
  const failures = new Map<string, number>()
  let [well, left, messages, connectMillisMax, exchangeMillisMax, toldMillisMax] = [0, 0, 0, 0, 0, 0]
  for (const exchange of exchanges.values()) {
    const times = timesOf(exchange, runEndsAt)
    const how = exchange.end?.how
    messages += exchange.backs.length
    if (how === "well") well += 1
    if (how === "left") left += 1
    if (typeof how === "object") {
      const name = `${how.tag} ${how.reason}, delivered: ${how.delivered}`
      failures.set(name, (failures.get(name) ?? 0) + 1)
    }
    connectMillisMax = Math.max(connectMillisMax, times.connect)
    exchangeMillisMax = Math.max(exchangeMillisMax, times.whole)
    toldMillisMax = Math.max(toldMillisMax, times.told)
    for (const [law, text] of [...deliveryOf(exchange), ...lateOf(exchange, times)])
      violations.push({
        law,
        text: `${exchange.name}: ${text}`,
        exchange: exchange.name,
        span: { from: exchange.at, to: exchange.end?.at ?? runEndsAt },
        lives: [exchange.life.name, ...exchange.runs.map(({ life }) => life.name)]
      })
  }
  const longest = { connectMillisMax, exchangeMillisMax, toldMillisMax }
  return { violations, begun: exchanges.size, well, left, messages, failures, ...longest }
}
