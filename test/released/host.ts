/**
 * A host in a process of its own, of the sources that it is started on. It serves `echo`, which answers with the name of
 * the host before each message, says where it is in one line of JSON, and ends by itself when its standard input does.
 *
 * Usage: host.ts NAME [SEED]. A line "call HOST COUNT" on standard input has it exchange so many messages with the echo of
 * that host, and say `{ "called": HOST, "replies": .., "last": .. }`.
 */
import { createInterface } from "node:readline"
import { Effect, Queue, Schedule, Schema, Stream } from "effect"
import { Endpoint, Fabric, Gossip, Grinta } from "../../src/index.ts"

const Echo = Endpoint.make("echo", { input: Schema.String, output: Schema.String, ownership: "group" })

const [name = "host", ...seeds] = process.argv.slice(2)

const stdinEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void)).resume()
})

const say = (what: object) =>
  Effect.sync(() => {
    process.stdout.write(`${JSON.stringify(what)}\n`)
  })

/** Long enough that some of them fill a frame, and a flow of many its windows. */
const textOf = (index: number): string => `${index}:${"x".repeat(index % 7 === 0 ? 100_000 : 100)}`

const call = Effect.fnUntraced(function* (host: string, count: number) {
  const fabric = yield* Fabric
  const flow = yield* Effect.retry(fabric.connect(Echo, { select: { host } }), Schedule.spaced("50 millis"))
  const texts = Array.from({ length: count }, (_, index) => textOf(index))
  yield* Effect.forkChild(Effect.andThen(flow.sendAll(texts), flow.end))
  const replies = yield* Stream.runCollect(flow.messages)
  const isWhole = replies.every((reply, index) => reply.endsWith(`:${textOf(index)}`))
  yield* say({ called: host, replies: isWhole ? replies.length : -1, from: replies[0]?.split(":")[0] ?? "" })
}, Effect.scoped)

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const calls = yield* Queue.unbounded<string>()
  createInterface({ input: process.stdin }).on("line", (line) => Queue.offerUnsafe(calls, line))
  yield* fabric.expose(Echo, (flow) =>
    Stream.runForEach(flow.messages, (text) => flow.send(`${name}:${text}`)).pipe(Effect.andThen(flow.end))
  )
  const { address, port } = yield* gossip.self
  yield* say({ gossip: `${address}:${port}`, sources: import.meta.resolve("../../src/index.ts") })
  yield* Queue.take(calls).pipe(
    Effect.flatMap((line) => {
      const [, host = "", count = ""] = line.split(" ")
      return call(host, Number(count))
    }),
    Effect.forever,
    Effect.tapCause((cause) => Effect.logError(`${name} could not call`, cause)),
    Effect.forkScoped
  )
  yield* stdinEnd
})

const layer = Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" })
Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
