/** Bounds the received messages that wait in the queue of the state machine. */

/** Most messages of waiting datagrams, and their bytes. Beyond, whole datagrams are dropped, as on a network. */
export const messagesMax = 8192
export const bytesMax = 8_388_608

export interface Backlog {
  messages: number
  bytes: number
}

export const make = (): Backlog => ({ messages: 0, bytes: 0 })

/** Reserves room for a datagram; false, without a reservation, when it does not fit. */
export const enter = (backlog: Backlog, messages: number, bytes: number): boolean => {
  if (backlog.messages + messages > messagesMax || backlog.bytes + bytes > bytesMax) return false
  backlog.messages += messages
  backlog.bytes += bytes
  return true
}

export const leave = (backlog: Backlog, messages: number, bytes: number): void => {
  backlog.messages -= messages
  backlog.bytes -= bytes
}
