/** grpc-js: a bidirectional call, with one message a frame or a batch in each. */
import { once } from "node:events"
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf"
import * as grpc from "@grpc/grpc-js"
import { asking, questionBytes } from "../Asks.ts"
import { asks, bothWays, type Candidate, type Client, timed } from "../Candidate.ts"
import { type Account, busy, message, messageBytes, Side } from "../Duplex.ts"
import { type Packet, PacketSchema, type Receipt, ReceiptSchema, type Said, SaidSchema } from "../gen/bench_pb.ts"
import { type Load, Tally } from "../Load.ts"

const method = <In extends DescMessage, Out extends DescMessage>(name: string, input: In, output: Out) => ({
  path: `/bench.Bench/${name}`,
  requestStream: name !== "Ping",
  responseStream: name !== "Ping",
  requestSerialize: (message: MessageShape<In>) => Buffer.from(toBinary(input, message)),
  requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes),
  responseSerialize: (message: MessageShape<Out>) => Buffer.from(toBinary(output, message)),
  responseDeserialize: (bytes: Buffer) => fromBinary(output, bytes)
})

const methods = {
  ping: method("Ping", PacketSchema, PacketSchema),
  duplex: method("Duplex", PacketSchema, PacketSchema),
  echo: method("Echo", PacketSchema, PacketSchema),
  sink: method("Sink", PacketSchema, ReceiptSchema),
  hear: method("Hear", SaidSchema, ReceiptSchema)
}

const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 }

const counting =
  <A>(add: (tally: Tally, message: A) => void) =>
  (call: grpc.ServerDuplexStream<A, Receipt>) => {
    const tally = new Tally()
    call.on("data", (message: A) => add(tally, message))
    call.on("end", () => {
      call.write(create(ReceiptSchema, tally.receipt))
      call.end()
    })
  }

type Call = grpc.ClientDuplexStream<Packet, Packet> | grpc.ServerDuplexStream<Packet, Packet>

/** Sends as fast as the call takes it, until its side is over. */
const fill = async (call: Call, side: Side): Promise<void> => {
  while (!side.isOver) {
    side.sent.add(message)
    if (!call.write(packet([message]))) await once(call, "drain")
  }
}

/** Is busy until the caller has ended, and tells its account last. */
const serveBusy = (call: grpc.ServerDuplexStream<Packet, Packet>): void => {
  const side = new Side()
  call.on("data", ({ messages }: Packet) => {
    for (const one of messages) side.take(one)
  })
  call.on("end", () => {
    side.isOver = true
  })
  fill(call, side).then(
    () => {
      call.write(packet([Buffer.from(JSON.stringify(side.account))]))
      call.end()
    },
    () => call.destroy()
  )
}

const serve = (options: grpc.ChannelOptions) => async () => {
  const server = new grpc.Server(options)
  server.addService(methods, {
    ping: (call: grpc.ServerUnaryCall<Packet, Packet>, reply: grpc.sendUnaryData<Packet>) => reply(null, call.request),
    duplex: serveBusy,
    echo: (call: grpc.ServerDuplexStream<Packet, Packet>) => call.on("data", (packet) => call.write(packet)),
    sink: counting<Packet>((tally, { messages }) => {
      for (const message of messages) tally.add(message)
    }),
    hear: counting<Said>((tally, said) => tally.addSaid(said))
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error)
    )
  })
  return { address: `127.0.0.1:${port}` }
}

const packet = (messages: ReadonlyArray<Uint8Array>): Packet => create(PacketSchema, { messages: [...messages] })

const sending = async <A>(call: grpc.ClientDuplexStream<A, Receipt>, rounds: number, messages: () => Iterable<A>) => {
  const receipt = once(call, "data")
  for (let round = 0; round < rounds; round++)
    for (const message of messages()) if (!call.write(message)) await once(call, "drain")
  call.end()
  const [answer]: ReadonlyArray<Receipt> = await receipt
  if (answer === undefined) throw new Error("there was no receipt")
  return answer
}

const connect =
  (options: grpc.ChannelOptions) =>
  async (address: string): Promise<Client> => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), options)
    const { duplex, echo, hear, ping, sink } = methods
    const openSink = () => client.makeBidiStreamRequest(sink.path, sink.requestSerialize, sink.responseDeserialize)
    const openHear = () => client.makeBidiStreamRequest(hear.path, hear.requestSerialize, hear.responseDeserialize)
    const busyCall = async (side: Side): Promise<void> => {
      const call = client.makeBidiStreamRequest(duplex.path, duplex.requestSerialize, duplex.responseDeserialize)
      let account: Account | undefined
      call.on("data", ({ messages: [one = new Uint8Array()] }: Packet) => {
        if (one.byteLength === messageBytes) side.take(one)
        else account = JSON.parse(Buffer.from(one).toString())
      })
      await Promise.all([once(call, "end"), fill(call, side).then(() => call.end())])
      side.settle(account)
    }
    const call = (body: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          ping.path,
          ping.requestSerialize,
          ping.responseDeserialize,
          packet([body]),
          (error, reply) => (error === null ? resolve(reply?.messages[0] ?? new Uint8Array()) : reject(error))
        )
      })
    return {
      duplex: async (flows) => busy(flows, busyCall),
      call,
      asks: (inFlight, effort) => asking(inFlight, effort, () => call(questionBytes)),
      send: (load) => sending(openSink(), load.rounds, () => load.bytes.map((message) => packet([message]))),
      sendAll: (load: Load) => sending(openSink(), load.rounds, () => [packet(load.bytes)]),
      sendTyped: (load) => sending(openHear(), load.rounds, () => load.said.map((said) => create(SaidSchema, said))),
      pingPong: (load, trips) => {
        const call = client.makeBidiStreamRequest(echo.path, echo.requestSerialize, echo.responseDeserialize)
        let arrived: (packet: Packet) => void = () => {}
        call.on("data", (answer: Packet) => arrived(answer))
        return timed(trips, () => {
          const answer = new Promise((resolve) => {
            arrived = resolve
          })
          call.write(packet(load.bytes.slice(0, 1)))
          return answer
        })
      }
    }
  }

/**
 * The best of 64 KiB to 16 MiB with both directions busy. It holds for what the caller receives, of its session and of each
 * call; servers of this library have the 64 KiB of HTTP/2.
 */
const wide = { ...limits, "grpc-node.flow_control_window": 4 * 1024 * 1024 }

const candidate = (name: string, rows: Candidate["rows"], options: grpc.ChannelOptions): Candidate => ({
  name,
  rows,
  serve: serve(options),
  connect: connect(options)
})

export const candidates: ReadonlyArray<Candidate> = [
  candidate("grpc-js", ["send", "sendAll", "large", "typed", "ping-pong", ...asks], limits),
  candidate("grpc-js, 4 MiB window", bothWays, wide)
]
