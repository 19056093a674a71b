/**
 * Socket: the socket under an HTTP/2 session.
 *
 * Node reads nothing from the socket of a session while a write of the session is under way. Two hosts that send to
 * each other then fill the buffers of both kernels, and neither reads any more, for ever. So a session whose socket is
 * full is made to read on (`readOn`): bytes that come then wait in the session, where a peer may have no more of them
 * than its window allows. No size of windows and buffers makes this needless: docs/decisions/reading-on.md.
 *
 * It uses parts of Node that are not public, `readStart`, `readStop` and `writeQueueSize` of the handle of a socket,
 * and does nothing in a runtime that lacks them.
 */
import type * as net from "node:net"

interface Handle {
  /** Bytes that were written and that the kernel has not taken. */
  readonly writeQueueSize: number
  readonly readStart: () => unknown
  readonly readStop: () => unknown
}

const isHandle = (handle: unknown): handle is Handle =>
  typeof handle === "object" &&
  handle !== null &&
  "readStart" in handle &&
  typeof handle.readStart === "function" &&
  "readStop" in handle &&
  typeof handle.readStop === "function" &&
  "writeQueueSize" in handle &&
  typeof handle.writeQueueSize === "number"

export class Http2Socket {
  readonly socket: net.Socket
  private turns = 0

  constructor(socket: net.Socket) {
    this.socket = socket
  }

  private get handle(): Handle | undefined {
    const handle: unknown = Reflect.get(this.socket, "_handle")
    return isHandle(handle) ? handle : undefined
  }

  get isEncrypted(): boolean {
    return "encrypted" in this.socket
  }

  /** Bytes that the session has written and that the kernel has not taken. */
  get waitingBytes(): number {
    return this.handle?.writeQueueSize ?? 0
  }

  get readBytes(): number {
    return this.socket.bytesRead
  }

  /** Bytes that the kernel has taken. */
  get takenBytes(): number {
    return this.socket.bytesWritten - this.waitingBytes
  }

  /** Reads although a write is under way, until `rest`. After the write the session reads by itself. */
  readOn(): void {
    this.handle?.readStart()
  }

  /** Stops reading while the write is under way. */
  rest(): void {
    const { handle } = this
    if (handle !== undefined && handle.writeQueueSize > 0) handle.readStop()
  }

  /** Stops reading for so many turns of the event loop, in each of which the system gives up to 32 reads in a row. */
  pause(turns = 1): void {
    const { handle } = this
    if (handle === undefined) return
    handle.readStop()
    if (this.turns === 0) setImmediate(this.go)
    this.turns = Math.max(this.turns, turns)
  }

  private readonly go = (): void => {
    this.turns -= 1
    if (this.turns > 0) setImmediate(this.go)
    else this.readOn()
  }

  /** Closes the socket at once, without its unsent bytes. A reset is not for TLS, nor for a socket that is ending. */
  reset(): void {
    if (this.isEncrypted) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }
}
