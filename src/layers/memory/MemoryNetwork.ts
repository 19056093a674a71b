/**
 * MemoryNetwork: many hosts inside one process, for tests: latency, jitter, loss, duplicates, reordering, bandwidth, cuts
 * and kills of datagrams and connections, by Effect's Clock and Random.
 *
 * Under a test clock it runs in virtual time, and with a seeded Random every run is the same. The layers upon it give
 * it traffic: `GossipSocketMemory` gossip, `TransportMemory` flows. A host is a name, which keeps its address for the
 * life of the network. `grinta/testing` runs whole hosts on it.
 *
 * @module
 */
import { Clock, Context, Effect, Layer, Random, type Scope } from "effect"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"
import { againMillis, bareBytes, Connection, type Ground, ignored, type Surroundings } from "./Connection.ts"
import { type Door, Life, type Plug } from "./Life.ts"
import { type Options, Paths, type Protocol } from "./Paths.ts"

export type { Connection, Surroundings, User } from "./Connection.ts"
export type { Door, Plug } from "./Life.ts"
export type { Options, Protocol } from "./Paths.ts"

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
    /** Returns whether both hosts live and the path from one to the other is not cut for both protocols. Loss does not matter. */
    readonly isReachable: (from: string, to: string) => boolean
    /** Returns whether the host lives on the network. */
    readonly isPlugged: (name: string) => boolean
    /** Runs `arrive` when the datagram arrives: never if it is lost or its path is cut, twice if it is duplicated. */
    readonly carry: (from: Plug, to: string, bytes: number, arrive: () => void) => void
    /** Takes connections to a port for the life of the scope. */
    readonly listen: (plug: Plug, port: number, onConnection: Door) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Opens a connection, with no bound of time, and returns what `use` makes of it in the turn in which it is there. Fails
     * when no host listens there.
     */
    readonly connect: <A>(
      from: Plug,
      to: string,
      port: number,
      use: (connection: Connection) => A
    ) => Effect.Effect<A, "refused">
    /** Cuts the path between two hosts in both directions, for one protocol or for both, until `heal`. */
    readonly cut: (a: string, b: string, protocol?: Protocol) => Effect.Effect<void>
    /** Cuts the path in one direction, until `heal`. */
    readonly cutOneWay: (from: string, to: string, protocol?: Protocol) => Effect.Effect<void>
    /** Undoes all cuts. */
    readonly heal: Effect.Effect<void>
    /**
     * Kills a process: no goodbye, no more packets, and its kernel resets its connections. With `power` the machine has lost its
     * power and says nothing until the next plug. A later plug is a new life.
     */
    readonly kill: (name: string, power?: "lost") => Effect.Effect<void>
    /** Changes the faults that are given, on all paths or on one. The others stay. */
    readonly setPath: (options: Options, way?: { readonly from: string; readonly to: string }) => Effect.Effect<void>
  }
>()("grinta/layers/MemoryNetwork") {}

const hostsMax = 65_534

