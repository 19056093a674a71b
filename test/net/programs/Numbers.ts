/**
 * Exchanges of numbered messages. The caller sends so many, ends, and reads them back; both sides look whether one comes
 * twice, out of order, or is skipped although the flow ends cleanly.
 */
import { type Cause, Effect, Exit, Random, Schedule, Schema, Stream } from "effect"
import { Endpoint, Fabric } from "../../../src/index.ts"
import type { NumbersSeen } from "../HostOrders.ts"
import * as Failures from "./Failures.ts"

const Message = Schema.Struct({
  /** The exchange, unique in a run. */
  exchange: Schema.String,
  number: Schema.Number,
  /** How many there are. */
  of: Schema.Number,
  ballast: Schema.String
})

const endpointOf = (host: string) => Endpoint.make(`numbers.${host}`, { input: Message, output: Message })

const messagesMax = 40
const ballastMax = 20_000
/** From message to message. */
const pauseMillisMax = 50

/** Longest time for a connect of 10 seconds until it has failed, before that is a fault of its own. */
const connectMillisMax = 15_000

export const make = (host: string) => {
  const violations: Array<string> = []
  const undelivered: Array<string> = []
  const seen = new Set<string>()
  const failures = new Map<string, number>()
  const exchangesWith = new Map<string, number>()
  let exchanges = 0
  let messages = 0

  const isNext = (message: typeof Message.Type, expected: number, where: string): void => {
    if (message.number !== expected)
      violations.push(`${where}: message ${message.number} of ${message.exchange} where ${expected} was next`)
  }

  const fail = (cause: Cause.Cause<unknown>, operation: "connect" | "flow", exchange: string): void => {
    const failure = Failures.of(cause, "numbers", operation)
    if (failure === undefined) return
    const name = `${failure.tag} ${failure.reason} ${failure.delivered}`
    failures.set(name, (failures.get(name) ?? 0) + 1)
    if (failure.tag === "untyped") violations.push(`${exchange} failed without a type: ${failure.detail}`)
    if (failure.delivered === "no") undelivered.push(exchange)
  }

  const once = Effect.fnUntraced(function* (to: string) {
    const fabric = yield* Fabric
    const exchange = `${host} to ${to} at ${Date.now()}`
    const count = yield* Random.nextIntBetween(1, messagesMax)
    const ballast = "x".repeat(yield* Random.nextIntBetween(0, ballastMax))
    const began = performance.now()
    const opened = yield* Effect.exit(fabric.connect(endpointOf(to)))
    const millis = performance.now() - began
    if (millis > connectMillisMax) violations.push(`${exchange}: connect took ${Math.round(millis)} ms`)
    if (Exit.isFailure(opened)) return fail(opened.cause, "connect", exchange)
    const flow = opened.value
    const send = Effect.gen(function* () {
      for (let number = 0; number < count; number++) {
        yield* flow.send({ exchange, number, of: count, ballast })
        yield* Effect.sleep(yield* Random.nextIntBetween(0, pauseMillisMax))
      }
      yield* flow.end
    })
    let next = 0
    const receive = Stream.runForEach(flow.messages, (message) =>
      Effect.sync(() => {
        if (message.exchange !== exchange) violations.push(`${exchange}: got a message of ${message.exchange}`)
        isNext(message, next, "at the caller")
        next += 1
        messages += 1
      })
    )
    const exit = yield* Effect.exit(Effect.all([send, receive], { concurrency: "unbounded" }))
    if (Exit.isFailure(exit)) return fail(exit.cause, "flow", exchange)
    exchanges += 1
    exchangesWith.set(to, (exchangesWith.get(to) ?? 0) + 1)
    if (next !== count) violations.push(`${exchange} ended cleanly after ${next} of ${count} messages`)
  })

  const expose = Effect.gen(function* () {
    const fabric = yield* Fabric
    yield* fabric.expose(endpointOf(host), (flow) =>
      Effect.gen(function* () {
        let [next, count, exchange] = [0, 0, ""]
        yield* Stream.runForEach(flow.messages, (message) => {
          isNext(message, next, "at the endpoint")
          next += 1
          count = message.of
          exchange = message.exchange
          seen.add(exchange)
          return flow.send(message)
        })
        if (next !== count) violations.push(`${exchange} ended cleanly for the endpoint after ${next} of ${count}`)
      })
    )
  })

  return {
    expose,
    /** Goes on until it is interrupted. */
    exchange: (hosts: ReadonlyArray<string>) =>
      Effect.all(
        hosts.map((to) => Effect.repeat(Effect.scoped(once(to)), Schedule.spaced("100 millis"))),
        { concurrency: "unbounded", discard: true }
      ),
    seen: (): typeof NumbersSeen.Type => ({
      exchanges,
      exchangesWith: Object.fromEntries(exchangesWith),
      messages,
      failures: Object.fromEntries(failures),
      violations,
      undelivered,
      seen: [...seen]
    })
  }
}
