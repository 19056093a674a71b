/** ws: binary messages on one WebSocket, typed ones as JSON. It has no batches. */
import { once } from "node:events"
import { WebSocket, WebSocketServer } from "ws"
import { type Candidate, type Client, timed } from "../Candidate.ts"
import { type Receipt, Tally } from "../Load.ts"

/** What may wait in the sender before it lets the socket drain. */
const bufferedMax = 1024 * 1024

const serve = async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false })
  server.on("connection", (socket, { url }) => {
    if (url === "/echo") return socket.on("message", (data) => socket.send(data))
    const tally = new Tally()
    // An empty message asks for the receipt.
    return socket.on("message", (data: Buffer, isBinary) => {
      if (data.byteLength === 0) socket.send(JSON.stringify(tally.receipt))
      else if (isBinary) tally.add(data)
      else tally.addSaid(JSON.parse(data.toString()))
    })
  })
  await once(server, "listening")
  const address = server.address()
  return { address: `ws://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}` }
}

const sending = async <A>(
  socket: WebSocket,
  rounds: number,
  messages: ReadonlyArray<A>,
  encode: (message: A) => Uint8Array | string
): Promise<Receipt> => {
  for (let round = 0; round < rounds; round++)
    for (const message of messages)
      if (socket.bufferedAmount < bufferedMax) socket.send(encode(message))
      else await new Promise((resolve) => socket.send(encode(message), resolve))
  const answer = once(socket, "message")
  socket.send("")
  const [receipt] = await answer
  socket.close()
  return JSON.parse(receipt.toString())
}

const connect = async (address: string): Promise<Client> => {
  const open = async (path: string) => {
    const socket = new WebSocket(`${address}${path}`, { perMessageDeflate: false })
    await once(socket, "open")
    return socket
  }
  return {
    send: async (load) => sending(await open("/sink"), load.rounds, load.bytes, (message) => message),
    sendTyped: async (load) => sending(await open("/sink"), load.rounds, load.said, (said) => JSON.stringify(said)),
    pingPong: async (load, trips) => {
      const [message = new Uint8Array()] = load.bytes
      const socket = await open("/echo")
      let arrived: (data: unknown) => void = () => {}
      socket.on("message", (data) => arrived(data))
      return await timed(trips, () => {
        const answer = new Promise((resolve) => {
          arrived = resolve
        })
        socket.send(message)
        return answer
      })
    }
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "ws", rows: ["send", "large", "typed", "ping-pong"], serve, connect }
]
