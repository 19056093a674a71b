/** A stream of a plain HTTP/2 session: what is under grinta, connect-node and grpc-js, with nothing on it. */
import { once } from "node:events"
import * as http2 from "node:http2"
import { type Candidate, type Client, settled, timed } from "../Candidate.ts"
import { send, sendAll, serveDuplex, tripOn } from "../Streams.ts"

type Mode = "echo" | "sink" | "stall"

/** As large as a session of grinta has it. */
const sessionWindow = 64 * 1024 * 1024

const options = { maxSessionMemory: 1000, settings: { maxConcurrentStreams: 100_000 } }

const serve = async () => {
  const server = http2.createServer(options)
  server.on("session", (session) => session.setLocalWindowSize(sessionWindow))
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    stream.respond({ ":status": 200 })
    const [, mode = "", size] = String(headers[":path"]).split("/")
    serveDuplex(stream, mode, Number(size))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return { address: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}` }
}

const connect = async (address: string): Promise<Client> => {
  const session = http2.connect(address, options)
  await once(session, "connect")
  session.setLocalWindowSize(sessionWindow)
  const open = (mode: Mode, size = 0) => session.request({ ":method": "POST", ":path": `/${mode}/${size}` })
  const held: Array<http2.ClientHttp2Stream> = []
  const hold = async (mode: Mode) => {
    const stream = open(mode)
    await once(stream, "response")
    held.push(stream)
    return stream
  }
  return {
    send: (load) => send(open("sink", load.size), load),
    sendAll: (load) => sendAll(open("sink", load.size), load),
    pingPong: (load, trips) => {
      const [message = new Uint8Array()] = load.bytes
      return timed(trips, tripOn(open("echo"), message))
    },
    hold: async (flows) => {
      for (let i = 0; i < flows; i++) await hold("echo")
    },
    stall: async (flows) => {
      const message = new Uint8Array(1024)
      let taken = 0
      for (let i = 0; i < flows; i++) {
        const stream = await hold("stall")
        const fill = () => {
          do taken += message.byteLength
          while (stream.write(message))
          stream.once("drain", fill)
        }
        fill()
      }
      return await settled(() => taken)
    }
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  {
    name: "raw HTTP/2",
    rows: ["send", "sendAll", "large", "ping-pong", "idle", "stalled"],
    serve,
    connect
  }
]
