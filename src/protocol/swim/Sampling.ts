/** Random choices, from the random numbers of a step. */

/** Draws a whole number in [0, end). */
export const below = (random: () => number, end: number): number => Math.min(end - 1, Math.floor(random() * end))

/** Shuffles in place (Fisher-Yates). */
export const shuffle = <A>(random: () => number, items: Array<A>): void => {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(random, i + 1)
    const a = items[i]
    const b = items[j]
    if (a === undefined || b === undefined) return
    items[i] = b
    items[j] = a
  }
}

/**
 * Draws up to `count` distinct items that fit. Searches a list shorter than `3 * count` exhaustively; makes at most
 * three draws per item in a longer one, so the result may be smaller. Source: memberlist-wire.md, section 13.5.
 */
export const choose = <A>(
  random: () => number,
  items: ReadonlyArray<A>,
  count: number,
  fits: (item: A) => boolean
): ReadonlyArray<A> => {
  if (items.length < 3 * count) {
    const shuffled = items.filter(fits)
    shuffle(random, shuffled)
    return shuffled.slice(0, count)
  }
  const chosen: Array<A> = []
  for (let draw = 0; draw < 3 * items.length && chosen.length < count; draw++) {
    const item = items[below(random, items.length)]
    if (item !== undefined && fits(item) && !chosen.includes(item)) chosen.push(item)
  }
  return chosen
}
