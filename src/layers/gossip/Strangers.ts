/**
 * Tells in the log why this host and another do not meet: each cause once in a while and a few at a time, since whoever is
 * set up wrongly tries for ever.
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

/** How long a cause that was told goes without saying. */
const pauseMillis = 600_000

export interface Strangers {
  /** Something dialled this host that is no peer of it; nothing is told without a reason. */
  readonly caller: (from: Address, why: string | undefined) => Effect.Effect<void>
  /** An exchange that this host began came to nothing. */
  readonly failed: (kind: string, failure: ExchangeFailed) => Effect.Effect<void>
  readonly packet: (from: Address, reason: DropReason) => Effect.Effect<void>
  /** Somebody gave its state to this host. */
  readonly state: (from: Address, state: PushPull) => Effect.Effect<void>
  /** This host is about to dial a seed. */
  readonly seed: (seed: string, address: Address) => Effect.Effect<void>
  /** A member answers over TCP, and none of its packets come. */
  readonly tcpOnly: (id: string, address: Address) => Effect.Effect<void>
}

/** `nameOf` says who is, or was, at an address as `format` writes it; undefined when nobody is known to. */
export const make = (
  { framing, swim }: Plan,
  now: () => number,
  nameOf: (place: string) => string | undefined
): Strangers => {
  const told = Told.make(pauseMillis)
  // Whoever can send packets under any address must not keep the rest from being told.
  const toldOfPackets = Told.make(pauseMillis, 4)
  const isHereOnly = isLoopback(swim.address.bytes)

  const warn = (key: string, peer: string, text: string): Effect.Effect<void> =>
    Effect.suspend(() =>
      Told.isDue(told, key, now()) ? Effect.annotateLogs(Effect.logWarning(text), { peer }) : Effect.void
    )

  /** A place that is another host's, with its name: whoever missed a change of the keys is to be found by it. */
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
        // The name is looked for once it is to be told: a flood of packets must stay cheap.
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
      // Told by `seed` or by the other side: nothing comes back to loopback.
      if (isHereOnly && !isLoopback(address.bytes)) return Effect.void
      const text = `host ${Foreign.quoted(id)} at ${format(address)} answers over TCP and not over UDP: let packets through, both ways`
      return warn(`udp ${id}`, Foreign.text(id), text)
    }
  }
}
