/** Bare connect-node: a bidirectional call, with one message a frame or a batch in each. */
import { once } from "node:events"
import * as http2 from "node:http2"
import { create } from "@bufbuild/protobuf"
import { createClient } from "@connectrpc/connect"
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node"
import { asking, questionBytes } from "../Asks.ts"
import { asks, type Candidate, type Client, timed } from "../Candidate.ts"
import { Bench, type Packet, PacketSchema, type Receipt, ReceiptSchema, type Said } from "../gen/bench_pb.ts"
import { type Load, Tally } from "../Load.ts"

const serve = async () => {
  const adapter = connectNodeAdapter({
    acceptCompression: [],
    routes: (router) =>
      router.service(Bench, {
        ping: (packet) => packet,
        echo: (packets) => packets,
        async *sink(packets: AsyncIterable<Packet>) {
          const tally = new Tally()
          for await (const { messages } of packets) for (const message of messages) tally.add(message)
          yield create(ReceiptSchema, tally.receipt)
        },
        async *hear(all: AsyncIterable<Said>) {
          const tally = new Tally()
          for await (const said of all) tally.addSaid(said)
          yield create(ReceiptSchema, tally.receipt)
        }
      })
  })
  const server = http2.createServer({ maxSessionMemory: 1000 }, adapter)
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return { address: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}` }
}

const packet = (messages: ReadonlyArray<Uint8Array>): Packet => create(PacketSchema, { messages: [...messages] })

async function* singly(load: Load) {
  for (let round = 0; round < load.rounds; round++) for (const message of load.bytes) yield packet([message])
}

async function* packed(load: Load) {
  for (let round = 0; round < load.rounds; round++) yield packet(load.bytes)
}

async function* saying(load: Load) {
  for (let round = 0; round < load.rounds; round++) yield* load.said
}

const receiptOf = async (answers: AsyncIterable<Receipt>): Promise<Receipt> => {
  for await (const receipt of answers) return receipt
  throw new Error("there was no receipt")
}

/** What is to be sent, as the iterable that connect-node asks for. */
const outbox = () => {
  let next = Promise.withResolvers<Packet>()
  return {
    put: (one: Packet) => next.resolve(one),
    packets: (async function* () {
      while (true) {
        const one = await next.promise
        next = Promise.withResolvers()
        yield one
      }
    })()
  }
}

const connect = async (baseUrl: string): Promise<Client> => {
  const client = createClient(Bench, createConnectTransport({ httpVersion: "2", baseUrl, acceptCompression: [] }))
  return {
    send: (load) => receiptOf(client.sink(singly(load))),
    sendAll: (load) => receiptOf(client.sink(packed(load))),
    sendTyped: (load) => receiptOf(client.hear(saying(load))),
    pingPong: (load, trips) => {
      const { packets, put } = outbox()
      const answers = client.echo(packets)[Symbol.asyncIterator]()
      return timed(trips, () => {
        put(packet(load.bytes.slice(0, 1)))
        return answers.next()
      })
    },
    open: (times) => timed(times, () => client.ping(packet([]))),
    asks: (inFlight, effort) => asking(inFlight, effort, () => client.ping(packet([questionBytes])))
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "connect-node", rows: ["send", "sendAll", "large", "typed", "ping-pong", "open", ...asks], serve, connect }
]
