/**
 * Room of an HTTP/2 session for the frames of its flows.
 *
 * What HTTP/2 says of itself (window updates, answers to PING) waits behind every frame that a session has written and its
 * socket has not taken. So the flows of a session together hand over a few frames in each turn of the event loop, and none
 * while the socket is full: the kernel's own buffer is what keeps the path busy. Flows that wait are asked in their turn.
 *
 * States: open -> spent (until the next turn) -> open; open, spent -> full (until the socket has taken all) -> open.
 * While it is full the session reads on. `unreadBytesMax` bounds what may come meanwhile.
 */
import type { Http2Socket } from "./Http2Socket.ts"

/** What the flows of a session hand over in one turn of the event loop, in bytes; a frame may overshoot it. */
export const turnBytesMax = 256 * 1024

/**
 * What may come on a session while its own socket is full, in bytes: three windows of a session, for the lengths of small
 * frames, and the headers of calls, which no window bounds. A peer that sends more reads nothing itself, or breaks the rules.
 */
export const unreadBytesMax = 12 * 1024 * 1024

/** Somebody who waits for room. */
export interface Waiter {
  readonly onTurn: () => void
}

export class Http2Room {
  private readonly socket: Http2Socket
  private readonly waiting = new Set<Waiter>()
  private turnBytes = 0
  private isTurning = false
  /** What had come when the socket became full; undefined while it is not. */
  private readBytes: number | undefined

  constructor(socket: Http2Socket) {
    this.socket = socket
  }

  get isFull(): boolean {
    return this.readBytes !== undefined
  }

  isOpen(): boolean {
    return this.readBytes === undefined && this.turnBytes < turnBytesMax
  }

  /** So many bytes were handed over. */
  take(bytes: number): void {
    this.turnBytes += bytes
    if (this.isTurning) return
    this.isTurning = true
    // The session writes in the first half of this phase of the event loop, and this runs in the second.
    setImmediate(this.turn)
  }

  private readonly turn = (): void => {
    this.isTurning = false
    this.turnBytes = 0
    this.look()
  }

  /** Looks whether the socket is full: each turn, when a write is over, and now and then. False when too much has come. */
  look(): boolean {
    const { socket } = this
    if (socket.waitingBytes === 0) {
      this.readBytes = undefined
      this.wake()
      return true
    }
    this.readBytes ??= socket.readBytes
    socket.readOn()
    return socket.readBytes - this.readBytes <= unreadBytesMax
  }

  /** Asks this one again once there is room. */
  wait(waiter: Waiter): void {
    this.waiting.add(waiter)
  }

  private wake(): void {
    for (const waiter of this.waiting) {
      if (!this.isOpen()) return
      this.waiting.delete(waiter)
      waiter.onTurn()
    }
  }
}
