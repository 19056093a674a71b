/**
 * Fate: decides how one end of an accepted flow ends: its error, the last frame for the peer, when it can fail no more.
 */
import { Effect } from "effect"
import * as FlowState from "../../protocol/flow/FlowState.ts"
import type * as Frame from "../../protocol/flow/Frame.ts"
import * as Receiver from "../../protocol/flow/Receiver.ts"
import * as Sender from "../../protocol/flow/Sender.ts"
import { FlowClosed, FlowError, type FlowErrorReason } from "../../services/FlowError.ts"
import * as Signal from "../core/Signal.ts"
import type { Inbound } from "./Inbound.ts"
import * as Outbound from "./Outbound.ts"

/**
 * States beside those of its halves, which `FlowState` draws:
 *
 * ```text
 *   whole ── fail, a Fail came, the link broke ──> failing   received messages are handed out first
 *     │ └─── refuse: bad input ──────────────────> refused   from each of them: no received message is handed out
 *     └───── both directions have ended ─────────> over      at a caller only once the link has, too: until then the
 *                                                            handler goes on, and may fail
 *
 *   open ── the scope of its holder is over ─────> closed    beside those above: the holder hears only FlowClosed then
 * ```
 *
 * A class to extend, so that a flow and its fate are one object: see `FlowEnd`.
 */
export abstract class Fate<E> {
  private readonly endpoint: string
  private readonly peer: string
  readonly writer: Outbound.Outbound
  readonly reader: Inbound
  /** Fails with the error of the flow; undefined while it has not failed. For reading only. */
  failing: Effect.Effect<never, FlowError | E> | undefined
  /** Set once input was refused: from then on no received message is handed out, nor a good end. */
  protected refused: Effect.Effect<never, FlowError> | undefined
  private tellFailed: (() => void) | undefined
  protected isClosed = false

  constructor(
    { endpoint, peer }: { readonly endpoint: string; readonly peer: string },
    writer: Outbound.Outbound,
    reader: Inbound
  ) {
    this.endpoint = endpoint
    this.peer = peer
    this.writer = writer
    this.reader = reader
  }

  /** Makes an error of this flow, with `delivered` as of now. */
  error(reason: FlowErrorReason): FlowError {
    const delivered = Sender.delivered(this.writer.sender)
    return new FlowError({ endpoint: this.endpoint, peer: this.peer, delivered, reason })
  }

  /** Fails the flow for anything but its input: hands out received messages, drops unsent ones, sends `last`. */
  fail(reason: FlowErrorReason, last: Frame.Fail): void {
    this.breakWith(() => this.error(reason), last)
  }

  /** Fails the flow for its input: drops unsent messages and sends `last`. Returns the error of this side. */
  refuse(reason: FlowErrorReason, last: Frame.Fail): FlowError {
    let made: FlowError | undefined
    // Made after unsent messages were dropped, so that `delivered` does not count them.
    const cause = () => (made ??= this.error(reason))
    this.refused = Effect.suspend(() => Effect.fail(cause()))
    this.failWith(cause, last)
    return cause()
  }

  /** Closes the flow for its holder: pending and later operations fail with FlowClosed. Sent messages still leave. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    Signal.notify(this.writer.changed)
    Signal.notify(this.reader.changed)
  }

  /** Fails with FlowClosed, whatever was received; undefined while the flow is open. */
  closed(): Effect.Effect<never, FlowError> | undefined {
    return this.isClosed ? Effect.fail(this.error(new FlowClosed({ detail: "its scope is over" }))) : undefined
  }

  /** As `FrameListener.heldBytes`. */
  heldBytes(): number {
    return this.reader.inbox.bytes + Receiver.openBytes(this.reader.receiver)
  }

  /** As `FrameListener.unsentBytes`. */
  unsentBytes(): number {
    return this.writer.sender.waitingBytes
  }

  /** Calls `told` once when this flow fails, at once if it has already failed. A second call replaces the first. */
  onFailed(told: () => void): void {
    this.tellFailed = told
    if (this.failing !== undefined) told()
  }

  /** Whether the peer has ended. A caller that has ended waits for the link, too: its endpoint may still fail. */
  protected hasHeardAll(): boolean {
    const { reader, writer } = this
    if (reader.receiver.status !== "ended") return false
    const { status } = writer.sender
    if (writer.role === "endpoint" || status === "open" || status === "failed") return true
    return reader.phase === "ended" && this.failing === undefined
  }

  protected hasEnded(): boolean {
    return FlowState.isOver(this.writer.sender, this.reader.receiver)
  }

  /** Whether the link can tell nothing more about the flow. */
  protected isSettled(): boolean {
    return this.failing !== undefined || this.hasEnded()
  }

  private isOver(): boolean {
    return this.hasEnded() && (this.writer.role === "endpoint" || this.reader.phase === "ended")
  }

  protected breakWith(cause: () => FlowError | E, last?: Frame.Fail): void {
    if (!this.isOver()) this.failWith(cause, last)
  }

  /** Makes the error on first use: an error has a stack, and a flow that was left has no reader for it. */
  private failWith(cause: () => FlowError | E, last?: Frame.Fail): void {
    if (this.failing !== undefined) return
    let made: Effect.Effect<never, FlowError | E> | undefined
    this.failing = Effect.suspend(() => (made ??= Effect.fail(cause())))
    Outbound.abandon(this.writer, last)
    Signal.notify(this.reader.changed)
    this.tellFailed?.()
    this.writer.link.goOn()
  }
}
