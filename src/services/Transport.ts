/**
 * How frames get from host to host. A transport carries flows; it does not know what they mean.
 *
 * Swap it to change the network under a fabric: HTTP/2 between processes, memory between the hosts of a test.
 */
import { type Cause, Context, Data, type Effect, type Scope } from "effect"
import type { Fail, Frame } from "../protocol/flow/Frame.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/**
 * The carrier of a link broke. "lost": the peer died or was cut off. "reset": the peer gave this link up while it
 * lives. "violation": what came was no frame. "finished": the peer takes no more frames, but what it sent may still be
 * read. "deadline": the carrier's own bound of the call is over. "refused": the peer has said that it never looked at
 * the link, so another may be dialled.
 */
export class LinkBroken extends Data.TaggedError("LinkBroken")<{
  readonly how: "lost" | "reset" | "violation" | "finished" | "deadline" | "refused"
  readonly detail: string
  /** HTTP status of an answer that is no flow. */
  readonly status?: number
}> {
  override get message() {
    return `${this.how}: ${this.detail}`
  }
}

/** Who hears of a link that gives its frames by itself, in the turn in which they come. */
export interface Listener {
  /** Takes a frame; false when no other is to come before `goOn`. */
  readonly onFrame: (frame: Frame) => boolean
  /** No more frames come: the peer has finished in good order, or what happened instead, made when asked for. */
  readonly onEnd: (how: () => LinkBroken | Cause.Done) => void
  /** The carrier broke, or takes no more frames; what has come before may still be given. */
  readonly onBroken: (how: () => LinkBroken) => void
  /** A carrier that was full has room again, or never will have. */
  readonly onRoom: () => void
}

/** A link with its listener. */
export interface Attached {
  /** Gives the next frames. */
  readonly goOn: () => void
  /** As `Link.finish`, at once. */
  readonly finish: () => void
  /** The listener hears nothing more. */
  readonly detach: () => void
}

/**
 * One flow's two-way exchange of frames. One fiber writes and one reads; the scope in which it was opened resets it. What is
 * a function here may be a method: it is called on its link.
 */
export interface Link {
  /** Hosts that the other side has proven to be; undefined where nothing is to be proven. */
  readonly proven?: ReadonlyArray<string> | undefined
  /** Hands a frame to the carrier, and waits until the carrier has room for another. */
  readonly write: (frame: Frame) => Effect.Effect<void, LinkBroken>
  /** Frames stay within the process, and only its listener has any: messages are neither packed nor cut. */
  readonly isWithin?: boolean
  /** Nothing is on its way: what is handed over now leaves in this turn, so there is no company to wait for. */
  readonly isIdle: () => boolean
  /** Hands over the frames that `next` gives while the carrier has room right now; once broken or finished it has none. */
  readonly fill: (next: () => Frame | undefined) => void
  /** The next frame; `Cause.Done` when the peer has finished in good order. */
  readonly read: Effect.Effect<Frame, LinkBroken | Cause.Done>
  /** Finishes this side in good order: what was written still arrives. */
  readonly finish: Effect.Effect<void>
  /**
   * The membership plane has declared the other side dead. The link asks it for a sign of life, and breaks as lost unless one
   * comes: a host that the flows still reach keeps them.
   */
  readonly doubt?: () => void
  /** Gives the link up at once: what waits is lost, and the peer gets this last frame if there is room for it right now. */
  readonly cancel: (last: Fail) => Effect.Effect<void>
  /** Fails when the carrier breaks, even while nobody reads or writes. */
  readonly broken: Effect.Effect<never, LinkBroken>
  /**
   * Gives the frames from here on to a listener, from the first `goOn` on, in place of `write`, `read` and `broken`. A link
   * that has it spares each flow the fibers that wait for them.
   */
  readonly attach?: (listener: Listener) => Attached
  /**
   * For a link that ended in good order before its peer had its last word: fails with what broke it, which may come a moment
   * later, or as done if nothing did.
   */
  readonly stopped?: Effect.Effect<never, LinkBroken | Cause.Done> | undefined
}

export class Transport extends Context.Service<
  Transport,
  {
    /** Port on which other hosts reach this one's flows; 0 when they cannot. */
    readonly flowPort: number
    /** Opens a link to a host. Errors: HostUnreachable, Unauthorized, FabricClosed. */
    readonly dial: (host: Host) => Effect.Effect<Link, NetworkError, Scope.Scope>
    /**
     * Serves incoming links for the life of the scope, each in a fiber of its own; the link's scope is the serving
     * effect's. Until somebody serves, incoming links wait.
     */
    readonly serve: (
      onLink: (link: Link) => Effect.Effect<void, never, Scope.Scope>
    ) => Effect.Effect<void, never, Scope.Scope>
    /** As `Link.doubt`, for all links that were dialled to a host. */
    readonly doubt: (host: Host) => Effect.Effect<void>
  }
>()("grinta/services/Transport") {}
