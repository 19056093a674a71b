/** Both sides of the flows of a random program: the handler and the caller, each writing down what it sees. */
import { Cause, Effect, Exit, Fiber, Option, Schema, Stream } from "effect"
import { Endpoint, Fabric, type Flow, FlowError, NetworkError, Self } from "../../../src/index.ts"
import * as Ledger from "./Ledger.ts"
import type { ClientPlan, FlowPlan, Program } from "./Program.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { flow: Schema.String }) {}

const Work = Endpoint.make("work", {
  input: Schema.String,
  output: Schema.String,
  error: Refused,
  ownership: "group"
})

type Asked = Flow<string, string, Refused>
type Served = Flow<string, string>

/** An answer is this long, in characters. */
const answerSize = 200

const answer = (flow: Served, plan: FlowPlan, handled: Ledger.Handled, count: number) =>
  Effect.gen(function* () {
    for (let left = count; left > 0; left--) {
      const number = handled.offered
      handled.offered += 1
      yield* flow.send(Ledger.text(plan.id, number, answerSize))
      handled.accepted += 1
    }
  })

/** What a handler does at its turn; false when it reads no further. */
const turn = (flow: Served, plan: FlowPlan, handled: Ledger.Handled): Effect.Effect<boolean, FlowError | Refused> =>
  Effect.gen(function* () {
    const refuse = () => new Refused({ flow: plan.id })
    switch (plan.turn) {
      case "on":
        return true
      case "pause":
        return yield* Effect.as(Effect.sleep("3 seconds"), true)
      case "end":
        handled.ended = true
        return yield* Effect.as(flow.end, true)
      case "return":
        return false
      case "refuse":
        return yield* refuse()
      case "refuse after its end":
        handled.ended = true
        return yield* Effect.andThen(flow.end, Effect.flatMap(Effect.sleep("50 millis"), refuse))
      case "die":
        return yield* Effect.die("a defect on purpose")
    }
  })

/** Serves the flows of a program on the host on which it runs. */
export const serve = (ledger: Ledger.Ledger, concurrency: number) =>
  Work.toLayer(
    Effect.fnUntraced(function* (flow) {
      const id = flow.peer.metadata.get("flow") ?? ""
      const called = ledger.calls.get(id)
      if (called === undefined) return void ledger.faults.push(`a handler was started for nobody: "${id}"`)
      const { plan } = called
      const { generation, id: host } = yield* Self
      const handled: Ledger.Handled = {
        ...{ host, generation, seen: [], sawEnd: false, offered: 0, accepted: 0, ended: false, over: false }
      }
      called.handled.push(handled)
      const one = (message: string) =>
        Effect.gen(function* () {
          const number = Ledger.numberOf(id, plan.size, message)
          if (number === undefined) called.faults.push("the handler was given what was not sent")
          else handled.seen.push(number)
          if (!handled.ended) yield* answer(flow, plan, handled, plan.answers)
        })
      const work = Effect.gen(function* () {
        let goesOn = true
        while (goesOn) {
          if (handled.seen.length === plan.turnAt && !handled.ended) goesOn = yield* turn(flow, plan, handled)
          if (!goesOn) break
          yield* Effect.flatMap(flow.receive, one)
        }
      }).pipe(
        Effect.catchIf(Cause.isDone, () =>
          Effect.sync(() => {
            handled.sawEnd = true
          })
        )
      )
      yield* Effect.onExit(work, (exit) =>
        Effect.sync(() => {
          handled.over = true
          if (Exit.isSuccess(exit)) handled.ended = true
        })
      )
    }),
    { concurrency, drain: "5 seconds" }
  )

