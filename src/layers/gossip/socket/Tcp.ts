/**
 * Tcp: the stream side of a gossip port on Node.
 *
 * A peer that stops reading must not hold up the end of a scope: a socket is destroyed with its scope, and all
 * remaining sockets with the port.
 */
import * as Net from "node:net"
import { Cause, Data, Effect, FiberSet, Queue, type Scope } from "effect"
import { type Address, host as hostOf, parseHost } from "../../../protocol/Address.ts"
import { type ByteStream, SocketFailed } from "../../../services/GossipSocket.ts"
import * as Background from "../../core/Background.ts"

/** The port could not be bound; `code` is the system's error code. */
export class ListenFailed extends Data.TaggedError("ListenFailed")<{
  readonly code: string
  readonly detail: string
}> {}

export interface Tcp {
  readonly port: number
  readonly host: string
  readonly dial: (to: Address) => Effect.Effect<ByteStream, SocketFailed, Scope.Scope>
  readonly serve: (onStream: (stream: ByteStream) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
}

/** Returns the code of a system error, such as "EADDRINUSE". */
const codeOf = (error: Error): string => ("code" in error ? String(error.code) : "unknown")

const lost = (detail: string): SocketFailed => new SocketFailed({ how: "lost", detail })

const finish = (conn: Net.Socket): Effect.Effect<void, SocketFailed> =>
  Effect.callback((resume) => {
    conn.end((error?: Error | null) => resume(error ? Effect.fail(lost(error.message)) : Effect.void))
  })

/** Makes a stream over a socket that the caller owns. Unread bytes wait in the socket: backpressure once it is full. */
const streamOf = (conn: Net.Socket, peer: Address): ByteStream => {
  /** Callback of the read that waits. */
  let look: (() => void) | undefined
  const changed = (): void => look?.()
  for (const event of ["readable", "end", "error", "close"]) conn.on(event, changed)

  const next = (): Effect.Effect<Uint8Array, SocketFailed | Cause.Done> | undefined => {
    const chunk: unknown = conn.read()
    if (chunk instanceof Uint8Array) return Effect.succeed(chunk)
    if (conn.errored !== null) return Effect.fail(lost(conn.errored.message))
    if (conn.readableEnded) return Cause.done()
    return conn.destroyed ? Effect.fail(lost("the connection is closed")) : undefined
  }

  return {
    peer,
    read: Effect.callback((resume) => {
      look = () => {
        const read = next()
        if (read === undefined) return
        look = undefined
        resume(read)
      }
      look()
      return Effect.sync(() => {
        look = undefined
      })
    }),
    write: (bytes) =>
      Effect.callback((resume) => {
        conn.write(bytes, (error) => resume(error ? Effect.fail(lost(error.message)) : Effect.void))
      }),
    end: finish(conn)
  }
}

const ownSocket = (acquire: () => Net.Socket): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(acquire), (conn) => Effect.sync(() => conn.destroy()))

const connected = (conn: Net.Socket): Effect.Effect<void, SocketFailed> =>
  Effect.callback((resume) => {
    conn.once("connect", () => resume(Effect.void))
    // Stays for good: a socket without a listener for errors would bring the process down.
    conn.on("error", (error) =>
      resume(
        Effect.fail(
          new SocketFailed({ how: codeOf(error) === "ECONNREFUSED" ? "refused" : "lost", detail: error.message })
        )
      )
    )
  })

const dial = Effect.fnUntraced(function* (to: Address) {
  const options = { host: hostOf(to.bytes), port: to.port, allowHalfOpen: true, noDelay: true }
  const conn = yield* ownSocket(() => Net.connect(options))
  yield* connected(conn)
  return streamOf(conn, to)
})

const bind = (server: Net.Server, host: string, port: number): Effect.Effect<void, ListenFailed> =>
  Effect.callback((resume) => {
    const onError = (error: Error) =>
      resume(Effect.fail(new ListenFailed({ code: codeOf(error), detail: error.message })))
    server.once("error", onError)
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

/**
 * Listens for the life of the scope. At most `streamsMax` incoming streams are open at a time; more are closed at once.
 *
 * Errors: `ListenFailed`.
 */
export const listen = Effect.fnUntraced(function* (
  host: string,
  port: number,
  streamsMax: number,
  count: (reason: string) => void
): Effect.fn.Return<Tcp, ListenFailed, Scope.Scope> {
  const open = new Set<Net.Socket>()
  const incoming = yield* Queue.dropping<Net.Socket>(streamsMax)

  const accept = (conn: Net.Socket): void => {
    open.add(conn)
    conn.on("error", () => count("streamErrors"))
    conn.once("close", () => open.delete(conn))
    if (!Queue.offerUnsafe(incoming, conn)) conn.destroy()
  }

  const server = yield* Effect.acquireRelease(
    Effect.sync(() => Net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, accept)),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const conn of open) conn.destroy()
      })
  )
  server.maxConnections = streamsMax
  server.on("drop", () => count("streamsRefused"))
  yield* bind(server, host, port)
  server.on("error", () => count("listenErrors"))
  const bound = server.address()
  if (bound === null || typeof bound === "string")
    return yield* new ListenFailed({ code: "unknown", detail: "the system gave no address" })

  const serveOne = Effect.fnUntraced(function* (
    conn: Net.Socket,
    onStream: (stream: ByteStream) => Effect.Effect<void>
  ) {
    yield* ownSocket(() => conn)
    const peer = { bytes: parseHost(conn.remoteAddress ?? "") ?? new Uint8Array(0), port: conn.remotePort ?? 0 }
    yield* onStream(streamOf(conn, peer))
  }, Effect.scoped)

  const serve: Tcp["serve"] = Effect.fnUntraced(function* (onStream) {
    const fibers = yield* FiberSet.make()
    const serveNext = Effect.flatMap(Queue.take(incoming), (conn) =>
      FiberSet.run(fibers, Background.heard("a gossip stream")(Effect.ignore(serveOne(conn, onStream))))
    )
    yield* Background.loop("the gossip port", serveNext)
  })

  return { host: bound.address, port: bound.port, dial, serve }
})
