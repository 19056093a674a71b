/**
 * One end of an accepted flow, in bytes: drives the sending and the receiving state machine over a link. It is the same
 * for every transport and for both ends.
 *
 * Two fibers, owned by the scope of the flow: one writes what waits, as packed as it waits; one reads. What has come is
 * handed out before a failure is; what waits to leave is dropped by one.
 */
import { Cause, Effect, Fiber, Result, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as FlowState from "../protocol/flow/FlowState.ts"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Inbox from "../protocol/flow/Inbox.ts"
import { type Limits, weight } from "../protocol/flow/Limits.ts"
import * as Receiver from "../protocol/flow/Receiver.ts"
import {
  FlowClosed,
  FlowError,
  type FlowErrorReason,
  MessageTooLarge,
  PeerLost,
  ProtocolViolation
} from "../services/FlowError.ts"
import type { Link, LinkBroken } from "../services/Transport.ts"
import { reasonOfFail, reasonOfLink } from "./FlowReason.ts"
import * as FlowWriter from "./FlowWriter.ts"
import * as Signal from "./Signal.ts"

export interface Options<E> {
  readonly endpoint: string
  readonly peer: string
  readonly limits: Limits
  /** The error that the peer declared, from its bytes; a string says why there is none. */
  readonly decodeError: (encoded: Uint8Array) => Result.Result<E, unknown>
  /** The caller finishes the link with its last frame; the endpoint keeps it until its handler is done. */
  readonly role: "caller" | "endpoint"
}

export interface FlowChannel<E> {
  /** Takes a message right now if there is room for it; the effect waits until it was taken, or says why it never will. */
  readonly send: (message: Uint8Array) => Effect.Effect<void, FlowError | E>
  /** As `send`, for all or none of them unless the flow fails meanwhile. */
  readonly sendAll: (messages: ReadonlyArray<Uint8Array>) => Effect.Effect<void, FlowError | E>
  readonly receive: Effect.Effect<Uint8Array, FlowError | E | Cause.Done>
  readonly receiveAll: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, FlowError | E | Cause.Done>
  /** Ends the outgoing direction, with End or with the given frame; what was sent before leaves first. */
  readonly endWith: (last?: Frame.Fail) => Effect.Effect<void, FlowError | E>
  /** Breaks the flow for something that came in: drops what waits and tells the peer. The error is this side's. */
  readonly refuse: (reason: FlowErrorReason, last: Frame.Fail) => FlowError
  /** Breaks the flow for something else: what came is still handed out, what waits is dropped, the peer is told. */
  readonly fail: (reason: FlowErrorReason, last: Frame.Fail) => void
  /** An error of this flow, as of now. */
  readonly error: (reason: FlowErrorReason) => FlowError
  /** Waits until the last frame is with the carrier, or never will be. */
  readonly flushed: Effect.Effect<void>
  /** Waits until the flow has failed. */
  readonly failed: Effect.Effect<void>
  /** Throws away what comes until the peer has finished: a carrier closed under its writer could lose what the peer reads. */
  readonly drain: Effect.Effect<void>
  /**
   * For a caller that has ended and goes: as `drain`, but not for long under a peer that has more to say than nobody hears.
   * Over at once for a caller that has not ended.
   */
  readonly linger: Effect.Effect<void>
}

/** What a peer may still say to a caller that is gone, before it is told so. */
const unheardBytesMax = 256 * 1024

export const make = Effect.fnUntraced(function* <E>(
  link: Link,
  options: Options<E>
): Effect.fn.Return<FlowChannel<E>, never, Scope.Scope> {
  const { endpoint, peer, limits } = options
  const writer = FlowWriter.make(link, limits, options.role)
  const { sender } = writer
  const receiver = Receiver.make(limits)
  const inbox = Inbox.make(limits)
  let failing: Effect.Effect<never, FlowError | E> | undefined
  /** Set once something that came in was refused: from then on nothing that came is handed out, not even a good end. */
  let refused: Effect.Effect<never, FlowError> | undefined
  let isDiscarding = false
  let unheardBytes = 0
  let endedBy = "this direction has ended"
  const arrival = Signal.make()
  const space = Signal.make()
  const failure = Signal.make()

  const error = (reason: FlowErrorReason): FlowError =>
    new FlowError({ endpoint, peer, delivered: sender.delivered, reason })

  const breakWith = (cause: FlowError | E, last?: Frame.Fail): void => {
    if (failing !== undefined || FlowState.isOver(sender, receiver)) return
    failing = Effect.fail(cause)
    writer.abandon(last)
    for (const signal of [arrival, space, failure]) signal.notify()
  }

  const refuse = (reason: FlowErrorReason, last: Frame.Fail): FlowError => {
    const cause = error(reason)
    refused = Effect.fail(cause)
    breakWith(cause, last)
    return cause
  }

  /** Why no message can be sent now; undefined when one can. */
  const refusal = (): Effect.Effect<never, FlowError | E> | undefined =>
    failing ?? (sender.status === "open" ? undefined : Effect.fail(error(new FlowClosed({ detail: endedBy }))))

  const tooLarge = (message: Uint8Array): Effect.Effect<never, FlowError> =>
    Effect.fail(error(new MessageTooLarge({ bytes: message.byteLength, bytesMax: limits.messageBytesMax })))

  const send = (message: Uint8Array): Effect.Effect<void, FlowError | E> => {
    if (message.byteLength > limits.messageBytesMax) return tooLarge(message)
    const refused = refusal()
    if (refused !== undefined) return refused
    if (!writer.offer(message)) return Effect.flatMap(writer.room, () => send(message))
    writer.commit()
    return Effect.void
  }

  const sendFrom = (messages: ReadonlyArray<Uint8Array>, from: number): Effect.Effect<void, FlowError | E> => {
    for (let i = from; i < messages.length; i++) {
      const message = messages[i]
      const refused = refusal()
      if (refused !== undefined) return refused
      if (message !== undefined && !writer.offer(message))
        return Effect.flatMap(writer.room, () => sendFrom(messages, i))
    }
    writer.commit()
    return Effect.void
  }

  const sendAll = (messages: ReadonlyArray<Uint8Array>): Effect.Effect<void, FlowError | E> => {
    for (const message of messages) if (message.byteLength > limits.messageBytesMax) return tooLarge(message)
    return sendFrom(messages, 0)
  }

  const endWith = (last?: Frame.Fail) =>
    Effect.suspend(() => {
      if (failing !== undefined) return failing
      writer.end(last)
      return Effect.void
    })

  const accept = (messages: ReadonlyArray<Uint8Array>): Effect.Effect<void> => {
    if (isDiscarding) {
      for (const message of messages) unheardBytes += weight(message)
      space.notify()
      return Effect.void
    }
    Inbox.push(inbox, messages)
    arrival.notify()
    return space.until(() => failing !== undefined || isDiscarding || !Inbox.isFull(inbox))
  }

  const onFail = (frame: Frame.Fail): void => {
    const domain = frame.reason === "Domain" ? options.decodeError(frame.error) : undefined
    breakWith(domain !== undefined && Result.isSuccess(domain) ? domain.success : error(reasonOfFail(frame)))
  }

  const onFrame = (frame: Frame.Frame): Effect.Effect<void> => {
    if (failing !== undefined) return Effect.void
    const received = Receiver.receive(receiver, frame)
    switch (received._tag) {
      case "Messages":
        return accept(received.messages)
      case "Ended":
        return Effect.sync(arrival.notify)
      case "Failed":
        return Effect.sync(() => onFail(received.fail))
      case "TooLarge": {
        const { bytes } = received
        const bytesMax = limits.messageBytesMax
        return Effect.sync(() => {
          refuse(
            new MessageTooLarge({ bytes, bytesMax }),
            Frame.fail("MessageTooLarge", `${bytes} of ${bytesMax} bytes`)
          )
        })
      }
      case "Violation": {
        const { detail } = received
        return Effect.sync(() => {
          refuse(new ProtocolViolation({ detail }), Frame.fail("ProtocolViolation", detail))
        })
      }
    }
  }

  /** Reads to the end of the link, whatever became of the flow: only then has the peer had its last word. */
  const readAll = Effect.forever(Effect.flatMap(link.read, onFrame), { disableYield: true })

  /** The peer has finished: a caller may do so after its End and still listen, an endpoint is done with the flow. */
  const onFinished = (): void => {
    if (receiver.status !== "ended") breakWith(error(new PeerLost({ detail: "the stream stopped without End" })))
    else if (options.role === "caller") breakWith(error(new FlowClosed({ detail: "the endpoint has finished" })))
  }

  const onBroken = (broken: LinkBroken) =>
    Effect.sync(() => {
      if (broken.how === "violation") {
        refuse(reasonOfLink(broken), Frame.fail("ProtocolViolation", broken.detail))
        return
      }
      if (broken.how !== "finished") return breakWith(error(reasonOfLink(broken)))
      endedBy = broken.detail
      writer.abandon()
    })

  const hasNews = (): boolean => inbox.bytes > 0 || receiver.status === "ended" || failing !== undefined

  const pending = <A>(take: () => A | undefined): Effect.Effect<A, FlowError | E | Cause.Done> =>
    Effect.suspend(() => {
      if (refused !== undefined) return refused
      const taken = take()
      if (taken !== undefined) {
        if (!Inbox.isFull(inbox)) space.notify()
        return Effect.succeed(taken)
      }
      if (receiver.status === "ended") return Cause.done()
      return failing ?? Effect.flatMap(arrival.until(hasNews), () => pending(take))
    })

  const takeAll = (): NonEmptyReadonlyArray<Uint8Array> | undefined => {
    const messages = Inbox.takeAll(inbox)
    return isReadonlyArrayNonEmpty(messages) ? messages : undefined
  }

  // Left before both directions have ended: the peer is told why, so that it need not guess from a broken carrier.
  yield* Effect.addFinalizer(() => {
    writer.flush()
    return FlowState.isOver(sender, receiver)
      ? Effect.void
      : link.cancel(sender.fail ?? Frame.fail("Reset", `the ${options.role} has left`))
  })
  const writing = yield* Effect.forkScoped(Effect.catch(writer.writeAll, onBroken))
  const reader = yield* Effect.forkScoped(
    Effect.catch(readAll, (ended) => (Cause.isDone(ended) ? Effect.sync(onFinished) : onBroken(ended)))
  )
  yield* Effect.forkScoped(Effect.catch(link.broken, onBroken))

  const drain = Effect.suspend(() => {
    isDiscarding = true
    space.notify()
    return Effect.asVoid(Fiber.await(reader))
  })

  return {
    send,
    sendAll,
    receive: pending(() => Inbox.take(inbox)),
    receiveAll: pending(takeAll),
    endWith,
    refuse,
    fail: (reason, last) => breakWith(error(reason), last),
    error,
    flushed: Effect.asVoid(Fiber.await(writing)),
    failed: failure.until(() => failing !== undefined),
    drain,
    linger: Effect.suspend(() =>
      sender.status === "ending" || sender.status === "ended"
        ? Effect.raceFirst(
            drain,
            space.until(() => unheardBytes > unheardBytesMax)
          )
        : Effect.void
    )
  }
})
