/**
 * One exchange over a stream: both sides say one message, and the stream is closed.
 *
 * Source: memberlist-protocol.md, sections 6.1 to 6.4.
 */
import { Data, type Duration, Effect, Option } from "effect"
import { type Address, format } from "../protocol/Address.ts"
import type { Framing } from "../protocol/memberlist/Framing.ts"
import type { Ping, PushPull } from "../protocol/memberlist/Message.ts"
import * as StreamCodec from "../protocol/memberlist/StreamCodec.ts"
import type { ByteStream, GossipSocket, SocketFailed } from "../services/GossipSocket.ts"

/** Above this many node states a push/pull goes uncompressed: compressing it would hold up the event loop. */
const compressedNodesMax = 1024

const noBytes = new Uint8Array(0)

/** The exchange came to nothing; `reason` serves as the name of a counter, `detail` is for people. */
export class ExchangeFailed extends Data.TaggedError("ExchangeFailed")<{
  readonly reason: string
  readonly detail: string
}> {}

export interface Wire {
  readonly socket: GossipSocket["Service"]
  readonly framing: Framing
  /** For dialling, for reading and for writing, each. */
  readonly streamTimeout: Duration.Input
}

/** Bounds one part of an exchange. */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.Input,
  doing: string
): Effect.Effect<A, E | ExchangeFailed, R> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () => new ExchangeFailed({ reason: "timeout", detail: `no answer in time while ${doing}` })
  })

/** Reads the one message of the other side. Errors: `StreamRejected` as the codec has it, `ExchangeFailed` for the rest. */
export const readMessage = Effect.fnUntraced(function* (stream: ByteStream, framing: Framing, role: StreamCodec.Role) {
  const reader = StreamCodec.make(framing, role)
  while (true) {
    const chunk = yield* stream.read.pipe(
      Effect.map(Option.some),
      Effect.catchTag("Done", () => Effect.succeedNone),
      Effect.mapError(({ detail, how }) => new ExchangeFailed({ reason: how, detail }))
    )
    if (Option.isNone(chunk)) {
      yield* Effect.fromResult(StreamCodec.end(reader))
      return yield* new ExchangeFailed({ reason: "silent", detail: "the peer closed without a word" })
    }
    let received = yield* Effect.fromResult(StreamCodec.push(reader, chunk.value))
    while (StreamCodec.isBusy(reader)) {
      yield* Effect.yieldNow
      received = yield* Effect.fromResult(StreamCodec.push(reader, noBytes))
    }
    if (Option.isSome(received)) return received.value
  }
})

/** The bytes of a push/pull. */
export const encodeState = (message: PushPull, framing: Framing, role: StreamCodec.Role): Uint8Array => {
  const compress = framing.compress && message.nodes.length <= compressedNodesMax
  return StreamCodec.encode(message, { ...framing, compress }, role)
}

const ask = Effect.fnUntraced(function* (wire: Wire, to: Address, bytes: Uint8Array) {
  const { framing, socket, streamTimeout } = wire
  const place = format(to)
  const stream = yield* within(socket.dial(to), streamTimeout, `dialling ${place}`)
  yield* within(stream.write(bytes), streamTimeout, `writing to ${place}`)
  return yield* within(readMessage(stream, framing, "dialler"), streamTimeout, `waiting for ${place}`)
}, Effect.scoped)

const toFailure = (error: ExchangeFailed | SocketFailed | StreamCodec.StreamRejected): ExchangeFailed => {
  switch (error._tag) {
    case "ExchangeFailed":
      return error
    case "SocketFailed":
      return new ExchangeFailed({ reason: error.how, detail: error.detail })
    case "StreamRejected":
      return new ExchangeFailed({ reason: error.reason, detail: `the peer sent something else: ${error.reason}` })
  }
}

/** Gives our state to a member, and takes its state. */
export const pushPull = Effect.fnUntraced(function* (wire: Wire, to: Address, local: PushPull) {
  const { message, skipped } = yield* Effect.mapError(
    ask(wire, to, encodeState(local, wire.framing, "dialler")),
    toFailure
  )
  if (message._tag === "PushPull") return { message, skipped }
  return yield* message._tag === "Err"
    ? new ExchangeFailed({ reason: "refused", detail: `the peer answered: ${message.error}` })
    : new ExchangeFailed({ reason: "type", detail: `the peer answered with ${message._tag}` })
})

/** Waits for the end of the other side, which is its word that it is done. */
const awaitEnd = (stream: ByteStream): Effect.Effect<void, SocketFailed> =>
  Effect.catchTag(Effect.forever(stream.read), "Done", () => Effect.void)

/** Gives a user message to a member; succeeds when that member has taken it in. */
export const user = Effect.fnUntraced(
  function* ({ framing, socket, streamTimeout }: Wire, to: Address, payload: Uint8Array) {
    const place = format(to)
    const stream = yield* within(socket.dial(to), streamTimeout, `dialling ${place}`)
    const bytes = StreamCodec.encode({ _tag: "User", payload }, framing, "dialler")
    yield* within(Effect.andThen(stream.write(bytes), stream.end), streamTimeout, `writing to ${place}`)
    yield* within(awaitEnd(stream), streamTimeout, `waiting for ${place}`)
  },
  Effect.scoped,
  Effect.mapError(toFailure)
)

/** Pings over TCP: succeeds when the right ack came. */
export const ping = Effect.fnUntraced(function* (wire: Wire, to: Address, message: Ping, timeout: Duration.Input) {
  const bytes = StreamCodec.encode(message, wire.framing, "dialler")
  const reply = yield* Effect.mapError(within(ask(wire, to, bytes), timeout, `pinging ${format(to)}`), toFailure)
  if (reply.message._tag !== "Ack" || reply.message.seq !== message.seq)
    return yield* new ExchangeFailed({ reason: "type", detail: `the peer answered with ${reply.message._tag}` })
})
