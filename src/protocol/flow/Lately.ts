/**
 * The hosts that could not be reached lately: whoever has a choice takes another first. A host is forgotten when it is
 * reached, and after a while even if nobody tries.
 */

/** How long a host is remembered, in milliseconds. It is about what membership takes to find it dead. */
export const memoryMillis = 10_000

/** Hosts remembered at a time; one more takes the place of the oldest. */
export const hostsMax = 1024

/** Until when each host comes last, the oldest first. */
export interface Lately {
  readonly untilMillis: Map<string, number>
}

export const make = (): Lately => ({ untilMillis: new Map() })

/** A host could not be reached. */
export const note = ({ untilMillis }: Lately, host: string, nowMillis: number): void => {
  untilMillis.delete(host)
  untilMillis.set(host, nowMillis + memoryMillis)
  for (const [oldest] of untilMillis) {
    if (untilMillis.size <= hostsMax) return
    untilMillis.delete(oldest)
  }
}

/** A host was reached. */
export const forget = ({ untilMillis }: Lately, host: string): void => {
  untilMillis.delete(host)
}

const isUnreached = ({ untilMillis }: Lately, host: string, nowMillis: number): boolean => {
  const until = untilMillis.get(host)
  if (until === undefined) return false
  if (nowMillis < until) return true
  untilMillis.delete(host)
  return false
}

/** The same ones: first those that are not remembered, then the others, each in the order in which they were. */
export const order = <A>(
  lately: Lately,
  all: ReadonlyArray<A>,
  hostOf: (one: A) => string,
  nowMillis: number
): ReadonlyArray<A> => {
  if (lately.untilMillis.size === 0) return all
  const last = new Set(all.filter((one) => isUnreached(lately, hostOf(one), nowMillis)))
  return last.size === 0 ? all : [...all.filter((one) => !last.has(one)), ...last]
}
