/**
 * A host in a process of its own, for tests that kill, stop or outlive it. It says where it is in one line of JSON, and
 * ends by itself when its standard input does.
 *
 * Usage: child.ts NAME [SEED]. Lines on standard input are orders: "block MILLIS" holds up its event loop for so long, and
 * three seconds later by its own clock it says `{ "awake": true }`; "lag" has it say by how many milliseconds its event loop
 * was late at most since the last time; "call HOST" has it hold a flow to that host. What it believes of the others that is
 * worse than alive is a line `{ "accused": .., "as": .., "by": [..] }`, and each start of a handler of `once` one `{ "served": .. }`.
 * When it cannot start, or loses what it exposes, it says why: `{ "refused": TAG, "why": .. }`.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { createInterface } from "node:readline"
import { Effect, Layer, Logger, Queue, Schedule, Stream } from "effect"
import { Codec, Endpoint, Fabric, Gossip, Grinta, type NetworkError, Transport } from "../../src/index.ts"

export const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

/** Opens with one message and then waits: a flow that hangs unless somebody breaks it. */
export const Hold = Endpoint.make("hold", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

/** Says that it was served, and how often by now. */
export const Once = Endpoint.make("once", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const [name = "child", ...seeds] = process.argv.slice(2)

const stdinEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void)).resume()
})

const write = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

const say = (what: object) => Effect.sync(() => write(what))

const refused = ({ message, reason }: NetworkError) => say({ refused: reason._tag, why: message })

/** Three probe periods of a host whose probes all fail on the way. */
const awakeMillis = 3000

const delay = monitorEventLoopDelay({ resolution: 10 })

/** As a long synchronous task: nothing else of this process runs meanwhile. The processor is left to the other processes. */
const block = (millis: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const calls = yield* Queue.unbounded<string>()
  const obey = (line: string): void => {
    const [order, what = ""] = line.split(" ")
    if (order === "block") {
      block(Number(what))
      setTimeout(() => write({ awake: true }), awakeMillis)
    }
    if (order === "lag") {
      write({ lag: delay.max / 1e6 })
      delay.reset()
    }
    if (order === "call") Queue.offerUnsafe(calls, what)
  }
  delay.enable()
  createInterface({ input: process.stdin }).on("line", obey)
  const hold = (host: string) =>
    Effect.retry(fabric.connect(Hold, { select: { host } }), Schedule.spaced("50 millis")).pipe(
      Effect.flatMap((flow) => flow.send(Uint8Array.of(1)))
    )
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(calls), hold)))
  yield* Effect.forkScoped(
    Stream.runForEach(gossip.changes, ({ evidence, member }) =>
      member.status === "suspect" || member.status === "dead"
        ? say({ accused: member.id, as: member.status, by: evidence.map(({ accuser }) => accuser) })
        : Effect.void
    ),
    { startImmediately: true }
  )
  const { flowPort } = yield* Transport
  const { address, port } = yield* gossip.self
  const { lost } = yield* fabric.expose(Echo, (flow) => Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)))
  yield* Effect.forkScoped(Effect.catch(lost, refused))
  yield* fabric.expose(Hold, (flow) =>
    flow.send(Uint8Array.of(1)).pipe(
      Effect.andThen(Stream.runDrain(flow.messages)),
      Effect.tapError((error) => say({ ended: error.reason._tag }))
    )
  )
  let served = 0
  yield* fabric.expose(Once, (flow) =>
    Effect.sync(() => write({ served: ++served })).pipe(Effect.andThen(Stream.runDrain(flow.messages)))
  )
  yield* say({ gossip: `${address}:${port}`, flowPort })
  yield* stdinEnd
})

if (import.meta.filename === process.argv[1]) {
  const layer = Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 } })
  // What it says of itself goes over the standard output.
  const log = Layer.succeed(Logger.LogToStderr, true)
  const running = Effect.scoped(Effect.provide(program, Layer.provide(layer, log)))
  Effect.runFork(Effect.catchTag(running, "NetworkError", refused))
}
