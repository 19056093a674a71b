/**
 * What a host costs that has nothing to do: one process in a cluster of N members, over real sockets with the timings of a
 * local network, beside an idle process that has loaded the same library.
 *
 * Usage: node bench/membership/quiet.ts [--members N] [--seconds S]. Prints one line of JSON: percent of one core, and
 * MiB of resident memory above the idle process.
 */
import { fork } from "node:child_process"
import { parseArgs } from "node:util"
import { Context, Effect, Layer, References, Schedule } from "effect"
import { Gossip, GossipSocketNode, GossipSwim, SelfLive } from "../../src/index.ts"

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "100" },
    seconds: { type: "string", default: "30" },
    role: { type: "string" },
    seed: { type: "string", default: "" }
  }
})
const members = Number(values.members)
const seconds = Number(values.seconds)

const host = (name: string, seeds: ReadonlyArray<string>) =>
  GossipSwim.layer({ fabric: "quiet", seeds, meta: { flowPort: 1 } }).pipe(
    Layer.provide(GossipSocketNode.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provide(SelfLive.layer({ name })),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
  )

const everybody = (gossip: Gossip["Service"]) =>
  Effect.filterOrFail(
    gossip.members,
    (known) => known.filter(({ status }) => status === "alive").length >= members,
    () => "not yet"
  ).pipe(Effect.retry(Schedule.spaced("200 millis")), Effect.timeout("120 seconds"))

/** Waits for the word, then measures this process for a while. */
const measure = Effect.gen(function* () {
  yield* Effect.callback<void>((resume) => {
    process.once("message", () => resume(Effect.void))
    process.send?.("ready")
  })
  const began = process.cpuUsage()
  yield* Effect.sleep(`${seconds} seconds`)
  const { system, user } = process.cpuUsage(began)
  process.send?.({ cpuPercent: (system + user) / 1e4 / seconds, rssMiB: process.memoryUsage().rss / 2 ** 20 })
})

const asIdle = measure

const asMember = Effect.scoped(
  Effect.gen(function* () {
    const context = yield* Layer.build(host("quiet-member", [values.seed]))
    yield* everybody(Context.get(context, Gossip))
    yield* measure
  })
)

interface Cost {
  readonly cpuPercent: number
  readonly rssMiB: number
}

/** Runs this file in a process of its own, and gives what it measured. `begin` waits until both are ready. */
const child = (role: string, seed: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(import.meta.filename, ["--role", role, "--seed", seed, "--members", `${members}`, "--seconds", `${seconds}`])
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )

const heard = (running: ReturnType<typeof fork>) =>
  Effect.callback<Cost>((resume) => {
    running.once("message", (message) => resume(Effect.succeed(message as Cost)))
  })

const asParent = Effect.scoped(
  Effect.gen(function* () {
    const first = Context.get(yield* Layer.build(host("m0", [])), Gossip)
    const { address, port } = yield* first.self
    const seed = `${address}:${port}`
    yield* Effect.forEach(
      Array.from({ length: members - 2 }, (_, i) => `m${i + 1}`),
      (name) => Layer.build(host(name, [seed])),
      { concurrency: 4, discard: true }
    )
    const [idle, member] = [yield* child("idle", ""), yield* child("member", seed)]
    yield* Effect.all([heard(idle), heard(member)], { concurrency: 2 })
    yield* everybody(first)
    // The news of the last one to join has been told often enough by then.
    yield* Effect.sleep("10 seconds")
    const costs = Effect.all([heard(idle), heard(member)], { concurrency: 2 })
    idle.send("begin")
    member.send("begin")
    const [still, busy] = yield* costs
    const line = {
      members,
      seconds,
      cpuPercent: Number((busy.cpuPercent - still.cpuPercent).toFixed(2)),
      rssAboveIdleMiB: Number((busy.rssMiB - still.rssMiB).toFixed(1))
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  })
)

const program = values.role === "idle" ? asIdle : values.role === "member" ? asMember : asParent
Effect.runPromise(program).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`bench: ${error}\n`)
    process.exit(1)
  }
)
