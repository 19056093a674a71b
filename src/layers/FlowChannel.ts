/**
 * One end of an accepted flow, in bytes: drives the sending and the receiving state machine over a link. It is the same
 * for every transport and for both ends.
 *
 * A link with `attach` drives it; on any other fibers of the flow's scope do: one writes what waits, as packed as it waits,
 * one reads. What has come is handed out before a failure is; what waits to leave is dropped by one.
 */
import { Cause, Effect, Result, type Scope } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as FlowState from "../protocol/flow/FlowState.ts"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Inbox from "../protocol/flow/Inbox.ts"
import { type Limits, weight } from "../protocol/flow/Limits.ts"
import { bytesAbove, firstAbove, type Message } from "../protocol/flow/Message.ts"
import * as Receiver from "../protocol/flow/Receiver.ts"
import { FlowClosed, FlowError, type FlowErrorReason, MessageTooLarge, PeerLost } from "../services/FlowError.ts"
import type { Attached, Link, LinkBroken } from "../services/Transport.ts"
import { reasonOfFail, reasonOfLink, refusalOf } from "./FlowReason.ts"
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
  /** Messages may be values, as they stay within the process. */
  readonly takesValues: boolean
  /** Takes a message right now if there is room for it; the effect waits until it was taken, or says why it never will. */
  readonly send: (message: Message) => Effect.Effect<void, FlowError | E>
  /** As `send`, for all or none of them unless the flow fails meanwhile. */
  readonly sendAll: (messages: ReadonlyArray<Message>) => Effect.Effect<void, FlowError | E>
  readonly receive: Effect.Effect<Message, FlowError | E | Cause.Done>
  readonly receiveAll: Effect.Effect<NonEmptyReadonlyArray<Message>, FlowError | E | Cause.Done>
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
  /** Calls back once the flow has failed: the one who asked last. */
  readonly onFailed: (told: () => void) => void
  /** Throws away what comes until the peer has finished: a carrier closed under its writer could lose what the peer reads. */
  readonly drain: Effect.Effect<void>
  /**
   * For a caller that has ended and goes: as `drain`, but not for long under a peer that has more to say than nobody hears.
   * Undefined for a caller that has not ended.
   */
  readonly linger: () => Effect.Effect<void> | undefined
}

/** What a peer may still say to a caller that is gone, before it is told so. */
const unheardBytesMax = 256 * 1024

