/**
 * What becomes of one stream of an HTTP/2 session, and the difference between a lost session and a reset stream. "refused"
 * is a promise of the peer: its program has not seen the stream.
 * Source: RFC 9113, sections 6.8 and 8.7.
 */
import * as http2 from "node:http2"
import { Cause, Effect } from "effect"
import * as Share from "../../../protocol/flow/Share.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import * as Signal from "../../core/Signal.ts"
import type { Carrier } from "./Carrier.ts"
import { type Heard, type Session, streamWindowBytes } from "./Session.ts"

/** How soon after the end of its stream the reset of a client comes that gives up. */
const resetTimeout = "100 millis"

/** What can be on its way to a flow that has failed, until its peer hears of it: what its window lets through meanwhile, too. */
const underwayBytesMax = 2 * streamWindowBytes

type Fate = ReturnType<Carrier["fate"]>

const detailOf = (how: Fate, { rstCode }: http2.Http2Stream): string => {
  if (how === "violation") return "the session broke the rules of HTTP/2"
  if (how === "deadline") return "the timeout of the call"
  if (how === "stalled") return "what it holds has stayed for too long"
  return how === "lost" ? "the connection is gone" : `code ${rstCode}`
}

/** Who holds bytes of a stream. */
type Holder = Parameters<Carrier["heldBy"]>[0]

/** Who hears of a stream beside its carrier, and after it. */
export interface Hearer extends Partial<Pick<Heard, "onData" | "onEnd" | "onClose" | "look">>, Holder {
  /** The deadline of the call has come. */
  readonly onExpired?: () => void
}

/**
 * Its states are those of its fate: the first of these that holds when somebody asks. What was so when the stream closed, or
 * its deadline came, is what broke it (`cause`).
 *
 * ```text
 *   open ──> deadline    its time came while it was open, and nothing after that counts
 *     │ └──> refused     the peer has said so, or never saw it
 *     │ └──> violation   the peer broke the rules of HTTP/2
 *     │ └──> lost        the session is
 *     │ └──> reset       by either side
 *     │ └──> stalled     given up by this side, since what it holds has stayed too long
 *     └────> closed, and still open: it stopped in good order
 * ```
 *
 * A class, and its effects made when they are asked for: an idle flow has one, and asks for none of them.
 */
export class StreamFate implements Carrier, Heard {
  private readonly session: Session
  private readonly stream: http2.Http2Stream
  private readonly settled = Signal.make()
  private breaking: (() => LinkBroken) | undefined
  private hearer: Hearer | undefined
  /** A caller that has heard nothing of its stream has not met a peer that breaks HTTP/2, but one that does not speak it. */
  isHeard: boolean
  /** What neither the stream nor its session tells. */
  private verdict: "deadline" | "violation" | "stalled" | undefined
  private isClosed = false
  private hasBegun = false
  /** What comes is counted when it comes, not when it is read. */
  private isCounted = false
  /** What has come since its peer was at fault; undefined while it was not. */
  private vainBytes: number | undefined
  /** All that has come, or was read where it is not counted when it comes; and all that was handed to the stream. */
  private cameBytes = 0
  private saidBytes = 0
  /** How long what came is here, and what is to leave. */
  private coming: Share.Stay | undefined
  private leaving: Share.Stay | undefined
  private holder: Holder | undefined
  readonly metadata: Carrier["metadata"]

  constructor(session: Session, stream: http2.Http2Stream, metadata?: Carrier["metadata"]) {
    this.session = session
    this.metadata = metadata
    this.stream = stream
    this.isHeard = session.http2.type === http2.constants.NGHTTP2_SESSION_SERVER
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

  /** So many bytes have come. */
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

  /** Has the end of the stream heard, and all else that is known here. */
  hear(hearer: Hearer): void {
    this.hearer = hearer
    this.stream.on("end", this.session.listeners.end)
  }

  /** Has the data of the stream heard from now on. */
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

  /** So many bytes have come that the session did not hear of, which reads them for nobody but itself. */
  arrived(bytes: number): void {
    const { counts } = this.session
    this.isCounted = true
    this.cameBytes += bytes
    counts.pieces += 1
    counts.pieceBytes += bytes
    this.bear(bytes)
  }

  unreadBytes(): number {
    return this.isCounted ? 0 : this.stream.readableLength
  }

  /** Its first frame has come. */
  begin(): void {
    if (this.hasBegun || this.isClosed) return
    this.hasBegun = true
    const { counts, guard } = this.session
    counts.begun += 1
    counts.everBegun += 1
    guard?.onBegun()
  }

  expire(): void {
    if (this.fate() === "open") this.verdict = "deadline"
    this.decide()
    Signal.notify(this.settled)
    this.hearer?.onExpired?.()
  }

  /** So many bytes were handed to the stream. */
  said(bytes: number): void {
    this.saidBytes += bytes
  }

  heldBy(holder: Holder): void {
    this.holder = holder
  }

  count(share: Share.Share<Heard>, nowMillis: number): void {
    // One that broke lets go of what it holds.
    if (this.breaking !== undefined) return
    const { hearer, holder, isCounted, stream } = this
    const unreadBytes = stream.readableLength
    const takenLater = (hearer?.heldBytes?.() ?? 0) + (holder?.heldBytes?.() ?? 0)
    const unwrittenBytes = stream.writableLength
    const inBytes = unreadBytes + takenLater
    const outBytes = unwrittenBytes + (hearer?.unsentBytes?.() ?? 0) + (holder?.unsentBytes?.() ?? 0)
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

  /** Whoever holds the flow is told at once, and the peer as far as it takes a last word. */
  giveUp(detail: string): void {
    const { stream } = this
    if (this.fate() === "open") this.verdict = "stalled"
    this.breaking ??= () => new LinkBroken({ how: "stalled", detail })
    Signal.notify(this.settled)
    this.hearer?.onExpired?.()
    setImmediate(() => {
      if (!stream.writableEnded) stream.close(http2.constants.NGHTTP2_CANCEL)
    })
  }

  onData(chunk: Uint8Array): void {
    this.bear(chunk.byteLength)
    this.cameBytes += chunk.byteLength
    this.hearer?.onData?.(chunk)
  }

  onEnd(): void {
    this.hearer?.onEnd?.()
  }

  onError(cause: NodeJS.ErrnoException): void {
    if (this.isHeard && cause.code === "ERR_HTTP2_ERROR") this.verdict ??= "violation"
  }

  onGone(): void {
    this.isClosed = true
    this.decide()
    const { hasBegun, session } = this
    if (hasBegun) session.counts.begun -= 1
    session.guard?.onGone(this.stream.rstCode, hasBegun)
  }

  onClose(): void {
    Signal.notify(this.settled)
    this.hearer?.onClose?.()
  }

  look(nowMillis: number, isQuiet: boolean): void {
    this.hearer?.look?.(nowMillis, isQuiet)
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
    return Signal.until(this.settled, () => this.isClosed)
  }
}
