/** Takes datagrams off the port and decodes them; what is no good is counted. */
import { Effect, Result } from "effect"
import type { Address } from "../protocol/Address.ts"
import type { Framing } from "../protocol/memberlist/Framing.ts"
import * as Packet from "../protocol/memberlist/Packet.ts"
import type { Input } from "../protocol/swim/Input.ts"
import type { Datagram, GossipSocket, SocketFailed } from "../services/GossipSocket.ts"

export interface Options {
  readonly socket: GossipSocket["Service"]
  readonly framing: Framing
  /** False when there is no room. */
  readonly offer: (input: Input) => boolean
  readonly count: (reason: string) => void
  /** Hears of a packet that was dropped as a whole. */
  readonly complain: (from: Address, reason: Packet.DropReason) => Effect.Effect<void>
}

/** Why it was dropped as a whole, if it was. */
const take = ({ count, framing, offer }: Options, { from, payload }: Datagram): Packet.DropReason | undefined => {
  const decoded = Packet.decode(payload, framing)
  if (Result.isFailure(decoded)) {
    count(`packet.${decoded.failure.reason}`)
    return decoded.failure.reason
  }
  const { dropped, messages } = decoded.success
  for (const reason of dropped) count(`packet.${reason}`)
  if (messages.length > 0 && !offer({ _tag: "Received", from, messages })) count("queue.overflow")
  return undefined
}

/** Runs until the port is closed. */
export const receive = (options: Options): Effect.Effect<never, SocketFailed> =>
  Effect.forever(
    Effect.flatMap(options.socket.receive, (datagrams) => {
      const complaints: Array<Effect.Effect<void>> = []
      for (const datagram of datagrams) {
        const reason = take(options, datagram)
        if (reason !== undefined) complaints.push(options.complain(datagram.from, reason))
      }
      return complaints.length === 0 ? Effect.void : Effect.all(complaints, { discard: true })
    })
  )
