/**
 * Readers that leave a flow early, each in a way of its own. A reader notes what it was given where it uses it.
 */
import { Effect, Fiber, Option, Stream } from "effect"
import type { Flow } from "../../src/services/Flow.ts"

type Read = Pick<Flow<never, number, unknown>, "receive" | "receiveAll" | "messages" | "batches">

/** Reads about `n` messages, at least one if there is one, and leaves. */
export type Reader = (flow: Read, note: (message: number) => void, n: number) => Effect.Effect<unknown, unknown>

const noted = (note: (message: number) => void) => (message: number) => Effect.sync(() => note(message))

/** Notes at the call, as whoever uses a message does: what an interrupt leaves undone after that is its user's. */
const used = (note: (message: number) => void) => (message: number) => {
  note(message)
  return Effect.void
}

const interruptedAfter = (reading: Effect.Effect<unknown, unknown>, turns: number) =>
  Effect.gen(function* () {
    const reader = yield* Effect.forkChild(reading)
    for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
    yield* Fiber.interrupt(reader)
  })

export const readers: Readonly<Record<string, Reader>> = {
  runHead: (flow, note) => Effect.map(Stream.runHead(flow.messages), Option.map(note)),
  take: (flow, note, n) => Stream.runForEach(Stream.take(flow.messages, n), noted(note)),
  takeUntil: (flow, note, n) =>
    Stream.runForEach(
      Stream.takeUntil(flow.messages, (message) => message % n === 0),
      noted(note)
    ),
  "map, then take": (flow, note, n) =>
    flow.messages.pipe(
      Stream.map((message) => message + 1),
      Stream.take(n),
      Stream.runForEach((message) => noted(note)(message - 1))
    ),
  "filter, then head": (flow, note, n) =>
    flow.messages.pipe(
      Stream.filter((message) => {
        note(message)
        return message % n === 0
      }),
      Stream.runHead
    ),
  "mapEffect, then take": (flow, note, n) =>
    flow.messages.pipe(Stream.mapEffect(noted(note)), Stream.take(n), Stream.runDrain),
  "a reader that fails": (flow, note, n) => {
    let left = n
    return Effect.exit(
      Stream.runForEach(flow.messages, (message) => {
        note(message)
        left -= 1
        return left === 0 ? Effect.fail("enough") : Effect.void
      })
    )
  },
  "a reader that dies": (flow, note, n) => {
    let left = n
    return Effect.exit(
      Stream.runForEach(flow.messages, (message) => {
        note(message)
        left -= 1
        return left === 0 ? Effect.die("enough") : Effect.yieldNow
      })
    )
  },
  "a busy reader that is interrupted": (flow, note, n) =>
    interruptedAfter(Stream.runForEach(flow.messages, used(note)), n),
  "a busy reader behind a map that is interrupted": (flow, note, n) =>
    interruptedAfter(
      Stream.runForEach(
        Stream.map(flow.messages, (message) => message),
        used(note)
      ),
      n
    ),
  "a slow reader that is interrupted": (flow, note, n) =>
    interruptedAfter(
      Stream.runForEach(flow.messages, (message) => {
        note(message)
        return message % 3 === 0 ? Effect.sleep("1 millis") : Effect.yieldNow
      }),
      n
    ),
  receive: (flow, note) => Effect.map(flow.receive, note),
  "receive, interrupted": (flow, note, n) => {
    const receive: Effect.Effect<void, unknown> = Effect.flatMap(flow.receive, (message) => {
      note(message)
      return receive
    })
    return interruptedAfter(receive, n)
  },
  "receive, with a timeout": (flow, note, n) => Effect.map(Effect.timeoutOption(flow.receive, n % 2), Option.map(note)),
  receiveAll: (flow, note) => Effect.map(flow.receiveAll, (all) => all.forEach(note)),
  "one batch": (flow, note) =>
    Effect.map(
      Stream.runHead(flow.batches),
      Option.map((all) => all.forEach(note))
    )
}
