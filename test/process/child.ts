/**
 * A host in a process of its own, for tests that kill, stop or outlive it. It says where it is in one line of JSON, and
 * ends by itself when its standard input does.
 *
 * Usage: child.ts NAME [SEED]. A line "block MILLIS" on standard input holds up its event loop for so long; what it then
 * believes of the others that is worse than alive is a line `{ "accused": .. }`. A line "call HOST" has it hold a flow to that
 * host.
 */
import { createInterface } from "node:readline"
import { Effect, Queue, Schedule, Stream } from "effect"
import { Codec, Endpoint, Fabric, Gossip, Grinta, Transport } from "../../src/index.ts"

export const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

/** Opens with one message and then waits: a flow that hangs unless somebody breaks it. */
export const Hold = Endpoint.make("hold", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const [name = "child", ...seeds] = process.argv.slice(2)

const stdinEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void)).resume()
})

const say = (what: object) => Effect.sync(() => process.stdout.write(`${JSON.stringify(what)}\n`))

/** A long synchronous task: nothing else of this process runs meanwhile. */
const block = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end) Math.sqrt(end)
}

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const calls = yield* Queue.unbounded<string>()
  const obey = (line: string): void => {
    const [order, what = ""] = line.split(" ")
    if (order === "block") block(Number(what))
    if (order === "call") Queue.offerUnsafe(calls, what)
  }
  createInterface({ input: process.stdin }).on("line", obey)
  const hold = (host: string) =>
    Effect.retry(fabric.connect(Hold, { select: { host } }), Schedule.spaced("50 millis")).pipe(
      Effect.flatMap((flow) => flow.send(Uint8Array.of(1)))
    )
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(calls), hold)))
  yield* Effect.forkScoped(
    Stream.runForEach(gossip.changes, ({ member }) =>
      member.status === "suspect" || member.status === "dead"
        ? say({ accused: member.id, as: member.status })
        : Effect.void
    ),
    { startImmediately: true }
  )
  const { flowPort } = yield* Transport
  const { address, port } = yield* gossip.self
  yield* fabric.expose(Echo, (flow) => Stream.runForEachArray(flow.messages, (batch) => flow.sendAll(batch)))
  yield* fabric.expose(Hold, (flow) =>
    flow.send(Uint8Array.of(1)).pipe(
      Effect.andThen(Stream.runDrain(flow.messages)),
      Effect.tapError((error) => say({ ended: error.reason._tag }))
    )
  )
  yield* say({ gossip: `${address}:${port}`, flowPort })
  yield* stdinEnd
})

if (import.meta.filename === process.argv[1]) {
  const layer = Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 } })
  Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
}
