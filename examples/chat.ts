/** A chat between two hosts over real sockets on this machine: UDP for gossip, HTTP/2 for the flow. */
import { Console, Context, Effect, Layer, References, Schedule, Schema, Stream } from "effect"
// A program outside this repository imports from "grinta".
import { Endpoint, Fabric, type FlowError, Gossip, Grinta, type NetworkError } from "../src/index.ts"

class Banned extends Schema.TaggedError<Banned>()("Banned", { until: Schema.String }) {}

const Chat = Endpoint.make("chat.lobby", {
  input: Schema.Struct({ text: Schema.String }),
  output: Schema.Struct({ from: Schema.String, text: Schema.String }),
  error: Banned
})

const ChatLive = Chat.toLayer(
  Effect.fn("Chat.serve")(function* (flow) {
    const answer = Effect.fnUntraced(function* ({ text }: { readonly text: string }) {
      if (text === "spam") return yield* new Banned({ until: "tomorrow" })
      yield* flow.send({ from: flow.peer.id, text })
    })
    yield* Stream.runForEach(flow.messages, answer)
  })
)

const say = Effect.fn("Chat.say")(function* (texts: ReadonlyArray<string>) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(Chat)
  const said = Stream.fromIterable(texts.map((text) => ({ text })))
  return yield* Stream.runCollect(flow.exchange(said))
}, Effect.scoped)

/** Joining and hearing of the name take a moment: until then there is no such endpoint. */
const patience = {
  while: ({ _tag }: NetworkError | FlowError | Banned) => _tag === "NetworkError",
  schedule: Schedule.spaced("50 millis"),
  times: 100
}

/** Ports of 0 let the system choose. */
const listen = { gossipPort: 0, flowPort: 0 }

const program = Effect.gen(function* () {
  const server = yield* Layer.build(Layer.provideMerge(ChatLive, Grinta.layer({ name: "server", listen })))
  const { address, port } = yield* Context.get(server, Gossip).self
  const client = yield* Layer.build(Grinta.layer({ name: "client", listen, seeds: [`${address}:${port}`] }))

  for (const { from, text } of yield* Effect.provideContext(Effect.retry(say(["hello", "again"]), patience), client))
    yield* Console.log(`${from}: ${text}`)
  const banned = yield* Effect.flip(Effect.provideContext(say(["spam"]), client))
  yield* Console.log(banned._tag === "Banned" ? `banned until ${banned.until}` : banned.message)
})

// Hosts say at Info what becomes of the others.
const quiet = Effect.provideService(References.MinimumLogLevel, "Warn")
await Effect.runPromise(quiet(Effect.scoped(program)))
