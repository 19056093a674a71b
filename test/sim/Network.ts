/**
 * Many hosts on a virtual network, in virtual time: every delay, loss and choice comes from one seed.
 *
 * Datagrams suffer latency, loss, duplication, reordering and partitions. Push/pull and TCP pings are reliable exchanges
 * with latency; they fail when either side is down, paused, or partitioned off.
 */
import { Result } from "effect"
import { type Address, format } from "../../src/protocol/Address.ts"
import type { NodeState, PacketMessage } from "../../src/protocol/memberlist/Message.ts"
import { decode } from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Config from "../../src/protocol/swim/Config.ts"
import * as Deadlines from "../../src/protocol/swim/Deadlines.ts"
import * as Swim from "../../src/protocol/swim/Swim.ts"
import { defaults, type Options } from "./Options.ts"
import * as Random from "./Random.ts"

export type { Options } from "./Options.ts"

type Datagram = { readonly from: Address; readonly parts: ReadonlyArray<Uint8Array> }

type Event =
  | { readonly _tag: "Arrive"; readonly to: Host; readonly datagram: Datagram }
  | { readonly _tag: "Wake"; readonly host: Host }
  | { readonly _tag: "Call"; readonly run: () => void }

export interface Host {
  readonly name: string
  readonly address: Address
  /** Undefined while crashed. */
  state: Swim.State | undefined
  /** Counts the lives of the process, so that an exchange does not outlive one. */
  life: number
  isPaused: boolean
  /** What the kernel holds for a paused process. */
  readonly held: Array<Datagram>
  wake: Deadlines.Deadline<Event> | undefined
  sent: number
  received: number
}

export interface Seen {
  readonly at: number
  readonly host: string
  readonly output: Swim.Output
}

export interface Network {
  readonly options: Options
  readonly random: () => number
  readonly events: Deadlines.Deadlines<Event>
  readonly hosts: Map<string, Host>
  readonly byAddress: Map<string, Host>
  /** All outputs but datagrams, in order. */
  readonly seen: Array<Seen>
  /** The island of each host; hosts of different islands do not reach each other. */
  readonly islands: Map<string, number>
  now: number
  steps: number
  hash: number
}

export const make = (options: Partial<Options> & { readonly seed: string }): Network => ({
  options: { ...defaults, ...options },
  random: Random.make(options.seed),
  events: Deadlines.make(),
  hosts: new Map(),
  byAddress: new Map(),
  seen: [],
  islands: new Map(),
  now: 0,
  steps: 0,
  hash: Random.hashText(options.seed)
})

const heldMax = 4096

const note = (network: Network, text: string): void => {
  network.hash = Random.hashText(`${network.now.toFixed(3)} ${text}\n`, network.hash)
}

const start = (network: Network, host: Host, meta: string): void => {
  const { rules, settings } = network.options
  const { address, name } = host
  const config = Config.make({ name, address, meta: new TextEncoder().encode(meta), settings, rules })
  host.state = Swim.make(config, network)
  host.life += 1
  schedule(network, host)
}

/** Starts a host; its name is its key, its address follows from the order of adding. */
export const add = (network: Network, name: string, meta = ""): Host => {
  const index = network.hosts.size + 1
  const address = { bytes: Uint8Array.of(10, 0, index >> 8, index & 0xff), port: 7946 }
  const idle = { state: undefined, life: 0, isPaused: false, wake: undefined, sent: 0, received: 0 }
  const host: Host = { name, address, held: [], ...idle }
  network.hosts.set(name, host)
  network.byAddress.set(format(address), host)
  start(network, host, meta)
  return host
}

export const host = (network: Network, name: string): Host => {
  const found = network.hosts.get(name)
  if (found === undefined) throw new Error(`no host ${name}`)
  return found
}

/** Takes a host down without a word. */
export const crash = (network: Network, name: string): void => {
  const crashed = host(network, name)
  crashed.state = undefined
  crashed.isPaused = false
  crashed.held.length = 0
  if (crashed.wake !== undefined) Deadlines.cancel(network.events, crashed.wake)
  note(network, `crash ${name}`)
}

/** Starts a crashed host anew, under its old name and address. */
export const restart = (network: Network, name: string, meta = ""): void => {
  note(network, `restart ${name}`)
  start(network, host(network, name), meta)
}

export const pause = (network: Network, name: string): void => {
  const paused = host(network, name)
  paused.isPaused = true
  if (paused.wake !== undefined) Deadlines.cancel(network.events, paused.wake)
}

/** Goes on: what was missed is done first, then what the kernel held is read. */
export const resume = (network: Network, name: string): void => {
  const resumed = host(network, name)
  resumed.isPaused = false
  input(network, resumed, { _tag: "Tick" })
  for (const datagram of resumed.held.splice(0)) receive(network, resumed, datagram)
}

/** Splits the network: hosts named together reach each other, and nobody else does. Without islands it heals. */
export const partition = (network: Network, ...islands: ReadonlyArray<ReadonlyArray<string>>): void => {
  network.islands.clear()
  for (const [index, names] of islands.entries()) for (const name of names) network.islands.set(name, index + 1)
}

const isCut = ({ islands, options }: Network, a: Host, b: Host): boolean =>
  (islands.get(a.name) ?? 0) !== (islands.get(b.name) ?? 0) ||
  options.cutLinks.some(([x, y]) => (x === a.name && y === b.name) || (x === b.name && y === a.name))

