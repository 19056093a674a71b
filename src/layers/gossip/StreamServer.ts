/**
 * StreamServer: the accepting side of exchanges: pings, push/pulls and user messages over streams.
 *
 * A push/pull is answered with the state from before its merge, which does not hold up the answer. Unreadable input is
 * counted, and answered with an `Err` where the protocol owes one.
 * Source: memberlist-wire.md, sections 6.1 to 6.3; faults.md, rows S1 to S7.
 */
import { Effect, Fiber, Result, type Scope } from "effect"
import type { Address } from "../../protocol/Address.ts"
import * as EncodedState from "../../protocol/memberlist/EncodedState.ts"
import type { Ping, PushPull, StreamMessage } from "../../protocol/memberlist/Message.ts"
import * as Misfit from "../../protocol/memberlist/Misfit.ts"
import * as StreamCodec from "../../protocol/memberlist/StreamCodec.ts"
import { isSamePlace } from "../../protocol/swim/Packets.ts"
import type { ByteStream } from "../../services/GossipSocket.ts"
import type { Counters } from "./Counters.ts"
import { compressedNodesMax, countSkipped, ExchangeFailed, readMessage, type Wire, within } from "./StreamExchange.ts"
import * as Seats from "./StreamSeats.ts"

/** Time that a refused peer may go on sending, so that it reads the reason instead of a reset. */
const lingerTimeout = "1 second"

const noBytes = new Uint8Array(0)

export interface Host {
  readonly name: string
  /** Returns the state that answers a push/pull from this address. */
  readonly answerState: (asked: PushPull, from: Address) => Effect.Effect<PushPull>
  readonly merge: (remote: PushPull, from: Address) => Effect.Effect<void, ExchangeFailed>
  /** Returns whether this host still has its name; without it no caller gets an answer. */
  readonly hasName: () => boolean
  /** Returns the ack to a process of our name; undefined for none. `from`: its address, if it speaks from there. */
  readonly answerTwin: (from: Address | undefined) => Uint8Array | undefined
  readonly deliver: (payload: Uint8Array) => Effect.Effect<void>
  readonly count: Counters["count"]
  /** Returns whether a member is at this source, as `Address.source` has it. */
  readonly isMember: (source: string) => boolean
  readonly now: () => number
  /** Reports a caller that this host does not understand, and why, where the input says something of the caller. */
  readonly complain: (from: Address, why: string | undefined) => Effect.Effect<void>
}

interface Server {
  readonly wire: Wire
  readonly host: Host
  readonly encoded: EncodedState.EncodedState
}

const drain = (stream: ByteStream): Effect.Effect<void> =>
  Effect.ignore(Effect.timeoutOption(Effect.forever(stream.read), lingerTimeout))

const reply = (wire: Wire, stream: ByteStream, bytes: Uint8Array): Effect.Effect<void, ExchangeFailed> =>
  Effect.andThen(stream.write(bytes), stream.end).pipe(
    Effect.catchTag("SocketFailed", () => Effect.void),
    (sending) => within(sending, wire.streamTimeout, "answering")
  )

const refuse = (wire: Wire, stream: ByteStream, reason: string) =>
  Effect.andThen(
    reply(
      wire,
      stream,
      StreamCodec.encode({ _tag: "Err", error: `stream refused: ${reason}` }, wire.framing, "acceptor")
    ),
    drain(stream)
  )

/** Returns the payload of the ack, which identifies this host to a process of our own name. Undefined for no ack. */
const ackFor = (
  host: Host,
  { peer }: ByteStream,
  { sourceAddress, sourceNode, sourcePort }: Ping
): Uint8Array | undefined => {
  if (sourceNode !== host.name) return noBytes
  const from = { bytes: sourceAddress, port: sourcePort }
  // A caller is asked back only where it speaks from, so that it cannot point us at somebody else.
  return host.answerTwin(isSamePlace(from, { ...peer, port: sourcePort }) ? from : undefined)
}

const act = (
  { encoded, host, wire }: Server,
  stream: ByteStream,
  { mayExchange }: Seats.Seated,
  message: StreamMessage
) => {
  switch (message._tag) {
    case "Ping": {
      if (message.node !== "" && message.node !== host.name) return Effect.sync(() => host.count("stream.wrongTarget"))
      const payload = ackFor(host, stream, message)
      if (payload === undefined) return Effect.void
      const ack = { _tag: "Ack", seq: message.seq, payload } as const
      return reply(wire, stream, StreamCodec.encode(ack, wire.framing, "acceptor"))
    }
    case "PushPull":
      if (!mayExchange()) return Effect.sync(() => host.count("stream.pushPullRate"))
      return Effect.gen(function* () {
        const local = yield* host.answerState(message, stream.peer)
        // Merges beside the answer: a process that joins meanwhile hears of this state, as it may have the same name.
        const merging = yield* Effect.forkChild(host.merge(message, stream.peer), { startImmediately: true }) // tidy: it is joined below
        yield* reply(wire, stream, EncodedState.encode(encoded, local, compressedNodesMax))
        return yield* Fiber.join(merging)
      })
    case "User":
      return message.payload.length === 0 ? Effect.void : host.deliver(message.payload)
    case "Ack":
    case "Err":
      return Effect.sync(() => host.count("stream.type"))
  }
}

/** Ends a stream in good order, without an answer: a reset would look like a broken path. */
const hangUp = (stream: ByteStream): Effect.Effect<void> => Effect.andThen(Effect.ignore(stream.end), drain(stream))

const silent = new ExchangeFailed({ reason: "headerTimeout", detail: "it did not say what is to come" })

/** Rejections between hosts that are configured differently. The stream is hung up, so that the other side notices. */
const unanswered: ReadonlyArray<StreamCodec.RejectReason> = ["label", "plaintext", "decrypt"]

const serveOne = Effect.fnUntraced(function* (server: Server, stream: ByteStream, seated: Seats.Seated) {
  const { host, wire } = server
  const read = Effect.raceFirst(
    within(readMessage(stream, wire.framing, "acceptor", seated.hold), wire.streamTimeout, "reading"),
    Effect.andThen(seated.silence, Effect.fail(silent))
  )
  const received = yield* Effect.result(read)
  if (!host.hasName()) return
  if (Result.isSuccess(received)) {
    countSkipped(host.count, received.success.skipped)
    return yield* act(server, stream, seated, received.success.message)
  }
  if (received.failure._tag === "ExchangeFailed") return host.count(`stream.${received.failure.reason}`)
  const { first, rejection } = received.failure
  const { owesErr, reason } = rejection
  host.count(`stream.${reason}`)
  yield* host.complain(stream.peer, Misfit.caller({ reason, first, label: wire.framing.label }))
  if (owesErr) return yield* refuse(wire, stream, reason)
  if (unanswered.includes(reason)) yield* hangUp(stream)
})

/** Serves streams for the life of the scope. */
export const serve = (wire: Wire, host: Host): Effect.Effect<void, never, Scope.Scope> => {
  const room = Seats.make(host)
  const server = { wire, host, encoded: EncodedState.make(wire.framing, "acceptor") }
  return wire.socket.serve((stream) =>
    room.seat(stream.peer, (seated) =>
      serveOne(server, seated.paced(stream), seated).pipe(
        Effect.catch(({ reason }) => Effect.sync(() => host.count(`stream.${reason}`))),
        Effect.catchDefect((defect) => Effect.logError("a gossip stream failed", defect))
      )
    )
  )
}
