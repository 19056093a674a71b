/**
 * The endpoint's side of a flow: checks Open, answers, runs the handler, and ends the flow as the handler ended.
 */
import { Cause, type Context, type Duration, Effect, Exit, Fiber, Option, Result, type Scope } from "effect"
import { toHex } from "../protocol/Fingerprint.ts"
import * as Admission from "../protocol/flow/Admission.ts"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Limits from "../protocol/flow/Limits.ts"
import * as Name from "../protocol/Name.ts"
import type { Codec } from "../services/Codec.ts"
import { type Contract, serves } from "../services/Contract.ts"
import type { Handler } from "../services/Fabric.ts"
import { FlowError, PeerLost } from "../services/FlowError.ts"
import type { Link, LinkBroken } from "../services/Transport.ts"
import type { Callers } from "./Callers.ts"
import * as FlowChannel from "./FlowChannel.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as FlowTrace from "./FlowTrace.ts"
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
  readonly serve: (link: Link, open: Frame.Open, callers?: Callers) => Effect.Effect<void, LinkBroken, Scope.Scope>
  /** Takes no more flows; those that wait for their turn are told so. */
  readonly stop: Effect.Effect<void>
  /** Ends the flows that are served, and their handlers. */
  readonly close: Effect.Effect<void>
  /** Waits until no flow is being served. */
  readonly idle: Effect.Effect<void>
}

/** The frame that tells the caller how the handler failed: its declared error as it is, anything else without details. */
const lastFrame = Effect.fnUntraced(function* <E>(name: string, error: Codec<E>, cause: Cause.Cause<E | FlowError>) {
  const failure = Cause.findErrorOption(cause)
  if (Option.isSome(failure) && !(failure.value instanceof FlowError)) {
    const encoded = error.encode(failure.value)
    if (Result.isSuccess(encoded)) return Frame.fail("Domain", "", encoded.success.slice())
  }
  if (Option.isNone(failure) && !Cause.hasInterruptsOnly(cause))
    yield* Effect.logError(`the handler of "${name}" died`, cause)
  return Frame.fail("Handler", "the handler gave up")
})

/** Prepares an endpoint. `context` is what the handler needs. */
export const expose = <In, Out, E, R>(
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, R>,
  options: {
    readonly context: Context.Context<Exclude<R, Scope.Scope>>
    readonly config: Config
  }
): Exposed => {
  const { config } = options
  const admission = Admission.make<Frame.Open>(config)
  const changed = Signal.make()
  /** Wakes those who serve a flow, once the endpoint is closed. */
  const serving = new Set<() => void>()
  let isClosed = false
  let flows = 0

  const refusal = (open: Frame.Open): Frame.Rejected | undefined => {
    if (open.codec !== "" && open.codec !== contract.codec)
      return Frame.rejected("Incompatible", `codec "${open.codec}" asked for, "${contract.codec}" spoken`)
    if (serves(contract, open.contract)) return undefined
    const [asked, spoken] = [toHex(open.contract), toHex(contract.fingerprint)]
    return Frame.rejected("Incompatible", `contract ${asked} asked for, ${contract.codec} ${spoken} spoken`)
  }

  /** Waits for the turn of a flow; why it gets none, if so. */
  const admit = (link: Link, open: Frame.Open): Effect.Effect<Frame.Rejected | undefined, LinkBroken> => {
    switch (Admission.enter(admission, open)) {
      case "serving":
        return Effect.undefined
      case "closed":
        return Effect.succeed(notFound)
      case "busy":
        return Effect.succeed(
          Frame.rejected("EndpointBusy", `${config.concurrency} flows are served, ${config.backlog} wait`)
        )
      case "waiting": {
        const decided = Signal.until(changed, () => !admission.waiting.has(open))
        const turn = Effect.map(decided, () => (admission.serving.has(open) ? undefined : notFound))
        // Its caller has given up before: this is for one that did not.
        const over = Effect.succeed(Frame.rejected("EndpointBusy", "its time was over before its turn came"))
        return Effect.raceFirst(
          open.deadlineMillis === undefined
            ? turn
            : Effect.timeoutOrElse(turn, {
                duration: FlowDeadline.timer(open.deadlineMillis + overdueMillis),
                orElse: () => over
              }),
          link.broken
        )
      }
    }
  }

  const leave = (open: Frame.Open) =>
    Effect.sync(() => {
      Admission.leave(admission, open)
      Signal.notify(changed)
    })

  /** Runs a handler until it ends, its flow has failed and its grace is over, or the endpoint is closed; the last frame. */
  const untilOver = Effect.fnUntraced(function* (
    handled: Effect.Effect<Frame.Fail | undefined>,
    { onFailed }: FlowChannel.FlowChannel<never>
  ) {
    const running = yield* Effect.forkChild(handled, { startImmediately: true })
    const woken = (alsoBy: (wake: () => void) => void) =>
      Effect.callback<void>((resume) => {
        const wake = () => {
          serving.delete(wake)
          resume(Effect.void)
        }
        serving.add(wake)
        running.addObserver(wake)
        alsoBy(wake)
        if (isClosed) wake()
        return Effect.sync(() => serving.delete(wake))
      })
    const isOver = () => isClosed || running.pollUnsafe() !== undefined
    const grace = Effect.suspend(() =>
      isOver()
        ? Effect.void
        : Effect.timeoutOption(
            woken(() => undefined),
            config.handlerGrace
          )
    )
    const ending = Effect.map(Effect.andThen(woken(onFailed), grace), () => running.pollUnsafe())
    const ended = yield* Effect.ensuring(ending, Fiber.interrupt(running))
    if (ended !== undefined && Exit.isSuccess(ended)) return ended.value
    return isClosed ? Frame.fail("Closed", "the endpoint is no longer exposed") : undefined
  })

  const serve = Effect.fnUntraced(function* (link: Link, open: Frame.Open, callers?: Callers, deadlineMillis?: number) {
    const channel = yield* FlowChannel.make<never>(link, {
      endpoint: contract.name,
      peer: open.caller,
      limits: config.limits,
      decodeError: () => Result.fail("a caller declares no errors"),
      role: "endpoint"
    })
    yield* FlowDeadline.enforce(channel, deadlineMillis)
    if (callers !== undefined && open.caller !== "") {
      const { caller } = open
      yield* callers.enter(caller, () => {
        const detail = `host "${caller}" is dead`
        channel.fail(new PeerLost({ detail }), Frame.fail("Closed", detail))
      })
    }
    const flow = TypedFlow.make(channel, {
      endpoint: contract.name,
      peer: { id: open.caller, path: open.path ?? [] },
      outgoing: contract.output,
      incoming: contract.input
    })
    const handled = handler(flow).pipe(
      Effect.scoped,
      FlowTrace.within(`serve ${contract.name}`, open.trace),
      Effect.provideContext(options.context),
      Effect.matchCauseEffect({
        onFailure: (cause) => lastFrame(contract.name, contract.error, cause),
        onSuccess: () => Effect.undefined
      })
    )
    const last = yield* untilOver(handled, channel)
    yield* leave(open)
    yield* Effect.ignore(channel.endWith(last))
    yield* channel.flushed.pipe(
      Effect.andThen(link.finish),
      Effect.andThen(channel.drain),
      Effect.timeoutOption(config.drainTimeout)
    )
  })

  const accept = (link: Link, open: Frame.Open, callers?: Callers, deadlineAt?: number) => {
    flows += 1
    return Effect.andThen(link.write(Frame.accepted), FlowDeadline.left(deadlineAt)).pipe(
      Effect.flatMap((deadlineMillis) => serve(link, open, callers, deadlineMillis)),
      Effect.ensuring(
        Effect.sync(() => {
          flows -= 1
        })
      )
    )
  }

  return {
    refusal,
    serve: (link, open, callers) =>
      Effect.flatMap(FlowDeadline.at(open.deadlineMillis), (deadlineAt) =>
        Effect.flatMap(admit(link, open), (rejected) =>
          rejected === undefined ? accept(link, open, callers, deadlineAt) : reject(link, rejected)
        )
      ).pipe(Effect.ensuring(leave(open))),
    stop: Effect.sync(() => {
      Admission.close(admission)
      Signal.notify(changed)
    }),
    close: Effect.sync(() => {
      isClosed = true
      for (const wake of serving) wake()
    }),
    idle: Signal.until(changed, () => flows === 0)
  }
}

