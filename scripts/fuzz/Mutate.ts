/**
 * Inputs that are almost right: legal ones, changed in a few places as a decoder might not expect.
 */

export type Random = () => number

/** A whole number from 0 to `below` - 1. */
export const pick = (random: Random, below: number): number => Math.floor(random() * below)

const one = <A>(random: Random, all: ReadonlyArray<A>): A | undefined => all[pick(random, all.length)]

/** Lengths and counts at which something may go wrong. */
const edges = [0, 1, 2, 4, 5, 15, 16, 31, 32, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 65_535, 65_536]
const edges32 = [2 ** 20, 2 ** 24 - 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]

const splice = (bytes: Uint8Array, at: number, removed: number, put: Uint8Array): Uint8Array => {
  const left = bytes.subarray(0, at)
  const right = bytes.subarray(Math.min(bytes.length, at + removed))
  const all = new Uint8Array(left.length + put.length + right.length)
  all.set(left)
  all.set(put, left.length)
  all.set(right, left.length + put.length)
  return all
}

const number = (value: number, width: number): Uint8Array => {
  const bytes = new Uint8Array(width)
  let left = value
  for (let i = width - 1; i >= 0; i--) {
    bytes[i] = left % 256
    left = Math.floor(left / 256)
  }
  return bytes
}

const varint = (value: number): Uint8Array => {
  const bytes: Array<number> = []
  let left = value
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128)
  return Uint8Array.from([...bytes, left])
}

const edge = (random: Random, width: number): number =>
  one(random, width < 2 ? edges.filter((value) => value < 256) : width < 4 ? edges : [...edges, ...edges32]) ?? 0

type Change = (random: Random, bytes: Uint8Array, others: ReadonlyArray<Uint8Array>) => Uint8Array

const flip: Change = (random, bytes) => {
  const changed = bytes.slice()
  const at = pick(random, bytes.length)
  changed[at] = (changed[at] ?? 0) ^ (1 << pick(random, 8))
  return changed
}

const set: Change = (random, bytes) => {
  const changed = bytes.slice()
  changed[pick(random, bytes.length)] = pick(random, 256)
  return changed
}

/** Writes a length or a count at an edge over what is there. */
const count: Change = (random, bytes) => {
  const width = one(random, [1, 2, 4]) ?? 1
  return splice(bytes, pick(random, bytes.length + 1), width, number(edge(random, width), width))
}

const longCount: Change = (random, bytes) =>
  splice(bytes, pick(random, bytes.length + 1), 1, varint(one(random, [...edges, ...edges32, 2 ** 53, 2 ** 64]) ?? 0))

const cut: Change = (random, bytes) => bytes.slice(0, pick(random, bytes.length + 1))

const remove: Change = (random, bytes) =>
  splice(bytes, pick(random, bytes.length + 1), 1 + pick(random, 8), new Uint8Array(0))

const repeat: Change = (random, bytes) => {
  const at = pick(random, bytes.length + 1)
  const part = bytes.subarray(at, at + 1 + pick(random, 64))
  const times = 1 + pick(random, 16)
  const put = new Uint8Array(part.length * times)
  for (let i = 0; i < times; i++) put.set(part, i * part.length)
  return splice(bytes, at, 0, put)
}

const noise: Change = (random, bytes) => {
  const put = Uint8Array.from({ length: 1 + pick(random, 32) }, () => pick(random, 256))
  return splice(bytes, pick(random, bytes.length + 1), pick(random, 4), put)
}

/** Puts a part of another legal input in. */
const cross: Change = (random, bytes, others) => {
  const other = one(random, others) ?? bytes
  const from = pick(random, other.length + 1)
  const part = other.subarray(from, from + 1 + pick(random, other.length))
  return splice(bytes, pick(random, bytes.length + 1), pick(random, part.length + 1), part)
}

const changes: ReadonlyArray<Change> = [flip, set, count, longCount, cut, remove, repeat, noise, cross, cross]

/** A legal input of these, changed once or a few times; at most `bytesMax` long. */
export const mutant = (random: Random, legal: ReadonlyArray<Uint8Array>, bytesMax: number): Uint8Array => {
  let bytes = one(random, legal) ?? new Uint8Array(0)
  const times = 1 + pick(random, 6)
  for (let i = 0; i < times; i++) bytes = (one(random, changes) ?? flip)(random, bytes, legal)
  return bytes.length > bytesMax ? bytes.slice(0, bytesMax) : bytes
}

/** The smallest input found that still fails: parts are taken out, and bytes set to 0, as long as it does. */
export const minimise = (input: Uint8Array, fails: (input: Uint8Array) => boolean, triesMax = 2_000): Uint8Array => {
  let best = input
  let tries = 0
  const attempt = (next: Uint8Array): boolean => {
    tries += 1
    if (tries > triesMax || !fails(next)) return false
    best = next
    return true
  }
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.length && tries < triesMax; )
      if (!attempt(splice(best, at, size, new Uint8Array(0)))) at += size
  for (let at = 0; at < best.length && tries < triesMax; at++)
    if (best[at] !== 0) attempt(splice(best, at, 1, Uint8Array.of(0)))
  return best
}