/** Makes a network on a clock and a source of chance of the caller. Cuts and kills of unknown names have no effect. */
export const make = (options: Options, surroundings: Surroundings): MemoryNetwork["Service"] => {
  const { after, enter, note, now, random } = surroundings
  const addresses = new Map<string, Uint8Array>()
  const names = new Map<string, string>()
  const lives = new Map<string, Life>()
  /** Machines that lost their power. */
  const dark = new Set<string>()
  const paths = new Paths(options, now, random)
  const isUp = (name: string): boolean => !dark.has(name)
  const ground: Ground = { ...surroundings, paths, isUp }

  const addressFor = (name: string): Uint8Array => {
    const known = addresses.get(name)
    if (known !== undefined) return known
    const number = (addresses.size % hostsMax) + 1
    const bytes = Uint8Array.of(10, 0, number >> 8, number & 0xff)
    addresses.set(name, bytes)
    names.set(bytes.join("."), name)
    return bytes
  }

  const join = (name: string): Life => {
    const life = lives.get(name) ?? new Life(name, addressFor(name))
    lives.set(name, life)
    dark.delete(name)
    life.plugs += 1
    return life
  }

  const forget = (life: Life): ReadonlyArray<Connection> => {
    if (lives.get(life.name) === life) lives.delete(life.name)
    return [...life.connections]
  }

  const part = (life: Life): void => {
    life.plugs -= 1
    if (life.plugs > 0 || life.isKilled) return
    for (const connection of forget(life)) connection.leave("it is closed")
  }

  const isPlugged = (name: string): boolean => lives.has(name)
  const isCut = (from: string, to: string): boolean => paths.isCut(from, to, "udp") && paths.isCut(from, to, "tcp")

  const carry = (from: Plug, to: string, bytes: number, arrive: () => void): void => {
    const life = lives.get(to)
    if (!from.isLive() || life === undefined) return
    for (const millis of paths.copies(from.name, to, bytes))
      after(millis, () => {
        if (life !== lives.get(to) || paths.isCut(from.name, to, "udp")) return
        note(from.name, to, bytes)
        enter(to, bytes, arrive)
      })
  }

  /** As a kernel dials: it asks again after pauses that double, until there is an answer. */
  const connect: MemoryNetwork["Service"]["connect"] = (from, to, port, use) =>
    Effect.callback((resume) => {
      let isGone = false
      let pauseMillis = 5 * againMillis.min
      const refuse = (): void => resume(Effect.fail("refused"))
      const again = (): void => {
        after(pauseMillis, ask)
        pauseMillis = Math.min(2 * pauseMillis, againMillis.max)
      }
      const open = (near: Life, far: Life, door: Door): void => {
        const [here, there] = new Connection(ground, near, far).both()
        here.usedBy({ ...ignored, onLost: refuse })
        // The kernel answers, whatever the process does.
        there.send(0, () => {
          if (isGone) here.reset()
          else resume(Effect.succeed(use(here)))
        })
        enter(to, 0, () => {
          if (!door(there)) there.reset()
        })
      }
      const arrive = (): void => {
        const [near, far] = [lives.get(from.name), lives.get(to)]
        if (isGone || near !== from) return
        if (!isUp(to) || !paths.passes(to, from.name, "tcp")) return again()
        const door = far?.doors.get(port)
        if (far !== undefined && door !== undefined) return open(near, far, door)
        after(paths.delay(to, from.name, bareBytes), () => enter(from.name, 0, refuse))
      }
      const ask = (): void => {
        if (isGone || !from.isLive()) return
        if (paths.passes(from.name, to, "tcp")) after(paths.delay(from.name, to, bareBytes), arrive)
        else again()
      }
      ask()
      return Effect.sync(() => {
        isGone = true
      })
    })

  return MemoryNetwork.of({
    plug: (name) =>
      Effect.acquireRelease(
        Effect.sync(() => join(name)),
        (life) => Effect.sync(() => part(life))
      ),
    nameAt: (ip) => names.get(ip),
    addressOf: (name) => addresses.get(name),
    isReachable: (from, to) => isPlugged(from) && isPlugged(to) && !isCut(from, to),
    isPlugged,
    carry,
    listen: (plug, port, onConnection) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => lives.get(plug.name)?.doors.set(port, onConnection)),
          (doors) => Effect.sync(() => doors?.delete(port))
        )
      ),
    connect,
    cut: (a, b, protocol) =>
      Effect.sync(() => {
        paths.cut(a, b, protocol)
        paths.cut(b, a, protocol)
      }),
    cutOneWay: (from, to, protocol) => Effect.sync(() => paths.cut(from, to, protocol)),
    heal: Effect.sync(() => paths.heal()),
    kill: (name, power) =>
      Effect.sync(() => {
        const life = lives.get(name)
        if (life === undefined) return
        life.isKilled = true
        if (power === "lost") dark.add(name)
        for (const connection of forget(life)) connection.die(`host "${name}" was killed`, power === "lost")
      }),
    setPath: (changed, way) => Effect.sync(() => paths.set(changed, way))
  })
}

const fromClock = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const run = yield* Background.makeRun("the memory network")
  const surroundings: Surroundings = {
    now: () => Monotonic.nowOf(clock),
    after: (millis, happen) => {
      run(Effect.andThen(Effect.sleep(millis), Effect.sync(happen)))
    },
    random: () => random.nextDoubleUnsafe(),
    enter: (_name, _bytes, come) => come(),
    note: () => {}
  }
  return surroundings
})

/** Provides a separate network per call, with the Clock and the Random under which it is built. */
export const layer = (options: Options = {}): Layer.Layer<MemoryNetwork> =>
  Layer.effect(
    MemoryNetwork,
    Effect.map(fromClock, (surroundings) => make(options, surroundings))
  )
