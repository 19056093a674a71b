/**
 * Lives of hosts, by their start: which of two comes first, and so wins a unique name, and which is impossible.
 *
 * The start of a life is set by its host, whose clock may be wrong. A life far in the future would be later than all
 * that its host can ever begin, and one before there were hosts would be first everywhere.
 */

/** How far a life may be ahead of the known time, in microseconds: a week. */
export const aheadMax = 7 * 24 * 60 * 60 * 1_000_000

/** Earliest plausible start, in microseconds since 1970 (1 January 2025): a host with an earlier one has no clock. */
export const firstPlausible = 1_735_689_600_000_000

/** How long a host is young, in milliseconds: records of its own name that it hears then may be of a former life. */
export const youngMillis = 60_000

/** How far ahead the life of another host may be before a young host doubts its own clock, in microseconds. */
const skewMax = 60 * 1_000_000

interface Life {
  readonly id: string
  readonly generation: number
}

/** Returns true when `a` wins a unique name: the life that began first, lives without a clock after all others. */
export const precedes = (a: Life, b: Life): boolean => {
  const [hasClockA, hasClockB] = [a.generation >= firstPlausible, b.generation >= firstPlausible]
  if (hasClockA !== hasClockB) return hasClockA
  return a.generation === b.generation ? a.id < b.id : a.generation < b.generation
}

/**
 * Returns true when a life is possible, by the newest one that other members show and by the wall clock, in
 * microseconds. Without either every life is.
 */
export const isPossible = (generation: number, newest: number | undefined, wall: number | undefined): boolean => {
  const clock = wall !== undefined && wall >= firstPlausible ? wall : undefined
  if (newest === undefined && clock === undefined) return true
  return generation <= Math.max(newest ?? 0, clock ?? 0) + aheadMax
}

/**
 * Returns the life above which a young host has to begin another, in microseconds; undefined when its own will do.
 * Later possible lives count: those of its own name, and of other hosts in its future, which tell that its clock is
 * behind.
 */
export const beginsAfter = (
  own: { readonly generation: number; readonly ageMillis: number },
  formers: ReadonlyArray<number>,
  others: ReadonlyArray<number>,
  isPossible: (generation: number) => boolean
): number | undefined => {
  if (own.ageMillis >= youngMillis) return undefined
  const future = own.generation + own.ageMillis * 1000 + skewMax
  const late = [
    ...formers.filter((generation) => generation > own.generation),
    ...others.filter((generation) => generation > future)
  ].filter(isPossible)
  return late.length === 0 ? undefined : Math.max(...late)
}
