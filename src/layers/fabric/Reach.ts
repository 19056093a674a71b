/**
 * Reach: reaches for hosts, once for all connects to a host at a time, and notes those that were unreachable lately.
 *
 * Reaching goes on when the connect that began it has taken another host: a host that answers after all is forgotten.
 */
import { Clock, Duration, Effect, Exit, type Fiber, FiberSet, Option, Result, type Scope } from "effect"
import * as Lately from "../../protocol/flow/Lately.ts"
import type { Host } from "../../services/Host.ts"
import { FabricClosed, HostUnreachable, NetworkError } from "../../services/NetworkError.ts"
import type { Transport } from "../../services/Transport.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Timeouts from "../core/Timeouts.ts"

/** Silence after which a host counts as unreachable. */
const reachTimeout = Duration.seconds(5)

type Told = (failure: NetworkError | undefined) => void

export interface Reach {
  /** Calls `told` once a host answers, or with why it does not; in this turn if that is known. */
  readonly begin: (host: Host, told: Told) => void
  /** Notes a host as unreachable: it comes last for a while. */
  readonly note: (host: Host) => void
  readonly forget: (host: Host) => void
  /** Puts hosts that were noted lately last. */
  readonly order: <A extends { readonly host: Host }>(all: ReadonlyArray<A>) => ReadonlyArray<A>
}

/** Tells the lives of a host apart: one that was started again is not noted. */
const keyOf = ({ generation, id }: Host): string => `${generation}/${id}`

const silent = (host: Host): NetworkError => {
  const cause = `no sign of life within ${Duration.toMillis(reachTimeout)} ms`
  const address = `${host.address}:${host.flowPort}`
  return new NetworkError({ operation: "connect", reason: new HostUnreachable({ host: host.id, address, cause }) })
}

export const make = Effect.fnUntraced(function* (options: {
  readonly selfId: string
  readonly reach: Transport["Service"]["reach"]
}): Effect.fn.Return<Reach, never, Scope.Scope> {
  const closed = new NetworkError({ operation: "connect", reason: new FabricClosed({ host: options.selfId }) })
  const clock = yield* Clock.Clock
  const timeouts = yield* Timeouts.make(reachTimeout)
  const run = yield* FiberSet.makeRuntime<never, NetworkError | undefined>() // tidy: `begin` observes each exit
  const reaching = new Map<string, Fiber.Fiber<NetworkError | undefined>>()
  const lately = Lately.make()

  const note = (host: Host) => Lately.note(lately, keyOf(host), Monotonic.nowOf(clock))
  const forget = (host: Host) => Lately.forget(lately, keyOf(host))

  /** Returns why a host cannot be reached; undefined when it can. */
  const failureOf = (host: Host): Effect.Effect<NetworkError | undefined> =>
    Effect.map(Timeouts.within(timeouts, Effect.result(options.reach(host))), (ended) => {
      const failure = Option.isNone(ended)
        ? silent(host)
        : Result.isFailure(ended.value)
          ? ended.value.failure
          : undefined
      if (failure === undefined) forget(host)
      else note(host)
      return failure
    })

  const reachingFor = (host: Host): Fiber.Fiber<NetworkError | undefined> => {
    const key = keyOf(host)
    const begun = reaching.get(key)
    if (begun !== undefined) return begun
    const fiber = run(failureOf(host))
    reaching.set(key, fiber)
    fiber.addObserver(() => reaching.delete(key))
    return fiber
  }

  return {
    note,
    forget,
    order: (all) => Lately.order(lately, all, ({ host }) => keyOf(host), Monotonic.nowOf(clock)),
    begin: (host, told) => {
      if (host.id === options.selfId) return told(undefined)
      reachingFor(host).addObserver((exit) => told(Exit.isSuccess(exit) ? exit.value : closed))
    }
  }
})
