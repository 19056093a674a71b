/** What grinta's endpoints and callers do where both directions of a session are busy. */
import { Effect, Fiber, Pull } from "effect"
import { Codec, Endpoint, Fabric, type Flow } from "../../src/index.ts"
import { type Account, message, messageBytes, Side } from "./Duplex.ts"
import { eachBatch } from "./Flows.ts"

const Duplex = Endpoint.make("bench.duplex", { input: Codec.bytes, output: Codec.bytes })

/** Sends the message back that it is sent. */
const Call = Endpoint.make("bench.call", { input: Codec.bytes, output: Codec.bytes })

/** Sends as fast as the flow takes it, until its side is over. */
const fill = Effect.fnUntraced(function* (flow: Flow<Uint8Array, Uint8Array>, side: Side) {
  while (!side.isOver) {
    yield* flow.send(message)
    side.sent.add(message)
  }
})

const readAll = (flow: Flow<Uint8Array, Uint8Array>, take: (message: Uint8Array) => void) =>
  eachBatch(flow, (batch) =>
    Effect.sync(() => {
      for (const message of batch) take(message)
    })
  )

export const expose = Effect.gen(function* () {
  const fabric = yield* Fabric
  yield* fabric.expose(
    Duplex,
    Effect.fnUntraced(function* (flow) {
      const side = new Side()
      const filling = yield* Effect.forkChild(fill(flow, side))
      yield* readAll(flow, (one) => side.take(one))
      side.isOver = true
      yield* Fiber.join(filling)
      yield* flow.send(Buffer.from(JSON.stringify(side.account)))
    })
  )
  yield* fabric.expose(Call, (flow) => Pull.catchDone(Effect.flatMap(flow.receive, flow.send), () => Effect.void))
})

/** One busy flow, until its side is over and all has come. */
export const duplex = Effect.fnUntraced(function* (side: Side) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(Duplex, { wait: true })
  const filling = yield* Effect.forkChild(Effect.andThen(fill(flow, side), flow.end))
  let account: Account | undefined
  const take = (one: Uint8Array): void => {
    if (one.byteLength === messageBytes) side.take(one)
    else account = JSON.parse(Buffer.from(one).toString())
  }
  yield* readAll(flow, take)
  yield* Fiber.join(filling)
  yield* Effect.sync(() => side.settle(account))
}, Effect.scoped)

export const call = Effect.fnUntraced(function* (body: Uint8Array) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(Call, { wait: true })
  yield* flow.send(body)
  yield* flow.end
  return yield* flow.receive
}, Effect.scoped)
