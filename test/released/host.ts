/**
 * A host in a process of its own, of the sources that it is started on. It serves `echo`, which answers with the name of
 * the host before each message, says where it is in one line of JSON, and ends by itself when its standard input does.
 *
 * Usage: host.ts NAME [SEED]. A line "call HOST COUNT" on standard input has it exchange so many messages with the echo of
 * that host, and say `{ "called": HOST, "replies": .., "from": .. }`. A line "late HOST" has it call the endpoint there that
 * fails after its end, and say in "from" how the flow ended.
 */
import { createInterface } from "node:readline"
import { Cause, Effect, Exit, Layer, Logger, Queue, Schedule, Schema, Stream } from "effect"
import { Endpoint, Fabric, Gossip, Grinta } from "../../src/index.ts"

const Echo = Endpoint.make("echo", { input: Schema.String, output: Schema.String, ownership: "group" })

class Late extends Schema.TaggedError<Late>()("Late", {}) {}

/** Each host has one, of which it alone is the owner. */
const lateOf = (host: string) =>
  Endpoint.make(`late.${host}`, { input: Schema.String, output: Schema.String, error: Late })

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

const callLate = Effect.fnUntraced(function* (host: string) {
  const fabric = yield* Fabric
  const flow = yield* Effect.retry(fabric.connect(lateOf(host)), Schedule.spaced("50 millis"))
  yield* flow.end
  const replies: Array<string> = []
  const ended = yield* Effect.exit(Stream.runForEach(flow.messages, (one) => Effect.sync(() => replies.push(one))))
  // What comes after the end still comes here.
  yield* Effect.sleep("200 millis")
  const from = Exit.isSuccess(ended) ? "the end" : Cause.squash(ended.cause) instanceof Late ? "Late" : `${ended.cause}`
  yield* say({ called: host, replies: replies.length, from })
}, Effect.scoped)

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const calls = yield* Queue.unbounded<string>()
  createInterface({ input: process.stdin }).on("line", (line) => Queue.offerUnsafe(calls, line))
  yield* fabric.expose(Echo, (flow) =>
    Stream.runForEach(flow.messages, (text) => flow.send(`${name}:${text}`)).pipe(Effect.andThen(flow.end))
  )
  yield* fabric.expose(lateOf(name), (flow) =>
    flow
      .send("one")
      .pipe(
        Effect.andThen(flow.end),
        Effect.andThen(Effect.sleep("100 millis")),
        Effect.andThen(Effect.fail(new Late()))
      )
  )
  const { address, port } = yield* gossip.self
  yield* say({ gossip: `${address}:${port}`, sources: import.meta.resolve("../../src/index.ts") })
  yield* Queue.take(calls).pipe(
    Effect.flatMap((line) => {
      const [order, host = "", count = ""] = line.split(" ")
      return order === "late" ? callLate(host) : call(host, Number(count))
    }),
    Effect.forever,
    Effect.tapCause((cause) => Effect.logError(`${name} could not call`, cause)),
    Effect.forkScoped
  )
  yield* stdinEnd
})

const layer = Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" })
/** What it says of itself goes over the standard output. */
const log = Layer.succeed(Logger.LogToStderr, true)
Effect.runFork(Effect.scoped(Effect.provide(program, Layer.provide(layer, log))))
