/**
 * A host in a process of its own, for tests that kill, stop or outlive it. It says where it is in one line of JSON, and
 * ends by itself when its standard input does.
 *
 * Usage: child.ts NAME [SEED]
 */
import { Effect, Stream } from "effect"
import { Codec, Endpoint, Fabric, Gossip, Grinta, Transport } from "../../src/index.ts"

export const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

/** Opens with one message and then waits: a flow that hangs unless somebody breaks it. */
export const Hold = Endpoint.make("hold", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const [name = "child", ...seeds] = process.argv.slice(2)

const stdinEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void)).resume()
})

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const { flowPort } = yield* Transport
  const { address, port } = yield* (yield* Gossip).self
  yield* fabric.expose(Echo, (flow) => Stream.runForEachArray(flow.messages, (batch) => flow.sendAll(batch)))
  yield* fabric.expose(Hold, (flow) =>
    flow.send(Uint8Array.of(1)).pipe(
      Effect.andThen(Stream.runDrain(flow.messages)),
      Effect.tapError((error) =>
        Effect.sync(() => process.stdout.write(`${JSON.stringify({ ended: error.reason._tag })}\n`))
      )
    )
  )
  process.stdout.write(`${JSON.stringify({ gossip: `${address}:${port}`, flowPort })}\n`)
  yield* stdinEnd
})

if (import.meta.filename === process.argv[1]) {
  const layer = Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" })
  Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
}
