/**
 * The compress message: a struct with another message, or a whole stream body, in compressed form.
 *
 * Shape: type byte 9, then `{ Algo, Buf }`; algorithm 0 is LZW, the only one.
 * Source: memberlist-wire.md, sections 4 and 7.
 */
import { Result } from "effect"
import * as Lzw from "./Lzw.ts"
import { MessageType } from "./Message.ts"
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"

const fields = Reader.shape("Algo", "Buf")

/** Returns the whole message, type byte included; it may be longer than `plain`. */
export const encode = (plain: Uint8Array): Uint8Array => {
  const buffer = Lzw.deflate(plain)
  const writer = Writer.make(buffer.length + 24)
  Writer.writeByte(writer, MessageType.compress)
  Writer.writeStruct(writer, 2)
  Writer.writeField(writer, "Algo")
  Writer.writeUnsigned(writer, 0)
  Writer.writeField(writer, "Buf")
  Writer.writeBytes(writer, buffer)
  return Writer.finish(writer)
}

/**
 * Reads the struct and returns the compressed bytes, a view of the cursor's bytes.
 *
 * Errors: "truncated", the struct goes on after the cursor's end; "inflate", unknown algorithm; else "malformed".
 */
export const readBuffer = (cursor: Cursor.Cursor): Uint8Array | "truncated" | "malformed" | "inflate" => {
  let algorithm = 0
  let buffer: Uint8Array = new Uint8Array(0)
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, fields)) {
      case "Algo":
        algorithm = Reader.readUnsigned(cursor, 0xff)
        break
      case "Buf":
        buffer = Reader.readView(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  if (cursor.status !== "ok") return cursor.status
  return algorithm === 0 ? buffer : "inflate"
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
