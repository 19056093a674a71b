/**
 * Sniff: tells by the first byte of a connection whether it is one of TLS, for a port that takes both.
 *
 * The byte stays in the socket for the server of the connection. A connection that sends nothing is closed, as one
 * whose handshake does not end.
 */
import type * as net from "node:net"
import { Effect, type Fiber } from "effect"

/** First byte of a connection of TLS: a record that holds a handshake. Plaintext HTTP/2 begins with "P". */
const handshakeByte = 0x16

/** Time that a connection may take for its first byte. Source: security.md, D-16. */
export const firstByteTimeout = "5 seconds"

type Run = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/** Gives a connection to `secured` or to `plain`, at once when its first byte is there. */
export const sniff = (
  socket: net.Socket,
  run: Run,
  { plain, secured }: Readonly<Record<"plain" | "secured", (socket: net.Socket) => void>>
): void => {
  const waiting = run(
    Effect.delay(
      Effect.sync(() => socket.destroy()),
      firstByteTimeout
    )
  )
  const look = (): void => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    socket.off("readable", look)
    waiting.interruptUnsafe()
    socket.unshift(chunk)
    if (chunk[0] === handshakeByte) secured(socket)
    else plain(socket)
  }
  socket
    .on("error", () => undefined)
    .once("close", () => waiting.interruptUnsafe())
    .on("readable", look)
}
