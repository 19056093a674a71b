/**
 * Whether the other end of a session still lives.
 *
 * A sign of life is a byte that came, or one that a full socket took: it has room again because the other end has
 * acknowledged what was there. What a socket takes that is not full says nothing. A PING is asked only of a peer that is
 * silent, and its answer is one sign among others: under bulk it waits behind all that is on its way.
 *
 * States: heard -> silent (for `intervalMillis`: a PING leaves, unless one is on its way) -> dead (for `timeoutMillis` more,
 * still no sign). Any sign leads back to heard. A path that is far, slow or full is given more time: PINGs leave while there
 * are signs, too, so it is known how long an answer takes. Time in which this process did not look (it was stopped, or busy)
 * is held against nobody.
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

/** How often a peer that gives signs is asked, so that it is known how long an answer takes, in milliseconds. */
const measureMillis = 2_000

/** Half-life of what is known of the path, in milliseconds. */
const memoryMillis = 20_000

/** What an answer may take before it gives more time, in milliseconds: less is that of a path that is fast, and full. */
const promptMillis = 500

export interface Liveness {
  /** As they were when it was last looked. */
  readBytes: number
  takenBytes: number
  wasFull: boolean
  /** When the last sign was seen, the PING left that is not answered, the last one left, and somebody began to doubt. */
  signMillis: number
  pingMillis: number | undefined
  askedMillis: number
  doubtMillis: number | undefined
  lookedMillis: number
  /** The slowest that the path was of late: an answer, a PING without one while there were signs, a full socket that took. */
  slowMillis: number
}

export const make = (nowMillis: number): Liveness => ({
  readBytes: 0,
  takenBytes: 0,
  wasFull: false,
  signMillis: nowMillis,
  pingMillis: undefined,
  askedMillis: nowMillis,
  doubtMillis: undefined,
  lookedMillis: nowMillis,
  slowMillis: 0
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

/** What a path gets beyond any other, in milliseconds: twice what it was seen to take. */
const extraMillis = ({ slowMillis }: Liveness, { timeoutMillis }: Bounds): number =>
  Math.min(10 * timeoutMillis, 2 * Math.max(0, slowMillis - promptMillis))

/** Does not count the time in which nobody looked. */
const forgive = (liveness: Liveness, { lookMillis }: Bounds, nowMillis: number): void => {
  const elapsed = nowMillis - liveness.lookedMillis
  liveness.lookedMillis = nowMillis
  liveness.slowMillis *= 0.5 ** (elapsed / memoryMillis)
  const lost = elapsed - 2 * lookMillis
  if (lost <= 0) return
  liveness.signMillis += lost
  liveness.askedMillis += lost
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

const ask = (liveness: Liveness, nowMillis: number): Verdict => {
  liveness.pingMillis = nowMillis
  liveness.askedMillis = nowMillis
  return "ask"
}

export const look = (liveness: Liveness, bounds: Bounds, seen: Look): Verdict => {
  const { nowMillis } = seen
  const { wasFull } = liveness
  forgive(liveness, bounds, nowMillis)
  const silence = nowMillis - liveness.signMillis
  if (hasSign(liveness, seen)) {
    const { pingMillis = nowMillis } = liveness
    const slow = Math.max(wasFull ? silence : 0, nowMillis - pingMillis)
    liveness.slowMillis = Math.max(liveness.slowMillis, slow)
    liveness.signMillis = nowMillis
    // A sign of before the doubt says nothing against it.
    if (liveness.doubtMillis !== nowMillis) liveness.doubtMillis = undefined
    const isDue = liveness.pingMillis === undefined && nowMillis - liveness.askedMillis >= measureMillis
    return isDue && measureMillis < bounds.timeoutMillis ? ask(liveness, nowMillis) : "alive"
  }
  const { doubtMillis, pingMillis, signMillis } = liveness
  const extra = extraMillis(liveness, bounds)
  const isDoubted = doubtMillis !== undefined && nowMillis - doubtMillis >= answerMillis + extra
  if (isDoubted && silence >= doubtedMillis + extra) return "dead"
  if (pingMillis === undefined) return silence < bounds.intervalMillis ? "alive" : ask(liveness, nowMillis)
  return nowMillis - Math.max(signMillis, pingMillis) >= bounds.timeoutMillis + extra ? "dead" : "alive"
}

/** A PING was answered, so many milliseconds after it left. */
export const answer = (liveness: Liveness, afterMillis: number): void => {
  liveness.pingMillis = undefined
  liveness.slowMillis = Math.max(liveness.slowMillis, afterMillis)
}

/** Somebody says that the peer is dead. True when a PING is to leave. */
export const doubt = (liveness: Liveness, nowMillis: number): boolean => {
  liveness.doubtMillis ??= nowMillis
  if (liveness.pingMillis !== undefined) return false
  ask(liveness, nowMillis)
  return true
}
