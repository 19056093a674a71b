/**
 * LZW as in Go's `compress/lzw`, least significant bit first, 8-bit literals.
 *
 * Codes 0 to 255 are literals, 256 clears the table, 257 ends; codes start 9 bits wide and grow to 12. The encoder's
 * output is byte-identical to Go's. `deflate` and `inflate` share tables across calls, which is safe since they run
 * synchronously; an `Inflater` pauses between calls, so it has tables of its own.
 * Source: memberlist-wire.md, section 7.
 */
import { Data, Result } from "effect"

const clearCode = 256
const endCode = 257
const startWidth = 9
const maxWidth = 12
const maxCode = 4095
const tableSize = 4096

/** "truncated": no end code. "code": a code that is not in the table. "size": more than the allowed output. */
export class InflateFailed extends Data.TaggedError("InflateFailed")<{
  readonly reason: "truncated" | "code" | "size"
}> {}

const truncated = Result.fail(new InflateFailed({ reason: "truncated" }))
const unknownCode = Result.fail(new InflateFailed({ reason: "code" }))
const oversized = Result.fail(new InflateFailed({ reason: "size" }))
const more = Result.succeed("more" as const)

/** The encoder's strings: an open-addressing hash from (code, byte) to the code of the longer string. */
const slotCount = 16_384
const slotKeys = new Int32Array(slotCount)
const slotCodes = new Uint16Array(slotCount)
const generationMax = 0x7ff
let generation = 0

/** Invalidates all strings by changing the generation: a key holds 11 bits of generation, 12 of code, 8 of byte. */
const nextEpoch = (): number => {
  if (generation === generationMax) {
    slotKeys.fill(0)
    generation = 0
  }
  generation += 1
  return generation << 20
}

/** Returns the slot that holds `key`, or the free slot where `key` belongs. */
const findSlot = (key: number): number => {
  let slot = ((key >>> 8) * 0x9e5 + (key & 0xff) * 0x3d) & (slotCount - 1)
  for (;;) {
    const found = slotKeys[slot] ?? 0
    if (found === key || found >>> 20 !== key >>> 20) return slot
    slot = (slot + 1) & (slotCount - 1)
  }
}

interface Packer {
  readonly output: Uint8Array
  length: number
  bits: number
  bitCount: number
  width: number
  high: number
  limit: number
  epoch: number
}

const emit = (packer: Packer, code: number): void => {
  packer.bits |= code << packer.bitCount
  packer.bitCount += packer.width
  while (packer.bitCount >= 8) {
    packer.output[packer.length] = packer.bits & 0xff
    packer.length += 1
    packer.bits >>>= 8
    packer.bitCount -= 8
  }
}

/** Counts an emitted string; true when the longer string gets the code `high`, false when the table was cleared. */
const advance = (packer: Packer): boolean => {
  packer.high += 1
  if (packer.high === packer.limit) {
    packer.width += 1
    packer.limit *= 2
  }
  if (packer.high !== maxCode) return true
  emit(packer, clearCode)
  packer.width = startWidth
  packer.high = endCode
  packer.limit = 1 << startWidth
  packer.epoch = nextEpoch()
  return false
}

/** Compresses `input`; the output is at most about 1.5 times as long. */
export const deflate = (input: Uint8Array): Uint8Array => {
  const packer: Packer = {
    output: new Uint8Array(16 + input.length + (input.length >>> 1) + (input.length >>> 9)),
    length: 0,
    bits: 0,
    bitCount: 0,
    width: startWidth,
    high: endCode,
    limit: 1 << startWidth,
    epoch: nextEpoch()
  }
  emit(packer, clearCode)
  if (input.length > 0) {
    let current = input[0] ?? 0
    for (let i = 1; i < input.length; i++) {
      const byte = input[i] ?? 0
      const key = packer.epoch | (current << 8) | byte
      const slot = findSlot(key)
      if (slotKeys[slot] === key) {
        current = slotCodes[slot] ?? 0
      } else {
        emit(packer, current)
        if (advance(packer)) {
          slotKeys[slot] = key
          slotCodes[slot] = packer.high
        }
        current = byte
      }
    }
    emit(packer, current)
    advance(packer)
  }
  emit(packer, endCode)
  if (packer.bitCount > 0) {
    packer.output[packer.length] = packer.bits
    packer.length += 1
  }
  return packer.output.subarray(0, packer.length)
}

/** The decoder's table: each code is a range of the output. */
interface Strings {
  readonly positions: Int32Array
  readonly lengths: Int32Array
}

const makeStrings = (): Strings => ({ positions: new Int32Array(tableSize), lengths: new Int32Array(tableSize) })

const sharedStrings = makeStrings()

