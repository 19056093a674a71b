/**
 * Exchange: sends and receives at once, as one stream. A program that sends all before it reads waits for a peer that
 * waits for its answers to be read.
 *
 * A received message is handed out before a failure of the flow, and none is taken from the flow but to be handed out.
 */
import { Cause, Effect, Exit, Fiber, Pull, type Scope, Stream } from "effect"
import type { Flow } from "../../services/Flow.ts"
import type { FlowError } from "../../services/FlowError.ts"
import * as Signal from "../core/Signal.ts"
import type { FlowEnd } from "./FlowEnd.ts"
import * as Inbound from "./Inbound.ts"

type Channel<E> = Pick<FlowEnd<E>, "reader" | "sendAll" | "writer">

/** Whether sending failed while the flow goes on: a message did not encode, or their source failed. The peer waits. */
const failedAlone = <A, E>({ writer }: Channel<unknown>, exit: Exit.Exit<A, E>): exit is Exit.Failure<A, E> =>
  Exit.isFailure(exit) && writer.sender.status === "open"

/** Fails once nothing can be sent any more although this side has not ended. */
const cutOff = <E>(channel: Channel<E>): Effect.Effect<void, FlowError | E> => {
  const { changed, sender } = channel.writer
  const isCut = Signal.until(changed, () => sender.status === "failed" || sender.fail !== undefined)
  return Effect.flatMap(isCut, () => channel.sendAll([]))
}

/** See `Flow.exchange`. */
export const make = <Sent, Received, E, E2, R>(
  flow: Flow<Sent, Received, E>,
  channel: Channel<E>,
  outgoing: Stream.Stream<Sent, E2, R>
): Stream.Stream<Received, FlowError | E | E2, R> => {
  const send = Effect.andThen(Stream.run(outgoing, flow.sink), flow.end)
  const fork = (scope: Scope.Scope) => Effect.forkIn(send, scope, { startImmediately: true }) // tidy: it is joined below
  return Stream.transformPull(flow.messages, (pull, scope) =>
    Effect.map(fork(scope), (sending) => {
      const failing = Effect.flatMap(Fiber.await(sending), (exit) =>
        failedAlone(channel, exit) ? Effect.failCause(exit.cause) : Effect.never
      )
      const next = Effect.suspend(() => {
        const sent = sending.pollUnsafe()
        const hasNews = !Inbound.isEmpty(channel.reader) || channel.reader.receiver.status === "ended"
        const isSafe = hasNews || (sent !== undefined && Exit.isSuccess(sent))
        return isSafe ? pull : Effect.raceFirst(pull, failing)
      })
      return Pull.catchDone(next, () =>
        Effect.andThen(Effect.raceFirst(Fiber.join(sending), cutOff(channel)), Cause.done())
      )
    })
  )
}
