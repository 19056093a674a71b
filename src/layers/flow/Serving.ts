/**
 * Serving: the endpoint's side of a flow: checks Open, answers, runs the handler, and ends the flow as that ended.
 */
import { Cause, type Context, Effect, Exit, identity, Result, type Scope } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Contract } from "../../services/Contract.ts"
import type { Handler } from "../../services/Fabric.ts"
import type { Peer } from "../../services/Flow.ts"
import { FlowClosed, ProtocolViolation } from "../../services/FlowError.ts"
import type { Link } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Signal from "../core/Signal.ts"
import * as Authorizing from "./Authorizing.ts"
import * as Compatibility from "./Compatibility.ts"
import * as Deadline from "./Deadline.ts"
import type { Beside, Exposed } from "./Exposed.ts"
import * as FlowEnd from "./FlowEnd.ts"
import * as Handlers from "./Handlers.ts"
import type { Config } from "./Settings.ts"
import * as Turns from "./Turns.ts"
import * as TypedFlow from "./TypedFlow.ts"

export { type Config, defaults } from "./Settings.ts"

/**
 * Served: a flow on its way through its endpoint.
 *
 * ```text
 *   opening ── Accepted is out ──> accepted ── the caller's second word, or at once without one ──> running ──> over
 * ```
 */
interface Served<E> extends Handlers.Served {
  readonly link: Link
  readonly peer: Peer
  /** Whether the caller speaks frames of revision 1: it sends a second word, and may be told of draining. */
  readonly isNew: boolean
  /** Set only while the flow is opening: a reference kept longer would last as long as the flow. */
  open: Frame.Open | undefined
  /** Set once the flow is accepted. */
  channel: FlowEnd.FlowEnd<never> | undefined
  running: Handlers.Running<E> | undefined
  /** Takes the flow out of `Callers`. */
  forget: (() => void) | undefined
  /** Rule that has let the caller in: another one is asked before the handler starts. */
  rule: unknown
  /** Whether a changed rule lets the caller in no more. */
  isUnwanted: boolean
}

const noneDeclared = () => Result.fail("a caller declares no errors")

