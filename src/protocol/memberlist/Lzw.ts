/**
 * LZW as in Go's `compress/lzw`, least significant bit first, 8-bit literals.
 *
 * Codes 0 to 255 are literals, 256 clears the table, 257 ends; codes start 9 bits wide and grow to 12. The encoder's
 * output is byte-identical to Go's. The tables are kept from call to call, which is safe since no
 * call waits for another.
 * Source: memberlist-protocol.md, section 7.
 */
import { Data, Result } from "effect"

const clearCode = 256
const endCode = 257
const startWidth = 9
const maxWidth = 12
const maxCode = 4095
const tableSize = 4096

/** "truncated": no end code. "code": a code that the table does not have. "size": more than the allowed output. */
export class InflateFailed extends Data.TaggedError("InflateFailed")<{
  readonly reason: "truncated" | "code" | "size"
}> {}

const truncated = Result.fail(new InflateFailed({ reason: "truncated" }))
const unknownCode = Result.fail(new InflateFailed({ reason: "code" }))
const oversized = Result.fail(new InflateFailed({ reason: "size" }))

/** The encoder's strings: an open-addressing hash from (code, byte) to the code of the longer string. */
const slotCount = 16_384
const slotKeys = new Int32Array(slotCount)
const slotCodes = new Uint16Array(slotCount)
const generationMax = 0x7ff
let generation = 0

/** Forgets all strings by leaving their keys behind: a key holds 11 bits of generation, 12 of code, 8 of byte. */
const nextEpoch = (): number => {
  if (generation === generationMax) {
    slotKeys.fill(0)
    generation = 0
  }
  generation += 1
  return generation << 20
}

/** The slot that holds `key`, or the free one where it belongs. */
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

/** Counts an emitted string: true when the longer string gets the code `high`, false when the table was cleared. */
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

/** Compresses `input`; at worst the output is about half as long again. */
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

/** The decoder's strings: every one lies somewhere in the output already. */
const positions = new Int32Array(tableSize)
const lengths = new Int32Array(tableSize)

const grow = (output: Uint8Array, length: number, outputBytesMax: number): Uint8Array => {
  const grown = new Uint8Array(Math.min(outputBytesMax, Math.max(length, output.length * 2)))
  grown.set(output)
  return grown
}

/** Copies a string of the output to its end; a string that is one byte longer than what is there repeats its first. */
const repeat = (output: Uint8Array, from: number, to: number, length: number): void => {
  if (length > 32) {
    output.copyWithin(to, from, Math.min(from + length, to))
    if (from + length > to) output[to + length - 1] = output[from] ?? 0
  } else {
    for (let i = 0; i < length; i++) output[to + i] = output[from + i] ?? 0
  }
}

/**
 * Decompresses up to the end code; what follows it is ignored, and a missing first clear code is accepted.
 *
 * Units: at most `outputBytesMax` bytes come out, and the buffer grows with the output.
 * Errors: `InflateFailed`.
 */
export const inflate = (input: Uint8Array, outputBytesMax: number): Result.Result<Uint8Array, InflateFailed> => {
  let output: Uint8Array = new Uint8Array(Math.min(outputBytesMax, Math.max(256, input.length * 3)))
  let length = 0
  let bits = 0
  let bitCount = 0
  let width = startWidth
  let high = endCode
  let limit = 1 << startWidth
  let lastPosition = 0
  let lastLength = 0
  for (let next = 0; ; ) {
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
    if (length + stringLength > output.length) output = grow(output, length + stringLength, outputBytesMax)
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
}
