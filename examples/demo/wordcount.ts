/**
 * Counting words: an endpoint, what serves it and what calls it. Nothing here knows of a network, so the same code runs
 * over queues in one process and over sockets between three.
 */
import { Effect, Schema, Stream } from "effect"
// A program outside this repository imports from "grinta".
import { Endpoint, Fabric, type FlowError } from "../../src/index.ts"
import * as Counter from "./counter.ts"

/** What was counted so far. `top` stays empty until the caller has ended: then it holds the most frequent words. */
export const Tally = Schema.Struct({
  lines: Schema.Number,
  words: Schema.Number,
  different: Schema.Number,
  top: Schema.Array(Schema.Struct({ word: Schema.String, times: Schema.Number }))
})

export type Tally = typeof Tally.Type

/** How many different words one flow may keep in memory. */
const differentMax = 1_000_000

/** The endpoint gives up: the text has too many different words. */
export class TooManyWords extends Schema.TaggedError<TooManyWords>()("TooManyWords", { max: Schema.Number }) {
  override get message() {
    return `the text has more than ${this.max} different words`
  }
}

/** Lines go in. Out comes a tally of nothing, one for each batch of lines, and a last one with the top words. */
export const WordCount = Endpoint.make("text.wordcount", {
  input: Schema.String,
  output: Tally,
  error: TooManyWords,
  ownership: "group"
})

/** Serves the endpoint as long as the layer lives, on whatever fabric it is given. */
export const WordCountLive = WordCount.toLayer(
  Effect.fn("WordCount.serve")(function* (flow) {
    const counter = Counter.make()
    yield* flow.send(counter.tally())
    const add = (lines: ReadonlyArray<string>): Effect.Effect<void, FlowError | TooManyWords> => {
      for (const line of lines) counter.add(line)
      const tally = counter.tally()
      return tally.different > differentMax ? new TooManyWords({ max: differentMax }) : flow.send(tally)
    }
    yield* Stream.runForEach(flow.batches, add)
    yield* flow.send({ ...counter.tally(), top: counter.top() })
  })
)

export interface Counted {
  /** The host that counted. */
  readonly owner: string
  readonly tally: Tally
  /** How many tallies came, the last one included. */
  readonly tallies: number
}

/**
 * Counts the words of some lines through one flow, sending and receiving at the same time. The same key finds the same
 * owner, as long as it lives.
 */
export const countWords = Effect.fn("countWords")(function* <E, R>(
  key: string,
  lines: Stream.Stream<string, E, R>,
  onTally: (tally: Tally, owner: string) => Effect.Effect<void>
) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(WordCount, { select: { key } })
  const owner = flow.peer.id
  const send = Effect.andThen(Stream.runForEachArray(lines, flow.sendAll), flow.end)
  const receive = flow.messages.pipe(
    Stream.tap((tally) => onTally(tally, owner)),
    Stream.runFold(
      (): Counted => ({ owner, tally: Counter.make().tally(), tallies: 0 }),
      ({ tallies }, tally) => ({ owner, tally, tallies: tallies + 1 })
    )
  )
  const [counted] = yield* Effect.all([receive, send], { concurrency: 2 })
  return counted
}, Effect.scoped)
