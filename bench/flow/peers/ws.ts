/** ws: binary messages on one WebSocket, typed ones as JSON. It has no batches. */
import { once } from "node:events"
import { setImmediate } from "node:timers/promises"
import { WebSocket, WebSocketServer } from "ws"
import { bothWays, type Candidate, type Client, timed } from "../Candidate.ts"
import { type Account, busy, message, Side } from "../Duplex.ts"
import { type Receipt, Tally } from "../Load.ts"

/** What may wait in the sender before it lets the socket drain. */
const bufferedMax = 1024 * 1024

/**
 * Sends as fast as the socket takes it, until its side is over: one message in each turn of the event loop. More of them,
 * or as many as the socket takes, and the process hardly reads. A socket that is not open takes anything, and sends nothing.
 */
const fill = async (socket: WebSocket, side: Side): Promise<void> => {
  while (!side.isOver && socket.readyState === WebSocket.OPEN) {
    side.sent.add(message)
    await new Promise((resolve) => socket.send(message, resolve))
    await setImmediate()
  }
}

/** Is busy until an empty message says that the caller has ended, and then tells its account. */
const serveBusy = (socket: WebSocket): void => {
  const side = new Side()
  socket.on("message", (data: Buffer) => {
    if (data.byteLength === 0) side.isOver = true
    else side.take(data)
  })
  fill(socket, side).then(() => socket.send(JSON.stringify(side.account)))
}

const serve = async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false })
  server.on("connection", (socket, { url }) => {
    if (url === "/echo") return socket.on("message", (data) => socket.send(data))
    if (url === "/duplex") return serveBusy(socket)
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
  const start = (path: string) => new WebSocket(`${address}${path}`, { perMessageDeflate: false })
  const open = async (path: string) => {
    const socket = start(path)
    await once(socket, "open")
    return socket
  }
  const duplex = async (side: Side): Promise<void> => {
    const socket = start("/duplex")
    const account = new Promise<Account>((resolve, reject) => {
      socket.on("message", (data: Buffer, isBinary) => {
        if (isBinary) side.take(data)
        else resolve(JSON.parse(data.toString()))
      })
      socket.once("close", () => reject(new Error("a socket closed")))
    })
    await Promise.race([once(socket, "open"), account])
    await Promise.race([fill(socket, side), account])
    socket.send("")
    side.settle(await account)
  }
  const sockets = new Map<number, Promise<WebSocket>>()
  const socketOf = (caller: number): Promise<WebSocket> => {
    const socket = sockets.get(caller) ?? open("/echo")
    sockets.set(caller, socket)
    return socket
  }
  return {
    duplex: async (flows) => busy(flows, duplex),
    call: async (body, caller) => {
      const socket = await socketOf(caller)
      const answer = once(socket, "message")
      socket.send(body)
      const [reply] = await answer
      return reply
    },
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
  { name: "ws", rows: ["send", "large", "typed", "ping-pong"], serve, connect },
  { name: "ws, a socket for each flow", rows: bothWays, serve, connect }
]
