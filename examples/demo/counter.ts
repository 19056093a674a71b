/**
 * Counting the words of some lines.
 */
import type { Tally } from "./wordcount.ts"

const topMax = 10

const wordPattern = /[\p{L}\p{N}]+/gu

interface Frequency {
  readonly word: string
  readonly times: number
}

const byFrequency = (a: Frequency, b: Frequency): number => b.times - a.times || (a.word < b.word ? -1 : 1)

/** A word is a run of letters and digits of any script; upper and lower case are the same. */
export const make = () => {
  const times = new Map<string, number>()
  let lines = 0
  let words = 0
  return {
    add: (line: string): void => {
      lines += 1
      for (const found of line.match(wordPattern) ?? []) {
        const word = found.toLowerCase()
        words += 1
        times.set(word, (times.get(word) ?? 0) + 1)
      }
    },
    tally: (): Tally => ({ lines, words, different: times.size, top: [] }),
    top: (): ReadonlyArray<Frequency> => {
      let top: ReadonlyArray<Frequency> = []
      for (const [word, count] of times) {
        const next = { word, times: count }
        const last = top[topMax - 1]
        if (last === undefined || byFrequency(next, last) < 0) top = [...top, next].sort(byFrequency).slice(0, topMax)
      }
      return top
    }
  }
}
