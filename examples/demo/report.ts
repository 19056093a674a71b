/**
 * How the demo looks: each step has a title and a duration, and below it what came of it. Coloured on a terminal only.
 */
import { styleText } from "node:util"
import { Clock, Context, Effect, Layer } from "effect"
import type { FlowError } from "../../src/index.ts"
import type { Counted, Tally } from "./wordcount.ts"

export type Style = "bold" | "dim" | "cyan" | "green" | "red"

export class Report extends Context.Service<
  Report,
  {
    /** Runs a step, then prints its title with the time that it took, and what there is to say of its result. */
    readonly step: <A, E, R>(
      title: string,
      run: Effect.Effect<A, E, R>,
      options: { readonly say: (result: A) => ReadonlyArray<string> }
    ) => Effect.Effect<A, E, R>
    /** Shows how far a step is, on a terminal: what is printed next takes its place. */
    readonly progress: (text: string) => Effect.Effect<void>
    /** Runs all steps, then prints the time that they took together. */
    readonly total: <A, E, R>(run: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Text in a style, where there are styles. */
    readonly paint: (style: Style, text: string) => string
  }
>()("grinta/examples/demo/Report") {}

/** Milliseconds since some moment: only differences mean something. */
export const nowMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** To a tenth of a millisecond. */
export const round = (millis: number): number => Math.round(millis * 10) / 10

export const millis = (duration: number): string => `${duration.toFixed(duration < 10 ? 1 : 0)} ms`

export const count = (number: number, what: string): string =>
  `${number.toLocaleString("en")} ${number === 1 ? what : `${what}s`}`

export const amounts = ({ lines, words }: Tally): string => `${count(lines, "line")}, ${count(words, "word")}`

export const summary = ({ owner, tallies, tally }: Counted): string =>
  `${owner} counted ${amounts(tally)}, ${tally.different.toLocaleString("en")} of them different, in ${count(tallies, "message")}`

export const describe = ({ _tag, delivered, reason }: FlowError): string =>
  `${_tag}/${reason._tag} delivered: ${delivered}`

const columns = 78
const barColumns = 30
const wordColumns = 16
/** Pause between two words on how far a step is. */
const progressMillis = 100

/** The most frequent words, with bars. */
export const top = ({ top }: Tally): ReadonlyArray<string> => {
  const most = top[0]?.times ?? 0
  return top.map(({ times, word }) => {
    const bar = "#".repeat(Math.ceil((times / most) * barColumns))
    return `${count(times, "time").padStart(count(most, "time").length)}  ${word.slice(0, wordColumns).padEnd(wordColumns)}  ${bar}`
  })
}

const clearLine = "\r\u001b[K"

/** A report on a stream. */
export const layer = (out: NodeJS.WriteStream): Layer.Layer<Report> =>
  Layer.sync(Report, () => {
    let steps = 0
    let progressAt = 0
    let isPassing = false
    // When nobody reads any more, the demo still ends in good order.
    out.on("error", () => undefined)

    const paint = (style: Style, text: string) => styleText(style, text, { stream: out })
    const write = (text: string) => {
      out.write(isPassing ? clearLine + text : text)
      isPassing = false
    }
    /** Prints what the next word takes the place of, so it is one row at most. */
    const pass = (text: string) => {
      if (!out.isTTY) return
      write(paint("dim", text.slice(0, out.columns - 1)))
      isPassing = true
    }
    const timed = Effect.fnUntraced(function* <A, E, R>(title: string, run: Effect.Effect<A, E, R>) {
      const startedAt = yield* nowMillis
      const result = yield* Effect.onError(run, () => Effect.sync(() => write("")))
      const took = millis((yield* nowMillis) - startedAt)
      write(
        `${paint("bold", title)}${paint("cyan", took.padStart(Math.max(columns - title.length, took.length + 2)))}\n`
      )
      return result
    })

    return Report.of({
      step: Effect.fnUntraced(function* (title, run, { say }) {
        steps += 1
        progressAt = yield* nowMillis
        pass(`${steps}  ${title}`)
        const result = yield* timed(`${steps}  ${title}`, run)
        for (const text of say(result)) write(`   ${text}\n`)
        return result
      }),
      progress: (text) =>
        Effect.map(nowMillis, (now) => {
          if (now - progressAt < progressMillis) return
          progressAt = now
          pass(`${steps}  ${text}`)
        }),
      total: (run) => timed("   in all, until the processes have ended", run),
      paint
    })
  })
