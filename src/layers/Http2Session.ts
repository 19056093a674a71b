/**
 * What both ends of an HTTP/2 session need: bounds, keepalive, and the difference between a lost session and a reset
 * stream.
 */
import type * as http2 from "node:http2"
import { Deferred, type Duration, Effect, Option } from "effect"
import { LinkBroken } from "../services/Transport.ts"
import type { Carrier } from "./ConnectLink.ts"

/** Unread data that a stream may hold at its receiver. Source: faults.md, rows D-14 and G9. */
export const streamWindowBytes = 64 * 1024

/** Large enough for a thousand stalled streams, so that they do not take the session's window from their neighbours. */
export const sessionWindowBytes = 64 * 1024 * 1024

/** Node's own bound kills a session of some 9,700 flows; faults.md, section 0, finding 6. */
export const sessionMemoryMegabytes = 1000

export const settings: http2.Settings = {
  initialWindowSize: streamWindowBytes,
  enablePush: false,
  maxHeaderListSize: 16 * 1024
}

export interface Keepalive {
  /** How often a peer is asked for a sign of life. */
  readonly interval: Duration.Input
  /** How long the sign of life may take. */
  readonly timeout: Duration.Input
}

/** A session whose end is known to be the end of its connection, whatever its streams say. */
export interface Session<S extends http2.Http2Session = http2.Http2Session> {
  readonly http2: S
  readonly isLost: () => boolean
  readonly closed: Effect.Effect<void>
}

/** Adopts a session as soon as it is connected: its window, its listeners. */
export const adopt = <S extends http2.Http2Session>(session: S): Session<S> => {
  const closed = Deferred.makeUnsafe<void>()
  let isLost = false
  const lose = () => {
    isLost = true
    Deferred.doneUnsafe(closed, Effect.void)
  }
  // The socket tells first: its streams close in the same turn, and the session only after them.
  session.socket.once("end", lose).once("close", lose)
  session.once("close", lose).on("error", lose)
  session.setLocalWindowSize(sessionWindowBytes)
  return { http2: session, isLost: () => isLost || session.destroyed, closed: Deferred.await(closed) }
}

/**
 * Asks the peer for signs of life until the session is closed, and closes it when none comes.
 *
 * A process that was busy itself must not accuse its peer: its timers run before it reads what has come. So an answer that
 * is overdue gets one more look, after the event loop has read its sockets (faults.md, section 0, finding 10).
 */
export const keepAlive = Effect.fnUntraced(function* (session: http2.Http2Session, keepalive: Keepalive) {
  while (true) {
    yield* Effect.sleep(keepalive.interval)
    if (session.destroyed) return
    const answered = Deferred.makeUnsafe<void>()
    session.ping(() => Deferred.doneUnsafe(answered, Effect.void))
    const inTime = yield* Effect.timeoutOption(Deferred.await(answered), keepalive.timeout)
    if (Option.isSome(inTime)) continue
    yield* Effect.sleep("10 millis")
    if (!Deferred.isDoneUnsafe(answered)) return session.destroy()
  }
})

/** What becomes of one stream of a session. */
export const carrier = (session: Session, stream: http2.Http2Stream): Carrier => {
  const broken = Deferred.makeUnsafe<never, LinkBroken>()
  const isReset = () => stream.aborted || (stream.rstCode !== undefined && stream.rstCode !== 0)
  const fate = () => (session.isLost() ? "lost" : isReset() ? "reset" : "open")
  stream.once("close", () => {
    const how = fate()
    if (how === "lost")
      Deferred.doneUnsafe(broken, Effect.fail(new LinkBroken({ how, detail: "the connection is gone" })))
    if (how === "reset")
      Deferred.doneUnsafe(broken, Effect.fail(new LinkBroken({ how, detail: `code ${stream.rstCode}` })))
  })
  const flushed = Deferred.makeUnsafe<void>()
  const closed = Deferred.makeUnsafe<void>()
  const settle = (settled: Deferred.Deferred<void>) => () => Deferred.doneUnsafe(settled, Effect.void)
  stream.once("finish", settle(flushed)).once("close", settle(flushed)).once("close", settle(closed))
  return {
    fate,
    broken: Deferred.await(broken),
    flushed: Deferred.await(flushed),
    closed: Deferred.await(closed)
  }
}
