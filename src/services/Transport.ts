/**
 * Transport: carries the frames of flows from host to host, uninterpreted.
 *
 * Swap it to change the network under a fabric: HTTP/2 between processes, memory between the hosts of a test.
 */
import { type Cause, Context, Data, type Effect, type Scope } from "effect"
import type { Fail, Frame } from "../protocol/flow/Frame.ts"
import type { Metadata } from "../protocol/flow/Metadata.ts"
import type { Certificate, Proof } from "../protocol/Proof.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/** Failure of a link. */
export class LinkBroken extends Data.TaggedError("LinkBroken")<{
  /**
   * "lost": the peer died or was cut off. "reset": the peer gave this link up while it lives. "violation": a received
   * frame was malformed. "finished": the peer takes no more frames, but its sent ones may still be read. "deadline":
   * the call's own deadline has passed. "stalled": bytes that this host holds for the peer beyond its share have stayed
   * too long. "refused": the peer has said that it never looked at the link, so another may be dialled.
   */
  readonly how: "lost" | "reset" | "violation" | "finished" | "deadline" | "stalled" | "refused"
  /** Cause, for people. */
  readonly detail: string
  /** HTTP status of an answer that is no flow. */
  readonly status?: number
}> {
  override get message() {
    return `${this.how}: ${this.detail}`
  }
}

/**
 * Listener for the frames of a link, called in the turn of each event. Its functions may call the link: fill, finish,
 * cancel, go on (whatever they return then), or attach another listener.
 */
export interface FrameListener {
  /** Takes a frame. Returns false to pause the link until `Link.goOn`. */
  readonly onFrame: (frame: Frame) => boolean
  /**
   * Ends the frames: `Cause.Done` when the peer has finished in good order, else the failure, made on demand. Called
   * once, after all frames.
   */
  readonly onEnd: (how: () => LinkBroken | Cause.Done) => void
  /** The link broke, or takes no more frames; frames received before may still follow. */
  readonly onBroken: (how: () => LinkBroken) => void
  /** The link has room again after it was full, or never will have. */
  readonly onRoom: () => void
  /** Returns the bytes received and not yet taken; 0 if absent. */
  readonly heldBytes?: () => number
  /** Returns the bytes that wait for room; 0 if absent. */
  readonly unsentBytes?: () => number
}

/**
 * Link: exchange of the frames of one flow, with one listener at a time; the scope in which it was opened resets it.
 * Nothing here waits: it reports frames and room. Call these as methods of the link: implementations use `this`.
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
  /** Proven identity of the other side; undefined where nothing is to be proven. */
  readonly proven?: Proof | undefined
  /** Name patterns that the other side may own, where names are bound to certificates (`protocol/NameGrants`). */
  readonly grants?: ReadonlyArray<string> | undefined
  /**
   * Peer that the link counts for, where peers share the capacity of a host: the same for all links of one peer.
   * Undefined where there are no strangers, or the machine itself is at the other side.
   */
  readonly countedAs?: string | undefined
  /** Metadata of the call, beside its frames: a string says why it is invalid. */
  readonly metadata?: Metadata | string | undefined
  /** True when frames stay within the process, for its listener alone: messages are neither packed nor cut. */
  readonly isWithin?: boolean
  /**
   * Attaches a listener in place of the one before. From now on it hears at once when the link breaks or has room;
   * frames and the end only once it goes on.
   */
  readonly attach: (listener: FrameListener) => void
  /** Detaches a listener; frames wait for another one. No effect for a listener that was replaced. */
  readonly detach: (listener: FrameListener) => void
  /** Passes the next frames to the listener, and the end after the last of them. */
  readonly goOn: () => void
  /** Returns true once the link has broken. A later listener hears that as the end only, after the frames before. */
  readonly isBroken: () => boolean
  /** Returns true when nothing is on its way: a frame filled now leaves in this turn, so do not wait for more. */
  readonly isIdle: () => boolean
  /**
   * Tells that the membership plane has declared the other side dead. The link asks it for a sign of life, and breaks
   * as lost unless one comes: a host that flows still reach keeps them.
   */
  readonly doubt?: () => void
  /**
   * Tells that a received frame breaks the protocol, or does not fit its contract. A port counts it against the caller:
   * once for the link, and again while more comes than can have been on its way.
   */
  readonly blame?: () => void
  /**
   * Writes the frames that `next` gives while the link has room right now, which it has for the first of them. A broken
   * or finished link has none: if there was a frame, the listener hears why it is lost.
   */
  readonly fill: (next: () => Frame | undefined) => void
  /** Finishes this side in good order: written frames still arrive. */
  readonly finish: () => void
  /**
   * Gives the link up: waiting frames are lost, and the peer gets `last` if there is room for it right now. A finished
   * link has none, and is reset.
   */
  readonly cancel: (last: Fail) => void
  /**
   * For a link that ended in good order before its peer had its last word: fails with the failure that broke it, which
   * may come a moment later, or with `Cause.Done` if nothing did.
   */
  readonly stopped?: Effect.Effect<never, LinkBroken | Cause.Done> | undefined
}

/** Services behind a port, for clients that ask about them before they call. */
export interface Served {
  /** Returns the status of an endpoint by its name, or of the host by ""; undefined for an unknown name. */
  readonly statusOf: (name: string) => "serving" | "leaving" | undefined
  /** Waits until `isSo` holds; it is evaluated at each change of a status. */
  readonly until: (isSo: () => boolean) => Effect.Effect<void>
}

/** Transport service: links to other hosts. Provided by `TransportConnect` or `TransportMemory`. */
export class Transport extends Context.Service<
  Transport,
  {
    /** Port on which other hosts reach the flows of this one; 0 when they cannot. */
    readonly flowPort: number
    /**
     * Waits until a host has given a sign of life on a connection on which a link can be opened, and dials one if there
     * is none. The host sees nothing of any flow, so several hosts may be reached for at a time, to open a link to the
     * first that answers. A silent host is waited for until its connection is given up. Errors: those of `dial`.
     */
    readonly reach: (host: Host) => Effect.Effect<void, NetworkError>
    /** Opens a link to a host, unseen before its first frame. Errors: HostUnreachable, Unauthorized, FabricClosed. */
    readonly dial: (host: Host) => Effect.Effect<Link, NetworkError, Scope.Scope>
    /**
     * Serves incoming links for the life of the scope: runs `onLink` for each, in a fiber and with the scope of the
     * link. Until somebody serves, incoming links wait. `served` answers questions about the services behind the port.
     */
    readonly serve: (
      onLink: (link: Link) => Effect.Effect<void, never, Scope.Scope>,
      served?: Served
    ) => Effect.Effect<void, never, Scope.Scope>
    /** Doubts all links that were dialled to a host, as `Link.doubt`. */
    readonly doubt: (host: Host) => Effect.Effect<void>
    /** Returns whether this host may own a name; true for all where names are not bound to certificates. */
    readonly mayOwn?: (name: string) => boolean
    /** Returns the certificate that this host now shows to others. */
    readonly certificate?: () => Certificate
  }
>()("grinta/services/Transport") {}
