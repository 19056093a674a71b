/**
 * Whether the other end of a session still lives.
 *
 * A sign of life is a byte that came, or one that a full socket took: it has room again because the other end has
 * acknowledged what was there. What a socket takes that is not full says nothing. A PING is asked only of a peer that is
 * silent, and its answer is one sign among others: under bulk it waits behind all that is on its way.
 *
 * States: heard -> silent (for `intervalMillis`: a PING leaves) -> dead (for `timeoutMillis` more, still no sign). Any sign
 * leads back to heard. A path that has been slow to give signs while it was full, or is far, is given more time.
 * Time in which this process did not look (it was stopped, or busy) is held against nobody.
 *
 * `doubt` is the word of somebody else that the peer is dead. It shortens the wait, and a sign outweighs it.
 */
export interface Bounds {
  /** Silence before a peer is asked for a sign, in milliseconds. */
  readonly intervalMillis: number
  /** Silence after it was asked before it is dead, in milliseconds. More than any pause that a peer may take. */
  readonly timeoutMillis: number
  /** How often `look` is called, in milliseconds. */
  readonly lookMillis: number
}

/** Silence of a peer that somebody doubts before it is dead, in milliseconds: as long as a peer may always be silent. */
export const doubtedMillis = 4_000

/** What a peer that somebody doubts has to answer, in milliseconds. */
export const answerMillis = 1_000

/** Half-life of what is known of the silences of a full path, in milliseconds. */
const memoryMillis = 10_000

/** Beside the timeout: so many of the silences that a full path has shown, and so many round trips. */
const silences = 2
const roundTrips = 4

export interface Liveness {
  /** As they were when it was last looked. */
  readBytes: number
  takenBytes: number
  wasFull: boolean
  /** When the last sign was seen, the PING left that is not answered, and somebody began to doubt. */
  signMillis: number
  pingMillis: number | undefined
  doubtMillis: number | undefined
  lookedMillis: number
  /** The longest silence of late on a full path, in milliseconds. */
  silenceMillis: number
  /** The shortest round trip so far, in milliseconds. */
  roundTripMillis: number
}

export const make = (nowMillis: number): Liveness => ({
  readBytes: 0,
  takenBytes: 0,
  wasFull: false,
  signMillis: nowMillis,
  pingMillis: undefined,
  doubtMillis: undefined,
  lookedMillis: nowMillis,
  silenceMillis: 0,
  roundTripMillis: Number.POSITIVE_INFINITY
})

export interface Look {
  readonly nowMillis: number
  /** Bytes that came, and bytes that the socket took, so far. */
  readonly readBytes: number
  readonly takenBytes: number
  /** Bytes wait that the socket has not taken. */
  readonly isFull: boolean
}

/** "ask" wants a PING to leave, and counts as asked. */
export type Verdict = "alive" | "ask" | "dead"

/** How long a peer may be silent from when it was asked on, in milliseconds. */
export const patienceMillis = ({ roundTripMillis, silenceMillis }: Liveness, { timeoutMillis }: Bounds): number =>
  timeoutMillis +
  silences * silenceMillis +
  (Number.isFinite(roundTripMillis) ? Math.min(timeoutMillis, roundTrips * roundTripMillis) : 0)

/** Does not count the time in which nobody looked. */
const forgive = (liveness: Liveness, { lookMillis }: Bounds, nowMillis: number): void => {
  const elapsed = nowMillis - liveness.lookedMillis
  liveness.lookedMillis = nowMillis
  liveness.silenceMillis *= 0.5 ** (elapsed / memoryMillis)
  const lost = elapsed - 2 * lookMillis
  if (lost <= 0) return
  liveness.signMillis += lost
  if (liveness.pingMillis !== undefined) liveness.pingMillis += lost
  if (liveness.doubtMillis !== undefined) liveness.doubtMillis += lost
}

/** Whether there was a sign of life since the last look. */
const hasSign = (liveness: Liveness, { isFull, readBytes, takenBytes }: Look): boolean => {
  const isSign = readBytes !== liveness.readBytes || (liveness.wasFull && takenBytes !== liveness.takenBytes)
  liveness.readBytes = readBytes
  liveness.takenBytes = takenBytes
  liveness.wasFull = isFull
  return isSign
}

export const look = (liveness: Liveness, bounds: Bounds, seen: Look): Verdict => {
  const { nowMillis } = seen
  const { wasFull } = liveness
  forgive(liveness, bounds, nowMillis)
  const silence = nowMillis - liveness.signMillis
  if (hasSign(liveness, seen)) {
    if (wasFull) liveness.silenceMillis = Math.max(liveness.silenceMillis, Math.min(silence, bounds.timeoutMillis))
    liveness.signMillis = nowMillis
    // A sign of before the doubt says nothing against it.
    if (liveness.doubtMillis !== nowMillis) liveness.doubtMillis = undefined
    return "alive"
  }
  const { doubtMillis, pingMillis, signMillis } = liveness
  if (doubtMillis !== undefined && silence >= doubtedMillis && nowMillis - doubtMillis >= answerMillis) return "dead"
  if (pingMillis === undefined) {
    if (silence < bounds.intervalMillis) return "alive"
    liveness.pingMillis = nowMillis
    return "ask"
  }
  return nowMillis - Math.max(signMillis, pingMillis) >= patienceMillis(liveness, bounds) ? "dead" : "alive"
}

/** A PING was answered, so many milliseconds after it left. */
export const answer = (liveness: Liveness, afterMillis: number): void => {
  liveness.pingMillis = undefined
  liveness.roundTripMillis = Math.min(liveness.roundTripMillis, afterMillis)
}

/** Somebody says that the peer is dead. True when a PING is to leave. */
export const doubt = (liveness: Liveness, nowMillis: number): boolean => {
  liveness.doubtMillis ??= nowMillis
  if (liveness.pingMillis !== undefined) return false
  liveness.pingMillis = nowMillis
  return true
}
