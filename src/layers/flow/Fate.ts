/**
 * Fate: decides how one end of an accepted flow ends: its error, the last frame for the peer, when it can fail no more.
 */
import { Effect } from "effect"
import type * as Frame from "../../protocol/flow/Frame.ts"
import * as Receiver from "../../protocol/flow/Receiver.ts"
import * as Sender from "../../protocol/flow/Sender.ts"
import { FlowClosed, FlowError, type FlowErrorReason } from "../../services/FlowError.ts"
import * as Signal from "../core/Signal.ts"
import type { Inbound } from "./Inbound.ts"
import * as Outbound from "./Outbound.ts"

/**
 * State of one end of a flow, beside those of its halves, which `Sender` and `Receiver` draw. `failing` fails with the
 * error of the flow, `refusing` with why input was refused.
 *
 * ```text
 *   open ── the endpoint is being withdrawn ──> withdrawn
 *
 *   open, withdrawn ── fail, a Fail came, the link broke ──> failed    received messages are handed out first
 *   open, withdrawn, failed ── refuse: bad input ──────────> refused   no received message is handed out, nor a good end
 *   each of them ── the scope of its holder is over ───────> closed    the holder hears only FlowClosed
 * ```
 *
 * A closed flow that had not failed may still fail, which drops its unsent messages. No flow fails once both directions
 * have ended: at a caller only once the link has, too. Until then the handler goes on, and may fail.
 */
type State<E> =
  | { readonly _tag: "open" | "withdrawn"; readonly failing: undefined; readonly refusing: undefined }
  | { readonly _tag: "failed"; readonly failing: Failing<E>; readonly refusing: undefined }
  | { readonly _tag: "refused"; readonly failing: Failing<E>; readonly refusing: Failing<never> }
  | { readonly _tag: "closed"; readonly failing: Failing<E> | undefined; readonly refusing: undefined }

type Failing<E> = Effect.Effect<never, FlowError | E>

// Shared: an idle flow has no object of its own for its state.
const open: State<never> = { _tag: "open", failing: undefined, refusing: undefined }
const withdrawn: State<never> = { _tag: "withdrawn", failing: undefined, refusing: undefined }
const closed: State<never> = { _tag: "closed", failing: undefined, refusing: undefined }

/** A class to extend, so that a flow and its fate are one object: see `FlowEnd`. */
export abstract class Fate<E> {
  private readonly endpoint: string
  private readonly peer: string
  readonly writer: Outbound.Outbound
  readonly reader: Inbound
  protected state: State<E> = open
  private tellFailed: (() => void) | undefined

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

  /** Fails with the error of the flow; undefined while it has not failed. */
  get failing(): Failing<E> | undefined {
    return this.state.failing
  }

  protected get isClosed(): boolean {
    return this.state._tag === "closed"
  }

  /** Whether the flow goes on for its holder. */
  protected isWhole(): boolean {
    const { _tag } = this.state
    return _tag === "open" || _tag === "withdrawn"
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
    const refusing = Effect.suspend(() => Effect.fail(cause()))
    const { _tag, failing } = this.state
    if (failing === undefined) this.failWith(cause, last, refusing)
    else if (_tag !== "closed") this.state = { _tag: "refused", failing, refusing }
    return cause()
  }

  /** Closes the flow for its holder: pending and later operations fail with FlowClosed. Sent messages still leave. */
  close(): void {
    if (this.isClosed) return
    const { failing } = this.state
    this.state = failing === undefined ? closed : { _tag: "closed", failing, refusing: undefined }
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

  /** Notes that the endpoint is being withdrawn. */
  protected noteWithdrawn(): void {
    if (this.state._tag === "open") this.state = withdrawn
  }

  /** Whether both directions have ended. */
  protected hasEnded(): boolean {
    return this.writer.sender.status === "ended" && this.reader.receiver.status === "ended"
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
  private failWith(cause: () => FlowError | E, last?: Frame.Fail, refusing?: Failing<never>): void {
    if (this.failing !== undefined) return
    let made: Failing<E> | undefined
    const failing = Effect.suspend(() => (made ??= Effect.fail(cause())))
    if (this.isClosed) this.state = { _tag: "closed", failing, refusing: undefined }
    else if (refusing === undefined) this.state = { _tag: "failed", failing, refusing }
    else this.state = { _tag: "refused", failing, refusing }
    Outbound.abandon(this.writer, last)
    Signal.notify(this.reader.changed)
    this.tellFailed?.()
    this.writer.link.goOn()
  }
}
