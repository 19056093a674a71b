/**
 * The compress message: a struct with another message, or a whole stream body, in compressed form.
 *
 * Shape: type byte 9, then `{ Algo, Buf }`; algorithm 0 is LZW, the only one.
 * Source: memberlist-wire.md, sections 4 and 7.
 */
import { Result } from "effect"
import * as Fields from "./Fields.ts"
import * as Lzw from "./Lzw.ts"
import { MessageType } from "./Message.ts"
import type * as Cursor from "./MsgpackCursor.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as Struct from "./Struct.ts"

interface Compressed {
  readonly algorithm: number
  readonly buffer: Uint8Array
}

const compressed = Struct.table(
  [Fields.unsigned("Algo", 0xff), Fields.view("Buf")],
  (algorithm, buffer): Compressed => ({ algorithm, buffer }),
  ({ algorithm, buffer }) => [algorithm, buffer]
)

/** Returns the whole message, type byte included; it may be longer than `plain`. */
export const encode = (plain: Uint8Array): Uint8Array => {
  const buffer = Lzw.deflate(plain)
  const writer = Writer.make(buffer.length + 24)
  Writer.writeByte(writer, MessageType.compress)
  Struct.write(writer, compressed, { algorithm: 0, buffer })
  return Writer.finish(writer)
}

/**
 * Reads the struct and returns the compressed bytes, a view of the cursor's bytes.
 *
 * Errors: "truncated", the struct goes on after the cursor's end; "inflate", unknown algorithm; else "malformed".
 */
export const readBuffer = (cursor: Cursor.Cursor): Uint8Array | "truncated" | "malformed" | "inflate" => {
  const struct = Struct.read(cursor, compressed)
  if (typeof struct === "string") return struct
  return struct.algorithm === 0 ? struct.buffer : "inflate"
}

/**
 * Reads the struct and returns the decompressed bytes.
 *
 * Errors: as {@link readBuffer}; "inflate" also for broken LZW, for more than `outputBytesMax` bytes, and for no bytes
 * at all.
 */
export const read = (
  cursor: Cursor.Cursor,
  outputBytesMax: number
): Uint8Array | "truncated" | "malformed" | "inflate" => {
  const buffer = readBuffer(cursor)
  if (typeof buffer === "string") return buffer
  const plain = Lzw.inflate(buffer, outputBytesMax)
  return Result.isSuccess(plain) && plain.success.length > 0 ? plain.success : "inflate"
}
