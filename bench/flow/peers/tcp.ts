/** Raw TCP: what everything else is built on. */
import { once } from "node:events"
import * as net from "node:net"
import { type Candidate, type Client, timed } from "../Candidate.ts"
import { send, sendAll, serveDuplex, tripOn } from "../Streams.ts"

/** A connection says in its first eight bytes whether to echo, and how large a message is. */
const headerOf = (mode: "echo" | "sink", size: number): Uint8Array => {
  const header = Buffer.alloc(8)
  header.write(mode)
  header.writeUInt32BE(size, 4)
  return header
}

const serve = async () => {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.once("readable", () => {
      const header = socket.read(8)
      serveDuplex(socket, header.toString("latin1", 0, 4), header.readUInt32BE(4))
    })
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return { address: String(address !== null && typeof address === "object" ? address.port : 0) }
}

const connect = async (address: string): Promise<Client> => {
  const open = async (mode: "echo" | "sink", size: number) => {
    const socket = net.connect({ port: Number(address), host: "127.0.0.1", noDelay: true })
    await once(socket, "connect")
    socket.write(headerOf(mode, size))
    return socket
  }
  return {
    send: async (load) => send(await open("sink", load.size), load),
    sendAll: async (load) => sendAll(await open("sink", load.size), load),
    pingPong: async (load, trips) => {
      const [message = new Uint8Array()] = load.bytes
      return await timed(trips, tripOn(await open("echo", load.size), message))
    }
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "raw TCP", rows: ["send", "sendAll", "large", "ping-pong"], serve, connect }
]
