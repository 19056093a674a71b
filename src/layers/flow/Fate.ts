/**
 * How one end of an accepted flow ends: what fails it, what it has told to whom, and when nothing can fail it any more.
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
 * Its states beside those of its halves, which `FlowState` draws:
 *
 * ```text
 *   whole ── fail, a Fail came, the link broke ──> failing   what came is handed out first
 *     │ └─── refuse: what came is wrong ─────────> refused   from each of them: nothing that came is handed out any more
 *     └───── both directions have ended ─────────> over      at a caller only once the link has, too: until then the
 *                                                            handler goes on, and may fail
 *
 *   open ── the scope of whoever holds it is over ─> closed  beside those above: he is told nothing else from then on
 * ```
 *
 * A class to extend, so that a flow and its fate are one object: see `FlowEnd`.
 */
export abstract class Fate<E> {
  private readonly endpoint: string
  private readonly peer: string
  readonly writer: Outbound.Outbound
  readonly reader: Inbound
  /** Why nothing more can be said. For reading only. */
  failing: Effect.Effect<never, FlowError | E> | undefined
  /** Set once something that came in was refused: from then on nothing that came is handed out, not even a good end. */
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

  /** An error of this flow, as of now. */
  error(reason: FlowErrorReason): FlowError {
    const delivered = Sender.delivered(this.writer.sender)
    return new FlowError({ endpoint: this.endpoint, peer: this.peer, delivered, reason })
  }

  /** Breaks the flow for something else: what came is still handed out, what waits is dropped, the peer is told. */
  fail(reason: FlowErrorReason, last: Frame.Fail): void {
    this.breakWith(() => this.error(reason), last)
  }

  /** Breaks the flow for something that came in: drops what waits and tells the peer. The error is this side's. */
  refuse(reason: FlowErrorReason, last: Frame.Fail): FlowError {
    let made: FlowError | undefined
    // Made once what waits was dropped, so that it does not count as what may be seen.
    const cause = () => (made ??= this.error(reason))
    this.refused = Effect.suspend(() => Effect.fail(cause()))
    this.failWith(cause, last)
    return cause()
  }

  /** Over for whoever holds the flow: what waits fails, and so does what is asked for later. What was sent still leaves. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    Signal.notify(this.writer.changed)
    Signal.notify(this.reader.changed)
  }

  /** Why nothing is sent or received any more whatever has come; undefined while the flow is open. */
  closed(): Effect.Effect<never, FlowError> | undefined {
    return this.isClosed ? Effect.fail(this.error(new FlowClosed({ detail: "its scope is over" }))) : undefined
  }

  /** As `Listener.heldBytes`. */
  heldBytes(): number {
    return this.reader.inbox.bytes + Receiver.openBytes(this.reader.receiver)
  }

  /** As `Listener.unsentBytes`. */
  unsentBytes(): number {
    return this.writer.sender.waitingBytes
  }

  /** Calls `told` once when this flow fails, at once if it has already failed. A second call replaces the first. */
  onFailed(told: () => void): void {
    this.tellFailed = told
    if (this.failing !== undefined) told()
  }

  /** The other side has ended. A caller that has ended as well hears out the link: its endpoint may fail until it is done. */
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

  /** Whether the carrier has nothing more to say of the flow. */
  protected isSettled(): boolean {
    return this.failing !== undefined || this.hasEnded()
  }

  private isOver(): boolean {
    return this.hasEnded() && (this.writer.role === "endpoint" || this.reader.phase === "ended")
  }

  protected breakWith(cause: () => FlowError | E, last?: Frame.Fail): void {
    if (!this.isOver()) this.failWith(cause, last)
  }

  /** The error is made for the first who asks: an error has a stack, and a flow that is left has nobody to show it to. */
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
