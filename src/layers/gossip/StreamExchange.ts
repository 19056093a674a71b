/**
 * StreamExchange: one exchange over a stream. Each side sends one message, and the stream is closed.
 *
 * Source: memberlist-wire.md, sections 6.1 to 6.4.
 */
import { Data, type Duration, Effect, Option, Result } from "effect"
import { type Address, format } from "../../protocol/Address.ts"
import type { Framing } from "../../protocol/memberlist/Framing.ts"
import type { Ping, PushPull } from "../../protocol/memberlist/Message.ts"
import * as Misfit from "../../protocol/memberlist/Misfit.ts"
import * as StreamCodec from "../../protocol/memberlist/StreamCodec.ts"
import type { ByteStream, GossipSocket, SocketFailed } from "../../services/GossipSocket.ts"
import { HostUnreachable, NetworkError, type NetworkErrorReason, QuotaExceeded } from "../../services/NetworkError.ts"
import type { Counters } from "./Counters.ts"

/** Node states above which a push/pull goes uncompressed: compressing it would hold up the event loop. */
export const compressedNodesMax = 1024

/** Largest payload of `send`, in bytes. Far below the limit of members, so that no message holds up the ones after it. */
export const sendBytesMax = 2 * 1024 * 1024

const noBytes = new Uint8Array(0)

/** Failure of an exchange. `reason` serves as the name of a counter, `detail` is for people. */
export class ExchangeFailed extends Data.TaggedError("ExchangeFailed")<{
  readonly reason: string
  readonly detail: string
  /** Address of a peer that does not fit this host: the network is well, and trying again is of no use. */
  readonly misfit?: string
}> {}

/** Input that the codec rejected; `first` is its first chunk. */
export class Unreadable extends Data.TaggedError("Unreadable")<{
  readonly rejection: StreamCodec.StreamRejected
  readonly first: Uint8Array
}> {}

export interface Wire {
  readonly socket: GossipSocket["Service"]
  readonly framing: Framing
  /** Time for dialling, for reading and for writing, each. */
  readonly streamTimeout: Duration.Input
}

/** Bounds the time of one part of an exchange. */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Input,
  doing: string
): Effect.Effect<A, E | ExchangeFailed, R> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () => new ExchangeFailed({ reason: "timeout", detail: `no answer in time while ${doing}` })
  })

/**
 * Reads the one message of the other side. After each chunk `hold` says whether there is memory for the bytes that the
 * reader holds by then.
 *
 * Errors: `Unreadable` for input that the codec rejects, `ExchangeFailed` for the rest.
 */
export const readMessage = Effect.fnUntraced(function* (
  stream: ByteStream,
  framing: Framing,
  role: StreamCodec.Role,
  hold: (reader: StreamCodec.State) => boolean = () => true
) {
  const reader = StreamCodec.make(framing, role)
  let first: Uint8Array = noBytes
  const read = <A>(step: Result.Result<A, StreamCodec.StreamRejected>) =>
    Effect.mapError(Effect.fromResult(step), (rejection) => new Unreadable({ rejection, first }))
  const push = (bytes: Uint8Array) =>
    Effect.suspend(() => {
      const pushed = StreamCodec.push(reader, bytes)
      const isRoom = hold(reader) || Result.isFailure(pushed)
      return read(isRoom ? pushed : Result.fail(StreamCodec.giveUp(reader)))
    })
  while (true) {
    const chunk = yield* stream.read.pipe(
      Effect.map(Option.some),
      Effect.catchTag("Done", () => Effect.succeedNone),
      Effect.mapError(({ detail, how }) => new ExchangeFailed({ reason: how, detail }))
    )
    if (Option.isNone(chunk)) {
      yield* read(StreamCodec.end(reader))
      return yield* new ExchangeFailed({ reason: "silent", detail: "the peer closed without a word" })
    }
    if (first.length === 0) first = chunk.value
    let received = yield* push(chunk.value)
    while (StreamCodec.isBusy(reader)) {
      yield* Effect.yieldNow
      received = yield* push(noBytes)
    }
    if (Option.isSome(received)) return received.value
  }
})

/** Counts the node states that were left out of a push/pull, all of one reason at once. */
export const countSkipped = (count: Counters["count"], skipped: StreamCodec.Received["skipped"]): void => {
  const times = new Map<string, number>()
  for (const reason of skipped) times.set(reason, (times.get(reason) ?? 0) + 1)
  for (const [reason, many] of times) count(`stream.node.${reason}`, many)
}

