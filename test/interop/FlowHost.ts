/** A host of ours that strangers call: a whole one, with endpoints that show what a caller can do with a flow. */
import { Context, Effect, Layer, Schema, Stream } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import type { FlowError } from "../../src/services/FlowError.ts"
import { Transport } from "../../src/services/Transport.ts"

export class Banned extends Schema.TaggedError<Banned>()("Banned", { until: Schema.String }) {}

const bytes = { input: Codec.bytes, output: Codec.bytes }

/** Gives back what it gets. */
const Echo = Endpoint.make("echo", bytes)
/** Speaks only when the caller has ended: how many messages came, and how many bytes. */
const Total = Endpoint.make("total", {
  input: Codec.bytes,
  output: Schema.Struct({ messages: Schema.Number, bytes: Schema.Number })
})
/** Says its one word and ends; then listens. */
const Greeter = Endpoint.make("greeter", bytes)
/** Says nothing, and notes what becomes of each of its flows, under the name that is its first message. */
const Silent = Endpoint.make("silent", bytes)
/** Takes and gives JSON, and has an error of its own. */
const Chat = Endpoint.make("chat", {
  input: Schema.Struct({ text: Schema.String }),
  output: Schema.Struct({ said: Schema.String }),
  error: Banned
})

const text = new TextDecoder()

export interface FlowHost {
  readonly port: number
  /** By the name of a silent flow: "open", or with which reason it failed, or "ended". */
  readonly states: ReadonlyMap<string, string>
  /** What a greeter heard after its own end. */
  readonly heard: ReadonlyArray<string>
}

export const start = Effect.gen(function* () {
  const states = new Map<string, string>()
  const heard: Array<string> = []
  const endpoints = Layer.mergeAll(
    Echo.toLayer((flow) => Stream.runForEach(flow.batches, flow.sendAll)),
    Total.toLayer((flow) =>
      Effect.flatMap(
        Stream.runFold(
          flow.messages,
          () => ({ messages: 0, bytes: 0 }),
          (sum, { byteLength }) => ({ messages: sum.messages + 1, bytes: sum.bytes + byteLength })
        ),
        flow.send
      )
    ),
    Greeter.toLayer(
      Effect.fnUntraced(function* (flow) {
        yield* flow.send(new TextEncoder().encode("hello"))
        yield* flow.end
        yield* Stream.runForEach(flow.messages, (message) => Effect.sync(() => heard.push(text.decode(message))))
      })
    ),
    Silent.toLayer((flow) => {
      let name: string | undefined
      const note = (how: string) =>
        Effect.sync(() => {
          if (name !== undefined) states.set(name, how)
        })
      const hear = (message: Uint8Array) =>
        Effect.suspend(() => {
          name ??= text.decode(message)
          return note("open")
        })
      return Stream.runForEach(flow.messages, hear).pipe(
        Effect.tap(note("ended")),
        Effect.tapError(({ reason }) => note(reason._tag)),
        Effect.onInterrupt(() => note("interrupted"))
      )
    }),
    Chat.toLayer((flow) =>
      Stream.runForEach(
        flow.messages,
        ({ text }): Effect.Effect<void, FlowError | Banned> =>
          text === "spam" ? Effect.fail(new Banned({ until: "tomorrow" })) : flow.send({ said: text })
      )
    )
  )
  const host = Grinta.layer({ name: "server", listen: { gossipPort: 0, flowPort: 0 } })
  const { flowPort } = Context.get(yield* Layer.build(Layer.provideMerge(endpoints, host)), Transport)
  const started: FlowHost = { port: flowPort, states, heard }
  return started
})