/** A decompression in progress, changed in place. */
export interface Inflater {
  readonly input: Uint8Array
  readonly outputBytesMax: number
  readonly strings: Strings
  output: Uint8Array
  length: number
  /** The larger buffer being filled from `output`, and the bytes moved so far; undefined while `output` has room. */
  target: Uint8Array | undefined
  moved: number
  /** Offset of the first unread byte of `input`. */
  next: number
  bits: number
  bitCount: number
  width: number
  high: number
  limit: number
  lastPosition: number
  lastLength: number
}

const start = (input: Uint8Array, outputBytesMax: number, strings: Strings): Inflater => ({
  input,
  outputBytesMax,
  strings,
  output: new Uint8Array(Math.min(outputBytesMax, Math.max(256, input.length * 3))),
  length: 0,
  target: undefined,
  moved: 0,
  next: 0,
  bits: 0,
  bitCount: 0,
  width: startWidth,
  high: endCode,
  limit: 1 << startWidth,
  lastPosition: 0,
  lastLength: 0
})

/** Starts a decompression. The buffer grows with the output, to at most `outputBytesMax` bytes. */
export const inflater = (input: Uint8Array, outputBytesMax: number): Inflater =>
  start(input, outputBytesMax, makeStrings())

/** Bytes that are moved for the cost of decoding one. */
const movedPerWork = 8

/** Moves a part of the output, within the work of one call, to a buffer twice as large. */
const growSome = (inflater: Inflater, workBytesMax: number): void => {
  const { length, moved, output, outputBytesMax } = inflater
  inflater.target ??= new Uint8Array(Math.min(outputBytesMax, output.length * 2))
  const end = Math.min(length, moved + movedPerWork * workBytesMax)
  inflater.target.set(output.subarray(moved, end), moved)
  inflater.moved = end
  if (end < length) return
  inflater.output = inflater.target
  inflater.target = undefined
  inflater.moved = 0
}

/** Copies a string of the output to its end; a string that reaches one byte past the end repeats its own first byte. */
const repeat = (output: Uint8Array, from: number, to: number, length: number): void => {
  if (length > 32) {
    output.copyWithin(to, from, Math.min(from + length, to))
    if (from + length > to) output[to + length - 1] = output[from] ?? 0
  } else {
    for (let i = 0; i < length; i++) output[to + i] = output[from + i] ?? 0
  }
}

/**
 * Decompresses up to the end code, or until `workBytesMax` bytes were read and written; then returns "more", and the
 * next call goes on. Bytes after the end code are ignored, and a missing first clear code is accepted.
 *
 * Errors: `InflateFailed`; a failed inflater cannot be used again.
 */
export const inflateSome = (
  inflater: Inflater,
  workBytesMax: number
): Result.Result<Uint8Array | "more", InflateFailed> => {
  const { input, outputBytesMax } = inflater
  const { lengths, positions } = inflater.strings
  let { bitCount, bits, high, lastLength, lastPosition, length, limit, next, output, width } = inflater
  let workEnd = next + length + workBytesMax
  while (next + length < workEnd) {
    // A string is at most one byte longer than the number of strings in the table.
    if (length + high - endCode >= output.length && output.length < outputBytesMax) {
      inflater.length = length
      growSome(inflater, workBytesMax)
      if (inflater.target !== undefined) break
      output = inflater.output
      workEnd -= length / movedPerWork
    }
    while (bitCount < width) {
      if (next === input.length) return truncated
      bits |= (input[next] ?? 0) << bitCount
      bitCount += 8
      next += 1
    }
    const code = bits & ((1 << width) - 1)
    bits >>>= width
    bitCount -= width
    if (code === clearCode) {
      width = startWidth
      high = endCode
      limit = 1 << startWidth
      lastLength = 0
      continue
    }
    if (code === endCode) return Result.succeed(output.subarray(0, length))
    if (code > high) return unknownCode
    const repeatsLast = code === high && lastLength > 0
    const stringLength = code < clearCode ? 1 : repeatsLast ? lastLength + 1 : (lengths[code] ?? 0)
    if (length + stringLength > outputBytesMax) return oversized
    if (code < clearCode) output[length] = code
    else repeat(output, repeatsLast ? lastPosition : (positions[code] ?? 0), length, stringLength)
    if (lastLength > 0) {
      positions[high] = lastPosition
      lengths[high] = lastLength + 1
    }
    lastPosition = length
    lastLength = stringLength
    length += stringLength
    high += 1
    if (high >= limit) {
      if (width === maxWidth) {
        lastLength = 0
        high -= 1
      } else {
        width += 1
        limit *= 2
      }
    }
  }
  Object.assign(inflater, { bitCount, bits, high, lastLength, lastPosition, length, limit, next, width })
  return more
}

/** Decompresses all of `input`. Errors: `InflateFailed`. */
export const inflate = (input: Uint8Array, outputBytesMax: number): Result.Result<Uint8Array, InflateFailed> =>
  Result.flatMap(inflateSome(start(input, outputBytesMax, sharedStrings), Number.POSITIVE_INFINITY), (output) =>
    output === "more" ? truncated : Result.succeed(output)
  )
