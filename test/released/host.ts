/**
 * A host in a process of its own, of the sources that it is started on. It serves `echo`, which answers with the name of
 * the host before each message, says where it is in one line of JSON, and ends by itself when its standard input does.
 *
 * Usage: host.ts NAME PORT [SEED].., with the port of gossip, 0 for any. A line "call HOST COUNT" on standard input has it
 * exchange so many messages with the echo of that host, and say `{ "called": HOST, "replies": .., "from": .. }`. A line
 * "late HOST" has it call the endpoint there that fails after its end, and say in "from" how the flow ended. A line
 * "check HOST.." has it exchange checked messages with these hosts from then on, of which both sides say notes (`Note.ts`).
 */
import { createInterface } from "node:readline"
import { Cause, Effect, Exit, Layer, Logger, Queue, Schedule, Schema, Stream } from "effect"
import { Endpoint, Fabric, FlowError, Gossip, Grinta, NetworkError } from "../../src/index.ts"
import * as Late from "../net/programs/Late.ts"
import { messages, type Note } from "./Note.ts"

const Echo = Endpoint.make("echo", { input: Schema.String, output: Schema.String, ownership: "group" })

class TooLate extends Schema.TaggedError<TooLate>()("Late", {}) {}

/** Each host has one, of which it alone is the owner. */
const lateOf = (host: string) =>
  Endpoint.make(`late.${host}`, { input: Schema.String, output: Schema.String, error: TooLate })

/** Each host has one, of which it alone is the owner. */
const checkedOf = (host: string) => Endpoint.make(`checked.${host}`, { input: Schema.String, output: Schema.String })

const [name = "host", port = "0", ...seeds] = process.argv.slice(2)

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
  const from = Exit.isSuccess(ended)
    ? "the end"
    : Cause.squash(ended.cause) instanceof TooLate
      ? "Late"
      : `${ended.cause}`
  yield* say({ called: host, replies: replies.length, from })
}, Effect.scoped)

const note = (note: Note): void => {
  process.stdout.write(`${JSON.stringify(note)}\n`)
}

Late.watch((from, to) => note({ note: "late", from, to }))

let exchanges = 0

/** How an exchange ended in the eyes of its caller. */
const endOf = (
  exit: Exit.Exit<unknown, unknown>
): Pick<Extract<Note, { readonly note: "end" }>, "how" | "delivered"> => {
  if (Exit.isSuccess(exit))
    return { how: exit.value === false ? "other messages than were sent" : "well", delivered: "" }
  if (Cause.hasInterruptsOnly(exit.cause)) return { how: "interrupted", delivered: "" }
  const error = Cause.squash(exit.cause)
  if (error instanceof NetworkError || error instanceof FlowError)
    return { how: `${error._tag} ${error.reason._tag}`, delivered: error.delivered ?? "" }
  return { how: `untyped: ${String(error).slice(0, 500)}`, delivered: "" }
}

const exchangeWith = (to: string) =>
  Effect.suspend(() => {
    exchanges += 1
    const exchange = `${name}/${process.pid}/${exchanges}`
    note({ note: "begin", exchange, from: name, to, at: Date.now() })
    const run = Effect.gen(function* () {
      const fabric = yield* Fabric
      const flow = yield* fabric.connect(checkedOf(to))
      const texts = Array.from(
        { length: messages },
        (_, index) => `${exchange} ${index}:${"x".repeat(index * index * 20)}`
      )
      yield* Effect.forkChild(Effect.andThen(flow.sendAll(texts), flow.end))
      const replies = yield* Stream.runCollect(flow.messages)
      return replies.length === messages && replies.every((reply, index) => reply === texts[index])
    })
    return Effect.onExit(Effect.scoped(run), (exit) =>
      Effect.sync(() => note({ note: "end", exchange, at: Date.now(), ...endOf(exit) }))
    )
  })

/** Goes on for ever, whatever becomes of one exchange. */
const check = (hosts: ReadonlyArray<string>) =>
  Effect.forEach(
    hosts,
    (to) => Effect.forever(Effect.andThen(Effect.exit(exchangeWith(to)), Effect.sleep("50 millis"))),
    { concurrency: "unbounded", discard: true }
  )

const exposeChecked = Effect.gen(function* () {
  const fabric = yield* Fabric
  yield* fabric.expose(checkedOf(name), (flow) =>
    Effect.suspend(() => {
      let [exchange, count] = ["", 0]
      return Stream.runForEach(flow.messages, (text) => {
        const [of = "", number] = text.split(/[ :]/)
        if (count === 0) {
          exchange = of
          note({ note: "start", exchange, at: Date.now() })
        }
        if (of !== exchange || Number(number) !== count)
          return Effect.die(`message ${number} of ${of} for ${count} of ${exchange}`)
        count += 1
        return flow.send(text)
      }).pipe(
        Effect.andThen(flow.end),
        Effect.onExit((exit) => {
          const { how } = endOf(exit)
          return Effect.sync(() => note({ note: "over", exchange, messages: count, how, at: Date.now() }))
        })
      )
    })
  )
})

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const scope = yield* Effect.scope
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
        Effect.andThen(Effect.fail(new TooLate()))
      )
  )
  yield* exposeChecked
  const self = yield* gossip.self
  yield* say({ gossip: `${self.address}:${self.port}`, sources: import.meta.resolve("../../src/index.ts") })
  yield* Queue.take(calls).pipe(
    Effect.flatMap((line) => {
      const [order, host = "", count = ""] = line.split(" ")
      if (order === "check") return Effect.forkIn(check(line.split(" ").slice(1)), scope)
      return order === "late" ? callLate(host) : call(host, Number(count))
    }),
    Effect.forever,
    Effect.tapCause((cause) => Effect.logError(`${name} could not call`, cause)),
    Effect.forkScoped
  )
  yield* stdinEnd
})

const layer = Grinta.layer({ name, seeds, listen: { gossipPort: Number(port), flowPort: 0 }, profile: "local" })
/** What it says of itself goes over the standard output. */
const log = Layer.succeed(Logger.LogToStderr, true)
Effect.runFork(Effect.scoped(Effect.provide(program, Layer.provide(layer, log))))
