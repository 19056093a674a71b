/**
 * Bounds of a flow. Source: faults.md, rows D-16 and D-17, guarantee G9.
 */
export interface Limits {
  /** Largest message, in bytes; a larger one is refused before it is sent and fails the flow when it arrives. */
  readonly messageBytesMax: number
  /** Payload of one Data frame, in bytes; a larger message is cut. */
  readonly frameBytesMax: number
  /** Messages in one Data frame. */
  readonly frameMessagesMax: number
  /** What waits at the sender for its carrier, in bytes; one message may overshoot it. */
  readonly bufferBytesMax: number
  /** What waits at the receiver for its reader before the carrier is not read any further, in bytes; a frame may overshoot it. */
  readonly inboxBytesMax: number
}

export const defaults: Limits = {
  messageBytesMax: 4 * 1024 * 1024,
  frameBytesMax: 64 * 1024,
  frameMessagesMax: 1024,
  bufferBytesMax: 64 * 1024,
  inboxBytesMax: 8 * 1024
}

/** Bookkeeping cost of a waiting message, in bytes, so that empty messages are bounded too. */
export const messageOverheadBytes = 32

export const weight = (message: { readonly byteLength: number }): number => message.byteLength + messageOverheadBytes

export const weightOf = (messages: ReadonlyArray<{ readonly byteLength: number }>): number => {
  let bytes = messages.length * messageOverheadBytes
  for (const { byteLength } of messages) bytes += byteLength
  return bytes
}

/**
 * What both sides of a flow whose reader has stalled hold together, in bytes on the wire, beside one message on each
 * that was taken while there was room. The sender: what waits, a frame that a link may hold, one that the carrier writes.
 * The receiver: what waits and the frame that filled it, and on a network the carrier's window and a message that is being
 * put together; a window, and what may wait beside it, are three frames.
 */
export const stalledBytesMax = ({ bufferBytesMax, frameBytesMax, inboxBytesMax }: Limits): number =>
  bufferBytesMax + inboxBytesMax + 7 * frameBytesMax
