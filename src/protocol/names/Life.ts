/**
 * Lives of hosts, by when they began: which of two comes first, and which cannot be.
 *
 * The start of a life is what its host says, by a clock that may be wrong. A life far in the future would be later than all
 * that its host can ever begin, and one before there were hosts would be first everywhere.
 */

/** How far a life may be ahead of what is known of the time, in microseconds: a week. */
export const aheadMax = 7 * 24 * 60 * 60 * 1_000_000

/** No host began before this, in microseconds since 1970 (1 January 2025): one that says so has no clock. */
export const firstPlausible = 1_735_689_600_000_000

/** How long a host is young, in milliseconds: what it hears of its own name then may be of a life before. */
export const youngMillis = 60_000

/** How far a life of another may be in the future of a young host before it doubts its own clock, in microseconds. */
const skewMax = 60 * 1_000_000

interface Life {
  readonly id: string
  readonly generation: number
}

/** Which of two lives a unique name goes to: the one that began first, those without a clock after all others. */
export const precedes = (a: Life, b: Life): boolean => {
  const [hasClockA, hasClockB] = [a.generation >= firstPlausible, b.generation >= firstPlausible]
  if (hasClockA !== hasClockB) return hasClockA
  return a.generation === b.generation ? a.id < b.id : a.generation < b.generation
}

/**
 * Whether a life can be, by the newest that other members show and by the wall clock of this host, in microseconds.
 * A host that knows neither takes what it hears.
 */
export const isPossible = (generation: number, newest: number | undefined, wall: number | undefined): boolean => {
  const clock = wall !== undefined && wall >= firstPlausible ? wall : undefined
  if (newest === undefined && clock === undefined) return true
  return generation <= Math.max(newest ?? 0, clock ?? 0) + aheadMax
}

/**
 * When a young host has to begin its life instead, in microseconds: after every life that was heard of and can be, when one of
 * its own name is later, or when one of another began in its own future, since its clock is behind. Undefined when it need not.
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
