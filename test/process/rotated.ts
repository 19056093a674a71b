/**
 * A host in a process of its own whose keys and certificates change while it calls the others and is called by them, for
 * `Rotation.test.ts`. What it says is lines of JSON on its standard output; its log goes to the other one.
 *
 * Usage: rotated.ts SETUP, which is JSON. Orders are lines on its standard input, each answered by `{ "done": ORDER }`, or by
 * `{ "done": ORDER, "failed": WHY }`: "install KEY", "use KEY", "remove KEY", "verify JSON" of its keyring; "stage JSON" of TLS;
 * "call HOST" has it begin its traffic with that host, and "knock HOST" opens one flow to it. "report" answers a `Report`.
 */
import { createInterface } from "node:readline"
import { Effect, Layer, Logger, Queue, Schema, Scope, Stream } from "effect"
import { Endpoint, Fabric, Gossip, Grinta, type NetworkError } from "../../src/index.ts"
import * as Files from "../../src/layers/transport/http2/tls/Files.ts"
import type { Stage } from "../../src/layers/transport/http2/tls/Stage.ts"
import type { Options } from "../../src/layers/transport/http2/tls/Tls.ts"

export const Setup = Schema.Struct({
  name: Schema.String,
  gossipPort: Schema.Number,
  seeds: Schema.Array(Schema.String),
  /** Paths of PEM. */
  certificate: Schema.String,
  key: Schema.String,
  authorities: Schema.String,
  keysFile: Schema.optional(Schema.String),
  verifyIncoming: Schema.Boolean,
  verifyOutgoing: Schema.Boolean
})

/** What came of the traffic of a host with the others. */
export const Report = Schema.Struct({
  /** Answers by the host that gave them. */
  answers: Schema.Record(Schema.String, Schema.Number),
  /** What must not be: a message that did not arrive, or another one in its place. */
  wrong: Schema.Array(Schema.String),
  /** Flows that failed and were opened anew, by what they were for. */
  redials: Schema.Record(Schema.String, Schema.Number),
  /** Hosts that it was told are dead or have left. */
  gone: Schema.Array(Schema.String),
  alive: Schema.Array(Schema.String),
  /** Gossip of others that it could not read, by reason. */
  unread: Schema.Record(Schema.String, Schema.Number)
})

const isUnread = (reason: string): boolean =>
  /^(packet|stream)\.(decrypt|encrypted|plaintext|malformed|type|truncated|crc)$/.test(reason)

const Json = Schema.fromJsonString(Setup)

/** Numbered messages, each answered by its number, on one flow for as long as it lasts. */
const Long = Endpoint.make("long", {
  input: Schema.Int,
  output: Schema.Int,
  ownership: "group"
})

/** Messages to the end of the flow, answered by their sum. */
const Batch = Endpoint.make("batch", {
  input: Schema.Int,
  output: Schema.Int,
  ownership: "group"
})

const batchMessages = 40
const batchSum = (batchMessages * (batchMessages + 1)) / 2

const write = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

