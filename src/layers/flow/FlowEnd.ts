/**
 * FlowEnd: one end of an accepted flow, in bytes. Drives the sending and the receiving state machine over a link. It is
 * the same for every transport and for both ends.
 *
 * The link drives it, and no fiber does. Received messages are handed out before a failure, which drops unsent ones.
 */
import { Cause, type Context, Effect, Result, Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import { bytesAbove, firstAbove, type Message } from "../../protocol/flow/Message.ts"
import * as Receiver from "../../protocol/flow/Receiver.ts"
import * as Sender from "../../protocol/flow/Sender.ts"
import { FlowClosed, type FlowError, MessageTooLarge, PeerLost } from "../../services/FlowError.ts"
import type { FrameListener, Link, LinkBroken } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import * as Signal from "../core/Signal.ts"
import { Fate } from "./Fate.ts"
import * as Inbound from "./Inbound.ts"
import * as Outbound from "./Outbound.ts"
import { done, lastOfLink, reasonOfFail, reasonOfLink, refusalOf } from "./Reasons.ts"

export interface Options<E> {
  readonly endpoint: string
  readonly peer: string
  readonly limits: Limits
  /** Decodes the error that the peer declared. */
  readonly decodeError: (encoded: Uint8Array) => Result.Result<E, unknown>
  /** The caller finishes the link with its last frame; the endpoint keeps it until its handler is done. */
  readonly role: "caller" | "endpoint"
}

/**
 * A class, and its effects made on demand: a closure for each function and an effect for each wait would be most of the
 * memory of an idle flow.
 */
export class FlowEnd<E> extends Fate<E> implements FrameListener {
  private readonly decodeError: Options<E>["decodeError"]
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never> | undefined
  /** Why nothing more is sent after the end of this direction. */
  private endedBy = "this direction has ended"

  /** `context`: given with a link that may tell later how it stopped (`Link.stopped`). */
  constructor(link: Link, options: Options<E>, scope: Scope.Scope, context: Context.Context<never> | undefined) {
    const { limits, role } = options
    super(options, Outbound.make({ link, limits, role }), Inbound.make(limits))
    this.decodeError = options.decodeError
    this.scope = scope
    this.context = context
  }

  /** Takes a message at once if there is room. The effect waits until it was taken, or fails with why it was not. */
  send(message: Message): Effect.Effect<void, FlowError | E> {
    const { writer } = this
    const refused = this.tooLarge(bytesAbove(message, writer.sender.limits.messageBytesMax)) ?? this.refusal()
    if (refused !== undefined) return refused
    if (!Outbound.offer(writer, message)) return Effect.flatMap(this.room, () => this.send(message))
    Outbound.commit(writer)
    return Effect.void
  }

  /** As `send`, for all messages or none, unless the flow fails or its sender is interrupted while it waits. */
  sendAll(messages: ReadonlyArray<Message>): Effect.Effect<void, FlowError | E> {
    const { messageBytesMax } = this.writer.sender.limits
    return this.tooLarge(firstAbove(messages, messageBytesMax)) ?? this.sendFrom(messages, 0)
  }

  private sendFrom(messages: ReadonlyArray<Message>, from: number): Effect.Effect<void, FlowError | E> {
    const { writer } = this
    // A flow that failed meanwhile takes no message, and is not waited for.
    const refused = this.refusal()
    if (refused !== undefined) return refused
    for (let i = from; i < messages.length; i++) {
      const message = messages[i]
      if (message !== undefined && !Outbound.offer(writer, message))
        return Effect.flatMap(this.room, () => this.sendFrom(messages, i))
    }
    Outbound.commit(writer)
    return Effect.void
  }

  private get room(): Effect.Effect<void> {
    return Signal.until(this.writer.changed, () => this.isClosed || Outbound.isAnswering(this.writer))
  }

  private tooLarge(bytes: number | undefined): Effect.Effect<never, FlowError> | undefined {
    if (bytes === undefined || this.isClosed) return undefined
    return Effect.fail(this.error(new MessageTooLarge({ bytes, bytesMax: this.writer.sender.limits.messageBytesMax })))
  }

  /** Fails with why no message can be sent now; undefined when one can. */
  private refusal(): Effect.Effect<never, FlowError | E> | undefined {
    if (this.isClosed) return this.closed()
    if (this.failing !== undefined || this.writer.sender.status === "open") return this.failing
    return Effect.fail(this.error(new FlowClosed({ detail: this.endedBy })))
  }

  /** Waits until the flow is closed or has failed, then fails with the reason. */
  get stopped(): Effect.Effect<never, FlowError | E> {
    const stopped = Signal.until(this.writer.changed, () => !this.isWhole())
    return Effect.flatMap(stopped, () => this.refusal() ?? Effect.never)
  }

  /** Sends the caller's second word, on which the handler starts. */
  start(): void {
    Outbound.owe(this.writer, "word")
  }

  /** Waits for the caller's second word. Returns false if the flow is over without it. */
  get started(): Effect.Effect<boolean> {
    return Effect.map(
      Signal.until(this.reader.changed, () => this.reader.receiver.hasHeard || !this.isWhole()),
      () => this.isWhole()
    )
  }

  /** Tells the handler that the endpoint is being withdrawn, and the caller as well if it understands (`tellsPeer`). */
  withdraw(tellsPeer: boolean): void {
    this.noteWithdrawn()
    if (tellsPeer) Outbound.owe(this.writer, "draining")
    Signal.notify(this.reader.changed)
  }

  /** Waits until the endpoint is being withdrawn, or the flow is over. */
  get draining(): Effect.Effect<void> {
    const { changed, receiver } = this.reader
    return Signal.until(changed, () => receiver.isDraining || this.state._tag !== "open")
  }

  get end(): Effect.Effect<void, FlowError | E> {
    return Effect.suspend(() => this.closed() ?? this.endWith())
  }

  /** Ends the outgoing direction, with End or with `last`; sent messages leave first. */
  endWith(last?: Frame.Fail): Effect.Effect<void, FlowError | E> {
    return Effect.suspend(() => {
      if (this.failing !== undefined) return this.failing
      Outbound.end(this.writer, last)
      return Effect.void
    })
  }

  /** Waits until the last frame is handed to the link, or never will be. */
  get flushed(): Effect.Effect<void> {
    return Outbound.flushed(this.writer)
  }

  /** Takes the next received message; undefined when none waits, or its input was refused. */
  take(): Message | undefined {
    return this.state._tag === "refused" ? undefined : Inbound.take(this.reader)
  }

  /** As `take`, for all received messages. */
  takeAll(): NonEmptyReadonlyArray<Message> | undefined {
    return this.state._tag === "refused" ? undefined : Inbound.takeAll(this.reader)
  }

  /** Resumes a held link if there is room. Returns whether it did: a listener may then have interrupted the taker. */
  goOn(): boolean {
    const { reader } = this
    if (!Inbound.release(reader)) return false
    this.writer.link.goOn()
    return true
  }

  /** Waits until a message can be taken; fails with why none ever will. */
  get arrival(): Effect.Effect<void, FlowError | E | Cause.Done> {
    return Effect.suspend((): Effect.Effect<void, FlowError | E | Cause.Done> => {
      const stopped = this.closed() ?? this.state.refusing
      if (stopped !== undefined) return stopped
      if (Inbound.isEmpty(this.reader)) {
        if (this.hasHeardAll()) return done
        if (this.failing !== undefined) return this.failing
      }
      return Signal.until(this.reader.changed, () => this.hasNews())
    })
  }

  private hasNews(): boolean {
    return !this.isWhole() || !Inbound.isEmpty(this.reader) || this.hasHeardAll()
  }

  /** Discards input until the peer has finished: a stream closed under a sending peer may lose frames to it. */
  get drain(): Effect.Effect<void> {
    return Effect.suspend(() => {
      Inbound.discard(this.reader)
      this.writer.link.goOn()
      return Inbound.atEnd(this.reader)
    })
  }

  /**
   * Waits for the peer of a caller that has ended and leaves: as `drain`, but only up to a bound of discarded bytes.
   * Undefined for a caller that has not ended.
   */
  linger(): Effect.Effect<void> | undefined {
    const { status } = this.writer.sender
    if (status !== "ending" && status !== "ended") return undefined
    return Effect.raceFirst(this.drain, Inbound.overheard(this.reader))
  }

  /** Takes a frame. Returns whether another may come. */
  onFrame(frame: Frame.Frame): boolean {
    if (this.failing === undefined) this.onReceived(Receiver.receive(this.reader.receiver, frame))
    return this.failing !== undefined || !Inbound.hold(this.reader)
  }

  private onReceived(received: Receiver.Received): void {
    switch (received._tag) {
      case "Messages":
        return Inbound.accept(this.reader, received.batch)
      case "Ended":
        return Signal.notify(this.reader.changed)
      case "Failed": {
        const { fail } = received
        const declared = fail.reason === "Domain" ? this.decodeError(fail.error) : undefined
        const isDeclared = declared !== undefined && Result.isSuccess(declared)
        return this.breakWith(() => (isDeclared ? declared.success : this.error(reasonOfFail(fail))))
      }
      case "TooLarge":
      case "Violation":
        // A peer cannot know how large a message this side takes, so only a violation is its fault.
        if (received._tag === "Violation") this.writer.link.blame?.()
        this.refuse(...refusalOf(received, this.reader.receiver.limits.messageBytesMax))
    }
  }

  onEnd(how: () => LinkBroken | Cause.Done): void {
    this.reader.phase = "ended"
    const ended = this.isSettled() ? undefined : how()
    if (Cause.isDone(ended)) this.onFinished()
    else if (ended !== undefined) this.onBroken(() => ended)
    Signal.notify(this.reader.changed)
  }

  /** Handles the end of input. A caller may finish after its End and still listen; an endpoint is done by then. */
  private onFinished(): void {
    const { link, role } = this.writer
    if (this.reader.receiver.status === "ended") {
      if (role === "caller") this.breakWith(() => this.error(new FlowClosed({ detail: "the endpoint has finished" })))
    } else if (link.stopped === undefined || this.context === undefined) this.onStopped()
    else {
      const told = (how: LinkBroken | Cause.Done) => (Cause.isDone(how) ? this.onStopped() : this.onBroken(() => how))
      const settle = Effect.catch(link.stopped, (how) => Effect.sync(() => told(how)))
      Effect.runForkWith(this.context)(Effect.forkIn(Background.heard("ending a flow")(settle), this.scope)) // tidy: heard
    }
  }

  /** Fails a flow without End. A caller may still listen and gets a Fail, without which the answer would look good. */
  private onStopped(): void {
    const detail = "the stream stopped without End"
    const last = this.writer.role === "endpoint" ? Frame.fail("ProtocolViolation", detail) : undefined
    this.breakWith(() => this.error(new PeerLost({ detail })), last)
  }

  onBroken(how: () => LinkBroken): void {
    if (this.isSettled()) return
    const broken = how()
    if (broken.how === "violation") this.refuse(reasonOfLink(broken), Frame.fail("ProtocolViolation", broken.detail))
    else if (broken.how !== "finished") this.breakWith(() => this.error(reasonOfLink(broken)), lastOfLink(broken))
    else {
      this.endedBy = broken.detail
      Outbound.abandon(this.writer)
    }
  }

  onRoom(): void {
    Outbound.onRoom(this.writer)
  }

  /** Leaves the flow. Before both directions have ended it tells the peer why, which then need not guess. */
  leave(): void {
    const { link, role, sender } = this.writer
    this.close()
    Outbound.flush(this.writer)
    link.detach(this)
    // Frames of a finished link are on their way, and the scope of the link waits until they have left.
    if (!this.hasEnded() && !Outbound.hasFinished(this.writer))
      link.cancel(Sender.lastWord(sender) ?? Frame.fail("Reset", `the ${role} has left`))
  }
}

export const make = Effect.fnUntraced(function* <E>(
  link: Link,
  options: Options<E>
): Effect.fn.Return<FlowEnd<E>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const context = link.stopped && (yield* Effect.context<never>())
  const channel = new FlowEnd(link, options, scope, context)
  // `Effect.addFinalizer` would keep the context of the fiber for as long as the flow lives.
  yield* Scope.addFinalizerExit(scope, () => Effect.sync(() => channel.leave()))
  link.attach(channel)
  link.goOn()
  return channel
})
