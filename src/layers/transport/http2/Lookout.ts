/**
 * Lookout: watches all sessions of a transport, a few times a second: whether their peers live, frames that have begun
 * go on, a full socket is read, and bytes held for a peer go.
 */
import { Clock, Duration, Effect, type Scope } from "effect"
import * as Liveness from "../../../protocol/flow/Liveness.ts"
import * as Progress from "../../../protocol/flow/Progress.ts"
import * as Waste from "../../../protocol/flow/Waste.ts"
import * as Background from "../../core/Background.ts"
import * as Monotonic from "../../core/Monotonic.ts"
import type * as Session from "./Session.ts"
import * as Shares from "./Shares.ts"

/**
 * Keepalive of connections: a peer that goes silent is lost after `timeout` to `interval` + `timeout`, later on a path
 * that has proven slow or far. A closed connection is lost at once.
 */
export interface Keepalive {
  /**
   * Time that a peer may be silent before it is sent a PING, to ask for a sign of life. Above 0, up to 24 days; 1
   * second by default, 2 seconds with the profile "wan".
   */
  readonly interval: Duration.Input
  /**
   * Time that it may be silent from then on. A sign is any byte that comes, and any that a full socket takes. Longer
   * than any pause that a peer may take (garbage collection, a long computation). Above 0, up to 24 days; 4.4 seconds
   * by default, so that a peer may be silent for 4 at any time; 10 seconds with the profile "wan".
   */
  readonly timeout: Duration.Input
}

/** Bounds of the bytes that a host holds for one peer. */
export type Share = Shares.Bounds

export interface Lookout {
  /** Watches a session until it is closed. Calls `told` with why the session was given up, if it was. */
  readonly watch: (session: Session.Session, told?: (why: string) => void) => void
}

/** Intervals between looks, in ms: at sessions, at sessions while the socket of one is full, and at streams. */
const lookMillis = { most: 200, least: 10, full: 20, streams: 1000 } as const

/** Bytes a second below which a session is quiet: a frame that comes byte by byte takes ten on the wire for one. */
const quietBytesPerSecond = 10 * Progress.defaults.bytesPerSecondMin

interface Watched {
  readonly session: Session.Session
  readonly liveness: Liveness.Liveness
  readonly waste: Waste.Waste
  readonly told: (why: string) => void
  /** Bytes received when the streams were last looked at. */
  readBytes: number
}

const silent = "no sign of life"
const unread = "it sends, and does not read"
const wasteful = "it sends what brings nothing"

/** Maps why a session was given up to the word for a counter. */
export const reasonOf = (why: string): string => (why === silent ? "silent" : why === unread ? "unread" : "waste")

export const make = Effect.fnUntraced(function* (options: {
  readonly keepalive: Keepalive
  readonly frameTimeout: Duration.Input
  readonly share: Share
}): Effect.fn.Return<Lookout, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const intervalMillis = Duration.toMillis(options.keepalive.interval)
  const timeoutMillis = Duration.toMillis(options.keepalive.timeout)
  const shortest = Math.min(intervalMillis, timeoutMillis, Duration.toMillis(options.frameTimeout)) / 4
  const restMillis = Math.max(lookMillis.least, Math.min(lookMillis.most, shortest))
  const streamsMillis = Math.min(lookMillis.streams, Duration.toMillis(options.frameTimeout) / 4)
  let streamsLookedMillis = Monotonic.nowOf(clock)
  const bounds: Liveness.Bounds = { intervalMillis, timeoutMillis, lookMillis: restMillis }
  const shares = yield* Shares.make(options.share)
  const watched = new Map<Session.Session, Watched>()

  /**
   * Asks for a sign of life. Node sends no PING on a session that takes no more streams, so its peer gets SETTINGS that
   * change nothing, which it has to answer, too. Node does not tell the round trip of those, so it is measured here.
   */
  const ask = ({ liveness, session: { http2 } }: Watched): void => {
    if (http2.destroyed) return
    const leftMillis = Monotonic.nowOf(clock)
    const answered = (error: Error | null): void => {
      if (error === null) Liveness.answer(liveness, Monotonic.nowOf(clock) - leftMillis)
    }
    if (http2.closed) http2.settings({}, answered)
    else http2.ping(answered)
  }

  const giveUp = ({ session, told }: Watched, why: string): void => {
    watched.delete(session)
    told(why)
    session.abandon()
  }

  const look = (one: Watched, nowMillis: number): void => {
    const { liveness, session } = one
    if (session.isLost()) {
      watched.delete(session)
      return
    }
    const { room, socket } = session
    const why = room.check(nowMillis)
    if (why !== undefined) return giveUp(one, why)
    if (session.isDoubted() && Liveness.doubt(liveness, nowMillis)) ask(one)
    const { readBytes, takenBytes } = socket
    const verdict = Liveness.look(liveness, bounds, { nowMillis, readBytes, takenBytes, isFull: room.isFull })
    if (verdict === "dead") return giveUp(one, silent)
    if (verdict === "ask") ask(one)
    // Bytes received by a session whose socket is full wait in it, and have brought nothing yet.
    if (room.isFull || readBytes === one.waste.readBytes) return
    const { everBegun: streams, fragments, pieces } = session.counts
    let { pieceBytes } = session.counts
    for (const listener of session.streams.values()) pieceBytes += listener.unreadBytes()
    const traffic = { readBytes, sentBytes: takenBytes, pieces, pieceBytes, fragments, streams }
    if (Waste.look(one.waste, traffic, nowMillis)) return
    if (session.guard === undefined) giveUp(one, wasteful)
    else session.guard.onWaste()
  }

  const lookAtStreams = (nowMillis: number): void => {
    const elapsedMillis = nowMillis - streamsLookedMillis
    if (elapsedMillis < streamsMillis) return
    streamsLookedMillis = nowMillis
    // After a long sleep of this process nothing is known of how fast bytes came.
    const isPast = elapsedMillis > 2 * streamsMillis + restMillis
    for (const one of watched.values()) {
      const { room, socket, streams } = one.session
      const cameBytes = socket.readBytes - one.readBytes
      one.readBytes = socket.readBytes
      const isQuiet = !isPast && !room.isFull && cameBytes * 1000 < quietBytesPerSecond * elapsedMillis
      for (const listener of streams.values()) listener.look(nowMillis, isQuiet)
    }
  }

  const round = (): number => {
    const nowMillis = Monotonic.nowOf(clock)
    let isAnyFull = false
    for (const one of watched.values()) {
      look(one, nowMillis)
      isAnyFull ||= one.session.room.isShut
    }
    lookAtStreams(nowMillis)
    shares.look(nowMillis)
    return isAnyFull ? Math.min(lookMillis.full, restMillis) : restMillis
  }

  // A round that fails is no reason to watch no session any more.
  const rounds = Effect.sync(round).pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logError("a look at the sessions failed", cause), restMillis)),
    Effect.flatMap(Effect.sleep),
    Effect.forever
  )
  yield* Background.run("looking after sessions", rounds)

  return {
    watch: (session, told = () => undefined) => {
      const nowMillis = Monotonic.nowOf(clock)
      const [liveness, waste] = [Liveness.make(nowMillis), Waste.make(nowMillis)]
      shares.join(session)
      watched.set(session, { session, told, liveness, waste, readBytes: 0 })
    }
  }
})
