/** What a caller of ours makes of a host of another make, whose endpoints are those of `go/flow/service.go`. */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as Opening from "../../src/layers/flow/Opening.ts"
import * as TransportConnect from "../../src/layers/transport/TransportConnect.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import { Transport } from "../../src/services/Transport.ts"
import { started } from "../laws/Started.ts"
import { Banned } from "./FlowHost.ts"
import { loopback } from "./Processes.ts"

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const bytes = (said: string): Uint8Array => new TextEncoder().encode(said)

/** Opens a flow to an endpoint of the host, as `fabric.connect` does once it knows the host. */
const connect = Effect.fnUntraced(function* (serve: Effect.Effect<number, never, Scope.Scope>, endpoint: string) {
  const flowPort = yield* serve
  const transport = Context.get(yield* Layer.build(TransportConnect.layer({ port: 0 })), Transport)
  const host = { id: "stranger", generation: 1, address: loopback, flowPort, locality: "", tags: {} }
  const contract = Contract.make(endpoint, { input: Codec.bytes, output: Codec.bytes, error: Banned })
  const link = yield* transport.dial(host)
  return started(yield* Opening.open(link, contract, { caller: "ours", host, limits: Limits.defaults }))
})

export const hostLaws = (name: string, serve: Effect.Effect<number, never, Scope.Scope>): void => {
  it.live(`${name}: talks both ways with a caller of ours, and counts`, () =>
    Effect.gen(function* () {
      const flow = yield* connect(serve, "echo")
      for (let i = 0; i < 50; i++) {
        yield* flow.send(bytes(`ping ${i}`))
        assert.strictEqual(text(yield* flow.receive), `ping ${i}`)
      }
      const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff)
      const batch = Array.from({ length: 2_000 }, (_, i) => bytes(`${i}`))
      yield* Effect.forkScoped(
        flow.sendAll([...batch, large, bytes("")]).pipe(Effect.andThen(flow.send(large)), Effect.andThen(flow.end))
      )
      const heard = yield* Stream.runCollect(flow.messages)
      assert.deepStrictEqual(heard.slice(0, 2_000).map(text), batch.map(text))
      assert.deepStrictEqual(
        heard.slice(2_000).map(({ byteLength }) => byteLength),
        [300_000, 0, 300_000]
      )
      assert.isTrue(Buffer.from(heard.at(-1) ?? []).equals(large))
    })
  )

  it.live(`${name}: fails with the error that the endpoint declares`, () =>
    Effect.gen(function* () {
      const flow = yield* connect(serve, "moody")
      yield* flow.send(bytes("hello"))
      const error = yield* Effect.flip(flow.receive)
      assert.deepStrictEqual(error, new Banned({ until: "tomorrow" }))
    })
  )

  const refusals: ReadonlyArray<readonly [string, string]> = [
    ["busy", "EndpointBusy"],
    ["nobody", "EndpointNotFound"]
  ]
  for (const [endpoint, reason] of refusals)
    it.live(`${name}: does not take a flow to "${endpoint}"`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(connect(serve, endpoint))
        assert.strictEqual(error.reason._tag, reason)
      })
    )

  it.live(`${name}: that stops without a word is no good end`, () =>
    Effect.gen(function* () {
      const flow = yield* connect(serve, "rude")
      yield* flow.send(bytes("hello"))
      const error = yield* Effect.flip(flow.receive)
      assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error._tag, "PeerLost")
    })
  )

  it.live(`${name}: that miscounts is no good end`, () =>
    Effect.gen(function* () {
      const flow = yield* connect(serve, "counting")
      yield* flow.send(bytes("hello"))
      yield* flow.end
      const error = yield* Effect.flip(Stream.runDrain(flow.messages))
      assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error._tag, "ProtocolViolation")
    })
  )
}
