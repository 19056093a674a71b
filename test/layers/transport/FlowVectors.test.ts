/** A host says the golden bytes to whoever says the golden bytes, on both paths. */
import * as http2 from "node:http2"
import { fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Result, Schema, Stream } from "effect"
import * as Timeouts from "../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../src/layers/flow/Answering.ts"
import * as Serving from "../../../src/layers/flow/Serving.ts"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Contract from "../../../src/services/Contract.ts"
import { Transport } from "../../../src/services/Transport.ts"
import { parse, said } from "../../protocol/flow/Parse.ts"
import { envelope, frames, goodEnd, lives } from "../../vectors/flow.ts"

class Banned extends Schema.TaggedError<Banned>()("Banned", { until: Schema.String }) {}

const config = Serving.defaults
const options = { context: Context.empty(), closed: Effect.never, config }
const exposed = new Map([
  [
    "list",
    Serving.expose(
      Contract.make("list", { input: Codec.bytes, output: Codec.bytes }),
      (flow) => Effect.flatMap(Stream.runCollect(flow.messages), flow.sendAll),
      options
    )
  ],
  [
    "ban",
    Serving.expose(
      Contract.make("ban", { input: Codec.bytes, output: Codec.bytes, error: Banned }),
      (flow) => Stream.runForEach(flow.messages, () => Effect.fail(new Banned({ until: "tomorrow" }))),
      options
    )
  ],
  [
    "late",
    Serving.expose(
      Contract.make("late", { input: Codec.bytes, output: Codec.bytes, error: Banned }),
      (flow) =>
        flow.end.pipe(
          Effect.andThen(Effect.sleep("20 millis")),
          Effect.andThen(Stream.runForEach(flow.messages, () => Effect.fail(new Banned({ until: "tomorrow" }))))
        ),
      options
    )
  ]
])

/** Writes these bytes to a host, and gives all that it answers. */
const answerTo = (bytes: Uint8Array, headers: http2.OutgoingHttpHeaders) =>
  Effect.gen(function* () {
    const transport = yield* Effect.map(Layer.build(TransportConnect.layer({ port: 0 })), Context.get(Transport))
    const opening = yield* Timeouts.make(config.openTimeout)
    yield* transport.serve((link) =>
      Answering.answer(link, { self: "server", find: (name) => exposed.get(name), opening })
    )
    const session = yield* Effect.acquireRelease(
      Effect.sync(() => http2.connect(`http://127.0.0.1:${transport.flowPort}`)),
      (open) => Effect.sync(() => open.destroy())
    )
    return yield* Effect.callback<Buffer>((resume) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/grinta.v1.FlowService/Open",
        "content-type": "application/connect+proto",
        "connect-protocol-version": "1",
        ...headers
      })
      const chunks: Array<Uint8Array> = []
      stream.on("error", () => undefined).on("data", (chunk: Uint8Array) => chunks.push(chunk))
      stream.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
      stream.write(bytes)
    })
  }).pipe(Effect.timeout("10 seconds"))

/** The envelopes of an answer in hex, without what is for people. */
const plain = (answer: Buffer): ReadonlyArray<string> => {
  const envelopes: Array<string> = []
  for (let at = 0; at < answer.byteLength; ) {
    const end = at + 5 + answer.readUInt32BE(at + 1)
    const { kind } = fromBinary(FrameSchema, answer[at] === 0 ? answer.subarray(at + 5, end) : new Uint8Array(0))
    if (kind.case === "rejected" || kind.case === "fail") {
      kind.value.detail = ""
      envelopes.push(
        envelope(Buffer.from(toBinary(FrameSchema, { $typeName: "grinta.v1.Frame", kind })).toString("hex"))
      )
    } else envelopes.push(answer.subarray(at, end).toString("hex"))
    at = end
  }
  return envelopes
}

describe("golden frames", () => {
  it.each(frames)("of the %s: %s", (_, json, hex) => {
    const bytes = Buffer.from(hex, "hex")
    assert.strictEqual(Buffer.from(toBinary(FrameSchema, fromJsonString(FrameSchema, json))).toString("hex"), hex)
    assert.strictEqual(toJsonString(FrameSchema, fromBinary(FrameSchema, bytes)), json)
    const frame = Result.getOrThrow(Frame.fromProto(fromBinary(FrameSchema, bytes)))
    assert.strictEqual(Buffer.from(FrameBytes.encode(frame)).toString("hex"), envelope(hex))
    assert.deepStrictEqual(FrameBytes.decode(Uint8Array.from(bytes)), Result.succeed(frame))
    assert.deepStrictEqual(said(parse([Envelope.wrap(bytes)]).frames), said([frame]))
  })
})

for (const [path, headers] of [
  ["the direct path", {}],
  ["connect-node", { "connect-content-encoding": "identity" }]
] as const)
  describe(`golden lives, on ${path}`, () => {
    for (const [name, steps] of lives)
      it.live(name, () =>
        Effect.gen(function* () {
          const of = (side: string) => steps.filter(([from]) => from === side).map(([, , hex]) => envelope(hex))
          const answer = yield* answerTo(Buffer.from(of("caller").join(""), "hex"), headers)
          assert.deepStrictEqual(plain(answer), [...of("host"), goodEnd])
        })
      )
  })
