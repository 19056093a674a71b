/**
 * The endpoint's side of a flow: checks Open, answers, runs the handler, and ends the flow as the handler ended.
 */
import { Cause, type Context, type Duration, Effect, Exit, Fiber, identity, Result, type Scope } from "effect"
import { toHex } from "../protocol/Fingerprint.ts"
import * as Admission from "../protocol/flow/Admission.ts"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Limits from "../protocol/flow/Limits.ts"
import { type Contract, serves } from "../services/Contract.ts"
import type { Handler } from "../services/Fabric.ts"
import type { Link } from "../services/Transport.ts"
import type { Callers } from "./Callers.ts"
import * as FlowChannel from "./FlowChannel.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as FlowHandlers from "./FlowHandlers.ts"
import * as FlowHandshake from "./FlowHandshake.ts"
import * as Signal from "./Signal.ts"
import * as TypedFlow from "./TypedFlow.ts"

export interface Config {
  readonly limits: Limits.Limits
  /** Flows that one endpoint serves at a time, each with a handler of its own. */
  readonly concurrency: number
  /** Flows that wait for their turn at one endpoint; one more is told EndpointBusy at once. */
  readonly backlog: number
  /** What the flows of an endpoint that is no longer exposed get to finish, before they are ended. */
  readonly drain: Duration.Input
  /** How long a link may stay without its Open. */
  readonly openTimeout: Duration.Input
  /** What a handler gets to finish after its flow has failed, before it is interrupted. */
  readonly handlerGrace: Duration.Input
  /** How long a finished flow waits for its caller to read what was sent, and to finish too. */
  readonly drainTimeout: Duration.Input
}

export const defaults: Config = {
  limits: Limits.defaults,
  concurrency: 10_000,
  backlog: 64,
  drain: "5 seconds",
  openTimeout: "5 seconds",
  handlerGrace: "5 seconds",
  drainTimeout: "30 seconds"
}

/** An endpoint that takes flows. */
export interface Exposed {
  /** Why this Open cannot be served; undefined when it can. */
  readonly refusal: (open: Frame.Open) => Frame.Rejected | undefined
  /** Answers an Open that can be served: waits for its turn, accepts it, and serves the flow to its end. */
  readonly serve: (link: Link, open: Frame.Open, callers?: Callers) => Effect.Effect<void, never, Scope.Scope>
  /** Takes no more flows; those that wait for their turn are told so. */
  readonly stop: Effect.Effect<void>
  /** Ends the flows that are served, and their handlers. */
  readonly close: Effect.Effect<void>
  /** Waits until no flow is being served. */
  readonly idle: Effect.Effect<void>
}

/** A flow on its way through its endpoint. */
interface Served<E> extends FlowHandlers.Served {
  readonly link: Link
  /** Until it was accepted: what holds it then holds it as long as the flow lives. */
  open: Frame.Open | undefined
  running: FlowHandlers.Running<E> | undefined
  /** Takes it off its caller's account. */
  forget: (() => void) | undefined
}

const noneDeclared = () => Result.fail("a caller declares no errors")