/** What a flow that waits for its turn gets beyond its deadline, so that its caller is the first to know. */
const overdueMillis = 1000

const notFound = Frame.rejected("EndpointNotFound", "no such endpoint")

const reject = (link: Link, rejected: Frame.Rejected): Effect.Effect<void, LinkBroken> =>
  Effect.andThen(link.write(rejected), link.finish)

/** Answers an incoming link: the first frame decides which endpoint serves it, or why none does. */
export const answer = (
  link: Link,
  options: {
    readonly self: string
    readonly find: (name: string) => Exposed | undefined
    readonly config: Config
    /** Knows which host opened which flow. */
    readonly callers?: Callers
  }
): Effect.Effect<void, never, Scope.Scope> => {
  const violate = (detail: string) => Effect.andThen(link.write(Frame.fail("ProtocolViolation", detail)), link.finish)
  const begin = (first: Option.Option<Frame.Frame>): Effect.Effect<void, LinkBroken, Scope.Scope> => {
    if (Option.isNone(first)) return violate("no Open came in time")
    const open = first.value
    if (open._tag !== "Open") return violate(`${open._tag} came before Open`)
    const refused = refuse(open, options)
    const exposed = options.find(open.endpoint)
    const rejected = refused ?? exposed?.refusal(open)
    return exposed === undefined || rejected !== undefined
      ? reject(link, rejected ?? notFound)
      : exposed.serve(link, open, options.callers)
  }
  return Effect.ignore(Effect.flatMap(Effect.timeoutOption(link.read, options.config.openTimeout), begin))
}

const refuse = (open: Frame.Open, options: { readonly self: string }): Frame.Rejected | undefined => {
  if (open.wireVersion !== Frame.wireVersion)
    return Frame.rejected(
      "Incompatible",
      `frames of version ${open.wireVersion}, this host speaks ${Frame.wireVersion}`
    )
  if (open.host !== "" && open.host !== options.self)
    return Frame.rejected("WrongHost", `this is host "${options.self}"`)
  const passed = open.path ?? []
  if (passed.length > Frame.pathLengthMax || passed.includes(options.self))
    return Frame.rejected(
      "Path",
      `it has passed ${passed.length} hosts${passed.includes(options.self) ? ", this one too" : ""}`
    )
  const rule = Name.violation(open.endpoint)
  return rule === undefined ? undefined : Frame.rejected("NameInvalid", rule)
}
