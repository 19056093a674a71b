/**
 * Label: the header in front of packets and of a dialler's streams, which keeps clusters apart.
 *
 * Shape: 244, a length of 1 to 255, that many bytes; an empty label has no header at all. Not secret.
 * Source: memberlist-wire.md, section 9.
 */
import { Option } from "effect"
import { MessageType } from "./Message.ts"

export const labelBytesMax = 255

export const none: Uint8Array = new Uint8Array(0)

const encoder = new TextEncoder()

/** Makes a label from configuration; None when `text` is longer than 255 bytes. */
export const fromString = (text: string): Option.Option<Uint8Array> => {
  const bytes = encoder.encode(text)
  return bytes.length <= labelBytesMax ? Option.some(bytes) : Option.none()
}

/** Returns the header of `label`; empty for no label. */
export const header = (label: Uint8Array): Uint8Array => {
  if (label.length === 0) return none
  const bytes = new Uint8Array(label.length + 2)
  bytes[0] = MessageType.hasLabel
  bytes[1] = label.length
  bytes.set(label, 2)
  return bytes
}

/**
 * Compares the header between `start` and `end` with this host's `label`; returns the offset behind the header.
 *
 * "mismatch": another label, a missing, unexpected or empty one. "incomplete": the header goes on after `end`.
 */
export const match = (
  bytes: Uint8Array,
  start: number,
  end: number,
  label: Uint8Array
): number | "mismatch" | "incomplete" => {
  if (start >= end) return label.length === 0 ? start : "incomplete"
  if (bytes[start] !== MessageType.hasLabel) return label.length === 0 ? start : "mismatch"
  if (start + 1 >= end) return "incomplete"
  const length = bytes[start + 1] ?? 0
  if (length === 0 || length !== label.length) return "mismatch"
  if (start + 2 + length > end) return "incomplete"
  for (let i = 0; i < length; i++) if (bytes[start + 2 + i] !== label[i]) return "mismatch"
  return start + 2 + length
}
