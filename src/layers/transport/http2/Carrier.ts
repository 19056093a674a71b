/** Carrier: the HTTP/2 stream under a link, as the link sees it. */
import type * as http2 from "node:http2"
import type { Cause, Effect } from "effect"
import type { FrameListener, Link, LinkBroken } from "../../../services/Transport.ts"

/** Tells why the HTTP/2 stream under a link stopped, and passes on the session's word of the peer. Call as methods. */
export interface Carrier {
  /**
   * Tells why the stream stopped. "lost": the session is gone. "reset": only this stream is. "refused": the peer never
   * looked at this stream. "violation": the peer broke HTTP/2 itself. "deadline": the time of the call is over.
   * "stalled": this side gave the stream up. "open": none of them, so the bytes of the stream are to blame.
   */
  readonly fate: () => "lost" | "reset" | "refused" | "violation" | "deadline" | "stalled" | "open"
  /** As `Link.proven`. */
  readonly proven: Link["proven"]
  /** As `Link.countedAs`. */
  readonly countedAs?: Link["countedAs"]
  /** As `Link.metadata`. */
  readonly metadata: Link["metadata"]
  /** Sets the holder of received and unsent bytes of the stream, beside the stream itself. */
  readonly heldBy: (holder: Pick<FrameListener, "heldBytes" | "unsentBytes">) => void
  /** As `Link.doubt`. */
  readonly doubt: () => void
  /** As `Link.blame`. */
  readonly blame: () => void
  /** Returns how the stream stopped otherwise than in good order, made when asked for; undefined while it has not. */
  readonly cause: () => (() => LinkBroken) | undefined
  /** Fails once `cause` is set. */
  readonly broken: Effect.Effect<never, LinkBroken>
  /**
   * Waits for the fate of a stream that ended without a last word: fails with its reset, or as done if none comes soon.
   * A client that gives up may finish its side just before.
   */
  readonly stopped: Effect.Effect<never, LinkBroken | Cause.Done>
  /** Breaks the link since the deadline of the call has come, unless it is broken already. */
  readonly expire: () => void
  /** Waits until the stream is closed. */
  readonly closed: Effect.Effect<void>
}

export type Fate = ReturnType<Carrier["fate"]>

/** Returns what people are told of a stream that stopped so. */
export const detailOf = (how: Fate, { rstCode }: Pick<http2.Http2Stream, "rstCode">): string => {
  if (how === "violation") return "the session broke the rules of HTTP/2"
  if (how === "deadline") return "the timeout of the call"
  if (how === "stalled") return "what it holds has stayed for too long"
  return how === "lost" ? "the connection is gone" : `code ${rstCode}`
}
