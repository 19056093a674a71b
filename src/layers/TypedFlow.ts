/**
 * A flow of messages over a channel of bytes: encodes what leaves, decodes what is handed out.
 */
import { Effect, Result, Sink, Stream } from "effect"
import type { NonEmptyArray, NonEmptyReadonlyArray } from "effect/Array"
import * as Frame from "../protocol/flow/Frame.ts"
import { bytesOf, type Message, Value } from "../protocol/flow/Message.ts"
import type { Codec } from "../services/Codec.ts"
import type { Flow, Peer } from "../services/Flow.ts"
import { type FlowError, MalformedMessage } from "../services/FlowError.ts"
import type { FlowChannel } from "./FlowChannel.ts"

/** How a message leaves: as a value if it may, otherwise as bytes. */
const encoder = <A>(codec: Codec<A>, takesValues: boolean): ((message: A) => Result.Result<Message, unknown>) =>
  takesValues && codec.value !== undefined ? codec.value.encode : codec.encode

/** The other side may have another codec than this one. */
const decode = <A>(codec: Codec<A>, message: Message): Result.Result<A, unknown> =>
  message instanceof Value && codec.value !== undefined ? codec.value.decode(message) : codec.decode(bytesOf(message))

export const make = <Sent, Received, E>(
  channel: FlowChannel<E>,
  options: {
    readonly endpoint: string
    readonly peer: Peer
    readonly outgoing: Codec<Sent>
    readonly incoming: Codec<Received>
  }
): Flow<Sent, Received, E> => {
  const { incoming } = options
  const encode = encoder(options.outgoing, channel.takesValues)

  const unsendable = (cause: unknown) => Effect.fail(channel.error(new MalformedMessage({ cause })))

  const unreadable = (cause: unknown): FlowError =>
    channel.refuse(
      new MalformedMessage({ cause }),
      Frame.fail("MalformedMessage", "a message does not fit the contract of the endpoint")
    )

  const decodeAll = (all: NonEmptyReadonlyArray<Message>) => {
    const first = decode(incoming, all[0])
    if (Result.isFailure(first)) return Effect.fail(unreadable(first.failure))
    const messages: NonEmptyArray<Received> = [first.success]
    for (let i = 1; i < all.length; i++) {
      const bytes = all[i]
      const decoded = bytes === undefined ? undefined : decode(incoming, bytes)
      if (decoded === undefined) continue
      if (Result.isFailure(decoded)) {
        // What came before it is good: the error waits for the next call.
        unreadable(decoded.failure)
        break
      }
      messages.push(decoded.success)
    }
    return Effect.succeed(messages)
  }

  const receiveAll = Effect.flatMap(channel.receiveAll, decodeAll)

  const sendAll = (messages: Iterable<Sent>) =>
    Effect.suspend(() => {
      const all: Array<Message> = []
      for (const message of messages) {
        const encoded = encode(message)
        if (Result.isFailure(encoded)) return unsendable(encoded.failure)
        all.push(encoded.success)
      }
      return channel.sendAll(all)
    })

  return {
    endpoint: options.endpoint,
    peer: options.peer,
    send: (message) =>
      Effect.suspend(() => {
        const encoded = encode(message)
        return Result.isSuccess(encoded) ? channel.send(encoded.success) : unsendable(encoded.failure)
      }),
    sendAll,
    sink: Sink.forEachArray(sendAll),
    receive: Effect.flatMap(channel.receive, (bytes) => {
      const decoded = decode(incoming, bytes)
      return Result.isSuccess(decoded) ? Effect.succeed(decoded.success) : Effect.fail(unreadable(decoded.failure))
    }),
    receiveAll,
    messages: Stream.fromPull(Effect.succeed(receiveAll)),
    end: channel.endWith()
  }
}
