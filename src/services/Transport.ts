/**
 * How frames get from host to host. A transport carries flows; it does not know what they mean.
 *
 * Swap it to change the network under a fabric: HTTP/2 between processes, memory between the hosts of a test.
 */
import { type Cause, Context, Data, type Effect, type Scope } from "effect"
import type { Fail, Frame } from "../protocol/flow/Frame.ts"
import type { Metadata } from "../protocol/flow/Metadata.ts"
import type { Certificate, Proof } from "../protocol/Proof.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/**
 * The carrier of a link broke. "lost": the peer died or was cut off. "reset": the peer gave this link up while it
 * lives. "violation": what came was no frame. "finished": the peer takes no more frames, but what it sent may still be
 * read. "deadline": the carrier's own bound of the call is over. "stalled": what the peer has this host hold has stayed for too
 * long, beyond its share. "refused": the peer has said that it never looked at
 * the link, so another may be dialled.
 */
export class LinkBroken extends Data.TaggedError("LinkBroken")<{
  readonly how: "lost" | "reset" | "violation" | "finished" | "deadline" | "stalled" | "refused"
  readonly detail: string
  /** HTTP status of an answer that is no flow. */
  readonly status?: number
}> {
  override get message() {
    return `${this.how}: ${this.detail}`
  }
}

/**
 * Who hears of a link, in the turn in which it happens. From within it may do whatever it does with a link: fill, finish,
 * cancel, go on, whatever it returns then, or leave the link to another listener.
 */
export interface Listener {
  /** Takes a frame; false when no other is to come before `Link.goOn`. */
  readonly onFrame: (frame: Frame) => boolean
  /**
   * No more frames come: the peer has finished in good order, or what happened instead, made when asked for. A listener
   * hears it once, after all frames.
   */
  readonly onEnd: (how: () => LinkBroken | Cause.Done) => void
  /** The carrier broke, or takes no more frames; what has come before may still be given. */
  readonly onBroken: (how: () => LinkBroken) => void
  /** A carrier that was full has room again, or never will have. */
  readonly onRoom: () => void
  /** What has come and nobody has taken, in bytes; nothing unless said. */
  readonly heldBytes?: () => number
  /** What waits for room, in bytes; nothing unless said. */
  readonly unsentBytes?: () => number
}

/**
 * One flow's two-way exchange of frames, with one listener at a time; the scope in which it was opened resets it. Nothing
 * here waits: the link says what comes, and when it has room. Call these as methods of the link: implementations use `this`.
 *
 * ```text
 *        goOn              the end is heard
 *   new ──────> flowing ───────────────────────> over
 *                │   ^
 *      onFrame   v   │ goOn
 *   gave false   held             attach leads to new from each of them: the next listener hears the end, too
 * ```
 */
export interface Link {
  /** What the other side has proven; undefined where nothing is to be proven. */
  readonly proven?: Proof | undefined
  /** Patterns of the names that the other side may own, where names are bound to certificates (`protocol/NameGrants`). */
  readonly grants?: ReadonlyArray<string> | undefined
  /**
   * Whom the link counts for, where peers share what a host has: the same for all links of one peer. Undefined where there are
   * no strangers, or the machine itself is at the other side.
   */
  readonly countedAs?: string | undefined
  /** Metadata that came with the call, beside its frames: a string says why it cannot be taken. */
  readonly metadata?: Metadata | string | undefined
  /** Frames stay within the process, and only its listener has any: messages are neither packed nor cut. */
  readonly isWithin?: boolean
  /**
   * Has this listener hear of the link in place of the one before. What breaks it from now on, and that there is room, it hears
   * when that happens; frames and the end only once it goes on.
   */
  readonly attach: (listener: Listener) => void
  /** This listener hears nothing more; what comes waits for another. No effect for one that was replaced. */
  readonly detach: (listener: Listener) => void
  /** Gives the next frames to the listener, and the end after the last of them. */
  readonly goOn: () => void
  /** The carrier has broken. Whoever attaches after that hears it as the end only, after what came before. */
  readonly isBroken: () => boolean
  /** Nothing is on its way: what is handed over now leaves in this turn, so there is no company to wait for. */
  readonly isIdle: () => boolean
  /**
   * The membership plane has declared the other side dead. The link asks it for a sign of life, and breaks as lost unless one
   * comes: a host that the flows still reach keeps them.
   */
  readonly doubt?: () => void
  /**
   * What came breaks a rule of the protocol, or does not fit its contract. A port holds it against whoever called: once for
   * the link, and again while more comes than can have been on its way.
   */
  readonly blame?: () => void
  /**
   * Hands over the frames that `next` gives while the carrier has room right now, which it has for the first of them. Once
   * broken or finished it has none: if there was a frame, the listener hears why it is lost.
   */
  readonly fill: (next: () => Frame | undefined) => void
  /** Finishes this side in good order: what was handed over still arrives. */
  readonly finish: () => void
  /**
   * Gives the link up: what waits is lost, and the peer gets this last frame if there is room for it right now. A link that is
   * finished has none, and is reset.
   */
  readonly cancel: (last: Fail) => void
  /**
   * For a link that ended in good order before its peer had its last word: fails with what broke it, which may come a moment
   * later, or as done if nothing did.
   */
  readonly stopped?: Effect.Effect<never, LinkBroken | Cause.Done> | undefined
}

/** What is served behind a port, for those that ask about it before they call. */
export interface Served {
  /** Of an endpoint by its name, or of the host by the empty one; undefined where there is none of that name. */
  readonly statusOf: (name: string) => "serving" | "leaving" | undefined
  /** Waits until something holds of what `statusOf` says; it is asked at each change. */
  readonly until: (isSo: () => boolean) => Effect.Effect<void>
}

export class Transport extends Context.Service<
  Transport,
  {
    /** Port on which other hosts reach this one's flows; 0 when they cannot. */
    readonly flowPort: number
    /**
     * Waits until a host has given a sign of life on a connection on which a link can be opened, and makes one if there is
     * none. The host sees nothing of any flow, so several may be reached for at a time, to open a link to the first that
     * answers. A silent host is waited for until its connection is given up. Errors: those of `dial`.
     */
    readonly reach: (host: Host) => Effect.Effect<void, NetworkError>
    /** Opens a link to a host, of which it sees nothing before the first frame. Errors: HostUnreachable, Unauthorized, FabricClosed. */
    readonly dial: (host: Host) => Effect.Effect<Link, NetworkError, Scope.Scope>
    /**
     * Serves incoming links for the life of the scope, each in a fiber of its own; the link's scope is the serving
     * effect's. Until somebody serves, incoming links wait. `served` is what a port tells of it, where it is asked.
     */
    readonly serve: (
      onLink: (link: Link) => Effect.Effect<void, never, Scope.Scope>,
      served?: Served
    ) => Effect.Effect<void, never, Scope.Scope>
    /** As `Link.doubt`, for all links that were dialled to a host. */
    readonly doubt: (host: Host) => Effect.Effect<void>
    /** Whether this host may own a name; any, where names are not bound to certificates. */
    readonly mayOwn?: (name: string) => boolean
    /** The certificate that this host shows to others by now. */
    readonly certificate?: () => Certificate
  }
>()("grinta/services/Transport") {}
