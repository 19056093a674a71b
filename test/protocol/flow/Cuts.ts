/** Bytes that come in chunks of any lengths, as a network cuts them. */
import { Schema } from "effect"

const upTo = (maximum: number, minimum = 0) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Lengths of messages. */
export const Lengths = Schema.Array(upTo(300)).check(Schema.isMaxLength(20))

/** Lengths of chunks. */
export const Cuts = Schema.Array(upTo(40, 1)).check(Schema.isMinLength(1))

/** Cuts bytes into chunks of these lengths, over and over. */
export const cut = (whole: Uint8Array, lengths: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0, i = 0; at < whole.byteLength; i++) {
    const length = lengths[i % lengths.length] ?? 1
    chunks.push(whole.subarray(at, at + length))
    at += length
  }
  return chunks
}
