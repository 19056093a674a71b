/**
 * Many hosts on a virtual network, in virtual time: every delay, loss and choice comes from one seed.
 *
 * Datagrams suffer latency, loss, duplication, reordering and cuts. Push/pull and TCP pings are reliable exchanges with
 * latency; they fail when either side is down or cut off, or does not answer in time.
 */
import type { Address } from "../../../src/protocol/Address.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Reunion from "../../../src/protocol/swim/Reunion.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Agenda from "../../../src/testing/Agenda.ts"
import * as Random from "../../../src/testing/Random.ts"
import type { Event, Host } from "./Host.ts"
import { defaults, type Faults, faults, type Options } from "./Options.ts"
import * as Sizes from "./Sizes.ts"
import * as Trace from "./Trace.ts"
import * as Wire from "./Wire.ts"

/** A change of membership in the eyes of one host. */
export interface Seen {
  readonly at: number
  readonly host: Host
  readonly output: Extract<Swim.Output, { _tag: "Changed" }>
}

export type Observer = (host: Host, output: Swim.Output, at: number) => void

export interface Network {
  readonly options: Options
  readonly faults: Faults
  readonly random: () => number
  readonly wire: Wire.Wire
  readonly sizes: Sizes.Sizes
  /** How all hosts encode. */
  readonly encode: Config.Config["encode"]
  readonly agenda: Agenda.Agenda<Event>
  readonly hosts: Array<Host>
  readonly byName: Map<string, Host>
  /** Hosts that have moved, by the number of their address. */
  readonly moved: Map<number, Host>
  /** Pairs of hosts, `from * 2^20 + to`, of which the first does not reach the second. */
  readonly cuts: Set<number>
  /** Changes of membership, in order, when recording. */
  readonly seen: Array<Seen>
  /** Told all outputs but demands. */
  readonly observers: Array<Observer>
  now: number
  steps: number
  hash: number
}

export const make = (options: Partial<Options> & { readonly seed: string }): Network => {
  const wire = Wire.make()
  const network: Network = {
    wire,
    sizes: Sizes.make(options.seed, options.sampling ?? defaults.sampling),
    encode: (message) => Wire.encode(wire, message),
    options: { ...defaults, ...options },
    faults: { ...faults, ...options.faults },
    random: Random.make(options.seed),
    agenda: Agenda.make(),
    hosts: [],
    byName: new Map(),
    moved: new Map(),
    cuts: new Set(),
    seen: [],
    observers: [],
    now: 0,
    steps: 0,
    hash: Random.hashText(options.seed)
  }
  if (network.options.isRecording)
    network.observers.push((host, output, at) => {
      if (output._tag === "Changed") network.seen.push({ at, host, output })
    })
  return network
}

const port = 7946

const addressOf = (number: number): Address => ({
  bytes: Uint8Array.of(10, number >> 16, (number >> 8) & 0xff, number & 0xff),
  port
})

const numberOf = ({ bytes }: Address): number => ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)

/** The host at an address; nobody is where a host was before it moved. */
export const hostAt = ({ hosts, moved }: Network, address: Address): Host | undefined => {
  const number = numberOf(address)
  const host = moved.get(number) ?? hosts[number - 1]
  return host !== undefined && numberOf(host.address) === number ? host : undefined
}

/** Addresses of hosts that have moved, above those of all others. */
const movedFrom = 2 ** 23

/** Gives a host another address, at which it is reached from now on. */
export const move = (network: Network, host: Host): void => {
  const number = movedFrom + network.moved.size
  network.moved.set(number, host)
  host.address = addressOf(number)
}

export const find = (network: Network, name: string): Host | undefined => network.byName.get(name)

/** Notes in the trace that something happened to a host: each kind of event has a number. */
export const note = (network: Network, host: Host, kind: number, detail: number): void => {
  network.hash = Trace.event(network.hash, network.now, host.index, kind, detail)
}

