/**
 * An input read as a program for a state machine: one step after the other, each a byte that says which, and what it needs.
 * Any bytes are one.
 */
export interface Reader {
  readonly isOver: () => boolean
  readonly byte: () => number
  /** Bytes behind a length of two. */
  readonly bytes: () => Uint8Array
}

export const reader = (input: Uint8Array): Reader => {
  let at = 0
  const byte = (): number => input[at++] ?? 0
  return {
    isOver: () => at >= input.length,
    byte,
    bytes: () => {
      const length = byte() * 256 + byte()
      const part = input.subarray(at, at + length)
      at += length
      return part
    }
  }
}

export const step = (which: number, ...parts: ReadonlyArray<number | Uint8Array>): Uint8Array =>
  Uint8Array.from([
    which,
    ...parts.flatMap((part) => (typeof part === "number" ? [part] : [part.length >> 8, part.length & 255, ...part]))
  ])
