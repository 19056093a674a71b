/** The hosts of a simulation: each a process with the layers of `Grinta`, started, stopped, killed and asked. */
import { Cause, Context, Effect, Exit, Layer, Logger, Random, References, Scheduler, Scope } from "effect"
import * as Grinta from "../layers/Grinta.ts"
import { MemoryNetwork } from "../layers/memory/MemoryNetwork.ts"
import { SimulationFailed } from "./Failed.ts"
import { Process } from "./Process.ts"
import type { Trace } from "./Trace.ts"
import type { World } from "./World.ts"

/** The services of a host, which what runs on it may ask for. */
export type Services = Grinta.Services

/** What a host serves. */
export type Serves = Layer.Layer<never, unknown, Services>

export interface Options {
  readonly names: ReadonlyArray<string>
  readonly seed: string
  /** What a host is given beside its name, its seeds and its network. */
  readonly host: (name: string) => Partial<Omit<Grinta.MemoryOptions, "name">>
  /** Operations of a fiber after which others have their turn; as Effect has it unless said. */
  readonly opsPerTurn: number | undefined
  readonly world: World
  readonly trace: Trace
  readonly network: MemoryNetwork["Service"]
  /** The process of the test, and the context in which it runs. */
  readonly test: Process
  readonly context: Context.Context<never>
}

/** A machine, with the process that runs on it, if one does. */
export interface Machine {
  readonly name: string
  process: Process | undefined
  /** Once it is up. */
  services: Context.Context<Services> | undefined
  scope: Scope.Closeable
  /** What runs in each of its lives. */
  readonly serves: Array<Serves>
  lives: number
  jumpedMillis: number
  rate: number
}