/** Encodes a push/pull that this host begins. */
const encodeState = (message: PushPull, framing: Framing): Uint8Array =>
  StreamCodec.frame(
    StreamCodec.bodyOf(message, framing.compress && message.nodes.length <= compressedNodesMax),
    framing,
    "dialler"
  )

const ask = Effect.fnUntraced(function* (wire: Wire, to: Address, bytes: Uint8Array) {
  const { framing, socket, streamTimeout } = wire
  const place = format(to)
  const stream = yield* within(socket.dial(to), streamTimeout, `dialling ${place}`)
  yield* within(stream.write(bytes), streamTimeout, `writing to ${place}`)
  return yield* within(readMessage(stream, framing, "dialler"), streamTimeout, `waiting for ${place}`)
}, Effect.scoped)

/** Converts an error into the failure that a dialler gets. */
const toFailure =
  ({ framing }: Wire, to: Address) =>
  (error: ExchangeFailed | SocketFailed | Unreadable): ExchangeFailed => {
    const misfit = format(to)
    switch (error._tag) {
      case "ExchangeFailed":
        return error.reason === "silent"
          ? new ExchangeFailed({ reason: error.reason, detail: Misfit.silent(framing.label), misfit })
          : error
      case "SocketFailed":
        return new ExchangeFailed({ reason: error.how, detail: error.detail })
      case "Unreadable": {
        const { first, rejection } = error
        const { reason } = rejection
        const detail = Misfit.answer({ reason, first })
        return detail === undefined
          ? new ExchangeFailed({ reason, detail: `the peer sent something else: ${reason}` })
          : new ExchangeFailed({ reason, detail, misfit })
      }
    }
  }

/** Sends our state to a member, and returns its state. */
export const pushPull = Effect.fnUntraced(function* (wire: Wire, to: Address, local: PushPull) {
  const { message, skipped } = yield* Effect.mapError(
    ask(wire, to, encodeState(local, wire.framing)),
    toFailure(wire, to)
  )
  if (message._tag === "PushPull") return { message, skipped }
  return yield* message._tag === "Err"
    ? new ExchangeFailed({ reason: "refused", detail: Misfit.complaint(message.error), misfit: format(to) })
    : new ExchangeFailed({ reason: "type", detail: `the peer answered with ${message._tag}` })
})

/** Waits until the peer ends its side, which says that it is done. */
const awaitEnd = (stream: ByteStream): Effect.Effect<void, SocketFailed> =>
  Effect.catchTag(Effect.forever(stream.read), "Done", () => Effect.void)

/** Sends a user message to a member; succeeds when that member has taken it in. */
const user = Effect.fnUntraced(
  function* ({ framing, socket, streamTimeout }: Wire, to: Address, payload: Uint8Array) {
    const place = format(to)
    const stream = yield* within(socket.dial(to), streamTimeout, `dialling ${place}`)
    const bytes = StreamCodec.encode({ _tag: "User", payload }, framing, "dialler")
    yield* within(Effect.andThen(stream.write(bytes), stream.end), streamTimeout, `writing to ${place}`)
    yield* within(awaitEnd(stream), streamTimeout, `waiting for ${place}`)
  },
  Effect.scoped,
  (exchange, wire, to) => Effect.mapError(exchange, toFailure(wire, to))
)

const unsent = (reason: NetworkErrorReason): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation: "send", reason }))

/** Makes `Gossip.send`. `addressOf` returns the address of a live member other than this host. */
export const makeSend =
  (wire: Wire, addressOf: (id: string) => Address | undefined, count: (reason: string) => void) =>
  (id: string, payload: Uint8Array): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      if (payload.length > sendBytesMax)
        return unsent(new QuotaExceeded({ what: "bytes of one message", limit: sendBytesMax }))
      const address = addressOf(id)
      if (address === undefined)
        return unsent(new HostUnreachable({ host: id, address: "none", cause: "no live member" }))
      return Effect.catch(user(wire, address, payload), ({ detail, reason }) => {
        count(`send.${reason}`)
        return unsent(new HostUnreachable({ host: id, address: format(address), cause: detail }))
      })
    })

/** Pings over TCP; returns the payload of the matching ack. */
export const ping = Effect.fnUntraced(function* (wire: Wire, to: Address, message: Ping, timeout: Duration.Input) {
  const bytes = StreamCodec.encode(message, wire.framing, "dialler")
  const reply = yield* Effect.mapError(
    within(ask(wire, to, bytes), timeout, `pinging ${format(to)}`),
    toFailure(wire, to)
  )
  if (reply.message._tag !== "Ack" || reply.message.seq !== message.seq)
    return yield* new ExchangeFailed({ reason: "type", detail: `the peer answered with ${reply.message._tag}` })
  return reply.message.payload
})