const latency = ({ options, random }: Network): number => {
  const [min, max] = options.latencyMillis
  return min + random() * (max - min)
}

const later = (network: Network, afterMillis: number, event: Event): Deadlines.Deadline<Event> =>
  Deadlines.arm(network.events, network.now + afterMillis, event)

const schedule = (network: Network, host: Host): void => {
  if (host.state === undefined || host.isPaused) return
  const at = Swim.nextDeadline(host.state)
  if (host.wake !== undefined) {
    if (host.wake.index >= 0 && host.wake.atMillis === at) return
    Deadlines.cancel(network.events, host.wake)
  }
  host.wake = Deadlines.arm(network.events, at, { _tag: "Wake", host })
}

/** Feeds one input to a host and performs what it asks for. */
export const input = (network: Network, host: Host, event: Swim.Input): ReadonlyArray<Swim.Output> => {
  if (host.state === undefined) return []
  network.steps += 1
  const outputs = Swim.step(host.state, event, network)
  for (const output of outputs) perform(network, host, output)
  schedule(network, host)
  return outputs
}

const perform = (network: Network, host: Host, output: Swim.Output): void => {
  if (output._tag === "Send") {
    transmit(network, host, output.to, output.parts)
    return
  }
  network.seen.push({ at: network.now, host: host.name, output })
  note(network, `${host.name} ${describe(output)}`)
  if (output._tag === "PushPull") exchange(network, host, output.to, false)
  if (output._tag === "TcpPing") tcpPing(network, host, output)
}

const describe = (output: Swim.Output): string => {
  switch (output._tag) {
    case "Changed":
      return `${output.change} ${output.member.name} ${output.member.incarnation}`
    case "Probed":
      return `${output.outcome} ${output.name}`
    default:
      return output._tag
  }
}

const tcpPing = (network: Network, from: Host, ping: Extract<Swim.Output, { _tag: "TcpPing" }>): void => {
  const { life } = from
  const began = network.now
  dial(network, from, ping.to, (target) => {
    const answered = (): void => {
      const isInTime = network.now - began < ping.timeoutMillis
      if (isInTime && from.life === life && !isCut(network, from, target))
        input(network, from, { _tag: "TcpPingAnswered", seq: ping.seq })
    }
    later(network, latency(network), { _tag: "Call", run: answered })
  })
}

const transmit = (network: Network, from: Host, to: Address, parts: ReadonlyArray<Uint8Array>): void => {
  const { duplication, loss, reorderMillis, reordering } = network.options
  const { random } = network
  from.sent += 1
  const target = network.byAddress.get(format(to))
  if (target === undefined || isCut(network, from, target)) return
  const copies = random() < duplication ? 2 : 1
  for (let copy = 0; copy < copies; copy++) {
    if (random() < loss) continue
    const extra = random() < reordering ? random() * reorderMillis : 0
    later(network, latency(network) + extra, { _tag: "Arrive", to: target, datagram: { from: from.address, parts } })
  }
}

const receive = (network: Network, host: Host, { from, parts }: Datagram): void => {
  const messages: Array<PacketMessage> = []
  for (const part of parts) messages.push(Result.getOrThrow(decode(part)))
  host.received += 1
  input(network, host, { _tag: "Received", from, messages })
}

/** Runs something at the other end of a TCP connection, if that can be made. */
const dial = (network: Network, from: Host, to: Address, accept: (target: Host) => void): void => {
  const target = network.byAddress.get(format(to))
  if (target === undefined || isCut(network, from, target)) return
  const run = (): void => {
    if (target.state !== undefined && !target.isPaused && !isCut(network, from, target)) accept(target)
  }
  later(network, latency(network), { _tag: "Call", run })
}

const exchange = (network: Network, from: Host, to: Address, join: boolean): void => {
  if (from.state === undefined) return
  const ours = Swim.localNodes(from.state)
  const { life } = from
  dial(network, from, to, (target) => {
    // The acceptor answers with what it knew before it merges.
    const theirs: ReadonlyArray<NodeState> = target.state === undefined ? [] : Swim.localNodes(target.state)
    input(network, target, { _tag: "Merge", nodes: ours, join })
    const run = (): void => {
      if (from.life === life && !isCut(network, from, target))
        input(network, from, { _tag: "Merge", nodes: theirs, join })
    }
    later(network, latency(network), { _tag: "Call", run })
  })
}

/** Has a host join through another. */
export const join = (network: Network, name: string, seed: string): void =>
  exchange(network, host(network, name), host(network, seed).address, true)

/** Lets time pass. */
export const advance = (network: Network, millis: number): void => {
  const until = network.now + millis
  for (;;) {
    const due = Deadlines.takeDue(network.events, until)
    if (due === undefined) break
    network.now = due.atMillis
    const event = due.value
    switch (event._tag) {
      case "Wake":
        input(network, event.host, { _tag: "Tick" })
        break
      case "Call":
        event.run()
        break
      case "Arrive":
        if (event.to.state === undefined) break
        if (!event.to.isPaused) receive(network, event.to, event.datagram)
        else if (event.to.held.length < heldMax) event.to.held.push(event.datagram)
        break
    }
  }
  network.now = until
}
