/**
 * The wire form of one packet message, without framing.
 *
 * Shape: the type byte, then a msgpack struct with sorted keys; for a user message, the payload up to the end. An empty
 * byte array is written as nil, as the reference does; nil and empty both decode as empty. Decoded messages own their
 * bytes, so the datagram may be reused.
 * Source: memberlist-wire.md, sections 3, 4 and 18; faults.md, section 3.
 */
import { Data, Result } from "effect"
import type { PacketMessage } from "./Message.ts"
import { type MalformedReason, read, write } from "./MessageTables.ts"
import * as Writer from "./MsgpackWriter.ts"

/** A message that must not be acted on; `reason` serves as the name of a counter. */
export class MalformedMessage extends Data.TaggedError("MalformedMessage")<{ readonly reason: MalformedReason }> {}

const failure = (reason: MalformedReason): Result.Result<never, MalformedMessage> =>
  Result.fail(new MalformedMessage({ reason }))

/** Made once: constructing an error captures a stack, and a flood of bad packets must stay cheap. */
const failures: { readonly [Reason in MalformedReason]: Result.Result<never, MalformedMessage> } = {
  empty: failure("empty"),
  type: failure("type"),
  truncated: failure("truncated"),
  malformed: failure("malformed"),
  name: failure("name"),
  address: failure("address"),
  meta: failure("meta"),
  versions: failure("versions")
}

/** Reused by every call of `encode`, which is synchronous. */
const scratch = Writer.make(2048)

/**
 * Encodes a message with its type byte.
 *
 * Units: sequence numbers and incarnations are u32, ports u16; the caller keeps names and metadata within the limits
 * that {@link decode} checks.
 */
export const encode = (message: PacketMessage): Uint8Array => {
  Writer.clear(scratch)
  return Writer.finish(write(scratch, message))
}

/**
 * Decodes the one message that fills `bytes`; bytes after its struct are ignored.
 *
 * Units: names hold 1 to 255 bytes of UTF-8 (the names in a ping may be empty), addresses 4 or 16 bytes (a source may
 * have none), metadata at most 512 bytes, versions exactly 6; an ack's payload beyond 1 KiB decodes as empty.
 * Errors: `MalformedMessage` only; the caller counts it and drops the message.
 */
export const decode = (bytes: Uint8Array): Result.Result<PacketMessage, MalformedMessage> => {
  const message = read(bytes, 0, bytes.length)
  return typeof message === "string" ? failures[message] : Result.succeed(message)
}