/** Adds a host that is not started; its address follows from the order of adding. */
export const addIdle = (network: Network, name: string): Host => {
  const index = network.hosts.length
  const host: Host = {
    index,
    name,
    address: addressOf(index + 1),
    state: undefined,
    life: 0,
    mode: "running",
    passenger: undefined,
    held: [],
    outbox: [],
    stuck: [],
    wakeAt: Number.POSITIVE_INFINITY,
    island: 0,
    isDeaf: false,
    isMute: false,
    serviceMillis: 0,
    busyUntil: 0,
    lost: Reunion.makeLost(),
    seedsAt: Number.POSITIVE_INFINITY,
    traffic: {
      datagramsSent: 0,
      datagramsReceived: 0,
      bytesSent: 0,
      exchanges: 0,
      streamBytesSent: 0,
      cargoBytesSent: 0
    }
  }
  network.hosts.push(host)
  // A second host of the name stands beside the first.
  if (!network.byName.has(name)) network.byName.set(name, host)
  return host
}

const noChance = (): number => 0

/** Begins a life of a host, knowing nobody. */
export const start = (network: Network, host: Host, meta: Uint8Array = new Uint8Array(0)): Swim.State => {
  const { config, isAligned, reunion, rules, settings } = network.options
  const { address, name } = host
  const bornAtMicros = Math.round(1000 * network.now)
  const full = Config.make({ meta, bornAtMicros, settings, rules, encode: network.encode, ...config, name, address })
  const state = Swim.make(full, { now: network.now, random: isAligned ? noChance : network.random })
  host.state = state
  host.life += 1
  host.mode = "running"
  note(network, host, 1, host.life)
  schedule(network, host)
  if (reunion !== undefined) {
    host.seedsAt = network.now + pauseOf(network, reunion.intervalMillis)
    look(network, host)
  }
  return state
}

/** Adds a host and starts it. */
export const add = (network: Network, name: string, meta?: Uint8Array): Host => {
  const host = addIdle(network, name)
  start(network, host, meta)
  return host
}

/** When a host or its passenger is to be woken. */
export const nextDeadline = ({ passenger }: Host, state: Swim.State): number => {
  const at = Swim.nextDeadline(state)
  return passenger === undefined ? at : Math.min(at, passenger.nextDeadline())
}

/** Arms the wake-up of a host for its next deadline. One that is earlier than the last makes that stale. */
export const schedule = (network: Network, host: Host): void => {
  if (host.state === undefined || host.mode === "paused") return
  const at = nextDeadline(host, host.state)
  if (at >= host.wakeAt) return
  host.wakeAt = at
  Agenda.put(network.agenda, Math.max(at, network.now), { _tag: "Wake", host })
}

/** How long a host waits before it looks for its seeds again. */
export const pauseOf = ({ random }: Network, meanMillis: number): number =>
  Reunion.pauseMillis(meanMillis * 1.25, random)

/** Has a host look for others after a pause. */
export const look = (network: Network, host: Host): void => {
  const pauseMillis = Reunion.pauseMillis(Reunion.seekMillis, network.random)
  Agenda.put(network.agenda, network.now + pauseMillis, { _tag: "Look", host, life: host.life })
}

/** Runs something at a time: a scenario's own events. */
export const call = (network: Network, afterMillis: number, run: () => void): void =>
  Agenda.put(network.agenda, network.now + afterMillis, { _tag: "Call", run })

const pair = (from: Host, to: Host): number => from.index * 2 ** 20 + to.index

/** Cuts the way from one host to another, and only that. */
export const cut = (network: Network, from: Host, to: Host): void => {
  network.cuts.add(pair(from, to))
}

export const mend = (network: Network, from: Host, to: Host): void => {
  network.cuts.delete(pair(from, to))
}

/** Splits the network: hosts named together reach each other, and nobody else does. Without islands it heals. */
export const partition = (network: Network, ...islands: ReadonlyArray<ReadonlyArray<Host>>): void => {
  for (const host of network.hosts) host.island = 0
  for (const [index, hosts] of islands.entries()) for (const host of hosts) host.island = index + 1
}

/** Whether what one host sends can reach another. */
export const reaches = ({ cuts }: Network, from: Host, to: Host): boolean =>
  from.island === to.island && !from.isMute && !to.isDeaf && (cuts.size === 0 || !cuts.has(pair(from, to)))

/** Whether two hosts can talk over a connection. */
export const connects = (network: Network, a: Host, b: Host): boolean =>
  reaches(network, a, b) && reaches(network, b, a)
