/** Flows of a host that do something for as long as they are let, at the caller and at the endpoint. */
import { Cause, Effect, Exit, Fiber, Schedule, type Scope } from "effect"
import { Codec, Endpoint, Fabric, type Flow, type FlowError } from "../../../src/index.ts"
import type { Kind, Moved, Order } from "../HostOrders.ts"
import * as Failures from "./Failures.ts"
import * as Meter from "./Meter.ts"
import { tell } from "./Told.ts"

type BytesFlow = Flow<Uint8Array, Uint8Array>

export const kinds: ReadonlyArray<Kind> = ["sink", "duplex", "echo", "hold", "stall"]

export const endpointOf = (kind: Kind, host: string) =>
  Endpoint.make(`${kind}.${host}`, { input: Codec.bytes, output: Codec.bytes })

/** What moves on the flows of one load or kind. */
export interface Tally {
  flows: number
  sent: number
  readonly received: Meter.Meter
  readonly open: Set<Meter.Meter>
}

const makeTally = (): Tally => ({ flows: 0, sent: 0, received: Meter.make(), open: new Set() })

export const movedOf = (tally: Tally): Moved => ({
  flows: tally.flows,
  sent: tally.sent,
  received: tally.received.bytes,
  silenceMillis: Meter.silence(tally.received),
  slowestMillis: Math.max(0, ...[...tally.open].map((meter) => performance.now() - meter.lastAt))
})

export const tallyOf = (tallies: Map<string, Tally>, name: string): Tally => {
  const tally = tallies.get(name) ?? makeTally()
  tallies.set(name, tally)
  return tally
}

/** One more open flow, for the scope: a meter of its own. */
const enter = (tally: Tally): Effect.Effect<Meter.Meter, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const meter = Meter.make()
      tally.flows += 1
      tally.open.add(meter)
      return meter
    }),
    (meter) =>
      Effect.sync(() => {
        tally.flows -= 1
        tally.open.delete(meter)
      })
  )

interface Moving {
  readonly flow: BytesFlow
  readonly tally: Tally
  readonly meter: Meter.Meter
}

const sendOne = ({ flow, tally }: Moving, message: Uint8Array) =>
  Effect.tap(flow.send(message), () =>
    Effect.sync(() => {
      tally.sent += message.length
    })
  )

const receiveSome = ({ flow, meter, tally }: Moving) =>
  Effect.tap(flow.receiveAll, (batch) =>
    Effect.sync(() => {
      const bytes = batch.reduce((sum, message) => sum + message.length, 0)
      Meter.add(tally.received, bytes)
      Meter.add(meter, bytes)
    })
  )

type Body = Effect.Effect<unknown, FlowError | Cause.Done>

const sendAlways = (moving: Moving, message: Uint8Array): Body => Effect.forever(sendOne(moving, message))
const receiveAlways = (moving: Moving): Body => Effect.forever(receiveSome(moving))
const both = (one: Body, other: Body): Body => Effect.all([one, other], { concurrency: "unbounded", discard: true })

const greeting = Uint8Array.of(1)

/** The caller's part. */
const call = (kind: Kind, moving: Moving, message: Uint8Array): Body => {
  switch (kind) {
    case "sink":
      return sendAlways(moving, message)
    case "duplex":
      return both(sendAlways(moving, message), receiveAlways(moving))
    case "echo":
      return Effect.forever(
        Effect.andThen(sendOne(moving, message), moving.flow.receive).pipe(
          Effect.tap((back) =>
            Effect.sync(() => {
              Meter.add(moving.tally.received, back.length)
              Meter.add(moving.meter, back.length)
            })
          )
        )
      )
    case "hold":
      // The message of its own makes `delivered` a "maybe".
      return Effect.andThen(sendOne(moving, greeting), receiveAlways(moving))
    case "stall":
      return Effect.andThen(receiveSome(moving), sendAlways(moving, message))
  }
}

const duplexMessage = new Uint8Array(32_000)

/** The endpoint's part. */
const serve = (kind: Kind, moving: Moving): Body => {
  const { flow } = moving
  switch (kind) {
    case "sink":
      return receiveAlways(moving)
    case "duplex":
      return Effect.flatMap(receiveSome(moving), ([first]) =>
        // Messages of the size that the caller sends.
        both(sendAlways(moving, duplexMessage.subarray(0, first.length)), receiveAlways(moving))
      )
    case "echo":
      return Effect.forever(Effect.flatMap(receiveSome(moving), (batch) => flow.sendAll(batch)))
    case "hold":
      return Effect.andThen(flow.send(greeting), receiveAlways(moving))
    case "stall":
      return Effect.andThen(flow.send(greeting), Effect.never)
  }
}

/** Exposes an endpoint of each kind, for the scope. How its flows fail is told. */
export const expose = Effect.fnUntraced(function* (host: string, tallies: Map<string, Tally>) {
  const fabric = yield* Fabric
  for (const kind of kinds) {
    const tally = tallyOf(tallies, kind)
    yield* fabric.expose(endpointOf(kind, host), (flow) =>
      Effect.flatMap(enter(tally), (meter) => serve(kind, { flow, tally, meter })).pipe(
        Effect.tapCause((cause) =>
          Effect.sync(() => {
            const broke = Failures.of(cause, kind, "flow")
            if (broke !== undefined) tell({ broke })
          })
        ),
        Effect.catchIf(Cause.isDone, () => Effect.void),
        Effect.scoped
      )
    )
  }
})

type Open = Extract<Order, { readonly do: "open" }>

/** One flow of a load, until it is lost; true if it was to be opened. */
const run = Effect.fnUntraced(function* ({ kind, load, messageBytes, to }: Open, tally: Tally) {
  const fabric = yield* Fabric
  const opened = yield* Effect.exit(fabric.connect(endpointOf(kind, to), { wait: true, timeout: "15 seconds" }))
  if (Exit.isFailure(opened)) {
    const lost = Failures.of(opened.cause, load, "connect")
    if (lost !== undefined) tell({ lost })
    return
  }
  const meter = yield* enter(tally)
  const moving = { flow: opened.value, tally, meter }
  const exit = yield* Effect.exit(call(kind, moving, new Uint8Array(messageBytes)))
  const lost = Exit.isFailure(exit) ? Failures.of(exit.cause, load, "flow") : undefined
  if (lost !== undefined) tell({ lost })
})

/** Opens the flows of a load, which go on until the fiber is interrupted. */
export const open = (order: Open, tally: Tally): Effect.Effect<void, never, Fabric> => {
  const once = Effect.scoped(run(order, tally))
  const each = order.isKept ? Effect.asVoid(Effect.repeat(once, Schedule.spaced("50 millis"))) : once
  const flows = Array.from({ length: order.flows }, () => each)
  return Effect.all(flows, { concurrency: "unbounded", discard: true })
}

export type Running = Map<string, Fiber.Fiber<unknown>>

export const stop = (running: Running, load: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const fiber = running.get(load)
    running.delete(load)
    return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
  })
