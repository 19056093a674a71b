/** Receiver: takes datagrams off the port and decodes them, as many per address as `Intake` allows; counts bad ones. */
import { Effect, Queue, Result } from "effect"
import type { Address } from "../../protocol/Address.ts"
import type { Framing } from "../../protocol/memberlist/Framing.ts"
import * as Intake from "../../protocol/memberlist/Intake.ts"
import * as Packet from "../../protocol/memberlist/Packet.ts"
import * as Backlog from "../../protocol/swim/Backlog.ts"
import type { Input } from "../../protocol/swim/Input.ts"
import type { Datagram, GossipSocket, SocketFailed } from "../../services/GossipSocket.ts"
import * as Slices from "../core/Slices.ts"

export interface Options {
  readonly socket: GossipSocket["Service"]
  readonly framing: Framing
  /** Tasks that wait for the machine. */
  readonly queue: Queue.Enqueue<Effect.Effect<unknown>>
  readonly feed: (input: Input) => Effect.Effect<void>
  readonly isMember: Intake.Intake["isMember"]
  readonly now: () => number
  readonly count: (reason: string) => void
  /** Reports a packet that was dropped as a whole. */
  readonly complain: (from: Address, reason: Packet.DropReason) => Effect.Effect<void>
}

/** Bounds of the datagrams that are decoded, and of their messages that wait for the machine. */
interface Bounds {
  readonly intake: Intake.Intake
  readonly backlog: Backlog.Backlog
}

/** Queues the messages of a datagram for the machine; false when there is no room. */
const offer = (
  { feed, queue }: Options,
  backlog: Backlog.Backlog,
  from: Address,
  { messages, plainBytes }: Packet.Decoded
): boolean => {
  if (!Backlog.enter(backlog, messages.length, plainBytes)) return false
  const leave = (): void => Backlog.leave(backlog, messages.length, plainBytes)
  const taken = Effect.suspend(() => {
    leave()
    return feed({ _tag: "Received", from, messages })
  })
  if (Queue.offerUnsafe(queue, taken)) return true
  leave()
  return false
}

/** Admits, decodes and queues a datagram. Returns the reason when it was dropped as a whole. */
const take = (
  options: Options,
  { backlog, intake }: Bounds,
  { from, payload }: Datagram
): Packet.DropReason | undefined => {
  const { count, framing, now } = options
  const admitted = Intake.admit(intake, from, payload.length, now())
  if (typeof admitted === "string") {
    count(`packet.${admitted}`)
    return undefined
  }
  const decoded = Packet.decode(payload, framing)
  if (Result.isFailure(decoded)) {
    count(`packet.${decoded.failure.reason}`)
    return decoded.failure.reason
  }
  const { dropped, messages, plainBytes } = decoded.success
  Intake.charge(intake, admitted, plainBytes, messages.length + dropped.length)
  for (const reason of dropped) count(`packet.${reason}`)
  if (messages.length > 0 && !offer(options, backlog, from, decoded.success)) count("queue.overflow")
  return undefined
}

/** Receives datagrams until the port is closed. */
export const receive = (options: Options): Effect.Effect<never, SocketFailed> =>
  Effect.suspend(() => {
    const { complain, isMember, now, socket } = options
    const bounds = { intake: Intake.make(isMember, now()), backlog: Backlog.make() }
    const breathe = Slices.make(now)
    const takeOne = (datagram: Datagram): Effect.Effect<void> => {
      const reason = take(options, bounds, datagram)
      return reason === undefined ? breathe : Effect.andThen(complain(datagram.from, reason), breathe)
    }
    return Effect.forever(
      Effect.flatMap(socket.receive, (datagrams) => Effect.forEach(datagrams, takeOne, { discard: true }))
    )
  })
