/**
 * Whole hosts in virtual time: each with the layers of `Grinta`, above a simulated network, and with a clock and a scheduler
 * of its own. For tests of programs that use a fabric.
 *
 * Time goes on by itself while the test waits, and stands still while it does not: a minute takes some milliseconds. All
 * delays, losses and choices come from one seed, so that the same test with the same seed is the same to the last packet. What
 * waits for something outside, such as a file, is no part of it: virtual time runs on meanwhile.
 */
import { Cause, Clock, Console, Context, Duration, Effect, Exit, Fiber, Random, Scheduler, type Scope } from "effect"
import type { TestClock } from "effect/testing"
import type * as Grinta from "../layers/Grinta.ts"
import * as MemoryNetwork from "../layers/memory/MemoryNetwork.ts"
import * as Checks from "./Checks.ts"
import { SimulationFailed } from "./Failed.ts"
import * as Faults from "./Faults.ts"
import * as Hosts from "./Hosts.ts"
import { Process } from "./Process.ts"
import * as Chance from "./Random.ts"
import { Trace } from "./Trace.ts"
import { World } from "./World.ts"

export { SimulationFailed } from "./Failed.ts"
export type { Fault, Step } from "./Faults.ts"
export type { Serves, Services } from "./Hosts.ts"

export interface Options {
  /** How many hosts there are, called h1, h2 and so on, or their names. All are up, and know each other, when the test begins. */
  readonly hosts: number | ReadonlyArray<string>
  /** What all chance comes from; "seed" unless said. */
  readonly seed?: string
  /** What packets suffer: a delay of one millisecond and nothing else unless said. */
  readonly network?: MemoryNetwork.Options
  /** What a host is given beside its name: as `Grinta.layerMemory`. Timings are those of production unless said. */
  readonly host?: (name: string) => Partial<Omit<Grinta.MemoryOptions, "name">>
  /**
   * How much virtual time may pass while the test waits for something and sets no time itself, such as by `Effect.timeout`;
   * after it the test fails. Five minutes unless said.
   */
  readonly patience?: Duration.Input
  /** Operations of a fiber after which others have their turn, at least 3: then they change at every step. 2048 unless said. */
  readonly opsPerTurn?: number
}

