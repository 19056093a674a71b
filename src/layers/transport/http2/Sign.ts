/**
 * Signs of life of sessions, asked for before a flow is trusted to one: by a PING that all who ask meanwhile share, and that
 * is spared where the peer was heard a moment ago.
 */
import { type Clock, Effect } from "effect"
import * as Monotonic from "../../core/Monotonic.ts"
import type { Session } from "./Session.ts"

/** A peer that was heard no longer ago than this is there, in milliseconds. */
const freshMillis = 20

interface Sign {
  /** What had come when somebody asked last, and when that was. */
  readBytes: number
  askedMillis: number
  /** Who waits for the answer to the PING that is on its way; undefined when there is none. */
  waiting: Set<(isThere: boolean) => void> | undefined
}

/** Whether the peer of a session is there; waits for as long as its session is not given up. */
export type Heard = (session: Session) => Effect.Effect<boolean>

export const make = (clock: Clock.Clock): Heard => {
  const signs = new WeakMap<Session, Sign>()

  const signOf = (session: Session): Sign => {
    const known = signs.get(session)
    if (known !== undefined) return known
    const made: Sign = { readBytes: 0, askedMillis: Number.NEGATIVE_INFINITY, waiting: undefined }
    signs.set(session, made)
    return made
  }

  /** Something came since somebody asked, and that was a moment ago. */
  const isFresh = (session: Session, sign: Sign): boolean => {
    const nowMillis = Monotonic.nowOf(clock)
    const { readBytes } = session.socket
    const isHeard = readBytes !== sign.readBytes && nowMillis - sign.askedMillis <= freshMillis
    sign.readBytes = readBytes
    sign.askedMillis = nowMillis
    return isHeard
  }

  const ask = (session: Session, sign: Sign): Set<(isThere: boolean) => void> => {
    if (sign.waiting !== undefined) return sign.waiting
    const waiting = new Set<(isThere: boolean) => void>()
    sign.waiting = waiting
    session.http2.ping((error) => {
      sign.waiting = undefined
      for (const told of waiting) told(error === null)
    })
    return waiting
  }

  return (session) =>
    Effect.suspend(() => {
      const sign = signOf(session)
      if (session.isOpen() && isFresh(session, sign)) return Effect.succeed(true)
      return Effect.callback<boolean>((resume) => {
        if (!session.isOpen()) return resume(Effect.succeed(false))
        const told = (isThere: boolean) => resume(Effect.succeed(isThere))
        const waiting = ask(session, sign).add(told)
        return Effect.sync(() => waiting.delete(told))
      })
    })
}
