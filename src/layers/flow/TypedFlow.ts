/**
 * TypedFlow: a flow of typed messages over a `FlowEnd`: encodes those that are sent, decodes those handed out.
 */
import { Array as Arrays, type Cause, Effect, type Fiber, Pull, Result, Sink, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Frame from "../../protocol/flow/Frame.ts"
import { areBytes, bytesOf, type Message, Value } from "../../protocol/flow/Message.ts"
import type { Codec } from "../../services/Codec.ts"
import type { Flow, Peer } from "../../services/Flow.ts"
import { type FlowError, MalformedMessage } from "../../services/FlowError.ts"
import * as Exchange from "./Exchange.ts"
import type { FlowEnd } from "./FlowEnd.ts"

export interface Options<Sent, Received> {
  readonly endpoint: string
  readonly peer: Peer
  readonly outgoing: Codec<Sent>
  readonly incoming: Codec<Received>
}

/** Decodes a message. The other side may have another codec: a value becomes bytes for a codec that takes no values. */
const decode = <A>(codec: Codec<A>, message: Message): Result.Result<A, unknown> =>
  message instanceof Value && codec.value !== undefined ? codec.value.decode(message) : codec.decode(bytesOf(message))

/** Whether the fiber is about to yield: in the last quarter of its operations, early enough for those of a message. */
const mayYield = ({ cache, currentOpCount }: Fiber.Fiber<unknown, unknown>): boolean =>
  !cache.preventYield && 4 * currentOpCount >= 3 * cache.maxOpsBeforeYield

type Next<A, E> = Effect.Effect<A, FlowError | E | Cause.Done>

const sinkEnd = Effect.succeed<Sink.End<void>>([undefined])

const none: ReadonlyArray<never> = []

/**
 * Makes its members on demand, since an idle flow uses none of them. Its functions are bound: they may be passed on
 * without the flow.
 */
class TypedFlow<Sent, Received, E> implements Flow<Sent, Received, E> {
  readonly endpoint: string
  readonly peer: Peer
  readonly #channel: FlowEnd<E>
  readonly #outgoing: Codec<Sent>
  readonly #incoming: Codec<Received>
  /** Decoded messages; those from `#at` on are not handed out yet. */
  #decoded: ReadonlyArray<Received> = none
  #at = 0
  #send: Flow<Sent, Received, E>["send"] | undefined
  #sendAll: Flow<Sent, Received, E>["sendAll"] | undefined
  #receive: Flow<Sent, Received, E>["receive"] | undefined
  #receiveAll: Flow<Sent, Received, E>["receiveAll"] | undefined

  constructor(channel: FlowEnd<E>, options: Options<Sent, Received>) {
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
    return Sink.fromTransform((upstream: Pull.Pull<NonEmptyReadonlyArray<Sent>, never, void>) => {
      const sending = Effect.forever(Effect.flatMap(upstream, this.sendAll), { disableYield: true })
      // A stream that has nothing to send just now would not notice the end of the flow.
      return Effect.raceFirst(
        Pull.catchDone(sending, () => sinkEnd),
        this.#channel.stopped
      )
    })
  }

  get receive(): Effect.Effect<Received, FlowError | E | Cause.Done> {
    this.#receive ??= this.#next("one", () => Effect.succeed(this.#take()))
    return this.#receive
  }

  get receiveAll(): Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError | E | Cause.Done> {
    this.#receiveAll ??= this.#next("all", () => this.#takeAll())
    return this.#receiveAll
  }

  /** Emits one message at a time: a batch handed to a stage or a reader of the stream cannot be taken back. */
  get messages(): Stream.Stream<Received, FlowError | E> {
    return Stream.fromPull(Effect.succeed(this.#next("all", () => Effect.succeed(Arrays.of(this.#take())))))
  }

  get batches(): Stream.Stream<NonEmptyReadonlyArray<Received>, FlowError | E> {
    return Stream.fromPull(Effect.succeed(Effect.map(this.receiveAll, Arrays.of)))
  }

  get exchange(): Flow<Sent, Received, E>["exchange"] {
    return (outgoing) => Exchange.make(this, this.#channel, outgoing)
  }

  get end(): Effect.Effect<void, FlowError | E> {
    return this.#channel.end
  }

  get draining(): Effect.Effect<void> {
    return this.#channel.draining
  }

  /**
   * Hands out decoded messages, and waits until there are some. Between a take and the use of a message a fiber neither
   * yields nor does anything that could interrupt it, so an interrupt finds it either with the flow or in use.
   */
  #next<A>(amount: "one" | "all", hand: () => Next<A, E>): Next<A, E> {
    const next = (): Next<A, E> => {
      const channel = this.#channel
      const closed = channel.closed()
      if (closed !== undefined) return closed
      if (this.#at < this.#decoded.length) return hand()
      const decoded = amount === "one" ? this.#decodeOne() : this.#decodeAll()
      if (decoded === "nothing") return Effect.flatMap(channel.arrival, next)
      return channel.goOn() || decoded === "in part" ? Effect.suspend(next) : hand()
    }
    return Effect.withFiber((fiber) => (mayYield(fiber) ? Effect.flatMap(Effect.yieldNow, next) : next()))
  }

  /** Encodes to a value if the message stays within the process, otherwise to bytes. */
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
    return this.#channel.closed() ?? Effect.fail(this.#channel.error(new MalformedMessage({ cause })))
  }

  #take(): Received {
    const message = Arrays.getUnsafe(this.#decoded, this.#at)
    this.#at += 1
    if (this.#at === this.#decoded.length) this.#keep(none)
    return message
  }

  #takeAll(): Next<NonEmptyReadonlyArray<Received>, E> {
    const all = this.#at === 0 ? this.#decoded : this.#decoded.slice(this.#at)
    this.#keep(none)
    return Arrays.isReadonlyArrayNonEmpty(all) ? Effect.succeed(all) : this.receiveAll
  }

  #keep(decoded: ReadonlyArray<Received>): void {
    this.#decoded = decoded
    this.#at = 0
  }

  #decodeOne(): "nothing" | "whole" | "in part" {
    const message = this.#channel.take()
    if (message === undefined) return "nothing"
    const decoded = decode(this.#incoming, message)
    if (Result.isFailure(decoded)) return this.#refuse(decoded.failure)
    this.#keep([decoded.success])
    return "whole"
  }

  #decodeAll(): "nothing" | "whole" | "in part" {
    const all = this.#channel.takeAll()
    if (all === undefined) return "nothing"
    const decoded = areBytes(all) ? this.#incoming.decodeAll?.(all) : undefined
    if (decoded === undefined || Result.isFailure(decoded)) return this.#decodeEach(all)
    this.#keep(decoded.success)
    return "whole"
  }

  /** Keeps the messages before the first that does not decode: its error follows them. */
  #decodeEach(all: NonEmptyReadonlyArray<Message>): "whole" | "in part" {
    const messages: Array<Received> = []
    this.#keep(messages)
    for (const message of all) {
      const decoded = decode(this.#incoming, message)
      if (Result.isFailure(decoded)) return this.#refuse(decoded.failure)
      messages.push(decoded.success)
    }
    return "whole"
  }

  #refuse(cause: unknown): "in part" {
    const last = Frame.fail("MalformedMessage", "a message does not fit the contract of the endpoint")
    this.#channel.writer.link.blame?.()
    this.#channel.refuse(new MalformedMessage({ cause }), last)
    return "in part"
  }
}

export const make = <Sent, Received, E>(
  channel: FlowEnd<E>,
  options: Options<Sent, Received>
): Flow<Sent, Received, E> => new TypedFlow(channel, options)