/** Writes down what an operation that failed has promised. */
const noted =
  (called: Ledger.Called, what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.tapError(effect, (error) =>
      Effect.sync(() => {
        if (error instanceof FlowError && error.delivered === "no") called.denied.push(`${what}: ${error.reason._tag}`)
      })
    )

const write = (flow: Asked, called: Ledger.Called) =>
  Effect.gen(function* () {
    const { plan } = called
    if (plan.waitMillis > 0) yield* Effect.sleep(plan.waitMillis)
    const texts = Array.from({ length: plan.messages }, (_, number) => Ledger.text(plan.id, number, plan.size))
    if (plan.together && texts.length > 0) {
      called.offered = texts.length
      yield* noted(called, "sendAll")(flow.sendAll(texts))
      called.accepted = texts.length
    } else
      for (const text of texts) {
        called.offered += 1
        yield* noted(called, "send")(flow.send(text))
        called.accepted += 1
        if (plan.pauseMillis > 0) yield* Effect.sleep(plan.pauseMillis)
      }
    if (!plan.ends) return
    called.ended = true
    yield* noted(called, "end")(flow.end)
  })

const hear = (called: Ledger.Called, message: string): void => {
  const number = Ledger.numberOf(called.plan.id, answerSize, message)
  if (number === undefined) called.faults.push("the caller was given what was not sent")
  else called.heard.push(number)
}

/** How reading ended, as the ledger has it. */
const endOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return "left"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (Cause.isDone(error)) return "Done"
  if (error instanceof Refused) return "Refused"
  return error instanceof FlowError ? error.reason._tag : undefined
}

const read = (flow: Asked, called: Ledger.Called) => {
  const note = (message: string) => Effect.sync(() => hear(called, message))
  const one = Effect.flatMap(noted(called, "receive")(flow.receive), note)
  const reading = (): Effect.Effect<unknown, unknown> => {
    switch (called.plan.reads) {
      case "nothing":
        return Effect.sleep("2 seconds")
      case "some":
        return Effect.andThen(
          Stream.runForEach(Stream.take(flow.messages, 3), note),
          Effect.andThen(Effect.sleep("1 second"), Effect.forever(one))
        )
      case "timeouts":
        return Effect.forever(
          Effect.flatMap(Effect.timeoutOption(flow.receive, "30 millis"), (got) =>
            Option.isSome(got) ? note(got.value) : Effect.void
          )
        )
      case "batches":
        return Effect.forever(
          Effect.map(noted(called, "receiveAll")(flow.receiveAll), (all) => {
            for (const message of all) hear(called, message)
          })
        )
      case "slowly":
        return Effect.forever(Effect.andThen(one, Effect.sleep("20 millis")))
      case "all":
        return Effect.forever(one)
    }
  }
  return Effect.onExit(reading(), (exit) =>
    Effect.sync(() => {
      called.readEnd = endOf(exit)
    })
  )
}

/** How long a caller that has said no end reads. */
const endlessMillis = 20_000

const call = (ledger: Ledger.Ledger, plan: FlowPlan, host: string) =>
  Effect.gen(function* () {
    const called: Ledger.Called = {
      ...{ plan, host, connect: "begun", offered: 0, accepted: 0, ended: false, heard: [], readEnd: undefined },
      ...{ denied: [], handled: [], faults: [] }
    }
    ledger.calls.set(plan.id, called)
    const fabric = yield* Fabric
    const deadline = plan.deadlineMillis === undefined ? {} : { deadline: plan.deadlineMillis }
    const flow = yield* Effect.onExit(fabric.connect(Work, { metadata: { flow: plan.id }, ...deadline }), (exit) =>
      Effect.sync(() => {
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
        called.connect = Exit.isSuccess(exit) ? "opened" : error === undefined ? "interrupted" : "failed"
        if (error instanceof NetworkError && error.delivered !== "no") called.faults.push(`connect: ${error.message}`)
      })
    )
    const reading = yield* Effect.forkChild(Effect.exit(read(flow, called)))
    const wrote = yield* Effect.exit(write(flow, called))
    if (Exit.isSuccess(wrote) && !plan.ends) yield* Effect.timeoutOption(Fiber.join(reading), endlessMillis)
    else yield* Fiber.join(reading)
  }).pipe(Effect.scoped)

/** Interrupts a flow at some operation of its caller. */
const interrupted = (
  { millis, turns }: NonNullable<FlowPlan["interrupt"]>,
  calling: Effect.Effect<unknown, unknown, Fabric>
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(calling)
    yield* Effect.sleep(millis)
    for (let left = turns; left > 0; left--) yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
  })

/** Opens the flows of a client, one after the other. */
export const client = (ledger: Ledger.Ledger, { flows, host, startMillis }: ClientPlan) =>
  Effect.andThen(
    Effect.sleep(startMillis),
    Effect.forEach(
      flows,
      (plan) => {
        const calling = call(ledger, plan, host)
        return Effect.exit(plan.interrupt === undefined ? calling : interrupted(plan.interrupt, calling))
      },
      { discard: true }
    )
  )

export type { Program }