/** Prepares an endpoint. `context` is what the fibers of its handlers run with. */
export const expose = <In, Out, E, R>(
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, R>,
  options: {
    readonly context: Context.Context<Exclude<R, Scope.Scope>>
    readonly config: Config
  }
): Exposed => {
  const { config } = options
  const admission = Admission.make<Link>(config)
  const handlers = FlowHandlers.make(contract, handler, {
    context: options.context,
    grace: config.handlerGrace,
    errorBytesMax: config.limits.messageBytesMax
  })
  const changed = Signal.make()
  let flows = 0

  const refusal = (open: Frame.Open): Frame.Rejected | undefined => {
    if (open.codec !== "" && open.codec !== contract.codec)
      return Frame.rejected("Incompatible", `codec "${open.codec}" asked for, "${contract.codec}" spoken`)
    if (serves(contract, open.contract)) return undefined
    const [asked, spoken] = [toHex(open.contract), toHex(contract.fingerprint)]
    return Frame.rejected("Incompatible", `contract ${asked} asked for, ${contract.codec} ${spoken} spoken`)
  }

  /** Waits for the turn of a flow; why it gets none, if so. Fails when its link has broken before. */
  const admit = (
    link: Link,
    deadlineMillis: number | undefined
  ): Effect.Effect<Frame.Rejected | undefined, Cause.Done> => {
    switch (Admission.enter(admission, link)) {
      case "serving":
        return Effect.undefined
      case "closed":
        return Effect.succeed(notFound)
      case "busy":
        return Effect.succeed(
          Frame.rejected("EndpointBusy", `${config.concurrency} flows are served, ${config.backlog} wait`)
        )
      case "waiting": {
        const decided = Signal.until(changed, () => !admission.waiting.has(link))
        const turn = Effect.map(decided, () => (admission.serving.has(link) ? undefined : notFound))
        // Its caller has given up before: this is for one that did not.
        const over = Effect.succeed(Frame.rejected("EndpointBusy", "its time was over before its turn came"))
        return FlowHandshake.unlessBroken(
          link,
          deadlineMillis === undefined
            ? turn
            : Effect.timeoutOrElse(turn, {
                duration: FlowDeadline.timer(deadlineMillis + overdueMillis),
                orElse: () => over
              })
        )
      }
    }
  }

  const leave = (link: Link): void => {
    Admission.leave(admission, link)
    Signal.notify(changed)
  }

  /** Ends a flow as its handler has ended, for whom it is over with that. */
  const finish = Effect.fnUntraced(function* ({ last, link }: Served<E>, channel: FlowChannel.FlowChannel<never>) {
    leave(link)
    channel.close()
    yield* Effect.ignore(channel.endWith(last))
    yield* channel.flushed.pipe(
      Effect.andThen(Effect.sync(() => link.finish())),
      Effect.andThen(channel.drain),
      Effect.timeoutOption(config.drainTimeout)
    )
  })

  /** What is left to do once the handler runs. It holds as little as it can: mostly it waits, once for each idle flow. */
  const conclude = (served: Served<E>, channel: FlowChannel.FlowChannel<never>, running: FlowHandlers.Running<E>) =>
    Effect.flatMap(FlowHandlers.ended(running), () => finish(served, channel))

  /** Accepts a flow and starts its handler; what is left to do. */
  const accept = Effect.fnUntraced(function* (
    served: Served<E>,
    open: Frame.Open,
    callers?: Callers,
    deadlineAt?: number
  ) {
    const { link } = served
    served.open = undefined
    if (!FlowHandshake.say(link, Frame.accepted)) return Effect.void
    const channel = yield* FlowChannel.make<never>(link, {
      endpoint: contract.name,
      peer: open.caller,
      limits: config.limits,
      decodeError: noneDeclared,
      role: "endpoint"
    })
    yield* FlowDeadline.enforce(channel, yield* FlowDeadline.left(deadlineAt))
    if (callers !== undefined && open.caller !== "") served.forget = callers.enter(open.caller, channel)
    const flow = TypedFlow.make(channel, {
      endpoint: contract.name,
      peer: { id: open.caller, path: open.path ?? [] },
      outgoing: contract.output,
      incoming: contract.input
    })
    const running = handlers.start(flow, channel, served, open.trace)
    served.running = running
    return conclude(served, channel, running)
  })

  /** Answers a flow in its turn; what is left to do. */
  const inTurn = (served: Served<E>, open: Frame.Open, callers?: Callers) =>
    Effect.flatMap(FlowDeadline.at(open.deadlineMillis), (deadlineAt) =>
      Effect.flatMap(admit(served.link, open.deadlineMillis), (rejected) =>
        rejected === undefined
          ? accept(served, open, callers, deadlineAt)
          : Effect.succeed(refuse(served.link, rejected))
      )
    )

  const serving = (served: Served<E>, callers?: Callers): Effect.Effect<void, never, Scope.Scope> =>
    served.open === undefined
      ? Effect.void
      : Effect.matchEffect(inTurn(served, served.open, callers), {
          onFailure: () => Effect.void,
          onSuccess: identity
        })

  const release = (served: Served<E>): Effect.Effect<void> => {
    const { forget, link, running } = served
    if (running !== undefined && running.pollUnsafe() === undefined) {
      served.isLeft = true
      return Effect.flatMap(Fiber.interrupt(running), () => release(served))
    }
    flows -= 1
    forget?.()
    leave(link)
    return Effect.void
  }

  /** What serves a flow has no failures but defects: of a tracer, or of ours. */
  const broken = (served: Served<E>, cause: Cause.Cause<never>): Effect.Effect<void> => {
    served.link.cancel(Frame.fail("Handler", "the endpoint could not serve the flow"))
    const log = Effect.logError(`a flow of "${contract.name}" could not be served`, cause)
    return Effect.andThen(Effect.provideContext(log, options.context), release(served))
  }

  /** Apart from `serve`, whose arguments these two functions would hold. */
  const whole = (served: Served<E>, callers?: Callers): Effect.Effect<void, never, Scope.Scope> => {
    flows += 1
    return Effect.onExit(
      Effect.suspend(() => serving(served, callers)),
      (exit) => (Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? broken(served, exit.cause) : release(served))
    )
  }

  return {
    refusal,
    serve: (link, open, callers) =>
      Effect.suspend(() =>
        whole({ link, open, running: undefined, forget: undefined, isLeft: false, last: undefined }, callers)
      ),
    stop: Effect.sync(() => {
      Admission.close(admission)
      Signal.notify(changed)
    }),
    close: handlers.close,
    idle: Signal.until(changed, () => flows === 0)
  }
}

/** What a flow that waits for its turn gets beyond its deadline, so that its caller is the first to know. */
const overdueMillis = 1000

export const notFound = Frame.rejected("EndpointNotFound", "no such endpoint")

/** Answers a link with its last frame. */
export const refuse = (link: Link, last: Frame.Rejected | Frame.Fail): Effect.Effect<void> =>
  Effect.sync(() => {
    FlowHandshake.say(link, last)
    link.finish()
  })
