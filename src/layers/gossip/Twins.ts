/** Twins: pings over streams, of members and of processes of this host's own name, which may take the name over. */
import { Deferred, Effect, Option } from "effect"
import { type Address, format } from "../../protocol/Address.ts"
import { ownSource } from "../../protocol/swim/Packets.ts"
import * as Rivalry from "../../protocol/swim/Rivalry.ts"
import type * as Swim from "../../protocol/swim/Swim.ts"
import * as Twin from "../../protocol/swim/Twin.ts"
import { FabricClosed, NameTaken, NetworkError } from "../../services/NetworkError.ts"
import * as Exchange from "./StreamExchange.ts"

export interface Options {
  readonly wire: Exchange.Wire
  readonly state: Swim.State
  readonly now: () => number
  /** Queues an input for the machine; false when there is no room. */
  readonly offer: (input: Swim.Input) => boolean
  readonly isLeft: () => boolean
}

export interface Twins {
  /** Pings a member, and feeds the machine if it answers. */
  readonly probe: (
    output: Extract<Swim.Output, { readonly _tag: "TcpPing" }>
  ) => Effect.Effect<void, Exchange.ExchangeFailed>
  /** Asks for a process of this host's name at an address, and feeds the machine with its answer, or none. */
  readonly ask: (to: Address) => Effect.Effect<void>
  /** Returns this host's claim, for a process of its name, which is asked back at `from`. Undefined after the leave. */
  readonly answer: (from: Address | undefined) => Uint8Array | undefined
  readonly giveUp: (to: Address) => Effect.Effect<void>
  /** Fails with NameTaken when this host gives its name up. */
  readonly lost: Effect.Effect<never, NetworkError>
  /** Fails with the reason why this host is no member any more: NameTaken, or FabricClosed after the leave. */
  readonly gone: Effect.Effect<never, NetworkError>
}

export const make = ({ isLeft, now, offer, state, wire }: Options): Twins => {
  const { name, settings } = state.config
  const lost = Deferred.makeUnsafe<never, NetworkError>()
  const left = Effect.fail(new NetworkError({ operation: "leave", reason: new FabricClosed({ host: name }) }))
  let seq = state.standing.life

  const ask = Effect.fnUntraced(function* (to: Address) {
    seq = (seq + 1) >>> 0
    const ping = { _tag: "Ping", seq, node: name, ...ownSource(state) } as const
    const asked = yield* Effect.option(Exchange.ping(wire, to, ping, 2 * settings.probeTimeoutMillis))
    offer({ _tag: "TwinAnswered", address: to, answer: Option.getOrUndefined(Option.map(asked, Twin.decode)) })
  })

  const probe = Effect.fnUntraced(function* ({ name, seq, timeoutMillis, to }: Parameters<Twins["probe"]>[0]) {
    yield* Exchange.ping(wire, to, { _tag: "Ping", seq, node: name, ...ownSource(state) }, timeoutMillis)
    offer({ _tag: "TcpPingAnswered", seq })
  })

  return {
    probe,
    ask,
    answer: (from) => {
      if (isLeft()) return undefined
      if (from !== undefined) offer({ _tag: "TwinAsked", address: from })
      return Twin.encode(Rivalry.claimant(state, now()))
    },
    giveUp: (to) => {
      const reason = new NameTaken({ name, owner: `${name} at ${format(to)}` })
      const error = new NetworkError({ operation: "listen", reason })
      const told = Effect.logError(`host "${name}" gives its name up: a process at ${format(to)} has it too`)
      return Effect.andThen(Deferred.fail(lost, error), told)
    },
    lost: Deferred.await(lost),
    gone: Effect.suspend(() => (state.standing.isLost ? Deferred.await(lost) : left))
  }
}
