/** Compares what the callers of checked messages saw with what the handlers saw, while hosts were replaced. */
import { messages, type Note } from "./Note.ts"

/** Time in which a host was started, replaced or ended, in milliseconds since 1970. */
export interface Span {
  readonly host: string
  readonly from: number
  readonly to: number
}

type Begin = Extract<Note, { readonly note: "begin" }>
type End = Extract<Note, { readonly note: "end" }>
type Over = Extract<Note, { readonly note: "over" }>

interface Exchange {
  readonly begin: Begin
  readonly starts: number
  readonly end: End | undefined
  readonly over: Over | undefined
}

const exchangesOf = (notes: ReadonlyArray<Note>): ReadonlyArray<Exchange> => {
  const ends = new Map<string, End>()
  const overs = new Map<string, Over>()
  const starts = new Map<string, number>()
  for (const note of notes)
    if (note.note === "end") ends.set(note.exchange, note)
    else if (note.note === "over") overs.set(note.exchange, note)
    else if (note.note === "start") starts.set(note.exchange, (starts.get(note.exchange) ?? 0) + 1)
  return notes.flatMap((begin) => {
    if (begin.note !== "begin") return []
    const { exchange } = begin
    return [{ begin, starts: starts.get(exchange) ?? 0, end: ends.get(exchange), over: overs.get(exchange) }]
  })
}

const complaints = (
  { begin, end, over, starts }: Exchange,
  replaced: ReadonlyArray<Span>,
  isLate: boolean
): ReadonlyArray<string> => {
  const found: Array<string> = []
  if (starts > 1) found.push(`${starts} handlers saw it`)
  if (over?.how.startsWith("untyped")) found.push(`its handler got ${over.how}`)
  if (end === undefined) return [...found, "it has no end"]
  const { at, delivered, how } = end
  if (how === "well") {
    if (over?.how !== "well" || over.messages !== messages)
      found.push(`well for the caller, and for the handler ${over?.how ?? "not over"} after ${over?.messages ?? 0}`)
    return found
  }
  const isTouched = replaced.some(
    ({ from, host, to }) => (host === begin.from || host === begin.to) && begin.at <= to && at >= from
  )
  if (how !== "interrupted" && !/^(Network|Flow)Error /.test(how)) found.push(how)
  if (delivered === "no" && starts > 0) found.push(`${how} said that nothing was delivered, and a handler saw it`)
  if (!isTouched && !isLate) found.push(`${how}, though both hosts were there all the time`)
  return found
}

/** What is not as it should be. A process that was not let run may lose its peers. */
export const judge = (notes: ReadonlyArray<Note>, replaced: ReadonlyArray<Span>): ReadonlyArray<string> => {
  const isLate = notes.some(({ note }) => note === "late")
  return exchangesOf(notes).flatMap((exchange) =>
    complaints(exchange, replaced, isLate).map(
      (text) => `${exchange.begin.exchange} from ${exchange.begin.from} to ${exchange.begin.to}: ${text}`
    )
  )
}

/** How many exchanges went well from one host to another, of those that began at a time or after it. */
export const wellSince = (notes: ReadonlyArray<Note>, from: string, to: string, since: number): number =>
  exchangesOf(notes).filter(
    ({ begin, end }) => begin.from === from && begin.to === to && begin.at >= since && end?.how === "well"
  ).length

/** How the last exchanges of each pair of hosts stand. */
export const last = (notes: ReadonlyArray<Note>): ReadonlyArray<string> => {
  const pairs = new Map(exchangesOf(notes).map((one) => [`${one.begin.from} to ${one.begin.to}`, one]))
  return [...pairs].map(
    ([pair, { end, over }]) => `${pair}: ${end?.how ?? "no end"}, handler: ${over?.how ?? "no end"}`
  )
}