export interface Simulation {
  /** Names of all hosts, also of those that do not run. */
  readonly hosts: ReadonlyArray<string>
  readonly seed: string
  /**
   * Runs something on a host, with its services and by its clock, in a scope of its own, and waits for it. Fails with
   * SimulationFailed when the host does not run, or dies meanwhile.
   */
  readonly on: <A, E, R>(
    host: string,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | SimulationFailed, Exclude<Exclude<R, Scope.Scope>, Hosts.Services>>
  /** Has a host run a layer, such as that of an endpoint, in this life and in those that follow. */
  readonly serve: (host: string, layer: Hosts.Serves) => Effect.Effect<void, SimulationFailed>
  /** Lets time pass. `TestClock.adjust` and `Effect.sleep` do the same. */
  readonly advance: (duration: Duration.Input) => Effect.Effect<void, SimulationFailed>
  /** Milliseconds of virtual time since the simulation began. */
  readonly nowMillis: () => number
  /** Does something to hosts or network, now. */
  readonly inject: (fault: Faults.Fault) => Effect.Effect<void, SimulationFailed>
  /** The same for a list, each at its time. */
  readonly play: (steps: ReadonlyArray<Faults.Step>) => Effect.Effect<void, SimulationFailed>
  /** Cuts two hosts off from each other, for datagrams (gossip), for connections (gossip and flows), or for both. */
  readonly cut: (a: string, b: string, protocol?: MemoryNetwork.Protocol) => Effect.Effect<void, SimulationFailed>
  /** Cuts groups of hosts off from each other. */
  readonly partition: (...groups: ReadonlyArray<ReadonlyArray<string>>) => Effect.Effect<void, SimulationFailed>
  /** Undoes all cuts. */
  readonly heal: Effect.Effect<void, SimulationFailed>
  readonly crash: (host: string, power?: "lost") => Effect.Effect<void, SimulationFailed>
  /** Starts a host that does not run, with what it serves. */
  readonly start: (host: string) => Effect.Effect<void, SimulationFailed>
  /** Closes a host in good order. */
  readonly stop: (host: string) => Effect.Effect<void, SimulationFailed>
  /** Stops a process as SIGSTOP does, and lets it go on. */
  readonly pause: (host: string) => Effect.Effect<void, SimulationFailed>
  readonly resume: (host: string) => Effect.Effect<void, SimulationFailed>
  readonly converged: Checks.Checks["converged"]
  readonly noGhosts: Checks.Checks["noGhosts"]
  /** Waits until all hosts that run agree, and fails when it takes longer. Gives how long it took, in milliseconds. */
  readonly settledWithin: (duration: Duration.Input) => Effect.Effect<number, SimulationFailed>
  /** Writes a line into the trace. */
  readonly note: (text: string) => Effect.Effect<void>
  /** What happened, line by line: faults, what hosts logged, notes. */
  readonly trace: () => ReadonlyArray<string>
  /** A number over the trace and all packets. */
  readonly hash: () => number
  /** Faults that were injected, with their times, as `play` takes them. */
  readonly steps: () => ReadonlyArray<Faults.Step>
}

/** Lines of the trace that a failure prints. */
const toldLines = 40
/** How long hosts may take to know each other at the beginning, and to close at the end, in milliseconds. */
const beginMillis = 30_000
const closeMillis = 60_000

const namesOf = (hosts: Options["hosts"]): ReadonlyArray<string> =>
  typeof hosts === "number" ? Array.from({ length: hosts }, (_, i) => `h${i + 1}`) : hosts

/** The clock of the test, which is a test clock: to adjust it is to wait. */
const testClockOf = (process: Process, fail: (detail: string) => SimulationFailed): TestClock.TestClock => {
  const pass = (millis: number): Effect.Effect<void> =>
    millis >= 0 ? process.clock.sleep(Duration.millis(millis)) : Effect.die(fail("time does not run backwards"))
  return {
    ...process.clock,
    adjust: (duration) => pass(Duration.toMillis(Duration.fromInputUnsafe(duration))),
    setTime: (timestamp) => Effect.suspend(() => pass(timestamp - process.clock.currentTimeMillisUnsafe())),
    withLive: (effect) => effect
  }
}

/** Text that is printed of a simulation that failed. */
const report = (simulation: Simulation, cause: Cause.Cause<unknown>): string =>
  [
    `A simulation failed: ${String(Cause.squash(cause))}`,
    `It does the same again with the seed ${JSON.stringify(simulation.seed)}. What was done to it, for \`play\`:`,
    JSON.stringify(simulation.steps()),
    `The end of its trace, of ${simulation.trace().length} lines:`,
    ...simulation.trace().slice(-toldLines)
  ].join("\n")

/**
 * Runs a test on hosts that are up, and closes them. Errors: those of the test, and SimulationFailed, also when the test waits
 * for what does not happen. A failure is printed, with the seed, what was done and the end of the trace.
 */
export const run = <A, E, R>(
  options: Options,
  test: (simulation: Simulation) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SimulationFailed, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((context: Context.Context<Exclude<R, Scope.Scope>>) =>
    Effect.callback<A, E | SimulationFailed>((resume) => {
      const { seed = "seed" } = options
      const patienceMillis = Duration.toMillis(options.patience ?? "5 minutes")
      const world = new World()
      const trace = new Trace(() => world.nowMillis)
      const process = new Process(world, "test")
      const failed = (how: SimulationFailed["how"], detail: string) =>
        new SimulationFailed({ how, detail, seed, atMillis: world.nowMillis })
      const network = MemoryNetwork.make(options.network ?? {}, {
        now: () => world.nowMillis,
        after: (millis, happen) => void world.after(millis, happen),
        random: Chance.make(`${seed}/network`),
        enter: (name, bytes, come) => hosts.machines.get(name)?.process?.enter(bytes, come),
        note: (from, to, bytes) => trace.packet(from, to, bytes)
      })
      const clock = testClockOf(process, (detail) => failed("time", detail))
      const random = Effect.runSync(Random.withSeed(Random.Random, `${seed}/test`))
      const own = Context.empty().pipe(
        Context.add(Clock.Clock, clock),
        Context.add(Scheduler.Scheduler, process.scheduler),
        Context.add(Random.Random, random)
      )
      const names = namesOf(options.hosts)
      const given = { names, seed, world, trace, network, context, test: process, opsPerTurn: options.opsPerTurn }
      const hosts = Hosts.make({ ...given, host: options.host ?? (() => ({})) })
      const faults = Faults.make(hosts, network)
      const checks = Checks.make(hosts)
      const { inject } = faults
      const simulation: Simulation = {
        ...{ hosts: names, seed, on: hosts.on, serve: hosts.serve, nowMillis: () => world.nowMillis },
        ...{ inject, play: faults.play, steps: () => faults.steps, trace: () => trace.lines, hash: () => trace.hash },
        ...{ converged: checks.converged, noGhosts: checks.noGhosts },
        advance: (duration) => {
          const millis = Duration.toMillis(duration)
          return millis >= 0 ? clock.sleep(Duration.millis(millis)) : hosts.fail("time", "time does not run backwards")
        },
        cut: (from, to, protocol) => inject({ do: "cut", from, to, ...(protocol && { protocol }) }),
        partition: (...groups) => inject({ do: "partition", groups }),
        heal: inject({ do: "heal" }),
        crash: (host, power) => inject({ do: "crash", host, ...(power && { power }) }),
        start: (host) => inject({ do: "start", host }),
        stop: (host) => inject({ do: "stop", host }),
        pause: (host) => inject({ do: "pause", host }),
        resume: (host) => inject({ do: "resume", host }),
        settledWithin: (duration) => checks.settledWithin(Duration.toMillis(duration)),
        note: (text) => Effect.sync(() => trace.add("test", text))
      }
      const begin = Effect.andThen(
        Effect.forEach(names, hosts.start, { concurrency: "unbounded", discard: true }),
        checks.settledWithin(beginMillis)
      )
      const running = [...hosts.machines.values()]
      const close = Effect.suspend(() =>
        Effect.forEach(
          running.filter((machine) => machine.services !== undefined && machine.process?.isPaused === false),
          ({ name }) => Effect.ignore(Effect.timeoutOption(hosts.stop(name), closeMillis)),
          { concurrency: "unbounded", discard: true }
        )
      )
      const whole = Effect.ensuring(
        Effect.scoped(
          Effect.andThen(
            begin,
            Effect.suspend(() => test(simulation))
          )
        ),
        close
      )
      let stuck: SimulationFailed | undefined
      let isOver = false
      const end = (exit: Exit.Exit<A, E | SimulationFailed>): void => {
        if (isOver) return
        isOver = true
        const told = stuck === undefined ? exit : Exit.fail(stuck)
        const print = Exit.isFailure(told) ? Console.error(report(simulation, told.cause)) : Effect.void
        resume(Effect.andThen(print, told))
      }
      const fiber = Effect.runForkWith(Context.merge(context, own))(whole) // tidy: its exit is observed below
      fiber.addObserver(end)
      let sinceMillis = 0
      const halt = (why: string): void => {
        // What the test does on its way out may be stuck as well.
        if (stuck !== undefined) return end(Exit.fail(stuck))
        stuck = failed("stuck", why)
        sinceMillis = world.nowMillis
        fiber.interruptUnsafe()
      }
      const look = (): void => {
        if (process.timers > 0 || world.nowMillis - Math.max(process.activeMillis, sinceMillis) < patienceMillis) return
        halt(`the test has waited for ${patienceMillis / 1000} s of virtual time for what did not happen`)
      }
      world.run({ isOver: () => isOver, look, halt })
      return Fiber.interrupt(fiber)
    })
  )
