/**
 * Sign: asks a session for a sign of life before a flow is trusted to it: by a PING, which concurrent callers share,
 * and which is spared where the peer was heard a moment ago.
 */
import { type Clock, Effect } from "effect"
import * as Monotonic from "../../core/Monotonic.ts"
import type { Session } from "./Session.ts"

/** Time, in milliseconds, for which a peer that was heard counts as there. */
const freshMillis = 20

interface Sign {
  /** Bytes received at the last call, and the time of that. */
  readBytes: number
  askedMillis: number
  /** Callers that wait for the answer to the PING on its way; undefined when there is none. */
  waiting: Set<(isThere: boolean) => void> | undefined
}

/** Asks whether the peer of a session is there; waits until the session is given up. */
export type Ask = (session: Session) => Effect.Effect<boolean>

export const make = (clock: Clock.Clock): Ask => {
  const signs = new WeakMap<Session, Sign>()

  const signOf = (session: Session): Sign => {
    const known = signs.get(session)
    if (known !== undefined) return known
    const made: Sign = { readBytes: 0, askedMillis: Number.NEGATIVE_INFINITY, waiting: undefined }
    signs.set(session, made)
    return made
  }

  /** Whether bytes came since the last call, and that was a moment ago. */
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
