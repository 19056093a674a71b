/** Hosts in processes of their own that have, or want, the name of another process. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Schedule, Schema, Stream } from "effect"
import * as Layer from "effect/Layer"
import { Fabric, Gossip, Grinta, Registry } from "../../src/index.ts"
import { Echo } from "./child.ts"
import { childWith, Refused, started, Where } from "./spawn.ts"

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("50 millis")).pipe(Effect.timeout("40 seconds"))

/** A host in this process, which is the seed of the others. */
const seed = Effect.gen(function* () {
  const context = yield* Layer.build(Grinta.layer({ name: "seed", listen: { gossipPort: 0, flowPort: 0 } }))
  const { address, port } = yield* Context.get(context, Gossip).self
  const registry = Context.get(context, Registry)
  const fabric = Context.get(context, Fabric)
  /** The life of a host whose echo is shown here; it answers a call. */
  const lifeOf = Effect.fnUntraced(function* (host: string) {
    const entry = (yield* registry.resolve("echo")).find((entry) => entry.host.id === host)
    const flow = yield* fabric.connect(Echo, { select: { host } })
    yield* flow.send(Uint8Array.of(1))
    yield* flow.receive
    return yield* Effect.fromNullishOr(entry?.host.generation)
  }, Effect.scoped)
  return { registry, lifeOf, place: `${address}:${port}` }
})

const refusal = (child: Effect.Success<ReturnType<typeof started>>) =>
  Effect.flatMap(child.line, Schema.decodeEffect(Refused)).pipe(
    Effect.retry({ schedule: Schedule.recurs(20) }),
    Effect.timeout("40 seconds")
  )

describe("a host name that a process has", () => {
  it.live(
    "stays with it when others come with the same name: each of them is told at its start, and nothing is missing",
    () =>
      Effect.gen(function* () {
        const { lifeOf, place, registry } = yield* seed
        yield* childWith("lan", "twin", place)
        const life = yield* eventually(lifeOf("twin"))
        const lost: Array<string> = []
        const watching = yield* Effect.forkScoped(
          Stream.runForEach(registry.watch(""), (event) =>
            Effect.sync(() => event._tag === "Down" && lost.push(`${event.entry.name} ${event.cause}`))
          ),
          { startImmediately: true }
        )
        for (let visit = 0; visit < 4; visit++) {
          const visitor = yield* started("lan", "twin", place)
          const { refused, why } = yield* refusal(visitor)
          assert.strictEqual(refused, "NameTaken")
          assert.match(why, /^listen: the name "twin" is held by host "twin at 127\.0\.0\.1:\d+"$/)
          assert.strictEqual(yield* Effect.timeout(visitor.exit, "20 seconds"), 0)
        }
        assert.strictEqual(yield* lifeOf("twin"), life)
        assert.deepStrictEqual(lost, [])
        yield* Fiber.interrupt(watching)
      }),
    120_000
  )

  it.live(
    "is taken up elsewhere by its next life as soon as the death of the one before is known",
    () =>
      Effect.gen(function* () {
        const { lifeOf, place } = yield* seed
        const former = yield* childWith("lan", "mover", place)
        const before = yield* eventually(lifeOf("mover"))
        former.process.kill("SIGKILL")
        yield* Effect.timeout(former.exit, "20 seconds")
        yield* childWith("lan", "mover", place)
        const next = yield* eventually(
          Effect.filterOrFail(
            lifeOf("mover"),
            (life) => life !== before,
            () => "the former life"
          )
        )
        assert.isAbove(next, before)
      }),
    120_000
  )

  it.live(
    "goes to one of two processes that start at the same instant, ten times, and the other is told",
    () =>
      Effect.gen(function* () {
        const { lifeOf, place, registry } = yield* seed
        for (let turn = 0; turn < 10; turn++) {
          const name = `pair-${turn}`
          const pair = yield* Effect.all([started("lan", name, place), started("lan", name, place)])
          const first = yield* Effect.all(
            pair.map(({ line }) => Effect.timeout(line, "40 seconds")),
            { concurrency: "unbounded" }
          )
          const up = yield* Effect.forEach(first, (line) => Effect.option(Schema.decodeEffect(Where)(line)))
          const told = yield* Effect.forEach(first, (line) => Effect.option(Schema.decodeEffect(Refused)(line)))
          const refusals = told.flatMap((one) => (one._tag === "Some" ? [one.value.refused] : []))
          assert.deepStrictEqual(refusals, ["NameTaken"], `turn ${turn}: ${first.join()}`)
          assert.strictEqual(up.filter(({ _tag }) => _tag === "Some").length, 1)
          const life = yield* eventually(lifeOf(name))
          const shown = (yield* registry.scan("")).filter(({ host }) => host.id === name)
          assert.deepStrictEqual([...new Set(shown.map(({ host }) => host.generation))], [life])
          assert.strictEqual(new Set(shown.map(({ name }) => name)).size, shown.length)
          for (const { process } of pair) process.kill("SIGKILL")
        }
      }),
    240_000
  )
})
