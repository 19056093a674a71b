/** Runs random programs over whole hosts, judges what came of them, and makes those that break a law as small as can be. */
import { Cause, Console, Effect, Exit, Fiber, Option } from "effect"
import { Self } from "../../../src/index.ts"
import { Simulation } from "../../../src/testing/index.ts"
import * as Ledger from "./Ledger.ts"
import * as Program from "./Program.ts"
import * as Sides from "./Sides.ts"

export interface Verdict {
  readonly program: Program.Program
  /** Laws that were broken; none unless something is wrong. */
  readonly violations: ReadonlyArray<string>
  readonly connects: number
  readonly opened: number
  readonly messages: number
  readonly denials: number
  readonly virtualMillis: number
  readonly hash: number
}

/** How long all that was begun may take once nothing befalls the hosts any more. */
const finish = "5 minutes"
const settle = "3 minutes"
/** Long enough for handlers whose callers have gone to hear it. */
const rest = "30 seconds"

/** Undoes what the steps have done. */
const mend = Effect.fnUntraced(function* (sim: Simulation.Simulation, isUp: (host: string) => boolean) {
  yield* sim.heal
  yield* sim.inject({ do: "network", loss: 0, latency: 1, jitter: 0, duplication: 0, reordering: 0 })
  for (const host of sim.hosts) {
    yield* sim.resume(host)
    if (!isUp(host)) yield* sim.start(host)
  }
})

/** Whether a host is to run after these steps. */
const upAfter =
  (steps: ReadonlyArray<Simulation.Step>) =>
  (host: string): boolean =>
    steps.reduce(
      (isUp, step) =>
        "host" in step && step.host === host
          ? step.do === "start" || step.do === "restart" || (isUp && step.do !== "crash" && step.do !== "stop")
          : isUp,
      true
    )

export const run = (program: Program.Program): Effect.Effect<Verdict> =>
  Effect.gen(function* () {
    const ledger = Ledger.make()
    const { hosts, network, opsPerTurn, seed, steps } = program
    const violations: Array<string> = []
    let virtualMillis = 0
    let hash = 0
    const test = (sim: Simulation.Simulation) =>
      Effect.gen(function* () {
        for (const host of program.servers) yield* sim.serve(host, Sides.serve(ledger, program.concurrency))
        const clients = yield* Effect.forEach(program.clients, (plan) =>
          Effect.forkChild(Effect.exit(sim.on(plan.host, Sides.client(ledger, plan))))
        )
        yield* sim.play(steps)
        yield* mend(sim, upAfter(steps))
        const all = Effect.forEach(clients, Fiber.join, { concurrency: "unbounded", discard: true })
        if (Option.isNone(yield* Effect.timeoutOption(all, finish))) violations.push("what was begun does not end")
        yield* sim.settledWithin(settle)
        yield* sim.advance(rest)
        const lives = new Map<string, number>()
        for (const host of hosts) lives.set(host, (yield* sim.on(host, Self)).generation)
        violations.push(...Ledger.judge(ledger, (host, generation) => lives.get(host) === generation))
        virtualMillis = sim.nowMillis()
        hash = sim.hash()
      })
    const options = { hosts, seed, network, opsPerTurn, patience: "20 minutes" } as const
    const outer = yield* Console.Console
    const quiet = { ...outer, error: () => undefined }
    const exit = yield* Effect.exit(Effect.provideService(Simulation.run(options, test), Console.Console, quiet))
    if (Exit.isFailure(exit)) violations.push(String(Cause.squash(exit.cause)))
    const calls = [...ledger.calls.values()]
    return {
      program,
      violations,
      connects: calls.length,
      opened: calls.filter(({ connect }) => connect === "opened").length,
      messages: calls.reduce((sum, { handled, heard }) => sum + heard.length + (handled[0]?.seen.length ?? 0), 0),
      denials: calls.reduce((sum, { denied }) => sum + denied.length, 0),
      virtualMillis,
      hash
    }
  })

/** Steps without those that have lost their other half: a host that runs is not started, nor one ended that does not. */
const consistent = (steps: ReadonlyArray<Simulation.Step>): ReadonlyArray<Simulation.Step> => {
  const down = new Set<string>()
  return steps.filter((step) => {
    if (step.do === "start") return down.delete(step.host)
    if (step.do !== "crash" && step.do !== "stop") return true
    if (down.has(step.host)) return false
    down.add(step.host)
    return true
  })
}

/** A program with one thing less, each in turn. */
const smaller = (program: Program.Program): ReadonlyArray<Program.Program> => {
  const without = <A>(all: ReadonlyArray<A>, at: number) => all.filter((_, i) => i !== at)
  const { clients, steps } = program
  return [
    ...clients.map((_, at) => ({ ...program, clients: without(clients, at) })),
    ...clients.flatMap((client, i) =>
      client.flows.length < 2
        ? []
        : client.flows.map((_, at) => ({
            ...program,
            clients: clients.map((one, j) => (i === j ? { ...one, flows: without(one.flows, at) } : one))
          }))
    ),
    ...steps.map((_, at) => ({ ...program, steps: consistent(without(steps, at)) }))
  ]
}

/** The smallest program found that breaks a law as well, by leaving out one thing after the other. */
export const minimize = (verdict: Verdict): Effect.Effect<Verdict> =>
  Effect.gen(function* () {
    let best = verdict
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false
      for (const candidate of smaller(best.program)) {
        const next = yield* run(candidate)
        if (next.violations.length === 0) continue
        best = next
        isSmaller = true
        break
      }
    }
    return best
  })

export const ofSeed = (seed: string): Effect.Effect<Verdict> => run(Program.make(seed))
