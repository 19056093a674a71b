/**
 * MemoryNetwork: many hosts inside one process, for tests: latency, loss, cuts and kills by Effect's Clock and Random.
 *
 * Under a test clock it runs in virtual time, and with a seeded Random every run is the same. The layers upon it give
 * it traffic: `GossipSocketMemory` gossip, `TransportMemory` flows. A host is a name, which keeps its address for the
 * life of the network.
 *
 * @module
 */
import { Clock, Context, Duration, Effect, Latch, Layer, Random, type Scope } from "effect"
import * as Background from "../core/Background.ts"

/** Faults of a network. Loss and duplication are of datagrams; streams and links keep order, and lose nothing. */
export interface Options {
  /** One-way delay; 1 millisecond by default. */
  readonly latency?: Duration.Input
  /** Longest delay on top of `latency`, uniformly random for each packet, so that datagrams overtake; 0 by default. */
  readonly jitter?: Duration.Input
  /** Share of the datagrams that are lost, from 0 to 1; 0 by default. `setLoss` changes it. */
  readonly loss?: number
  /** Share of the datagrams that arrive twice, from 0 to 1; 0 by default. */
  readonly duplication?: number
}

/** One life of a host on the network: from its first plug to its last unplugging, or to its kill. */
export interface Plug {
  /** Name of the host. */
  readonly name: string
  /** IPv4 address: 10.0.0.1 for the first name, and so on. */
  readonly bytes: Uint8Array
  /** False once this life was killed or unplugged: packets that it sends from then on are lost. */
  readonly isLive: () => boolean
}

interface Life extends Plug {
  plugs: number
  isKilled: boolean
}

/** Network service: hosts plug into it, tests cut and kill them. */
export class MemoryNetwork extends Context.Service<
  MemoryNetwork,
  {
    /** Plugs a host in for the life of the scope. Layers of one host plug the same name, and share its life. */
    readonly plug: (name: string) => Effect.Effect<Plug, never, Scope.Scope>
    /** Returns the host that has or had this textual IP address. */
    readonly nameAt: (ip: string) => string | undefined
    /** Returns the address of a name; undefined if it was never plugged. */
    readonly addressOf: (name: string) => Uint8Array | undefined
    /** Returns whether both hosts live and the path from one to the other is not cut. Loss does not matter. */
    readonly isReachable: (from: string, to: string) => boolean
    /** Returns whether the host lives on the network. */
    readonly isPlugged: (name: string) => boolean
    /** Runs `arrive` when the packet arrives: never if it is lost or its path is cut, twice if it is duplicated. */
    readonly carry: (from: Plug, to: string, arrive: () => void) => Effect.Effect<void>
    /** Waits the one-way latency, then while the path is cut in either direction. Ends early when a host is gone. */
    readonly travel: (from: string, to: string) => Effect.Effect<void>
    /** Waits for the next change of cuts or lives after this call. */
    readonly changed: () => Effect.Effect<void>
    /** Forks an effect for the life of the network. */
    readonly fork: (effect: Effect.Effect<void>) => Effect.Effect<void>
    /** Cuts the path between two hosts in both directions, until `heal`. Unknown names may be cut before they plug. */
    readonly cut: (a: string, b: string) => Effect.Effect<void>
    /** Cuts the path in one direction, until `heal`. */
    readonly cutOneWay: (from: string, to: string) => Effect.Effect<void>
    /** Undoes all cuts. */
    readonly heal: Effect.Effect<void>
    /** Kills a process: no goodbye, no more packets, streams and links break at once. A later plug is a new life. */
    readonly kill: (name: string) => Effect.Effect<void>
    /** Calls `hook` at each kill, for the life of the scope, in the turn of the kill. */
    readonly onKilled: (hook: (name: string) => void) => Effect.Effect<void, never, Scope.Scope>
    /** Sets the share of the datagrams that are lost from now on, from 0 to 1. */
    readonly setLoss: (rate: number) => Effect.Effect<void>
  }
>()("grinta/layers/MemoryNetwork") {}

const hostsMax = 65_534

