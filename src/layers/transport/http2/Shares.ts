/**
 * Shares: bounds the bytes that this host holds for each peer of a flow server, on all of its sessions. Looks at a peer
 * more often the closer it may be to its bound. Above it, its new flows wait, and then get `EndpointBusy`.
 */
import { Clock, Duration, Effect, Option, type Scope } from "effect"
import * as Foreign from "../../../protocol/Foreign.ts"
import * as Frame from "../../../protocol/flow/Frame.ts"
import * as Share from "../../../protocol/flow/Share.ts"
import * as Told from "../../../protocol/Told.ts"
import type { Link } from "../../../services/Transport.ts"
import * as Background from "../../core/Background.ts"
import * as Handshake from "../../core/Handshake.ts"
import * as Monotonic from "../../core/Monotonic.ts"
import * as Refusals from "../../core/Refusals.ts"
import * as Signal from "../../core/Signal.ts"
import type * as Session from "./Session.ts"

/** Bounds of the bytes that a host holds for one peer: received and not taken, or waiting for the peer to read. */
export interface Bounds {
  /**
   * Bytes that this host holds for one peer before its new flows wait. At least 1; 67,108,864 by default. More for
   * honest peers that hold much on slow paths, such as a gateway for many callers.
   */
  readonly bytesMax: number
  /**
   * Time that bytes of a flow may stay while their peer is above that: then the flow is ended. Above 0, up to 24 days;
   * 30 seconds by default. Longer than an honest reader pauses.
   */
  readonly timeout: Duration.Input
}

export interface Shares {
  /** Counts a session for its peer, if it has one, until it is lost. */
  readonly join: (session: Session.Session) => void
  readonly look: (nowMillis: number) => void
}

/** Interval between looks at the flows of a peer that is far from its bound, in milliseconds. */
const lookMillis = 1000

/** Flows of one peer that wait for room, and the time for that: bytes that come with them are held as well. */
export const waitingMax = 64
export const waitTimeout = "5 seconds"

/** Time in which the log does not repeat that a peer is above its bound, in milliseconds. */
const pauseMillis = 60_000

const readBytesOf = ({ sessions }: Session.Peer): number => {
  let bytes = 0
  for (const { socket } of sessions) bytes += socket.readBytes
  return bytes
}

const busy = Frame.rejected("EndpointBusy", "this host holds as much of its caller as it may, and nobody takes it")

const stalled = (millis: number): string =>
  `its peer has more here than it may, and of this flow bytes have stayed for ${Math.round(millis / 1000)} s`

export const make = Effect.fnUntraced(function* (bounds: Bounds): Effect.fn.Return<Shares, never, Scope.Scope> {
  const run = yield* Background.makeRun("the log of what peers hold")
  const clock = yield* Clock.Clock
  const stalledMillisMax = Duration.toMillis(bounds.timeout)
  const peers = new Map<string, Session.Peer>()
  const told = Told.make(pauseMillis)

  const tell = (who: string, nowMillis: number): void => {
    if (!Told.isDue(told, who, nowMillis)) return
    const peer = Foreign.text(who)
    const warning = `${peer} has more than ${bounds.bytesMax} bytes here that nobody takes: its new flows wait`
    run(Effect.annotateLogs(Effect.logWarning(warning), { peer }))
  }

  const lookAt = (who: string, peer: Session.Peer, nowMillis: number): void => {
    const { changed, sessions, share } = peer
    Share.begin(share, nowMillis)
    for (const { streams } of sessions) for (const listener of streams.values()) listener.count(share, nowMillis)
    const over = Share.settle(share)
    if (share.aboveMillis !== undefined) tell(who, nowMillis)
    for (const listener of over) {
      run(Refusals.flowRefused("stalled"))
      listener.giveUp(stalled(stalledMillisMax))
    }
    if (peer.waiting > 0) Signal.notify(changed)
  }

  return {
    join: (session) => {
      const who = session.countedAs
      if (who === undefined) return
      const peer = peers.get(who) ?? {
        share: Share.make({ bytesMax: bounds.bytesMax, stalledMillisMax }),
        sessions: new Set(),
        changed: Signal.make(),
        waiting: 0,
        lookedMillis: Monotonic.nowOf(clock),
        readBytes: 0
      }
      peers.set(who, peer)
      peer.sessions.add(session)
      session.peer = peer
    },
    look: (nowMillis) => {
      for (const [who, peer] of peers) {
        for (const session of peer.sessions) if (session.isLost()) peer.sessions.delete(session)
        const readBytes = readBytesOf(peer)
        const mayHold = peer.share.heldBytes + Math.max(0, readBytes - peer.readBytes)
        if (nowMillis - peer.lookedMillis >= lookMillis || 2 * mayHold > bounds.bytesMax) {
          peer.lookedMillis = nowMillis
          peer.readBytes = readBytes
          lookAt(who, peer, nowMillis)
        }
        if (peer.sessions.size === 0) peers.delete(who)
      }
    }
  }
})

/** Serves a new flow of a peer, after a wait for room if the peer is above its bound; one too many is rejected. */
export const admit = (
  peer: Session.Peer | undefined,
  link: Link,
  serve: Effect.Effect<void, never, Scope.Scope>
): Effect.Effect<void, never, Scope.Scope> =>
  peer === undefined || !Share.isFull(peer.share) ? serve : Effect.suspend(() => waitFor(peer, link, serve))

const waitFor = (peer: Session.Peer, link: Link, serve: Effect.Effect<void, never, Scope.Scope>) => {
  if (peer.waiting >= waitingMax) return Handshake.refuse(link, busy)
  peer.waiting += 1
  const isFree = Signal.until(peer.changed, () => !Share.isFull(peer.share))
  const leave = Effect.sync(() => {
    peer.waiting -= 1
  })
  const room = Handshake.unlessBroken(link, Effect.timeoutOption(isFree, waitTimeout))
  return Effect.matchEffect(Effect.ensuring(room, leave), {
    onFailure: () => Effect.void,
    onSuccess: (free) => (Option.isSome(free) ? serve : Handshake.refuse(link, busy))
  })
}
