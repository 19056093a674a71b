/** Takes datagrams off the port and decodes them; what is no good is counted. */
import { Effect, Result } from "effect"
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
}

const take = ({ count, framing, offer }: Options, { from, payload }: Datagram): void => {
  const decoded = Packet.decode(payload, framing)
  if (Result.isFailure(decoded)) {
    count(`packet.${decoded.failure.reason}`)
    return
  }
  const { dropped, messages } = decoded.success
  for (const reason of dropped) count(`packet.${reason}`)
  if (messages.length > 0 && !offer({ _tag: "Received", from, messages })) count("queue.overflow")
}

/** Runs until the port is closed. */
export const receive = (options: Options): Effect.Effect<never, SocketFailed> =>
  Effect.forever(
    Effect.map(options.socket.receive, (datagrams) => {
      for (const datagram of datagrams) take(options, datagram)
    })
  )
