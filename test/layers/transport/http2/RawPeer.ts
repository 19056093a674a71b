/**
 * A server that speaks HTTP/2 frame by frame, so that it can break any rule: it answers a preface with its settings, and
 * everything else as it is told. Headers are literal HPACK without Huffman coding; what comes is read as frames only.
 */
import * as net from "node:net"
import { Effect, type Scope } from "effect"

export const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const
export const code = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  refused: 7,
  cancel: 8,
  calm: 11
} as const

/** A frame as bytes. */
export const frame = (kind: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer => {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.byteLength, 0, 3)
  header.writeUInt8(kind, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}

const uint32 = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i)
  })
  return bytes
}

const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])

export const headers = (stream: number, all: Readonly<Record<string, string>>, endStream = false): Buffer =>
  frame(
    type.headers,
    4 + (endStream ? 1 : 0),
    stream,
    Buffer.concat(Object.entries(all).map(([name, value]) => literal(name, value)))
  )

export const good = { ":status": "200", "content-type": "application/connect+proto" }
export const data = (stream: number, bytes: Uint8Array, endStream = false): Buffer =>
  frame(type.data, endStream ? 1 : 0, stream, bytes)
export const reset = (stream: number, why: number): Buffer => frame(type.reset, 0, stream, uint32(why))
export const goaway = (last: number, why: number): Buffer => frame(type.goaway, 0, 0, uint32(last, why))

export interface Heard {
  readonly kind: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** One connection to the peer. */
export interface Connection {
  readonly socket: net.Socket
  /** Counts the connections of this peer, from 0. */
  readonly number: number
  readonly write: (...frames: ReadonlyArray<Buffer>) => void
}

export interface Behaviour {
  /** Says nothing at all, not even its settings. */
  readonly isSilent?: boolean
  /** PING, and SETTINGS after the first, stay without an answer. */
  readonly isDeaf?: boolean
  /** Acknowledges no settings. */
  readonly isUnbound?: boolean
  readonly onConnection?: (connection: Connection) => void
  /** A PING came that wants an answer. */
  readonly onPing?: () => void
  /** What came, but for settings and pings. */
  readonly onFrame?: (heard: Heard, connection: Connection) => void
}

const prefaceBytes = 24

/** Runs until the scope ends; its port, and how many connections it had. */
export const serve = (
  behaviour: Behaviour
): Effect.Effect<{ readonly port: number; readonly connections: () => number }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<net.Socket>()
    let connections = 0
    const onSocket = (socket: net.Socket): void => {
      const connection: Connection = {
        socket,
        number: connections++,
        write: (...frames) => {
          if (!socket.destroyed) socket.write(Buffer.concat(frames))
        }
      }
      sockets.add(socket)
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket))
      behaviour.onConnection?.(connection)
      if (socket.destroyed || behaviour.isSilent === true) return void socket.resume()
      connection.write(frame(type.settings, 0, 0))
      let held = Buffer.alloc(0)
      let hasAcknowledged = false
      let skip = prefaceBytes
      socket.on("data", (chunk) => {
        held = Buffer.concat([held, chunk])
        let at = skip
        while (held.byteLength >= at + 9) {
          const end = at + 9 + held.readUIntBE(at, 3)
          if (held.byteLength < end) break
          const heard: Heard = {
            kind: held.readUInt8(at + 3),
            flags: held.readUInt8(at + 4),
            stream: held.readUInt32BE(at + 5),
            payload: held.subarray(at + 9, end)
          }
          at = end
          if (heard.kind === type.settings) {
            const isOwed = behaviour.isUnbound !== true && !(behaviour.isDeaf === true && hasAcknowledged)
            if (heard.flags === 0 && isOwed) connection.write(frame(type.settings, 1, 0))
            hasAcknowledged ||= heard.flags === 0
          } else if (heard.kind === type.ping) {
            if (heard.flags === 0) behaviour.onPing?.()
            if (heard.flags === 0 && behaviour.isDeaf !== true) connection.write(frame(type.ping, 1, 0, heard.payload))
          } else {
            if (heard.kind === type.data && heard.payload.byteLength > 0)
              connection.write(frame(type.windowUpdate, 0, 0, uint32(heard.payload.byteLength)))
            behaviour.onFrame?.(heard, connection)
          }
        }
        skip = Math.max(0, at - held.byteLength)
        held = held.subarray(Math.min(at, held.byteLength))
      })
    }
    const server = yield* Effect.acquireRelease(
      Effect.callback<net.Server>((resume) => {
        const made = net.createServer(onSocket)
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          made.close()
        })
    )
    const address = server.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    return { port, connections: () => connections }
  })
