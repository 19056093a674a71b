/**
 * UTF-8 encoding: short texts share blocks of memory, since a typed array of its own costs four times the text.
 *
 * Bounds: keeping a short text's bytes keeps its block, `blockBytes`. Returned bytes are never written again.
 */
const blockBytes = 8 * 1024

/** UTF-8 bytes of one UTF-16 unit, at most. */
const unitBytesMax = 3

const encoder = new TextEncoder()

let block = new Uint8Array(blockBytes)
let at = 0

export const encode = (text: string): Uint8Array => {
  const bytesMax = unitBytesMax * text.length
  if (bytesMax > blockBytes / 4) return encoder.encode(text)
  if (bytesMax > blockBytes - at) {
    block = new Uint8Array(blockBytes)
    at = 0
  }
  const start = at
  at += encoder.encodeInto(text, new Uint8Array(block.buffer, start)).written
  return new Uint8Array(block.buffer, start, at - start)
}
