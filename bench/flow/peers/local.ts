/** Flows within a process, beside a bare queue between two fibers. Both take singles one by one, and batches as batches. */
import { type Cause, Effect, Fiber, Layer, ManagedRuntime, Queue } from "effect"
import { FabricLocal } from "../../../src/index.ts"
import type { Candidate, Client } from "../Candidate.ts"
import { deliver, exposeForm, sendBatches, sendOne, sinkOf, takerOf, untilDone } from "../Flows.ts"
import { bytes, type Form, protobuf, schema } from "../Forms.ts"
import { type Load, type Receipt, Tally } from "../Load.ts"

const serve = async () => ({ address: "" })

const flows =
  <A>(form: Form<A>) =>
  async (): Promise<Client> => {
    const exposed = Layer.effectDiscard(exposeForm(form))
    const host = ManagedRuntime.make(Layer.provideMerge(exposed, FabricLocal.layer()))
    return {
      send: (load) => host.runPromise(deliver(takerOf(form), form, load, sendOne)),
      sendAll: (load) => host.runPromise(deliver(sinkOf(form), form, load, sendBatches))
    }
  }

/** Messages of 100 bytes that a flow lets wait. */
const capacity = 512

const through = (
  load: Load,
  offer: (queue: Queue.Queue<Uint8Array, Cause.Done>) => Effect.Effect<void>,
  take: (queue: Queue.Queue<Uint8Array, Cause.Done>, tally: Tally) => Effect.Effect<void, Cause.Done>
): Promise<Receipt> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Uint8Array, Cause.Done>(capacity)
      const tally = new Tally()
      const reader = yield* Effect.forkChild(untilDone(take(queue, tally)))
      for (let round = 0; round < load.rounds; round++) yield* offer(queue)
      yield* Queue.end(queue)
      yield* Fiber.join(reader)
      return tally.receipt
    })
  )

const queue = async (): Promise<Client> => ({
  send: (load) =>
    through(
      load,
      Effect.fnUntraced(function* (queue) {
        for (const message of load.bytes) yield* Queue.offer(queue, message)
      }),
      (queue, tally) => Effect.map(Queue.take(queue), (message) => tally.add(message))
    ),
  sendAll: (load) =>
    through(
      load,
      (queue) => Effect.asVoid(Queue.offerAll(queue, load.bytes)),
      (queue, tally) =>
        Effect.map(Queue.takeAll(queue), (messages) => {
          for (const message of messages) tally.add(message)
        })
    )
})

const rows = ["local-send", "local-sendAll"] as const

export const candidates: ReadonlyArray<Candidate> = [
  { name: "grinta, bytes", rows, serve, connect: flows(bytes) },
  { name: "grinta, protobuf", rows, serve, connect: flows(protobuf) },
  { name: "grinta, Schema", rows, serve, connect: flows(schema) },
  { name: "Effect Queue", rows, serve, connect: queue }
]
