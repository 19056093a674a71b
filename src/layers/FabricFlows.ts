/**
 * The flows that this host opens: to itself over a pair of queues, to others over whatever dials them.
 */
import { Duration, Effect, Exit, FiberSet, Scope } from "effect"
import type { Limits } from "../protocol/flow/Limits.ts"
import type { Contract } from "../services/Contract.ts"
import type { Flow } from "../services/Flow.ts"
import type { Host } from "../services/Host.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import { type Link, LinkBroken, type Transport } from "../services/Transport.ts"
import * as FlowCaller from "./FlowCaller.ts"
import * as LinkPair from "./LinkPair.ts"
import * as Signal from "./Signal.ts"

export interface Options {
  readonly selfId: string
  readonly dial: Transport["Service"]["dial"]
  /** Serves a link that came from this very host. */
  readonly answer: (link: Link) => Effect.Effect<void, never, Scope.Scope>
  readonly limits: Limits
}

/** Opens a flow, whose lifetime is the scope. Errors: those of `Fabric.connect`; no handler has seen the flow. */
export type OpenFlow = <In, Out, E>(
  host: Host,
  contract: Contract<In, Out, E>,
  call?: FlowCaller.Call
) => Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope>

/** How long a flow that was ended and left in good order may take until its peer has read it and finished. */
const lingerTimeout = Duration.seconds(5)

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<OpenFlow, never, Scope.Scope> {
  const { answer, limits, selfId } = options
  const runLocal = yield* FiberSet.makeRuntime<never, void>()
  const runLingering = yield* FiberSet.makeRuntime<never, void>()
  const open = new Set<Scope.Closeable>()
  const changed = Signal.make()
  let lingering = 0

  /** A link to an endpoint of this very host. */
  const dialSelf: Effect.Effect<Link, never, Scope.Scope> = Effect.gen(function* () {
    const [caller, server] = LinkPair.make()
    const leave = (end: LinkPair.LinkEnd, detail: string) =>
      Effect.sync(() => end.breakWith(new LinkBroken({ how: "reset", detail })))
    yield* Effect.addFinalizer(() => leave(caller, "the caller left its scope"))
    runLocal(Effect.ensuring(Effect.scoped(answer(server.link)), leave(server, "the endpoint is gone")))
    return caller.link
  })

  const dial = Effect.fnUntraced(function* <In, Out, E>(
    host: Host,
    contract: Contract<In, Out, E>,
    call: FlowCaller.Call
  ) {
    const link = host.id === selfId ? yield* dialSelf : yield* options.dial(host)
    return yield* FlowCaller.open(link, contract, { ...call, caller: selfId, host, limits })
  })

  /** The last flows to go get their time; then whatever is still open is closed. */
  yield* Effect.addFinalizer((exit) =>
    Effect.andThen(
      Effect.timeoutOption(
        Signal.until(changed, () => lingering === 0),
        lingerTimeout
      ),
      Effect.suspend(() => Effect.forEach([...open], (scope) => Scope.close(scope, exit), { discard: true }))
    )
  )

  /** A flow lives in a scope of its own: its caller's, or this fabric's when the caller goes before all has arrived. */
  const dialApart = Effect.fnUntraced(function* <In, Out, E>(
    host: Host,
    contract: Contract<In, Out, E>,
    call: FlowCaller.Call
  ) {
    const own = yield* Scope.make()
    open.add(own)
    const close = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.andThen(
        Scope.close(own, exit),
        Effect.sync(() => open.delete(own))
      )
    const opened = yield* dial(host, contract, call).pipe(
      Scope.provide(own),
      Effect.onExit((exit) => (Exit.isFailure(exit) ? close(exit) : Effect.void))
    )
    return { ...opened, close }
  })

  return Effect.fnUntraced(function* <In, Out, E>(
    host: Host,
    contract: Contract<In, Out, E>,
    call: FlowCaller.Call = {}
  ) {
    const { channel, close, flow } = yield* dialApart(host, contract, call).pipe(
      Effect.retry({ times: 1, while: FlowCaller.isRefused })
    )
    yield* Effect.addFinalizer((exit) => {
      if (Exit.isFailure(exit)) return close(exit)
      lingering += 1
      const left = Effect.andThen(
        close(exit),
        Effect.sync(() => {
          lingering -= 1
          Signal.notify(changed)
        })
      )
      const waiting = channel.linger()
      const leave = waiting === undefined ? left : Effect.ensuring(Effect.timeoutOption(waiting, lingerTimeout), left)
      return Effect.sync(() => runLingering(Effect.asVoid(leave)))
    })
    return flow
  })
})
