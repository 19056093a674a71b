/** How much of what has come waits for the machine, which takes it in turn. */

/** Messages of datagrams, and bytes of them; of more, whole datagrams are dropped, as the network may drop them. */
export const messagesMax = 8192
export const bytesMax = 8_388_608

export interface Backlog {
  messages: number
  bytes: number
}

export const make = (): Backlog => ({ messages: 0, bytes: 0 })

/** Makes room for a datagram; false, and none is made, when there is none. */
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
