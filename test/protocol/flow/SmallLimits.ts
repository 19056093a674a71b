import type { Limits } from "../../../src/protocol/flow/Limits.ts"

/** Limits that a few short messages reach. */
export const small: Limits = {
  messageBytesMax: 64,
  frameBytesMax: 8,
  frameMessagesMax: 4,
  bufferBytesMax: 256,
  inboxBytesMax: 256
}
