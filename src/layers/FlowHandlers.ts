/**
 * The handlers of an endpoint at work, each in a fiber of its own with the span of its flow.
 *
 * The fiber of a handler is nearly all of Effect that an idle flow holds, so it begins with its span in its context, where a
 * span around the handler would be held as frames; and nothing waits beside it for what may never happen.
 */
import { Cause, Context, type Duration, Effect, Exit, Fiber, Option, type Scope, Tracer } from "effect"
import * as Frame from "../protocol/flow/Frame.ts"
import type { Contract } from "../services/Contract.ts"
import type { Handler } from "../services/Fabric.ts"
import type { Flow } from "../services/Flow.ts"
import { FlowError } from "../services/FlowError.ts"
import type { FlowChannel } from "./FlowChannel.ts"
import * as FlowDeclared from "./FlowDeclared.ts"
import * as FlowTrace from "./FlowTrace.ts"

export type Running<E> = Fiber.Fiber<unknown, E | FlowError>

export interface Handlers<In, Out, E> {
  /** Starts a handler. It is interrupted once its flow has failed and its grace is over. */
  readonly start: (flow: Flow<Out, In>, channel: FlowChannel<never>, trace: Frame.Trace | undefined) => Running<E>
  /** Waits for a handler: the frame that tells the caller how it ended, or none. */
  readonly last: (running: Running<E>) => Effect.Effect<Frame.Fail | undefined>
  /** Interrupts all handlers, and any that is started. */
  readonly close: Effect.Effect<void>
}

export const make = <In, Out, E, R>(
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, R>,
  options: {
    /** What a handler's fiber runs with. */
    readonly context: Context.Context<Exclude<R, Scope.Scope>>
    /** What a handler gets to finish after its flow has failed. */
    readonly grace: Duration.Input
    /** The largest declared error. */
    readonly errorBytesMax: number
  }
): Handlers<In, Out, E> => {
  const { name } = contract
  const { context, errorBytesMax, grace } = options
  const all = new Set<Running<E>>()
  const runSync = Effect.runSyncWith(context)
  const run = Effect.runForkWith(context)
  let isClosed = false

  const start: Handlers<In, Out, E>["start"] = (flow, channel, trace) => {
    const span = runSync(FlowTrace.begin(`serve ${name}`, trace))
    const running = Effect.runForkWith(Context.add(context, Tracer.ParentSpan, span))(Effect.scoped(handler(flow)))
    all.add(running)
    let ending: Fiber.Fiber<void> | undefined
    running.addObserver((exit) => {
      all.delete(running)
      ending?.interruptUnsafe()
      run(FlowTrace.end(span, exit))
    })
    channel.onFailed(() => {
      if (running.pollUnsafe() === undefined) ending ??= run(Effect.delay(Fiber.interrupt(running), grace))
    })
    if (isClosed) running.interruptUnsafe()
    return running
  }

  /** The declared error of a handler as it is, anything else without details. */
  const lastOf = Effect.fnUntraced(function* (exit: Exit.Exit<unknown, E | FlowError>) {
    if (Exit.isSuccess(exit)) return undefined
    if (isClosed && Exit.hasInterrupts(exit)) return Frame.fail("Closed", "the endpoint is no longer exposed")
    const failure = Cause.findErrorOption(exit.cause)
    if (Option.isSome(failure) && !(failure.value instanceof FlowError))
      return yield* FlowDeclared.frameOf(contract, failure.value, errorBytesMax)
    if (Option.isNone(failure) && !Cause.hasInterruptsOnly(exit.cause))
      yield* Effect.logError(`the handler of "${name}" died`, exit.cause)
    return Frame.fail("Handler", "the handler gave up")
  })

  return {
    start,
    last: (running) =>
      Effect.flatMap(
        Effect.callback<Exit.Exit<unknown, E | FlowError>>((resume) => {
          running.addObserver((exit) => resume(Effect.succeed(exit)))
        }),
        lastOf
      ),
    close: Effect.sync(() => {
      isClosed = true
      for (const running of all) running.interruptUnsafe()
    })
  }
}
