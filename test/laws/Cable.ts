/** A cable between two sockets, to be cut: what dies behind it says nothing any more, as a process that closes would. */
import * as net from "node:net"
import { Effect } from "effect"

/** Listens at a port of its own, and joins each connection to one to the given port. Cut when the scope ends, or before. */
export const cable = (to: number) =>
  Effect.gen(function* () {
    const ends = new Set<net.Socket>()
    const join = (socket: net.Socket, other: net.Socket) => {
      ends.add(socket)
      socket.setNoDelay(true)
      socket.on("error", () => undefined).once("close", () => other.destroy())
      socket.pipe(other)
    }
    const server = net.createServer((socket) => {
      const other = net.connect(to, "127.0.0.1")
      join(socket, other)
      join(other, socket)
    })
    const cut = Effect.sync(() => {
      server.close()
      for (const end of ends) end.destroy()
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () => cut
    )
    const address = server.address()
    return { port: address !== null && typeof address === "object" ? address.port : 0, cut }
  })