export interface Hosts {
  readonly names: ReadonlyArray<string>
  readonly machines: ReadonlyMap<string, Machine>
  readonly nowMillis: () => number
  readonly note: (who: string, text: string) => void
  readonly fail: (how: SimulationFailed["how"], detail: string) => Effect.Effect<never, SimulationFailed>
  readonly find: (name: string) => Effect.Effect<Machine, SimulationFailed>
  readonly start: (name: string) => Effect.Effect<void, SimulationFailed>
  readonly stop: (name: string) => Effect.Effect<void, SimulationFailed>
  readonly crash: (name: string, power?: "lost") => Effect.Effect<void, SimulationFailed>
  readonly pause: (name: string) => Effect.Effect<void, SimulationFailed>
  readonly resume: (name: string) => Effect.Effect<void, SimulationFailed>
  readonly jump: (name: string, millis: number) => Effect.Effect<void, SimulationFailed>
  readonly skew: (name: string, rate: number) => Effect.Effect<void, SimulationFailed>
  readonly on: <A, E, R>(
    name: string,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | SimulationFailed, Exclude<Exclude<R, Scope.Scope>, Services>>
  readonly serve: (name: string, layer: Serves) => Effect.Effect<void, SimulationFailed>
}

/** A fiber spends the first two operations of its turn on going on from the one before: with no more it does nothing else. */
const opsPerTurnMin = 3

/** Members that a host asks at its start. */
const seedsMax = 5

const textOf = (message: unknown): string => (Array.isArray(message) ? message.map(String).join(" ") : String(message))

export const make = (options: Options): Hosts => {
  const { context, names, network, seed, test, trace, world } = options
  const machines = new Map<string, Machine>(
    names.map((name) => [
      name,
      {
        ...{ name, process: undefined, services: undefined, scope: Scope.makeUnsafe(), serves: [] },
        ...{ lives: 0, jumpedMillis: 0, rate: 1 }
      }
    ])
  )
  const nowMillis = (): number => world.nowMillis
  const note = (who: string, text: string): void => trace.add(who, text)
  const failed = (how: SimulationFailed["how"], detail: string) =>
    new SimulationFailed({ how, detail, seed, atMillis: nowMillis() })
  const fail: Hosts["fail"] = (how, detail) => Effect.suspend(() => Effect.fail(failed(how, detail)))

  const find: Hosts["find"] = (name) => {
    const machine = machines.get(name)
    return machine === undefined
      ? fail("unknown", `there is no host "${name}"; there are ${names.join(", ")}`)
      : Effect.succeed(machine)
  }

  const loggerOf = (name: string) =>
    Logger.make(({ cause, logLevel, message }) => {
      const why = cause.reasons.length === 0 ? "" : `: ${String(Cause.squash(cause))}`
      note(name, `${logLevel.toUpperCase()} ${textOf(message)}${why}`)
    })

  const contextOf = (machine: Machine, process: Process): Context.Context<never> => {
    const random = Effect.runSync(Random.withSeed(Random.Random, `${seed}/${machine.name}/${machine.lives}`))
    const own = process.context.pipe(
      Context.add(Random.Random, random),
      Context.add(Logger.CurrentLoggers, new Set([loggerOf(machine.name)])),
      Context.add(References.CurrentLogAnnotations, {}),
      Context.add(Scheduler.MaxOpsBeforeYield, Math.max(opsPerTurnMin, options.opsPerTurn ?? 2048))
    )
    return Context.merge(context, own)
  }

  /** Runs something in a process, for the test, which goes on in its own turn. */
  const inside = <A, E, R>(
    { name }: Machine,
    process: Process,
    of: Context.Context<R>,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SimulationFailed> =>
    Effect.callback((resume) => {
      const back = (exit: Effect.Effect<A, E | SimulationFailed>): void => test.post(() => resume(exit))
      let interrupt = (): void => {}
      const forget = process.onDeath(() => back(fail("down", `host "${name}" died meanwhile`)))
      process.post(() => {
        const fiber = Effect.runForkWith(of)(effect) // tidy: its exit is observed below
        interrupt = () => fiber.interruptUnsafe()
        fiber.addObserver((exit) => {
          forget()
          back(exit)
        })
      })
      return Effect.sync(() => {
        forget()
        process.post(() => interrupt())
      })
    })

  /** A machine that is up. */
  const up = (name: string) =>
    Effect.flatMap(find(name), (machine) => {
      const { process, services } = machine
      return process === undefined || services === undefined
        ? fail("down", `host "${name}" is not up`)
        : Effect.succeed({ machine, process, services })
    })

  const started = <A>(name: string, building: Effect.Effect<A, unknown>): Effect.Effect<A, SimulationFailed> =>
    Effect.catch(building, (error) =>
      error instanceof SimulationFailed
        ? Effect.fail(error)
        : fail("start", `host "${name}" did not start: ${error instanceof Error ? error.message : String(error)}`)
    )

  const layerOf = ({ name }: Machine): Layer.Layer<Services, unknown> => {
    const seeds = names.filter((other) => other !== name).slice(0, seedsMax)
    const given = { name, seeds, nameTimeout: "3 seconds", ...options.host(name) } as const
    return Layer.provide(Grinta.layerMemory(given), Layer.succeed(MemoryNetwork, network))
  }

  const build = (machine: Machine, process: Process, services: Context.Context<Services>, layer: Serves) =>
    inside(
      machine,
      process,
      contextOf(machine, process),
      Layer.buildWithScope(Layer.provide(layer, Layer.succeedContext(services)), machine.scope)
    )

  const start: Hosts["start"] = Effect.fnUntraced(function* (name) {
    const machine = yield* find(name)
    if (machine.process !== undefined) return yield* fail("start", `host "${name}" runs already`)
    machine.lives += 1
    const process = new Process(world, name)
    process.jump(machine.jumpedMillis)
    process.skew(machine.rate)
    machine.process = process
    machine.scope = Scope.makeUnsafe()
    const building = Layer.buildWithScope(layerOf(machine), machine.scope)
    const services = yield* started(name, inside(machine, process, contextOf(machine, process), building))
    machine.services = services
    for (const layer of machine.serves) yield* started(name, build(machine, process, services, layer))
    note(name, "is up")
  })

  const end = (machine: Machine): void => {
    machine.process?.kill()
    machine.process = undefined
    machine.services = undefined
  }

  const stop: Hosts["stop"] = Effect.fnUntraced(function* (name) {
    const { machine, process } = yield* up(name)
    yield* inside(machine, process, contextOf(machine, process), Scope.close(machine.scope, Exit.void))
    end(machine)
  })

  const crash: Hosts["crash"] = Effect.fnUntraced(function* (name, power) {
    const machine = yield* find(name)
    end(machine)
    yield* network.kill(name, power)
  })

  const edit =
    <B extends ReadonlyArray<unknown>>(apply: (machine: Machine, ...how: B) => void) =>
    (name: string, ...how: B): Effect.Effect<void, SimulationFailed> =>
      Effect.map(find(name), (machine) => apply(machine, ...how))

  const on: Hosts["on"] = (name, effect) =>
    Effect.flatMap(up(name), ({ machine, process, services }) => {
      const scoped = Effect.provideContext(Effect.scoped(effect), services)
      return Effect.contextWith((outer: Context.Context<Effect.Services<typeof scoped>>) =>
        inside(machine, process, Context.merge(outer, contextOf(machine, process)), scoped)
      )
    })

  return {
    ...{ names, machines, nowMillis, note, fail, find, start, stop, crash, on },
    pause: edit((machine) => machine.process?.pause()),
    resume: edit((machine) => machine.process?.resume()),
    jump: edit((machine, millis: number) => {
      machine.jumpedMillis += millis
      machine.process?.jump(millis)
    }),
    skew: edit((machine, rate: number) => {
      machine.rate = rate
      machine.process?.skew(rate)
    }),
    serve: Effect.fnUntraced(function* (name, layer) {
      const { machine, process, services } = yield* up(name)
      machine.serves.push(layer)
      yield* started(name, build(machine, process, services, layer))
    })
  }
}
