/**
 * Exchanges of numbered messages. The caller sends so many, ends, and reads them back, or leaves early; whatever both sides
 * see goes to the journal of this life, which is judged later beside those of all others.
 */
import { Cause, Effect, Exit, Random, Schema, Stream } from "effect"
import { Endpoint, Fabric, FlowError, FlowReset } from "../../../src/index.ts"
import type { Broken, Config, NumbersSeen } from "../HostOrders.ts"
import { exchangeBounds } from "../HostOrders.ts"
import { type Note, writer } from "../Notes.ts"
import * as Failures from "./Failures.ts"
import * as Late from "./Late.ts"

const Message = Schema.Struct({ exchange: Schema.String, number: Schema.Number, ballast: Schema.String })

const endpointOf = (host: string) => Endpoint.make(`numbers.${host}`, { input: Message, output: Message })

const messagesMax = 40
const ballastMax = 20_000
/** From message to message. */
const pauseMillisMax = 50

/** Shares of the exchanges that wait before their first message, and that their caller leaves before the end. */
const shares = { hesitates: 0.15, leaves: 0.15 } as const
const hesitationMillisMax = 3_000

/** A host that is broken on purpose does wrong by one exchange in so many. */
const brokenEvery = 5

/** As if a flow on which all went well had failed, and nothing had been seen of it. */
const untrue = (peer: string) =>
  Cause.fail(
    new FlowError({ endpoint: "numbers", peer, delivered: "no", reason: new FlowReset({ detail: "an untruth" }) })
  )

const wordsOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "well"
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const failure = Failures.of(exit.cause, "numbers", "flow")
  return failure === undefined ? "interrupted" : `${failure.reason}: ${failure.detail}`
}

export const make = (host: string, { broken, journal, life }: NonNullable<typeof Config.Type.numbers>) => {
  const write = writer(journal)
  Late.watch((from, to) => write({ note: "late", from, to }))
  const exchangesWith = new Map<string, number>()
  let [begun, runs, loops, isEnding] = [0, 0, 0, false]

  const isBroken = (how: Broken, number: number): boolean => broken === how && number % brokenEvery === 0

  const end = (exchange: string, how: Extract<Note, { readonly note: "end" }>["how"]): void =>
    write({ note: "end", exchange, at: Date.now(), how })

  const fail = (cause: Cause.Cause<unknown>, operation: "connect" | "flow", exchange: string): void => {
    const failure = Failures.of(cause, "numbers", operation)
    if (failure === undefined) return end(exchange, "interrupted")
    end(exchange, failure)
  }

  const once = Effect.fnUntraced(function* (to: string) {
    const fabric = yield* Fabric
    begun += 1
    const exchange = `${life}/${begun} to ${to}`
    const of = yield* Random.nextIntBetween(1, messagesMax)
    const ballast = "x".repeat(Math.floor(ballastMax * (yield* Random.next) ** 3))
    const hesitates = (yield* Random.next) < shares.hesitates
    const leavesAt = (yield* Random.next) < shares.leaves ? yield* Random.nextIntBetween(0, of) : undefined
    write({ note: "begin", exchange, to, of, at: Date.now() })
    const options = { metadata: { exchange }, deadline: exchangeBounds.deadlineMillis }
    const opened = yield* Effect.exit(fabric.connect(endpointOf(to), options))
    if (Exit.isFailure(opened)) return fail(opened.cause, "connect", exchange)
    write({ note: "opened", exchange, at: Date.now() })
    const flow = opened.value
    const send = Effect.gen(function* () {
      if (hesitates) yield* Effect.sleep(yield* Random.nextIntBetween(0, hesitationMillisMax))
      for (let number = 0; number < of; number++) {
        yield* flow.send({ exchange, number, ballast })
        yield* Effect.sleep(yield* Random.nextIntBetween(0, pauseMillisMax))
      }
      yield* flow.end
    })
    let backs = 0
    const receive = Stream.runForEach(
      leavesAt === undefined ? flow.messages : Stream.take(flow.messages, leavesAt),
      (message) =>
        Effect.sync(() => {
          write({ note: "back", exchange: message.exchange, number: message.number })
          backs += 1
        })
    )
    // Who leaves early stops to send when it has read enough.
    const both =
      leavesAt === undefined
        ? Effect.all([send, receive], { concurrency: "unbounded" })
        : Effect.raceFirst(receive, Effect.andThen(send, Effect.never))
    const exit = yield* Effect.exit(both)
    if (Exit.isFailure(exit)) return fail(exit.cause, "flow", exchange)
    if (leavesAt !== undefined) return end(exchange, "left")
    if (isBroken("no is untrue", begun)) return fail(untrue(to), "flow", exchange)
    end(exchange, "well")
    if (backs === of) exchangesWith.set(to, (exchangesWith.get(to) ?? 0) + 1)
  })

  const expose = Effect.gen(function* () {
    const fabric = yield* Fabric
    yield* fabric.expose(endpointOf(host), (flow) => {
      runs += 1
      const run = runs
      const start = (exchange: string) => write({ note: "start", run, exchange, at: Date.now() })
      const exchange = flow.peer.metadata.get("exchange") ?? ""
      start(exchange)
      if (isBroken("starts twice", run)) start(exchange)
      return Stream.runForEach(flow.messages, (message) => {
        if (isBroken("drops a message", run) && message.number === 1) return Effect.void
        write({ note: "got", run, exchange: message.exchange, number: message.number })
        return flow.send(message)
      }).pipe(
        Effect.onExit((exit) => Effect.sync(() => write({ note: "over", run, how: wordsOf(exit), at: Date.now() })))
      )
    })
  })

  const loop = Effect.fnUntraced(function* (to: string, pauseMillis: number) {
    loops += 1
    while (!isEnding) {
      yield* Effect.scoped(once(to))
      yield* Effect.sleep(pauseMillis)
    }
    loops -= 1
  })

  return {
    expose,
    /** Goes on until it is told to end. */
    exchange: (hosts: ReadonlyArray<string>, pauseMillis: number) =>
      Effect.forEach(hosts, (to) => loop(to, pauseMillis), { concurrency: "unbounded", discard: true }),
    /** No exchange begins any more. */
    end: (): void => {
      isEnding = true
    },
    seen: (): typeof NumbersSeen.Type => ({ loops, exchangesWith: Object.fromEntries(exchangesWith) })
  }
}
