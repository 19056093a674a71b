/**
 * Handlers: runs the handlers of an endpoint, each in a fiber of its own with the span of its flow.
 *
 * The fiber of a handler is nearly all of Effect that an idle flow holds. So it begins with its span in its context,
 * where a span around the handler would be held as frames; and nothing waits beside it for events that may never come.
 */
import { type Cause, Context, type Duration, Effect, Exit, Fiber, type Scope, Tracer } from "effect"
import type * as Frame from "../../protocol/flow/Frame.ts"
import { wholeErrorBytesMax } from "../../protocol/flow/Limits.ts"
import type { Contract } from "../../services/Contract.ts"
import type { Handler } from "../../services/Fabric.ts"
import type { Flow } from "../../services/Flow.ts"
import type { FlowError } from "../../services/FlowError.ts"
import * as Deadline from "./Deadline.ts"
import * as Ending from "./Ending.ts"
import type { FlowEnd } from "./FlowEnd.ts"
import * as Trace from "./Trace.ts"

export type Running<E> = Fiber.Fiber<unknown, E | FlowError | Cause.Done>

/** State shared by a handler and the fiber that serves its flow. */
export interface Served {
  /** Set when the flow is not served any more, so that its handler is interrupted. */
  isLeft: boolean
  /** Frame that tells the caller how the handler has ended; undefined before that, and after a good end. */
  last: Frame.Fail | undefined
}

export interface Handlers<In, Out, E> {
  /** Starts a handler. It is interrupted once its flow has failed and its grace is over. */
  readonly start: (
    flow: Flow<Out, In>,
    channel: FlowEnd<never>,
    served: Served,
    /** From Open: the caller's trace, and the deadline of the flow on the monotonic clock. */
    call: { readonly trace: Frame.Trace | undefined; readonly deadlineAt: number | undefined }
  ) => Running<E>
  /** Interrupts all handlers, and any that is started later. */
  readonly close: Effect.Effect<void>
}

/** Waits until a handler has ended. */
export const ended = <E>(running: Running<E>): Effect.Effect<void> =>
  Effect.callback((resume) => {
    running.addObserver(() => resume(Effect.void))
  })

/** Runs a handler; one that throws dies in its fiber. Outside of `start`, whose variables the closure would hold. */
const invoke = <In, Out, E, R>(handler: Handler<In, Out, E, R>, flow: Flow<Out, In>) =>
  Effect.suspend(() => Effect.scoped(handler(flow)))

export const make = <In, Out, E, R>(
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, R>,
  options: {
    /** Services with which the fibers of handlers run. */
    readonly context: Context.Context<Exclude<R, Scope.Scope>>
    /** Time that a handler has to finish after its flow has failed. */
    readonly grace: Duration.Input
    /** Largest declared error, in bytes. */
    readonly errorBytesMax: number
  }
): Handlers<In, Out, E> => {
  const { context, errorBytesMax, grace } = options
  const all = new Set<Running<E>>()
  const runSync = Effect.runSyncWith(context)
  const run = Effect.runForkWith(context) // tidy: for the log, spans and interrupts, none of which fails
  let isClosed = false

  const start: Handlers<In, Out, E>["start"] = (flow, channel, served, { deadlineAt, trace }) => {
    const { id: peer } = flow.peer
    const span = runSync(Trace.begin(`serve ${contract.name}`, trace))
    const traced = Context.add(context, Tracer.ParentSpan, span)
    const own = deadlineAt === undefined ? traced : Context.add(traced, Deadline.Inherited, deadlineAt)
    const running = Effect.runForkWith(own)(invoke(handler, flow)) // tidy: its exit is observed below
    all.add(running)
    let stopping: Fiber.Fiber<void> | undefined
    running.addObserver((exit) => {
      all.delete(running)
      stopping?.interruptUnsafe()
      const { sender } = channel.writer
      const isLost = served.isLeft || channel.failing !== undefined || sender.status === "failed"
      // After a good end an error is not cut into frames any more.
      const isWhole = sender.status === "ended" && sender.buffers !== undefined
      const bytesMax = isWhole ? Math.min(errorBytesMax, wholeErrorBytesMax) : errorBytesMax
      const ending = Ending.of(exit, { contract, peer, errorBytesMax: bytesMax, isClosed, isLost })
      served.last = ending?.last
      run(Trace.end(span, ending === undefined ? Exit.void : exit))
      if (ending !== undefined) run(Ending.log(ending, exit, { contract, peer }))
    })
    channel.onFailed(() => {
      if (running.pollUnsafe() === undefined) stopping ??= run(Effect.delay(Fiber.interrupt(running), grace))
    })
    if (isClosed) running.interruptUnsafe()
    return running
  }

  return {
    start,
    close: Effect.sync(() => {
      isClosed = true
      for (const running of all) running.interruptUnsafe()
    })
  }
}