/** Prepares an endpoint. `context`: services with which the fibers of its handlers run. */
export const expose = <In, Out, E, R>(
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, R>,
  options: {
    readonly context: Context.Context<Exclude<R, Scope.Scope>>
    readonly config: Config
    /** Decides which callers may open flows; members only unless given. */
    readonly access?: Authorizing.Guard
  }
): Exposed => {
  const { access = Authorizing.membersOnly, config } = options
  const turns = Turns.make<Served<E>>(config)
  const handlers = Handlers.make(contract, handler, {
    context: options.context,
    grace: config.handlerGrace,
    errorBytesMax: config.limits.messageBytesMax
  })
  const changed = Signal.make()
  const all = new Set<Served<E>>()
  let isAbandoned = false

  /** Ends a flow as its handler has ended, and closes it for the handler. */
  const finish = Effect.fnUntraced(function* (served: Served<E>, channel: FlowEnd.FlowEnd<never>) {
    const { last, link } = served
    turns.leave(served)
    channel.close()
    yield* Effect.ignore(channel.endWith(last))
    yield* channel.flushed.pipe(
      Effect.andThen(Effect.sync(() => link.finish())),
      Effect.andThen(channel.drain),
      Effect.timeoutOption(config.drainTimeout)
    )
  })

  /** Finishes a flow once its handler has ended. It holds as little as it can: it waits once for each idle flow. */
  const conclude = (served: Served<E>, channel: FlowEnd.FlowEnd<never>, running: Handlers.Running<E>) =>
    Effect.flatMap(Handlers.ended(running), () => finish(served, channel))

  const withdraw = ({ channel, isNew }: Served<E>): void => channel?.withdraw(isNew)

  /** Runs `next` once the present rule has let the caller in, or the flow is turned out. */
  const judged = <A, E2, R>(served: Served<E>, next: () => Effect.Effect<A, E2, R>): Effect.Effect<A, E2, R> => {
    if (served.isUnwanted || served.rule === access.rule()) return next()
    return Effect.flatMap(access.lets(served.peer), (isLet) => {
      if (isLet) served.rule = access.rule()
      else turnOut(served)
      return next()
    })
  }

  /** Accepts a flow, and starts its handler after the caller's second word, if it sends one. Returns the work left. */
  const accept = Effect.fnUntraced(function* (
    served: Served<E>,
    open: Frame.Open,
    beside?: Beside,
    deadlineAt?: number
  ) {
    const { isNew, link, peer } = served
    served.open = undefined
    if (!Handshake.say(link, Frame.accepted)) return Effect.void
    const channel = yield* FlowEnd.make<never>(link, {
      endpoint: contract.name,
      peer: peer.id,
      limits: config.limits,
      decodeError: noneDeclared,
      role: "endpoint"
    })
    served.channel = channel
    if (served.isUnwanted) turnOut(served)
    if (turns.isClosed()) withdraw(served)
    yield* Deadline.enforce(channel, deadlineAt)
    if (open.caller !== "") served.forget = beside?.callers?.enter(open.caller, channel)
    const { input: incoming, name: endpoint, output: outgoing } = contract
    const flow = TypedFlow.make(channel, { endpoint, peer, outgoing, incoming })
    const start = () => {
      const running = handlers.start(flow, channel, served, { trace: open.trace, deadlineAt })
      served.running = running
      return conclude(served, channel, running)
    }
    const begin = () => judged(served, () => (served.isUnwanted ? finish(served, channel) : start()))
    if (!isNew) return begin()
    const words = beside?.words
    const timeout = words?.begin(() => channel.fail(new ProtocolViolation({ detail: unsaid.detail }), unsaid))
    return Effect.flatMap(channel.started, (isStarted) => {
      if (timeout !== undefined) words?.end(timeout)
      return isStarted ? begin() : finish(served, channel)
    })
  })

  /** Answers a flow in its turn. Returns the work that is left. */
  const inTurn = (served: Served<E>, open: Frame.Open, beside?: Beside) =>
    Effect.flatMap(Monotonic.at(open.deadlineMillis), (deadlineAt) =>
      Effect.flatMap(turns.take(served, open.deadlineMillis), (told) =>
        judged(served, () => {
          const rejected = served.isUnwanted ? access.rejected : told
          if (rejected === undefined) return accept(served, open, beside, deadlineAt)
          return Effect.succeed(Handshake.refuse(served.link, rejected))
        })
      )
    )

  const serving = (served: Served<E>, beside?: Beside): Effect.Effect<void, never, Scope.Scope> =>
    served.open === undefined
      ? Effect.void
      : Effect.matchEffect(inTurn(served, served.open, beside), {
          onFailure: () => Effect.void,
          onSuccess: identity
        })

  const isAtWork = ({ running }: Served<E>): boolean => running !== undefined && running.pollUnsafe() === undefined

  const release = (served: Served<E>): void => {
    all.delete(served)
    served.forget?.()
    turns.leave(served)
    Signal.notify(changed)
  }

  const end = ({ channel }: Served<E>): void => channel?.fail(new FlowClosed({ detail: closed.detail }), closed)

  /** Ends a flow whose caller is not let in any more, in any of its states. */
  const turnOut = (served: Served<E>): void => {
    const { channel } = served
    served.isUnwanted = true
    if (channel === undefined) turns.leave(served)
    else channel.fail(new FlowClosed({ detail: turnedOut.detail }), turnedOut)
  }

  /** Checks flows that wait for their turn first: the end of another would give it to them. */
  const revise = (): Effect.Effect<number> => {
    const isOpen = ({ channel }: Served<E>): number => Number(channel !== undefined)
    const those = [...all].toSorted((a, b) => isOpen(a) - isOpen(b))
    const look = (served: Served<E>) =>
      Effect.map(access.lets(served.peer), (isLet) => {
        if (isLet || !all.has(served)) return 0
        turnOut(served)
        return 1
      })
    return Effect.map(Effect.forEach(those, look, { concurrency: revisedAtOnce }), (ended) =>
      ended.reduce<number>((sum, n) => sum + n, 0)
    )
  }

  /** Waits until the handler has ended. Once the endpoint is abandoned, the handler goes on alone. */
  const left = (served: Served<E>): Effect.Effect<void> => {
    const { running } = served
    if (running === undefined || !isAtWork(served)) return Effect.sync(() => release(served))
    served.isLeft = true
    running.interruptUnsafe()
    running.addObserver(() => Signal.notify(changed))
    return Effect.map(
      Signal.until(changed, () => isAbandoned || !isAtWork(served)),
      // A handler that has ended calls its observer at once.
      () => running.addObserver(() => release(served))
    )
  }

  /** Handles a defect, of a tracer or of this code: serving a flow has no other failures. */
  const broken = (served: Served<E>, cause: Cause.Cause<never>): Effect.Effect<void> => {
    served.link.cancel(Frame.fail("Handler", "the endpoint could not serve the flow"))
    const log = Effect.logError(`a flow of "${contract.name}" could not be served`, cause)
    return Effect.andThen(Effect.provideContext(log, options.context), left(served))
  }

  /** Serves a flow from its beginning to its end. Outside of `serve`, whose arguments the two closures would hold. */
  const whole = (served: Served<E>, beside?: Beside): Effect.Effect<void, never, Scope.Scope> => {
    all.add(served)
    return Effect.onExit(
      Effect.suspend(() => serving(served, beside)),
      (exit) => (Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? broken(served, exit.cause) : left(served))
    )
  }

  return {
    access,
    refusal: (open) => Compatibility.refusal(contract, open),
    serve: (link, open, peer, beside) => {
      const rule = access.rule()
      return Effect.suspend(() =>
        whole({ ...opening, rule, link, open, peer, isNew: (open.revision ?? 0) >= Frame.revision }, beside)
      )
    },
    revise: Effect.suspend(revise),
    stop: Effect.sync(() => {
      turns.close()
      const serving = [...turns.serving]
      for (const served of serving) withdraw(served)
      return serving.length
    }),
    close: Effect.suspend(() => {
      for (const served of [...turns.serving]) if (served.running === undefined) end(served)
      return handlers.close
    }),
    abandon: Effect.sync(() => {
      isAbandoned = true
      for (const served of [...all]) end(served)
      Signal.notify(changed)
      return [...all].filter(isAtWork).length
    }),
    idle: Signal.until(changed, () => all.size === 0)
  }
}

const opening = {
  channel: undefined,
  running: undefined,
  forget: undefined,
  isUnwanted: false,
  isLeft: false,
  last: undefined
}

const turnedOut = Frame.fail("Reset", "this caller may not use the endpoint any more")
const unsaid = Frame.fail("ProtocolViolation", "no second word came in time")
const closed = Frame.fail("Closed", "the endpoint is no longer exposed")
const revisedAtOnce = 16 // callers judged at a time when a changed rule revises open flows
