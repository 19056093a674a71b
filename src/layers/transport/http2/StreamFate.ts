/**
 * StreamFate: tells why one stream of an HTTP/2 session stopped, and a lost session from a reset stream. "refused" is a
 * promise of the peer: its program has not seen the stream.
 * Source: RFC 9113, sections 6.8 and 8.7.
 */
import * as http2 from "node:http2"
import { Cause, Effect } from "effect"
import * as Share from "../../../protocol/flow/Share.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import * as Signal from "../../core/Signal.ts"
import { type Carrier, detailOf, type Fate } from "./Carrier.ts"
import { type Session, type StreamListener, streamWindowBytes } from "./Session.ts"

/** Time after the end of its stream in which the reset of a client comes that gives up. */
const resetTimeout = "100 millis"

/** Bytes that may be on their way to a failed flow until its peer hears of that: twice the window of a stream. */
const underwayBytesMax = 2 * streamWindowBytes

/** Holder of bytes of a stream. */
type Holder = Parameters<Carrier["heldBy"]>[0]

/** Consumer of a stream: its link or its call, told by the `StreamFate` after it has counted. */
export interface StreamConsumer extends Partial<Pick<StreamListener, "onData" | "onEnd" | "onClose" | "look">>, Holder {
  /** The deadline of the call has come. */
  readonly onExpired?: () => void
}

/**
 * Phases of a stream, by what has come of it. It is closed from each of them.
 *
 * ```text
 *   silent ── the answer ──> heard ── the first frame ──> begun        closed
 * ```
 *
 * The stream of a server is heard from its start: before that an error is no violation of HTTP/2, since the peer may
 * speak something else.
 */
type Phase = "silent" | "heard" | "begun" | "closed"

/**
 * The fate of a stream is the first of these that holds when it is asked for. The fate at the close of the stream, or
 * when its deadline came, is why it broke (`cause`).
 *
 * ```text
 *   open ──> deadline    its time came while it was open, and nothing after that counts
 *     │ └──> refused     the peer has said so, or never saw it
 *     │ └──> violation   the peer broke the rules of HTTP/2
 *     │ └──> stalled     given up by this side while it was open, since bytes that it holds have stayed too long
 *     │ └──> lost        the session is
 *     │ └──> reset       by either side
 *     └────> closed, and still open: it stopped in good order
 * ```
 *
 * A class, and its effects made on demand: an idle flow has one, and asks for none of them.
 */
export class StreamFate implements Carrier, StreamListener {
  private readonly session: Session
  private readonly stream: http2.Http2Stream
  private readonly settled = Signal.make()
  private breaking: (() => LinkBroken) | undefined
  private consumer: StreamConsumer | undefined
  private phase: Phase
  /** Fate that neither the stream nor its session tells. */
  private verdict: "deadline" | "violation" | "stalled" | undefined
  /** Bytes that have come since the peer was at fault; undefined while it was not. */
  private vainBytes: number | undefined
  /** Bytes that have come, or were read where they are not counted when they come; and bytes handed to the stream. */
  private cameBytes = 0
  private saidBytes = 0
  /** How long received bytes are here, and how long bytes wait to leave. */
  private coming: Share.Stay | undefined
  private leaving: Share.Stay | undefined
  private holder: Holder | undefined
  readonly metadata: Carrier["metadata"]

  constructor(session: Session, stream: http2.Http2Stream, metadata?: Carrier["metadata"]) {
    this.session = session
    this.metadata = metadata
    this.stream = stream
    this.phase = session.http2.type === http2.constants.NGHTTP2_SESSION_SERVER ? "heard" : "silent"
    const { close, error } = session.listeners
    session.streams.set(stream, this)
    stream.on("error", error).on("close", close)
  }

  get proven(): Carrier["proven"] {
    return this.session.proven
  }

  get grants(): Link["grants"] {
    return this.session.grants
  }

  get countedAs(): Carrier["countedAs"] {
    return this.session.countedAs
  }

  blame(): void {
    if (this.vainBytes === undefined) this.hold()
  }

  private hold(): void {
    this.vainBytes = 0
    this.session.guard?.onFault()
  }

  /** Counts bytes that came since the peer was at fault. */
  private bear(bytes: number): void {
    if (this.vainBytes === undefined) return
    this.vainBytes += bytes
    if (this.vainBytes > underwayBytesMax) this.hold()
  }

  get peer(): Session["peer"] {
    return this.session.peer
  }

  get room(): Session["room"] {
    return this.session.room
  }

  doubt(): void {
    this.session.doubt()
  }

  /** Attaches the consumer of the stream, told of the end and of all else but data. */
  attach(consumer: StreamConsumer): void {
    this.consumer = consumer
    this.stream.on("end", this.session.listeners.end)
  }

  /** Tells the consumer of data from now on. */
  listen(): void {
    this.stream.on("data", this.session.listeners.data)
  }

  fate(): Fate {
    const { session, stream } = this
    const { rstCode } = stream
    if (this.verdict === "deadline") return this.verdict
    if (rstCode === http2.constants.NGHTTP2_REFUSED_STREAM || session.isUnseen(stream)) return "refused"
    if (this.verdict !== undefined) return this.verdict
    if (session.isLost()) return "lost"
    return rstCode !== undefined && rstCode !== 0 ? "reset" : "open"
  }

