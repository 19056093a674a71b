/** What grinta's endpoints and callers do, the same on a host and within a process. */
import { type Cause, Effect, Pull, Schema } from "effect"
import { Codec, Endpoint, Fabric, type Flow } from "../../src/index.ts"
import type { Form } from "./Forms.ts"
import { type Load, Tally } from "./Load.ts"

const Receipt = Schema.Struct({ count: Schema.Number, bytes: Schema.Number, sum: Schema.Number })

export const echoOf = <A>({ codec, name }: Form<A>) =>
  Endpoint.make(`bench.${name}.echo`, { input: codec, output: codec })

/** Counts what comes, and says how much it was once the caller has ended. */
export const sinkOf = <A>({ codec, name }: Form<A>) =>
  Endpoint.make(`bench.${name}.sink`, { input: codec, output: Receipt })

/** The same, but takes messages one by one. */
export const takerOf = <A>({ codec, name }: Form<A>) =>
  Endpoint.make(`bench.${name}.taker`, { input: codec, output: Receipt })

/** Does nothing and reads nothing. */
export const Hold = Endpoint.make("bench.hold", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

/** Runs until there is nothing more. */
export const untilDone = <E, R>(step: Effect.Effect<void, E | Cause.Done, R>) =>
  Pull.catchDone(Effect.forever(step), () => Effect.void)

/** Reads in batches, as every release can. */
export const eachBatch = <A, E, E2>(
  flow: Pick<Flow<never, A, E>, "receiveAll">,
  take: (batch: ReadonlyArray<A>) => Effect.Effect<void, E2>
) => Pull.catchDone(Effect.forever(Effect.flatMap(flow.receiveAll, take), { disableYield: true }), () => Effect.void)

export const exposeForm = Effect.fnUntraced(function* <A>(form: Form<A>) {
  const fabric = yield* Fabric
  yield* fabric.expose(echoOf(form), (flow) => eachBatch(flow, flow.sendAll))
  yield* fabric.expose(
    sinkOf(form),
    Effect.fnUntraced(function* (flow) {
      const tally = new Tally()
      yield* eachBatch(flow, (batch) =>
        Effect.sync(() => {
          for (const message of batch) form.add(tally, message)
        })
      )
      yield* flow.send(tally.receipt)
    })
  )
  yield* fabric.expose(
    takerOf(form),
    Effect.fnUntraced(function* (flow) {
      const tally = new Tally()
      yield* untilDone(Effect.map(flow.receive, (message) => form.add(tally, message)))
      yield* flow.send(tally.receipt)
    })
  )
})

export const sendOne = Effect.fnUntraced(function* <A>(flow: Flow<A, unknown>, form: Form<A>, load: Load) {
  for (let round = 0; round < load.rounds; round++) for (const message of form.messages(load)) yield* flow.send(message)
})

export const sendBatches = Effect.fnUntraced(function* <A>(flow: Flow<A, unknown>, form: Form<A>, load: Load) {
  for (let round = 0; round < load.rounds; round++) yield* flow.sendAll(form.messages(load))
})

/** A flow for a load and its receipt. */
export const deliver = Effect.fnUntraced(function* <A>(
  endpoint: ReturnType<typeof sinkOf<A>>,
  form: Form<A>,
  load: Load,
  send: typeof sendOne
) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(endpoint, { wait: true })
  yield* send(flow, form, load)
  yield* flow.end
  return yield* flow.receive
}, Effect.scoped)
