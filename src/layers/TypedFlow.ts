/**
 * A flow of messages over a channel of bytes: encodes what leaves, decodes what is handed out.
 */
import { type Cause, Effect, Result, Sink, Stream } from "effect"
import type { NonEmptyArray, NonEmptyReadonlyArray } from "effect/Array"
import * as Frame from "../protocol/flow/Frame.ts"
import { areBytes, bytesOf, type Message, Value } from "../protocol/flow/Message.ts"
import type { Codec } from "../services/Codec.ts"
import type { Flow, Peer } from "../services/Flow.ts"
import { type FlowError, MalformedMessage } from "../services/FlowError.ts"
import type { FlowChannel } from "./FlowChannel.ts"
import * as FlowExchange from "./FlowExchange.ts"

export interface Options<Sent, Received> {
  readonly endpoint: string
  readonly peer: Peer
  readonly outgoing: Codec<Sent>
  readonly incoming: Codec<Received>
}

/** The other side may have another codec than this one. */
const decode = <A>(codec: Codec<A>, message: Message): Result.Result<A, unknown> =>
  message instanceof Value && codec.value !== undefined ? codec.value.decode(message) : codec.decode(bytesOf(message))

/**
 * What a flow offers is made for the first who asks for it, since an idle flow has nobody who does. Its functions need no
 * flow to be called on: they are passed on without it.
 */
class TypedFlow<Sent, Received, E> implements Flow<Sent, Received, E> {
  readonly endpoint: string
  readonly peer: Peer
  readonly #channel: FlowChannel<E>
  readonly #outgoing: Codec<Sent>
  readonly #incoming: Codec<Received>
  #send: Flow<Sent, Received, E>["send"] | undefined
  #sendAll: Flow<Sent, Received, E>["sendAll"] | undefined
  #receive: Flow<Sent, Received, E>["receive"] | undefined
  #receiveAll: Flow<Sent, Received, E>["receiveAll"] | undefined

  constructor(channel: FlowChannel<E>, options: Options<Sent, Received>) {
    this.endpoint = options.endpoint
    this.peer = options.peer
    this.#channel = channel
    this.#outgoing = options.outgoing
    this.#incoming = options.incoming
  }

  get send(): (message: Sent) => Effect.Effect<void, FlowError | E> {
    this.#send ??= (message) =>
      Effect.suspend(() => {
        const encoded = this.#encode(message)
        return Result.isSuccess(encoded) ? this.#channel.send(encoded.success) : this.#unsendable(encoded.failure)
      })
    return this.#send
  }

  get sendAll(): (messages: Iterable<Sent>) => Effect.Effect<void, FlowError | E> {
    this.#sendAll ??= (messages) =>
      Effect.suspend(() => {
        const encoded = this.#encodeAll(messages)
        return Result.isSuccess(encoded) ? this.#channel.sendAll(encoded.success) : this.#unsendable(encoded.failure)
      })
    return this.#sendAll
  }

  get sink(): Sink.Sink<void, Sent, never, FlowError | E> {
    return Sink.forEachArray(this.sendAll)
  }

  get receive(): Effect.Effect<Received, FlowError | E | Cause.Done> {
    this.#receive ??= Effect.flatMap(this.#channel.receive, (bytes) => {
      const decoded = decode(this.#incoming, bytes)
      return Result.isSuccess(decoded)
        ? Effect.succeed(decoded.success)
        : Effect.fail(this.#unreadable(decoded.failure))
    })
    return this.#receive
  }

  get receiveAll(): Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError | E | Cause.Done> {
    this.#receiveAll ??= Effect.flatMap(this.#channel.receiveAll, (all) => this.#decodeAll(all))
    return this.#receiveAll
  }

  get messages(): Stream.Stream<Received, FlowError | E> {
    return Stream.fromPull(Effect.succeed(this.receiveAll))
  }

  get exchange(): Flow<Sent, Received, E>["exchange"] {
    return (outgoing) => FlowExchange.make(this, this.#channel, outgoing)
  }

  get end(): Effect.Effect<void, FlowError | E> {
    return this.#channel.endWith()
  }

  /** As a value if it stays within the process, otherwise as bytes. */
  #encode(message: Sent): Result.Result<Message, unknown> {
    const value = this.#channel.writer.link.isWithin ? this.#outgoing.value : undefined
    return value === undefined ? this.#outgoing.encode(message) : value.encode(message)
  }

  #encodeAll(messages: Iterable<Sent>): Result.Result<ReadonlyArray<Message>, unknown> {
    const { encodeAll } = this.#outgoing
    if (encodeAll !== undefined) return encodeAll(messages)
    const all: Array<Message> = []
    for (const message of messages) {
      const encoded = this.#encode(message)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      all.push(encoded.success)
    }
    return Result.succeed(all)
  }

  #unsendable(cause: unknown): Effect.Effect<never, FlowError> {
    return Effect.fail(this.#channel.error(new MalformedMessage({ cause })))
  }

  #unreadable(cause: unknown): FlowError {
    return this.#channel.refuse(
      new MalformedMessage({ cause }),
      Frame.fail("MalformedMessage", "a message does not fit the contract of the endpoint")
    )
  }

  #decodeAll(all: NonEmptyReadonlyArray<Message>): Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError> {
    const decoded = areBytes(all) ? this.#incoming.decodeAll?.(all) : undefined
    return decoded !== undefined && Result.isSuccess(decoded) ? Effect.succeed(decoded.success) : this.#decodeEach(all)
  }

  #decodeEach(all: NonEmptyReadonlyArray<Message>): Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError> {
    const first = decode(this.#incoming, all[0])
    if (Result.isFailure(first)) return Effect.fail(this.#unreadable(first.failure))
    const messages: NonEmptyArray<Received> = [first.success]
    for (let i = 1; i < all.length; i++) {
      const bytes = all[i]
      const decoded = bytes === undefined ? undefined : decode(this.#incoming, bytes)
      if (decoded === undefined) continue
      if (Result.isFailure(decoded)) {
        // What came before it is good: the error waits for the next call.
        this.#unreadable(decoded.failure)
        break
      }
      messages.push(decoded.success)
    }
    return Effect.succeed(messages)
  }
}

export const make = <Sent, Received, E>(
  channel: FlowChannel<E>,
  options: Options<Sent, Received>
): Flow<Sent, Received, E> => new TypedFlow(channel, options)
