/**
 * Hosts that could not be reached lately: a connect with a choice tries them last. A host is forgotten when it is
 * reached, and after `memoryMillis` without a try.
 */

/** How long a host is remembered, in milliseconds: about the time in which membership finds it dead. */
export const memoryMillis = 10_000

/** Hosts remembered; one more replaces the oldest. */
export const hostsMax = 1024

/** End of the memory of each host, the oldest first. */
export interface Lately {
  readonly untilMillis: Map<string, number>
}

export const make = (): Lately => ({ untilMillis: new Map() })

/** Remembers a host that could not be reached. */
export const note = ({ untilMillis }: Lately, host: string, nowMillis: number): void => {
  untilMillis.delete(host)
  untilMillis.set(host, nowMillis + memoryMillis)
  for (const [oldest] of untilMillis) {
    if (untilMillis.size <= hostsMax) return
    untilMillis.delete(oldest)
  }
}

/** Forgets a host that was reached. */
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

/** Reorders `all`: the hosts not remembered first, then the others, each part in its old order. */
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