export const make = Effect.fnUntraced(function* <E>(
  link: Link,
  options: Options<E>
): Effect.fn.Return<FlowChannel<E>, never, Scope.Scope> {
  const { endpoint, peer, limits } = options
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  let attached: Attached | undefined
  const finish = link.attach && (() => attached?.finish())
  const writer = FlowWriter.make({ link, limits, role: options.role, finish })
  const { sender } = writer
  const receiver = Receiver.make(limits)
  const inbox = Inbox.make(limits)
  let failing: Effect.Effect<never, FlowError | E> | undefined
  /** Set once something that came in was refused: from then on nothing that came is handed out, not even a good end. */
  let refused: Effect.Effect<never, FlowError> | undefined
  let isDiscarding = false
  let isReadToEnd = false
  let unheardBytes = 0
  let endedBy = "this direction has ended"
  const arrival = Signal.make()
  const space = Signal.make()
  let tellFailed: (() => void) | undefined

  const error = (reason: FlowErrorReason): FlowError =>
    new FlowError({ endpoint, peer, delivered: sender.delivered, reason })

  const isSettled = (): boolean => failing !== undefined || FlowState.isOver(sender, receiver)

  /** Whoever reads the link goes on. */
  const goOn = (): void => {
    Signal.notify(space)
    attached?.goOn()
  }

  /** The error is made for the first who asks: an error has a stack, and a flow that is left has nobody to show it to. */
  const breakWith = (cause: () => FlowError | E, last?: Frame.Fail): void => {
    if (isSettled()) return
    let made: Effect.Effect<never, FlowError | E> | undefined
    failing = Effect.suspend(() => (made ??= Effect.fail(cause())))
    FlowWriter.abandon(writer, last)
    Signal.notify(arrival)
    tellFailed?.()
    goOn()
  }

  const refuse = (reason: FlowErrorReason, last: Frame.Fail): FlowError => {
    const cause = error(reason)
    refused = Effect.fail(cause)
    breakWith(() => cause, last)
    return cause
  }

  /** Why no message can be sent now; undefined when one can. */
  const refusal = (): Effect.Effect<never, FlowError | E> | undefined =>
    failing ?? (sender.status === "open" ? undefined : Effect.fail(error(new FlowClosed({ detail: endedBy }))))

  const tooLarge = (bytes: number | undefined): Effect.Effect<never, FlowError> | undefined =>
    bytes === undefined ? bytes : Effect.fail(error(new MessageTooLarge({ bytes, bytesMax: limits.messageBytesMax })))

  const send = (message: Message): Effect.Effect<void, FlowError | E> => {
    const refused = tooLarge(bytesAbove(message, limits.messageBytesMax)) ?? refusal()
    if (refused !== undefined) return refused
    if (!FlowWriter.offer(writer, message)) return Effect.flatMap(FlowWriter.room(writer), () => send(message))
    FlowWriter.commit(writer)
    return Effect.void
  }

  const sendFrom = (messages: ReadonlyArray<Message>, from: number): Effect.Effect<void, FlowError | E> => {
    for (let i = from; i < messages.length; i++) {
      const message = messages[i]
      const refused = refusal()
      if (refused !== undefined) return refused
      if (message !== undefined && !FlowWriter.offer(writer, message))
        return Effect.flatMap(FlowWriter.room(writer), () => sendFrom(messages, i))
    }
    FlowWriter.commit(writer)
    return Effect.void
  }

  const sendAll = (messages: ReadonlyArray<Message>): Effect.Effect<void, FlowError | E> =>
    tooLarge(firstAbove(messages, limits.messageBytesMax)) ?? sendFrom(messages, 0)

  const endWith = (last?: Frame.Fail) =>
    Effect.suspend(() => {
      if (failing !== undefined) return failing
      FlowWriter.end(writer, last)
      return Effect.void
    })

  const mayRead = (): boolean => failing !== undefined || isDiscarding || !Inbox.isFull(inbox)

  const accept = (messages: ReadonlyArray<Message>): void => {
    if (isDiscarding) {
      for (const message of messages) unheardBytes += weight(message)
      return Signal.notify(space)
    }
    Inbox.push(inbox, messages)
    Signal.notify(arrival)
  }

  const onFail = (frame: Frame.Fail): void => {
    const domain = frame.reason === "Domain" ? options.decodeError(frame.error) : undefined
    const declared = domain !== undefined && Result.isSuccess(domain) ? domain : undefined
    breakWith(() => (declared === undefined ? error(reasonOfFail(frame)) : declared.success))
  }

  const onReceived = (received: Receiver.Received): void => {
    switch (received._tag) {
      case "Messages":
        return accept(received.messages)
      case "Ended":
        return Signal.notify(arrival)
      case "Failed":
        return onFail(received.fail)
      case "TooLarge":
      case "Violation": {
        const { last, reason } = refusalOf(received, limits.messageBytesMax)
        refuse(reason, last)
      }
    }
  }

  /** Takes a frame; whether another may come. */
  const onFrame = (frame: Frame.Frame): boolean => {
    if (failing === undefined) onReceived(Receiver.receive(receiver, frame))
    return mayRead()
  }

  const onStopped = (): void => breakWith(() => error(new PeerLost({ detail: "the stream stopped without End" })))

  /** The peer has finished: a caller may do so after its End and still listen, an endpoint is done with the flow. */
  const onFinished = (): void => {
    if (receiver.status === "ended") {
      if (options.role === "caller") breakWith(() => error(new FlowClosed({ detail: "the endpoint has finished" })))
    } else if (link.stopped === undefined) onStopped()
    else {
      const settle = Effect.catch(link.stopped, (how) =>
        Effect.sync(() => (Cause.isDone(how) ? onStopped() : onBroken(() => how)))
      )
      Effect.runForkWith(context)(Effect.forkIn(settle, scope))
    }
  }

  const onBroken = (how: () => LinkBroken): void => {
    if (isSettled()) return
    const broken = how()
    if (broken.how === "violation") refuse(reasonOfLink(broken), Frame.fail("ProtocolViolation", broken.detail))
    else if (broken.how !== "finished") breakWith(() => error(reasonOfLink(broken)))
    else {
      endedBy = broken.detail
      FlowWriter.abandon(writer)
    }
  }

  const onEnd = (how: () => LinkBroken | Cause.Done): void => {
    isReadToEnd = true
    const ended = isSettled() ? undefined : how()
    if (Cause.isDone(ended)) onFinished()
    else if (ended !== undefined) onBroken(() => ended)
    Signal.notify(space)
  }

  const hasNews = (): boolean => inbox.bytes > 0 || receiver.status === "ended" || failing !== undefined

  const pending = <A>(take: () => A | undefined): Effect.Effect<A, FlowError | E | Cause.Done> =>
    Effect.suspend(() => {
      if (refused !== undefined) return refused
      const taken = take()
      if (taken !== undefined) {
        if (!Inbox.isFull(inbox)) goOn()
        return Effect.succeed(taken)
      }
      if (receiver.status === "ended") return Cause.done()
      return failing ?? Effect.flatMap(Signal.until(arrival, hasNews), () => pending(take))
    })

  const takeAll = (): NonEmptyReadonlyArray<Message> | undefined => {
    const messages = Inbox.takeAll(inbox)
    return isReadonlyArrayNonEmpty(messages) ? messages : undefined
  }

  // Left before both directions have ended: the peer is told why, so that it need not guess from a broken carrier.
  yield* Effect.addFinalizer(() => {
    FlowWriter.flush(writer)
    attached?.detach()
    return FlowState.isOver(sender, receiver)
      ? Effect.void
      : link.cancel(sender.fail ?? Frame.fail("Reset", `the ${options.role} has left`))
  })
  if (link.attach === undefined) {
    const breaking = Effect.catch((broken: LinkBroken) => Effect.sync(() => onBroken(() => broken)))
    // To the end of the link, whatever became of the flow: only then has the peer had its last word.
    const readNext = Effect.flatMap(link.read, (frame) => (onFrame(frame) ? Effect.void : Signal.until(space, mayRead)))
    const readAll = Effect.forever(readNext, { disableYield: true })
    yield* Effect.forkScoped(breaking(FlowWriter.writeAll(writer)))
    yield* Effect.forkScoped(Effect.catch(readAll, (ended) => Effect.sync(() => onEnd(() => ended))))
    yield* Effect.forkScoped(breaking(link.broken))
  } else {
    attached = link.attach({ onFrame, onEnd, onBroken, onRoom: () => FlowWriter.onRoom(writer) })
    attached.goOn()
  }

  const drain = Effect.suspend(() => {
    isDiscarding = true
    goOn()
    return Signal.until(space, () => isReadToEnd)
  })

  return {
    takesValues: link.isWithin === true,
    send,
    sendAll,
    receive: pending(() => Inbox.take(inbox)),
    receiveAll: pending(takeAll),
    endWith,
    refuse,
    fail: (reason, last) => breakWith(() => error(reason), last),
    error,
    flushed: FlowWriter.flushed(writer),
    onFailed: (told) => {
      tellFailed = told
      if (failing !== undefined) told()
    },
    drain,
    linger: () =>
      sender.status === "ending" || sender.status === "ended"
        ? Effect.raceFirst(
            drain,
            Signal.until(space, () => unheardBytes > unheardBytesMax)
          )
        : undefined
  }
})