const stages = Effect.runSync(Queue.unbounded<Stage>())

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  const gossip = yield* Gossip
  const { address, port } = yield* gossip.self
  const wrong: Array<string> = []
  const gone: Array<string> = []
  const answers = new Map<string, number>()
  const redials = new Map<string, number>()
  const add = (to: Map<string, number>, key: string) => to.set(key, (to.get(key) ?? 0) + 1)

  yield* Effect.forkScoped(
    Stream.runForEach(gossip.changes, ({ member }) =>
      Effect.sync(() => {
        if (member.status === "dead" || member.status === "left") gone.push(member.id)
      })
    ),
    { startImmediately: true }
  )

  /** The last number of each caller. A caller repeats what was not answered, and leaves nothing out. */
  const last = new Map<string, number>()
  yield* fabric.expose(Long, (flow) =>
    Stream.runForEach(flow.messages, (n) => {
      const before = last.get(flow.peer.id) ?? 0
      if (n > before + 1) wrong.push(`${n} of ${flow.peer.id} came after ${before}`)
      last.set(flow.peer.id, Math.max(n, before))
      return flow.send(n)
    })
  )
  yield* fabric.expose(Batch, (flow) =>
    Effect.flatMap(
      Stream.runFold(
        flow.messages,
        () => 0,
        (sum, n) => sum + n
      ),
      flow.send
    )
  )

  /** Does something with a host for ever; what fails is done again. */
  const again = (what: string, turn: Effect.Effect<void, unknown>) =>
    Effect.forkScoped(
      Effect.forever(
        Effect.catch(turn, () =>
          Effect.andThen(
            Effect.sync(() => add(redials, what)),
            Effect.sleep("50 millis")
          )
        )
      )
    )

  const call = Effect.fnUntraced(function* (host: string) {
    let n = 1
    yield* again(
      "long",
      Effect.gen(function* () {
        const flow = yield* fabric.connect(Long, { select: { host } })
        while (true) {
          yield* flow.send(n)
          const answer = yield* flow.receive
          if (answer !== n) wrong.push(`${host} answered ${n} with ${answer}`)
          n += 1
          add(answers, host)
          yield* Effect.sleep("20 millis")
        }
      }).pipe(Effect.scoped)
    )
    yield* again(
      "batch",
      Effect.gen(function* () {
        const flow = yield* fabric.connect(Batch, { select: { host } })
        yield* flow.sendAll(Array.from({ length: batchMessages }, (_, i) => i + 1))
        yield* flow.end
        const sum = yield* flow.receive
        if (sum !== batchSum) wrong.push(`${host} took ${sum} of ${batchSum}`)
        yield* Effect.sleep("30 millis")
      }).pipe(Effect.scoped)
    )
  })

  const knock = (host: string) => Effect.scoped(fabric.connect(Batch, { select: { host }, timeout: "5 seconds" }))

  const obey = (order: string): Effect.Effect<unknown, { readonly message: string }, never> => {
    const [verb, what = ""] = order.split(" ")
    const { install, remove, use, verify } = gossip.keyring
    switch (verb) {
      case "install":
        return install(what)
      case "use":
        return use(what)
      case "remove":
        return remove(what)
      case "verify":
        return verify(JSON.parse(what))
      case "stage":
        return Queue.offer(stages, JSON.parse(what))
      case "call":
        return Effect.asVoid(Effect.provideService(call(what), Scope.Scope, scope))
      case "knock":
        return knock(what)
      default:
        return Effect.void
    }
  }
  const scope = yield* Effect.scope
  const orders = yield* Queue.unbounded<string>()
  createInterface({ input: process.stdin }).on("line", (line) => Queue.offerUnsafe(orders, line))
  const report = Effect.map(Effect.all([gossip.members, gossip.counters]), ([members, counters]) =>
    write({
      unread: Object.fromEntries(Object.entries(counters).filter(([reason]) => isUnread(reason))),
      answers: Object.fromEntries(answers),
      redials: Object.fromEntries(redials),
      wrong,
      gone,
      alive: members.flatMap(({ id, status }) => (status === "alive" ? [id] : [])).sort()
    })
  )
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.flatMap(Queue.take(orders), (order) =>
        order === "report"
          ? report
          : Effect.match(obey(order), {
              onFailure: ({ message }) => write({ done: order, failed: message }),
              onSuccess: () => write({ done: order })
            })
      )
    )
  )
  write({ gossip: `${address}:${port}` })
  yield* Effect.callback<void>((resume) => {
    process.stdin.once("end", () => resume(Effect.void)).resume()
  })
})

if (import.meta.filename === process.argv[1]) {
  const host = Effect.gen(function* () {
    const setup = yield* Schema.decodeEffect(Json)(process.argv[2] ?? "")
    const { gossipPort, keysFile, name, seeds, verifyIncoming, verifyOutgoing, ...paths } = setup
    const material = yield* Files.load(paths, "200 millis")
    const tls: Options = {
      ...material,
      verifyIncoming,
      verifyOutgoing,
      sessionDrain: "1 second",
      stages: Stream.fromQueue(stages)
    }
    return Grinta.layer({
      name,
      seeds,
      tls,
      listen: { gossipPort, flowPort: 0 },
      ...(keysFile === undefined ? {} : { keysFile })
    })
  })
  const layer = Layer.unwrap(host)
  const log = Layer.succeed(Logger.LogToStderr, true)
  const running = Effect.scoped(Effect.provide(program, Layer.provide(layer, log)))
  Effect.runFork(
    Effect.catch(running, (error: NetworkError | Schema.SchemaError) =>
      Effect.sync(() => write({ refused: error.message }))
    )
  )
}
