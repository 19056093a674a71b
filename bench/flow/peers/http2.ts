/** A stream of a plain HTTP/2 session: what is under grinta, connect-node and grpc-js, with nothing on it. */
import { once } from "node:events"
import * as http2 from "node:http2"
import { bothWays, type Candidate, type Client, settled, timed } from "../Candidate.ts"
import { busy, Side } from "../Duplex.ts"
import { bodyOf, fill, send, sendAll, serveDuplex, tripOn } from "../Streams.ts"

type Mode = "echo" | "sink" | "stall" | "call" | "duplex"

/** As large as it can be: where one direction is busy at a time it never stands still. */
const sessionWindow = 64 * 1024 * 1024

/**
 * With both directions busy the two ends of a session of 64 MiB come to wait for each other. Over loopback 64 KiB to 4 MiB
 * are alike within the noise; on slower paths sessions of 1 MiB stand still as well, so this is the largest that goes on.
 */
const bothWaysWindow = 256 * 1024

/** As a stream of grinta has it. */
const bothWaysStreamWindow = 160 * 1024

const options = (streamWindow: number): http2.ServerOptions => ({
  maxSessionMemory: 1000,
  settings: { maxConcurrentStreams: 100_000, initialWindowSize: streamWindow }
})

/** Is busy until the caller has ended, and tells its account in the trailers. */
const serveBusy = (stream: http2.ServerHttp2Stream): void => {
  const side = new Side()
  stream.respond({ ":status": 200 }, { waitForTrailers: true })
  stream.on("error", () => stream.destroy())
  stream.on("wantTrailers", () => stream.sendTrailers({ account: JSON.stringify(side.account) }))
  stream.on("data", (piece: Uint8Array) => side.takePiece(piece))
  stream.on("end", () => {
    side.isOver = true
  })
  fill(stream, side).then(
    () => stream.end(),
    () => stream.destroy()
  )
}

const serve = (window: number, streamWindow: number) => async () => {
  const server = http2.createServer(options(streamWindow))
  server.on("session", (session) => session.setLocalWindowSize(window))
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const [, mode = "", size] = String(headers[":path"]).split("/")
    if (mode === "duplex") return serveBusy(stream)
    stream.respond({ ":status": 200 })
    if (mode === "call") bodyOf(stream).then((body) => stream.end(body))
    else serveDuplex(stream, mode, Number(size))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return { address: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}` }
}

const connect =
  (window: number, streamWindow: number) =>
  async (address: string): Promise<Client> => {
    const session = http2.connect(address, options(streamWindow))
    await once(session, "connect")
    session.setLocalWindowSize(window)
    const open = (mode: Mode, size = 0) => session.request({ ":method": "POST", ":path": `/${mode}/${size}` })
    const held: Array<http2.ClientHttp2Stream> = []
    const hold = async (mode: Mode) => {
      const stream = open(mode)
      await once(stream, "response")
      held.push(stream)
      return stream
    }
    const duplex = async (side: Side): Promise<void> => {
      const stream = open("duplex")
      stream.on("data", (piece: Uint8Array) => side.takePiece(piece))
      const [[trailers]] = await Promise.all([
        once(stream, "trailers"),
        once(stream, "end"),
        fill(stream, side).then(() => stream.end())
      ])
      side.settle(JSON.parse(trailers.account))
    }
    return {
      duplex: async (flows) => busy(flows, duplex),
      call: (body) => {
        const stream = open("call")
        stream.end(body)
        return bodyOf(stream)
      },
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

const candidate = (name: string, rows: Candidate["rows"], window: number, streamWindow: number): Candidate => ({
  name,
  rows,
  serve: serve(window, streamWindow),
  connect: connect(window, streamWindow)
})

export const candidates: ReadonlyArray<Candidate> = [
  candidate("raw HTTP/2", ["send", "sendAll", "large", "ping-pong", "idle", "stalled"], sessionWindow, 65_535),
  candidate("raw HTTP/2, 256 KiB window", bothWays, bothWaysWindow, bothWaysStreamWindow)
]
