/** The HTTP/2 stream under a link, as the link sees it. */
import type { Cause, Effect } from "effect"
import type { Link, LinkBroken, Listener } from "../../../services/Transport.ts"

/** Carrier: tells why the HTTP/2 stream under a link stopped, and what the link tells of its peer. Its functions may be methods. */
export interface Carrier {
  /**
   * "lost": the session is gone. "reset": only this stream is. "refused": the peer has not looked at this stream.
   * "violation": the peer broke HTTP/2 itself. "deadline": the time that the caller gave the call is over. "stalled": this side
   * has given it up. "open": none of them, so what came is to blame.
   */
  readonly fate: () => "lost" | "reset" | "refused" | "violation" | "deadline" | "stalled" | "open"
  /** As `Link.proven`, and `Link.metadata`. */
  readonly proven: Link["proven"]
  /** As `Link.countedAs`. */
  readonly countedAs?: Link["countedAs"]
  readonly metadata: Link["metadata"]
  /** Who holds what comes on the stream and is to leave on it, beside the stream itself. */
  readonly heldBy: (holder: Pick<Listener, "heldBytes" | "unsentBytes">) => void
  /** As `Link.doubt`. */
  readonly doubt: () => void
  /** As `Link.blame`. */
  readonly blame: () => void
  /** How the stream has stopped otherwise than in good order, made when asked for; undefined while it has not. */
  readonly cause: () => (() => LinkBroken) | undefined
  /** Fails once it has. */
  readonly broken: Effect.Effect<never, LinkBroken>
  /**
   * For a stream that has stopped without a last word: fails with its reset, or as done if none comes. A client that gives
   * up may finish its side just before.
   */
  readonly stopped: Effect.Effect<never, LinkBroken | Cause.Done>
  /** The deadline of the call has come: breaks the link, unless it is broken already. */
  readonly expire: () => void
  /** Waits until the stream is closed. */
  readonly closed: Effect.Effect<void>
}
