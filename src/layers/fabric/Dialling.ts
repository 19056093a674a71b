/**
 * Dialling: opens the flows of this host: to itself over a `LocalLink`, to others over the links that `dial` opens.
 */
import { Duration, Effect, Exit, Scope } from "effect"
import * as Busy from "../../protocol/flow/Busy.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import * as Proof from "../../protocol/Proof.ts"
import type { Contract } from "../../services/Contract.ts"
import type { Host } from "../../services/Host.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import { type Link, LinkBroken, type Transport } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import * as Signal from "../core/Signal.ts"
import * as Timeouts from "../core/Timeouts.ts"
import * as Opening from "../flow/Opening.ts"
import * as LocalLink from "../transport/link/LocalLink.ts"

export interface Options {
  readonly selfId: string
  readonly dial: Transport["Service"]["dial"]
  /** Serves a link that came from this host itself. */
  readonly answer: (link: Link) => Effect.Effect<void, never, Scope.Scope>
  readonly limits: Limits
  readonly certificate?: Transport["Service"]["certificate"]
  /** Counts each flow, from the beginning of its opening to its end. */
  readonly busy?: Busy.Busy
}

/** Opens a flow that lives as long as the scope. Errors: those of `Fabric.connect`. */
export type OpenFlow = <In, Out, E>(
  host: Host,
  contract: Contract<In, Out, E>,
  call?: Opening.Call
) => Effect.Effect<Opened<In, Out, E>, NetworkError, Scope.Scope>

export type Opened<In, Out, E> = Pick<Opening.Opened<In, Out, E>, "flow" | "start">

type Leaving = Pick<Opening.Opened<never, never, never>["channel"], "close" | "linger">

/** Time that the peer of a flow that was ended and left in good order has to read it and finish. */
const lingerTimeout = Duration.seconds(5)

export interface Flows {
  readonly open: OpenFlow
  /** Waits until the flows that their callers have ended and left have arrived, or `lingerTimeout` is over. */
  readonly settle: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Flows, never, Scope.Scope> {
  const { answer, busy = Busy.make(), certificate, limits, selfId } = options
  const runLocal = yield* Background.makeRun("a flow within this host")
  const runLingering = yield* Background.makeRun("leaving a flow")
  const timeouts = yield* Timeouts.make(lingerTimeout)
  /** Hosts of the open flows, by the scopes of the flows. */
  const open = new Map<Scope.Closeable, string>()
  const changed = Signal.make()
  let lingering = 0

  /** Opens a link to an endpoint of this host itself. */
  const dialSelf: Effect.Effect<Link, never, Scope.Scope> = Effect.gen(function* () {
    const [caller, server] = LocalLink.make(Proof.byPlace(selfId, certificate?.()))
    const leave = (end: LocalLink.LinkEnd, detail: string) =>
      Effect.sync(() => end.breakWith(new LinkBroken({ how: "reset", detail })))
    yield* Effect.addFinalizer(() => leave(caller, "the caller left its scope"))
    runLocal(Effect.ensuring(Effect.scoped(answer(server)), leave(server, "the endpoint is gone")))
    return caller
  })

  const dial = Effect.fnUntraced(function* <In, Out, E>(
    host: Host,
    contract: Contract<In, Out, E>,
    call: Opening.Call
  ) {
    const link = host.id === selfId ? yield* dialSelf : yield* options.dial(host)
    return yield* Opening.open(link, contract, { ...call, caller: selfId, host, limits })
  })

  const settled = Signal.until(changed, () => lingering === 0)
  const settle = Effect.asVoid(Effect.timeoutOption(settled, lingerTimeout))

  yield* Effect.addFinalizer((exit) =>
    Effect.suspend(() => Effect.forEach([...open.keys()], (scope) => Scope.close(scope, exit), { discard: true }))
  )

  const close = (own: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
    Effect.andThen(
      Scope.close(own, exit),
      Effect.sync(() => {
        const host = open.get(own)
        if (host !== undefined && open.delete(own)) Busy.end(busy, host)
      })
    )

  /** Closes the scope of a flow that its caller has left: in the caller's fiber only after a failure. */
  const leave = (own: Scope.Closeable, channel: Leaving, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
    channel.close()
    if (Exit.isFailure(exit)) return close(own, exit)
    lingering += 1
    const left = Effect.andThen(
      close(own, exit),
      Effect.sync(() => {
        lingering -= 1
        Signal.notify(changed)
      })
    )
    const waiting = channel.linger()
    const leaving = waiting === undefined ? left : Effect.ensuring(Timeouts.within(timeouts, waiting), left)
    return Effect.sync(() => runLingering(Effect.asVoid(leaving)))
  }

  /** Makes a finalizer that holds only its arguments: `Effect.addFinalizer` would hold all of its caller's context. */
  const leaving =
    (own: Scope.Closeable, channel: Leaving) =>
    (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
      leave(own, channel, exit)

  /** Opens a flow in a scope of its own, closed with the caller's, or later in the background when that leaves well. */
  const dialApart = <In, Out, E>(
    host: Host,
    contract: Contract<In, Out, E>,
    call: Opening.Call
  ): Effect.Effect<Opened<In, Out, E>, NetworkError, Scope.Scope> =>
    Effect.flatMap(Effect.scope, (scope) => {
      const own = Scope.makeUnsafe()
      open.set(own, host.id)
      Busy.begin(busy, host.id)
      // Nothing may come between the success and the finalizer: the flow would have no owner.
      return Effect.uninterruptibleMask((restore) =>
        restore(Scope.provide(dial(host, contract, call), own)).pipe(
          Effect.onError((cause) => close(own, Exit.failCause(cause))),
          Effect.tap(({ channel }) => Scope.addFinalizerExit(scope, leaving(own, channel)))
        )
      )
    })

  return {
    open: (host, contract, call = {}) => {
      const dialled = dialApart(host, contract, call)
      return Effect.catch(dialled, (error) => (Opening.isRefused(error) ? dialled : Effect.fail(error)))
    },
    settle
  }
})
