/** What both sides of each flow have seen and done, written down as it happens, and what is not to be found in it. */
import type { FlowPlan } from "./Program.ts"

/** One start of a handler. */
export interface Handled {
  readonly host: string
  readonly generation: number
  /** Numbers of the messages that it was given, and whether it saw their end. */
  readonly seen: Array<number>
  sawEnd: boolean
  /** Answers that it began to send, and those that were taken. */
  offered: number
  accepted: number
  /** It has said its end, or returned. */
  ended: boolean
  over: boolean
}

/** One call of `connect`, and the flow that came of it. */
export interface Called {
  readonly plan: FlowPlan
  readonly host: string
  connect: "begun" | "opened" | "failed" | "interrupted"
  /** Messages that it began to send, and those that were taken. */
  offered: number
  accepted: number
  ended: boolean
  /** Numbers of the answers that it was given. */
  readonly heard: Array<number>
  /** How its reading ended; undefined while it goes on, or when the caller left it. */
  readEnd: string | undefined
  /** Errors that said "no", in words. */
  readonly denied: Array<string>
  readonly handled: Array<Handled>
  /** What is wrong with what came, seen when it came. */
  readonly faults: Array<string>
}

export interface Ledger {
  readonly calls: Map<string, Called>
  readonly faults: Array<string>
}

export const make = (): Ledger => ({ calls: new Map(), faults: [] })

export const text = (flow: string, number: number, size: number): string =>
  `${flow}:${number}:`.padEnd(size, String.fromCharCode(97 + (number % 26)))

/** The number of a message of a flow, if it is one as it was sent. */
export const numberOf = (flow: string, size: number, message: string): number | undefined => {
  const number = Number(message.split(":")[1])
  return message === text(flow, number, size) ? number : undefined
}

const gap = (numbers: ReadonlyArray<number>): string | undefined => {
  const at = numbers.findIndex((number, i) => number !== i)
  return at === -1 ? undefined : `${numbers[at]} in place of ${at}`
}

const judgeOne = (id: string, called: Called): ReadonlyArray<string> => {
  const { accepted, connect, denied, ended, handled, heard, offered, readEnd } = called
  const found = [...called.faults]
  const check = (isSo: boolean, what: string): void => {
    if (!isSo) found.push(what)
  }
  check(handled.length <= 1, `${handled.length} handlers were started by one connect`)
  check(connect !== "failed" || handled.length === 0, "a connect failed, and its handler was started")
  const [one] = handled
  const wrong = gap(heard)
  check(wrong === undefined, `the caller was given ${wrong}`)
  for (const { seen } of handled) check(gap(seen) === undefined, `the handler was given ${gap(seen)}`)
  const seen = one?.seen.length ?? 0
  check(seen <= offered, `the handler was given ${seen} of ${offered} messages`)
  if (denied.length > 0 && (seen > 0 || one?.sawEnd === true))
    found.push(`"no" was said (${denied[0]}), and the handler saw ${seen} messages${one?.sawEnd ? " and the end" : ""}`)
  if (one === undefined) return found.map((what) => `${id}: ${what}`)
  check(!one.sawEnd || ended, "the handler saw an end that the caller has not said")
  check(
    !one.sawEnd || seen >= accepted,
    `the handler saw the end after ${seen} of ${accepted} messages that were taken`
  )
  if (readEnd === "Done") {
    check(one.ended, "the caller saw an end that the handler has not said")
    check(
      heard.length >= one.accepted,
      `the caller saw the end after ${heard.length} of ${one.accepted} answers that were taken`
    )
  }
  if (readEnd === "Refused")
    check(
      heard.length >= one.accepted,
      `the caller was refused after ${heard.length} of ${one.accepted} answers that were taken`
    )
  check(heard.length <= one.offered, `the caller was given ${heard.length} of ${one.offered} answers`)
  return found.map((what) => `${id}: ${what}`)
}

/** All that must not be; `isLife` tells whether this life of a host still runs. */
export const judge = (ledger: Ledger, isLife: (host: string, generation: number) => boolean): ReadonlyArray<string> => {
  const leaked = [...ledger.calls].flatMap(([id, { handled }]) =>
    handled.flatMap(({ generation, host, over }) =>
      over || !isLife(host, generation) ? [] : [`${id}: its handler runs on at "${host}"`]
    )
  )
  return [...ledger.faults, ...[...ledger.calls].flatMap(([id, called]) => judgeOne(id, called)), ...leaked]
}
