/** grpc-js: a bidirectional call, with one message a frame or a batch in each. */
import { once } from "node:events"
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf"
import * as grpc from "@grpc/grpc-js"
import { type Candidate, type Client, timed } from "../Candidate.ts"
import { type Packet, PacketSchema, type Receipt, ReceiptSchema, type Said, SaidSchema } from "../gen/bench_pb.ts"
import { type Load, Tally } from "../Load.ts"

const method = <In extends DescMessage, Out extends DescMessage>(name: string, input: In, output: Out) => ({
  path: `/bench.Bench/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: (message: MessageShape<In>) => Buffer.from(toBinary(input, message)),
  requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes),
  responseSerialize: (message: MessageShape<Out>) => Buffer.from(toBinary(output, message)),
  responseDeserialize: (bytes: Buffer) => fromBinary(output, bytes)
})

const methods = {
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

const serve = async () => {
  const server = new grpc.Server(limits)
  server.addService(methods, {
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

const connect = async (address: string): Promise<Client> => {
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), limits)
  const { echo, hear, sink } = methods
  const openSink = () => client.makeBidiStreamRequest(sink.path, sink.requestSerialize, sink.responseDeserialize)
  const openHear = () => client.makeBidiStreamRequest(hear.path, hear.requestSerialize, hear.responseDeserialize)
  return {
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

export const candidates: ReadonlyArray<Candidate> = [
  { name: "grpc-js", rows: ["send", "sendAll", "large", "typed", "ping-pong"], serve, connect }
]