const make = Effect.fnUntraced(function* (options: Options) {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const scope = yield* Effect.scope
  const latencyMillis = Duration.toMillis(options.latency ?? "1 millis")
  const jitterMillis = Duration.toMillis(options.jitter ?? 0)
  const duplication = options.duplication ?? 0
  let loss = options.loss ?? 0
  const addresses = new Map<string, Uint8Array>()
  const names = new Map<string, string>()
  const lives = new Map<string, Life>()
  const cuts = new Set<string>()
  const hooks = new Set<(name: string) => void>()
  /** Latch that opens at the next change of cuts or lives. Each change makes a new one. */
  let change = Latch.makeUnsafe(false)

  const announce = (): void => {
    const now = change
    change = Latch.makeUnsafe(false)
    now.openUnsafe()
  }

  const addressFor = (name: string): Uint8Array => {
    const known = addresses.get(name)
    if (known !== undefined) return known
    const number = (addresses.size % hostsMax) + 1
    const bytes = Uint8Array.of(10, 0, number >> 8, number & 0xff)
    addresses.set(name, bytes)
    names.set(bytes.join("."), name)
    return bytes
  }

  const begin = (name: string): Life => {
    const life: Life = {
      name,
      bytes: addressFor(name),
      plugs: 0,
      isKilled: false,
      isLive: () => !life.isKilled && life.plugs > 0
    }
    lives.set(name, life)
    return life
  }

  const join = (name: string): Life => {
    const life = lives.get(name) ?? begin(name)
    life.plugs += 1
    if (life.plugs === 1) announce()
    return life
  }

  const part = (life: Life): void => {
    life.plugs -= 1
    if (life.plugs > 0 || life.isKilled) return
    lives.delete(life.name)
    announce()
  }

  const keyOf = (from: string, to: string): string => `${from}\n${to}`
  const isPlugged = (name: string): boolean => lives.has(name)
  const isCut = (from: string, to: string): boolean => cuts.has(keyOf(from, to))
  const isReachable = (from: string, to: string): boolean => isPlugged(from) && isPlugged(to) && !isCut(from, to)
  const delay = (): Duration.Duration => Duration.millis(latencyMillis + jitterMillis * random.nextDoubleUnsafe())

  const fork = (effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.asVoid(
      Effect.forkIn(Background.heard("the memory network")(Effect.provideService(effect, Clock.Clock, clock)), scope)
    )

  const packet = Effect.fnUntraced(function* (from: Plug, to: string, arrive: () => void) {
    const sent = lives.get(to)
    yield* Effect.sleep(delay())
    if (sent !== undefined && sent === lives.get(to) && !isCut(from.name, to)) arrive()
  })

  const carry = (from: Plug, to: string, arrive: () => void) =>
    Effect.suspend(() => {
      if (!from.isLive() || !isReachable(from.name, to) || random.nextDoubleUnsafe() < loss) return Effect.void
      const once = fork(packet(from, to, arrive))
      return random.nextDoubleUnsafe() < duplication ? Effect.andThen(once, fork(packet(from, to, arrive))) : once
    })

  const travel = Effect.fnUntraced(function* (from: string, to: string) {
    yield* Effect.sleep(delay())
    while (isPlugged(from) && isPlugged(to) && (isCut(from, to) || isCut(to, from))) yield* change.await
  })

  const edit = (apply: () => void) =>
    Effect.sync(() => {
      apply()
      announce()
    })

  return MemoryNetwork.of({
    plug: (name) =>
      Effect.acquireRelease(
        Effect.sync(() => join(name)),
        (life) => Effect.sync(() => part(life))
      ),
    nameAt: (ip) => names.get(ip),
    addressOf: (name) => addresses.get(name),
    isReachable,
    isPlugged,
    carry,
    travel,
    changed: () => change.await,
    fork,
    cut: (a, b) => edit(() => cuts.add(keyOf(a, b)).add(keyOf(b, a))),
    cutOneWay: (from, to) => edit(() => cuts.add(keyOf(from, to))),
    heal: edit(() => cuts.clear()),
    kill: (name) =>
      edit(() => {
        const life = lives.get(name)
        if (life === undefined) return
        life.isKilled = true
        lives.delete(name)
        for (const hook of [...hooks]) hook(name)
      }),
    onKilled: (hook) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => hooks.add(hook)),
          () => Effect.sync(() => hooks.delete(hook))
        )
      ),
    setLoss: (rate) =>
      Effect.sync(() => {
        loss = rate
      })
  })
})

/** Provides a separate network per call, with the Clock and the Random under which it is built. */
export const layer = (options: Options = {}): Layer.Layer<MemoryNetwork> => Layer.effect(MemoryNetwork, make(options))
