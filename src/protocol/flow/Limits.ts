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
  /** What waits on each side of a flow for its reader or its carrier, in bytes; one message may overshoot it. */
  readonly bufferBytesMax: number
}

export const defaults: Limits = {
  messageBytesMax: 4 * 1024 * 1024,
  frameBytesMax: 64 * 1024,
  frameMessagesMax: 1024,
  bufferBytesMax: 64 * 1024
}

/** Bookkeeping cost of a waiting message, in bytes, so that empty messages are bounded too. */
export const messageOverheadBytes = 32

export const weight = (message: { readonly byteLength: number }): number => message.byteLength + messageOverheadBytes

/**
 * What both sides of a flow whose reader has stalled hold together, in bytes on the wire, beside one message on each
 * that was taken while there was room. The sender: what waits, a frame that a fiber may hold, two that the carrier
 * writes. The receiver: what waits and the frame that filled it, and on a network the carrier's window and a frame that
 * is being joined; a window is one frame.
 */
export const stalledBytesMax = ({ bufferBytesMax, frameBytesMax }: Limits): number =>
  2 * bufferBytesMax + 6 * frameBytesMax
