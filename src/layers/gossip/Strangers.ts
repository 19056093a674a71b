/**
 * Strangers: logs why this host and another do not meet, each cause once in a while and a few at a time, since a
 * misconfigured host tries for ever.
 */
import { Effect } from "effect"
import { type Address, format, isLoopback, host as textOf } from "../../protocol/Address.ts"
import * as Foreign from "../../protocol/Foreign.ts"
import type { PushPull } from "../../protocol/memberlist/Message.ts"
import * as Misfit from "../../protocol/memberlist/Misfit.ts"
import type { DropReason } from "../../protocol/memberlist/Packet.ts"
import * as Told from "../../protocol/Told.ts"
import type { Plan } from "./Config.ts"
import type { ExchangeFailed } from "./StreamExchange.ts"

/** Pause before a cause is logged again. */
const pauseMillis = 600_000

export interface Strangers {
  /** Reports a caller that is no peer of this host. Logs nothing without a reason. */
  readonly caller: (from: Address, why: string | undefined) => Effect.Effect<void>
  /** Reports a failed exchange that this host began. */
  readonly failed: (kind: string, failure: ExchangeFailed) => Effect.Effect<void>
  readonly packet: (from: Address, reason: DropReason) => Effect.Effect<void>
  /** Warns of a member on loopback in a state that came from another machine. */
  readonly state: (from: Address, state: PushPull) => Effect.Effect<void>
  /** Warns of a seed elsewhere that a host on loopback is about to dial. */
  readonly seed: (seed: string, address: Address) => Effect.Effect<void>
  /** Warns of a member that answers over TCP, while none of its packets come. */
  readonly tcpOnly: (id: string, address: Address) => Effect.Effect<void>
}

/** `nameOf` returns the host that is, or was, at an address as `format` writes it; undefined when none is known. */
export const make = (
  { framing, swim }: Plan,
  now: () => number,
  nameOf: (place: string) => string | undefined
): Strangers => {
  const told = Told.make(pauseMillis)
  // A bound of its own: packets under forged addresses must not keep other causes from the log.
  const toldOfPackets = Told.make(pauseMillis, 4)
  const isHereOnly = isLoopback(swim.address.bytes)

  const warn = (key: string, peer: string, text: string): Effect.Effect<void> =>
    Effect.suspend(() =>
      Told.isDue(told, key, now()) ? Effect.annotateLogs(Effect.logWarning(text), { peer }) : Effect.void
    )

  /** Returns a place with the name of its host, by which a host that missed a change of the keys can be found. */
  const named = (place: string): string => {
    const name = nameOf(place)
    return name === undefined ? place : `host "${name}" at ${place}`
  }

  return {
    caller: ({ bytes }, why) => {
      const peer = textOf(bytes)
      return why === undefined ? Effect.void : warn(`${peer} ${why}`, peer, `${peer} was turned away: ${why}`)
    },
    failed: (kind, { detail, misfit }) =>
      misfit === undefined
        ? Effect.logDebug(`${kind} failed: ${detail}`)
        : Effect.suspend(() =>
            warn(`${misfit} ${detail}`, misfit, `nothing came of gossip with ${named(misfit)}: ${detail}`)
          ),
    packet: (from, reason) => {
      const why = Misfit.packet(reason, framing.label)
      if (why === undefined) return Effect.void
      const place = format(from)
      return Effect.suspend(() => {
        // The name is looked up only when it is due for the log: a flood of packets must stay cheap.
        if (!Told.isDue(toldOfPackets, `${place} ${reason}`, now())) return Effect.void
        const name = nameOf(place)
        const peer = name ?? textOf(from.bytes)
        const who = name === undefined ? peer : named(place)
        return Effect.annotateLogs(Effect.logWarning(`packets of ${who} are dropped: ${why}`), { peer })
      })
    },
    state: ({ bytes }, { nodes }) => {
      if (isHereOnly || isLoopback(bytes)) return Effect.void
      const node = nodes.find(({ address, state }) => state === "alive" && isLoopback(address))
      if (node === undefined) return Effect.void
      const [at, from] = [textOf(node.address), textOf(bytes)]
      const text = `host ${Foreign.quoted(node.name)} says that it is at ${at}, where only its own machine reaches it, and comes from ${from}`
      return warn(`loopback ${node.name}`, Foreign.text(node.name), `${text}: listen.host (GRINTA_HOST) there`)
    },
    seed: (seed, { bytes }) => {
      if (!isHereOnly || isLoopback(bytes)) return Effect.void
      const text = `this host is at ${textOf(swim.address.bytes)}, where only its own machine reaches it, and seed "${seed}" is elsewhere`
      return warn("seeds", textOf(bytes), `${text}: listen.host (GRINTA_HOST)`)
    },
    tcpOnly: (id, address) => {
      // `seed` or the other side logs this: nothing comes back to loopback.
      if (isHereOnly && !isLoopback(address.bytes)) return Effect.void
      const text = `host ${Foreign.quoted(id)} at ${format(address)} answers over TCP and not over UDP: let packets through, both ways`
      return warn(`udp ${id}`, Foreign.text(id), text)
    }
  }
}
