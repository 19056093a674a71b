/**
 * Liveness of the other end of a session (keepalive).
 *
 * A sign of life is a byte received, or a byte taken by a full socket: it has room again because the peer acknowledged
 * earlier bytes. Bytes taken by a socket that is not full prove nothing. Only a silent peer is asked by a PING, and the
 * answer is one sign among others: under bulk it waits behind all bytes on their way.
 *
 * States: heard -> silent (for `intervalMillis`: a PING leaves, unless one is on its way) -> dead (for `timeoutMillis`
 * more without a sign). Any sign leads back to heard. A path that is far, slow or full is given more time: to measure
 * it, PINGs also leave while there are signs. Time in which this process did not look (stopped, or busy) counts against
 * nobody.
 *
 * `doubt` is the word of another host that the peer is dead. It shortens the wait, and a sign of life outweighs it.
 */
export interface Bounds {
  /** Silence before a PING, in milliseconds. */
  readonly intervalMillis: number
  /** Silence after a PING before the peer is dead, in milliseconds. More than any pause of a peer. */
  readonly timeoutMillis: number
  /** Interval between two calls of `look`, in milliseconds. */
  readonly lookMillis: number
}

/** Silence of a doubted peer before it is dead, in milliseconds: any peer may be silent for as long. */
export const doubtedMillis = 4_000

/** Time that a doubted peer has to answer, in milliseconds. */
export const answerMillis = 1_000

/** Interval of PINGs that measure the path of a peer with signs of life, in milliseconds. */
const measureMillis = 2_000

/** Half-life of the measured slowness of the path, in milliseconds. */
const memoryMillis = 20_000

/** Round trip up to which a path gets no more time, in milliseconds: a fast path that is full may take as long. */
const promptMillis = 500

export interface Liveness {
  /** Counters at the last look. */
  readBytes: number
  takenBytes: number
  wasFull: boolean
  /** Times of the last sign, of the unanswered PING, of the last PING, and of the first doubt. */
  signMillis: number
  pingMillis: number | undefined
  askedMillis: number
  doubtMillis: number | undefined
  lookedMillis: number
  /** Slowness of the path lately: longest answer, PING unanswered despite signs, or wait of a full socket. */
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
  /** Bytes received, and bytes taken by the socket, so far. */
  readonly readBytes: number
  readonly takenBytes: number
  /** True while bytes wait that the socket has not taken. */
  readonly isFull: boolean
}

/** Verdict of a look. "ask": send a PING now; it counts as sent. */
export type Verdict = "alive" | "ask" | "dead"

/** Returns the extra time for a slow path, in milliseconds: twice its measured slowness, at most ten timeouts. */
const extraMillis = ({ slowMillis }: Liveness, { timeoutMillis }: Bounds): number =>
  Math.min(10 * timeoutMillis, 2 * Math.max(0, slowMillis - promptMillis))

/** Discounts time in which nobody looked. */
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

/** Returns true when there was a sign of life since the last look. */
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
    // A sign from before the doubt does not refute it.
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

/** Records the answer to a PING, `afterMillis` after it left. */
export const answer = (liveness: Liveness, afterMillis: number): void => {
  liveness.pingMillis = undefined
  liveness.slowMillis = Math.max(liveness.slowMillis, afterMillis)
}

/** Records the word of another host that the peer is dead. Returns true when a PING is to leave. */
export const doubt = (liveness: Liveness, nowMillis: number): boolean => {
  liveness.doubtMillis ??= nowMillis
  if (liveness.pingMillis !== undefined) return false
  ask(liveness, nowMillis)
  return true
}
