/**
 * Room: the room of an HTTP/2 session for the frames of its flows.
 *
 * Control frames of HTTP/2 (window updates, answers to PING) wait behind every frame that a session has written and its
 * socket has not taken. Of the frames that wait in a session for its window, some streams may get none of it for
 * seconds. So the flows of a session together hand over a few frames in each turn of the event loop, and none while the
 * socket is full or the window of the session is used up: the buffer of the kernel keeps the path busy. Waiting flows
 * are asked in their turn.
 *
 * States: open -> spent (until the next turn) -> open; open, spent -> full (until the socket has taken all) -> open;
 * open, spent -> out of window (until the peer gives some) -> open. While it is full the session reads on. Bytes that
 * come then wait in the session, which copies them all with each piece that comes: so it reads in gulps, the fewer the
 * more waits. `unreadBytesMax` and `stuckMillisMax` bound it.
 */
import type { Http2Socket } from "./Socket.ts"

/** Bytes that the flows of a session hand over in one turn of the event loop; a frame may overshoot it. */
export const turnBytesMax = 256 * 1024

/**
 * Bytes that may come on a session while its own socket is full: a window and a half of a session, for the lengths of
 * small frames, and the headers of calls, which no window bounds. A peer that sends more reads nothing itself, or
 * breaks the rules.
 */
export const unreadBytesMax = 24 * 1024 * 1024

/** Time that a peer may go on sending while it takes nothing, in milliseconds: beyond it the peer does not read. */
export const stuckMillisMax = 60_000

/** Bytes read without a pause while the socket is full, and then in each gulp for as many that wait. */
const gulpBytes = 1024 * 1024

/** A link that waits for room. */
export interface Waiter {
  readonly onTurn: () => void
}

/** A full socket, during one write of its session. */
interface Full {
  /** Bytes received when the socket was first seen full. */
  readonly readBytes: number
  /** Bytes that the socket will have taken once this write is over; the session then looks at all received. */
  readonly endBytes: number
  /** Bytes that the socket had taken when it last took some, and the time since when it has taken none. */
  takenBytes: number
  sinceMillis: number | undefined
  /** Looks since the last gulp. */
  looks: number
}

export class Http2Room {
  private readonly socket: Http2Socket
  /** Returns the window that the peer has given the session, in bytes. */
  private readonly windowBytes: () => number
  private readonly waiting = new Set<Waiter>()
  private turnBytes = 0
  private isTurning = false
  private isOut = false
  private full: Full | undefined

  constructor(socket: Http2Socket, windowBytes: () => number) {
    this.socket = socket
    this.windowBytes = windowBytes
  }

  get isFull(): boolean {
    return this.full !== undefined
  }

  /** Whether there is no room until the socket takes something, or the peer gives some of the window. */
  get isShut(): boolean {
    return this.isOut || this.full !== undefined
  }

  isOpen(): boolean {
    return !this.isShut && this.turnBytes < turnBytesMax
  }

  /** Counts bytes that were handed over. */
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

  /** Updates the state: called each turn, when a write is over, and now and then. */
  look(): void {
    const { socket } = this
    if (socket.waitingBytes > 0) {
      const { readBytes, takenBytes, waitingBytes } = socket
      if (this.full !== undefined && takenBytes < this.full.endBytes) return
      this.full = { readBytes, endBytes: takenBytes + waitingBytes, takenBytes, sinceMillis: undefined, looks: 0 }
      socket.readOn()
      return
    }
    this.full = undefined
    this.isOut = this.windowBytes() <= 0
    if (!this.isOut) this.wake()
  }

  /** As `look`, from time to time. Returns why the session is to end, if it is. */
  check(nowMillis: number): string | undefined {
    this.look()
    const { full, socket } = this
    if (full === undefined) return undefined
    const unreadBytes = socket.readBytes - full.readBytes
    if (unreadBytes > unreadBytesMax) return "it sends, and does not read"
    if (full.sinceMillis === undefined || full.takenBytes !== socket.takenBytes) {
      full.sinceMillis = nowMillis
      full.takenBytes = socket.takenBytes
    } else if (nowMillis - full.sinceMillis > stuckMillisMax) return "it sends, and does not read"
    full.looks += 1
    if (unreadBytes > gulpBytes * full.looks) socket.rest()
    else {
      full.looks = 0
      socket.readOn()
      if (unreadBytes > gulpBytes) setImmediate(this.rest)
    }
    return undefined
  }

  private readonly rest = (): void => {
    if (this.full !== undefined) this.socket.rest()
  }

  /** Calls this waiter once there is room. */
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