  cause(): (() => LinkBroken) | undefined {
    return this.breaking
  }

  private decide(): void {
    const how = this.fate()
    if (how === "refused") this.session.retire()
    if (how !== "open") this.breaking ??= () => new LinkBroken({ how, detail: detailOf(how, this.stream) })
  }

  /** Counts bytes that the session does not hear of, since they are read without its listeners. */
  arrived(bytes: number): void {
    const { counts } = this.session
    this.cameBytes += bytes
    counts.pieces += 1
    counts.pieceBytes += bytes
    this.bear(bytes)
  }

  /** Counts a piece of a few bytes in which no frame ends. */
  fragment(): void {
    this.session.counts.fragments += 1
  }

  /** Whether bytes are counted when they come, since the stream is read by others than its consumer. */
  private get isCounted(): boolean {
    return this.consumer?.onData === undefined
  }

  unreadBytes(): number {
    return this.isCounted ? 0 : this.stream.readableLength
  }

  /** Notes that the peer has answered, and so speaks HTTP/2. */
  answered(): void {
    if (this.phase === "silent") this.phase = "heard"
  }

  /** Counts the stream as begun: its first frame has come. */
  begin(): void {
    if (this.phase !== "silent" && this.phase !== "heard") return
    this.phase = "begun"
    const { counts, guard } = this.session
    counts.begun += 1
    counts.everBegun += 1
    guard?.onBegun()
  }

  expire(): void {
    if (this.fate() === "open") this.verdict = "deadline"
    this.decide()
    Signal.notify(this.settled)
    this.consumer?.onExpired?.()
  }

  /** Counts bytes that were handed to the stream. */
  said(bytes: number): void {
    this.saidBytes += bytes
  }

  heldBy(holder: Holder): void {
    this.holder = holder
  }

  count(share: Share.Share<StreamListener>, nowMillis: number): void {
    // A stream that broke lets go of the bytes that it holds.
    if (this.breaking !== undefined) return
    const { consumer, holder, isCounted, stream } = this
    const unreadBytes = stream.readableLength
    const takenLater = (consumer?.heldBytes?.() ?? 0) + (holder?.heldBytes?.() ?? 0)
    const unwrittenBytes = stream.writableLength
    const inBytes = unreadBytes + takenLater
    const outBytes = unwrittenBytes + (consumer?.unsentBytes?.() ?? 0) + (holder?.unsentBytes?.() ?? 0)
    if (inBytes + outBytes === 0) {
      this.coming = this.leaving = undefined
      return
    }
    const takenBytes = this.cameBytes - takenLater - (isCounted ? unreadBytes : 0)
    this.coming = Share.stay(this.coming, { heldBytes: inBytes, leftBytes: takenBytes, nowMillis })
    this.leaving = Share.stay(this.leaving, {
      heldBytes: outBytes,
      leftBytes: this.saidBytes - unwrittenBytes,
      nowMillis
    })
    const since = Math.min(this.coming?.sinceMillis ?? nowMillis, this.leaving?.sinceMillis ?? nowMillis)
    Share.count(share, this, inBytes + outBytes, since)
  }

  /** Gives the stream up. Tells the holder of the flow at once, and the peer as far as it takes a last word. */
  giveUp(detail: string): void {
    const { stream } = this
    if (this.fate() === "open") this.verdict = "stalled"
    this.breaking ??= () => new LinkBroken({ how: "stalled", detail })
    Signal.notify(this.settled)
    this.consumer?.onExpired?.()
    setImmediate(() => {
      if (!stream.writableEnded) stream.close(http2.constants.NGHTTP2_CANCEL)
    })
  }

  onData(chunk: Uint8Array): void {
    this.bear(chunk.byteLength)
    this.cameBytes += chunk.byteLength
    this.consumer?.onData?.(chunk)
  }

  onEnd(): void {
    this.consumer?.onEnd?.()
  }

  onError(cause: NodeJS.ErrnoException): void {
    const isHeard = this.phase === "heard" || this.phase === "begun"
    if (isHeard && cause.code === "ERR_HTTP2_ERROR") this.verdict ??= "violation"
  }

  onGone(): void {
    const { session } = this
    const hasBegun = this.phase === "begun"
    this.phase = "closed"
    this.decide()
    if (hasBegun) session.counts.begun -= 1
    session.guard?.onGone(this.stream.rstCode, hasBegun)
  }

  onClose(): void {
    Signal.notify(this.settled)
    this.consumer?.onClose?.()
  }

  look(nowMillis: number, isQuiet: boolean): void {
    this.consumer?.look?.(nowMillis, isQuiet)
  }

  get broken(): Effect.Effect<never, LinkBroken> {
    return Effect.flatMap(
      Signal.until(this.settled, () => this.breaking !== undefined),
      () => (this.breaking === undefined ? Effect.never : Effect.fail(this.breaking()))
    )
  }

  get stopped(): Effect.Effect<never, LinkBroken | Cause.Done> {
    return Effect.suspend(() => Effect.raceFirst(this.broken, Effect.delay(Cause.done(), resetTimeout)))
  }

  get closed(): Effect.Effect<void> {
    return Signal.until(this.settled, () => this.phase === "closed")
  }
}
