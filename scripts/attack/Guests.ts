/** Honest hosts that come to a trial, in the attacker's own process: what they are refused is a complaint. */
import { Context, Effect, Layer, Logger, Schedule, type Scope, Stream } from "effect"
import { Fabric, Grinta, Registry } from "../../src/index.ts"
import { echoOf } from "./Endpoints.ts"
import type { Means } from "./Means.ts"

export interface Guest {
  readonly name: string
  readonly address: string
}

const often = Schedule.spaced("100 millis")

/** Starts a host for the scope, which exposes an echo of its own. */
export const start = Effect.fnUntraced(function* ({ target }: Means, { address, name }: Guest) {
  const tls = target.issued[name]
  const layer = Grinta.layer({
    ...{ name, fabric: target.fabric, keys: target.keys },
    seeds: [target.victim, ...target.peers].map((host) => `${host.address}:${host.gossipPort}`),
    listen: { host: address, gossipPort: 0, flowPort: 0 },
    ...(tls === undefined ? {} : { tls })
  })
  const services = yield* Layer.build(layer)
  const fabric = Context.get(services, Fabric)
  yield* fabric.expose(echoOf(name), (flow) => Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)))
  return { fabric, registry: Context.get(services, Registry) }
})

/** Calls the echo of a host once, and says whether it came back, for as long as it takes. */
export const calls = (fabric: Fabric["Service"], host: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const flow = yield* fabric.connect(echoOf(host), { wait: true })
      yield* flow.send(Uint8Array.of(1, 2, 3))
      return (yield* flow.receive).length === 3
    })
  ).pipe(Effect.orElseSucceed(() => false))

/** Whether a host sees a name, within so long. */
export const knows = (registry: Registry["Service"], name: string, millis: number) =>
  registry.resolve(name).pipe(
    Effect.orElseSucceed(() => []),
    Effect.repeat({ schedule: often, until: (entries) => entries.length === 1 }),
    Effect.timeoutOption(millis),
    Effect.map((found) => found._tag === "Some")
  )

/** Runs for the time of the load. */
export const run = (means: Means, body: Effect.Effect<void, unknown, Scope.Scope>): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(body).pipe(
      // What the attacker says over its standard output are its answers.
      Effect.provide(Logger.layer([])),
      Effect.timeoutOption(means.seconds * 1000),
      Effect.catchCause((cause) => Effect.sync(() => means.complain(`a guest failed: ${String(cause).slice(0, 200)}`))),
      Effect.asVoid
    )
  )
