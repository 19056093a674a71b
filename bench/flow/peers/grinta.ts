/** grinta: two hosts, with each codec a candidate of its own. */
import { Effect, Layer, ManagedRuntime, References, Scope } from "effect"
import { Fabric, Gossip, Grinta } from "../../../src/index.ts"
import { bothWays, type Candidate, type Client, settled } from "../Candidate.ts"
import { busy } from "../Duplex.ts"
import { deliver, echoOf, exposeForm, Hold, sendBatches, sendOne, sinkOf } from "../Flows.ts"
import * as BothWays from "../FlowsBothWays.ts"
import { bytes, type Form, protobuf, protobufSaid, schema, schemaSaid } from "../Forms.ts"
import type { Load } from "../Load.ts"

export const hostLayer = (name: string, seeds: ReadonlyArray<string>) =>
  Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" }).pipe(
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
  )

const runtime = (name: string, seeds: ReadonlyArray<string>) => ManagedRuntime.make(hostLayer(name, seeds))

const serve = () => {
  const program = Effect.gen(function* () {
    yield* exposeForm(bytes)
    yield* exposeForm(protobuf)
    yield* exposeForm(protobufSaid)
    yield* exposeForm(schema)
    yield* exposeForm(schemaSaid)
    yield* BothWays.expose
    yield* (yield* Fabric).expose(Hold, () => Effect.never)
    const { address, port } = yield* (yield* Gossip).self
    return { address: `${address}:${port}` }
  })
  return runtime("server", []).runPromise(Scope.provide(program, Scope.makeUnsafe()))
}

const pingPong = Effect.fnUntraced(function* <A>(form: Form<A>, load: Load, trips: number) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(echoOf(form), { wait: true })
  const micros: Array<number> = []
  while (micros.length < trips)
    for (const message of form.messages(load).slice(0, trips - micros.length)) {
      const began = performance.now()
      yield* flow.send(message)
      yield* flow.receive
      micros.push((performance.now() - began) * 1000)
    }
  return micros
}, Effect.scoped)

const open = Effect.fnUntraced(function* (times: number) {
  const fabric = yield* Fabric
  const micros: Array<number> = []
  // The first one finds the endpoint and opens the session.
  yield* Effect.scoped(fabric.connect(Hold, { wait: true }))
  while (micros.length < times)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const began = performance.now()
        yield* fabric.connect(Hold)
        micros.push((performance.now() - began) * 1000)
      })
    )
  return micros
})

const hold = Effect.fnUntraced(function* (flows: number) {
  const fabric = yield* Fabric
  return yield* Effect.forEach(Array.from({ length: flows }), () => fabric.connect(Hold, { wait: true }), {
    concurrency: 32
  })
})

const stall = Effect.fnUntraced(function* (flows: number) {
  const message = new Uint8Array(1024)
  let taken = 0
  for (const flow of yield* hold(flows)) {
    const fill = Effect.map(flow.send(message), () => {
      taken += message.byteLength
    })
    yield* Effect.forkScoped(Effect.forever(fill))
  }
  return yield* Effect.promise(() => settled(() => taken))
})

const lost = Effect.fnUntraced(function* (kill: () => void) {
  const [flow] = yield* hold(1)
  if (flow === undefined) return yield* Effect.die("there is no flow")
  const began = performance.now()
  kill()
  const error = yield* Effect.flip(flow.receive)
  const elapsed = performance.now() - began
  const isLost = error._tag === "FlowError" && error.reason._tag === "PeerLost"
  return isLost ? elapsed : yield* Effect.die(error)
})

export const connect =
  <A, B>(form: Form<A>, said?: Form<B>) =>
  async (seed: string): Promise<Client> => {
    const host = runtime("client", [seed])
    /** What is opened stays open as long as the process lives. */
    const scope = Scope.makeUnsafe()
    const run = <C, E>(effect: Effect.Effect<C, E, Fabric | Scope.Scope>) =>
      host.runPromise(Scope.provide(effect, scope))
    return {
      send: (load) => run(deliver(sinkOf(form), form, load, sendOne)),
      sendAll: (load) => run(deliver(sinkOf(form), form, load, sendBatches)),
      ...(said === undefined ? {} : { sendTyped: (load) => run(deliver(sinkOf(said), said, load, sendOne)) }),
      pingPong: (load, trips) => run(pingPong(form, load, trips)),
      open: (times) => run(open(times)),
      duplex: async (flows) => busy(flows, (side) => run(BothWays.duplex(side))),
      call: (body) => run(BothWays.call(body)),
      hold: (flows) => run(Effect.asVoid(hold(flows))),
      stall: (flows) => run(stall(flows)),
      lost: (kill) => run(lost(kill))
    }
  }

const all = ["send", "sendAll", "large", "ping-pong"] as const

export const candidates: ReadonlyArray<Candidate> = [
  {
    name: "grinta, bytes",
    rows: [...all, "open", ...bothWays, "idle", "stalled", "kill"],
    serve,
    connect: connect(bytes)
  },
  { name: "grinta, protobuf", rows: [...all, "typed"], serve, connect: connect(protobuf, protobufSaid) },
  { name: "grinta, Schema", rows: [...all, "typed"], serve, connect: connect(schema, schemaSaid) }
]
