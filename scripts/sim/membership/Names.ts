/**
 * Names on the virtual network: hosts with a directory and an exchange beside their membership, as the layers run them.
 *
 * Records ride as user messages, digests with push/pull, deltas over streams that lose nothing and fail when either side
 * is down or cut off. Records and messages are shared by all hosts, as values.
 */
import { host as textOf } from "../../../src/protocol/Address.ts"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Exchange from "../../../src/protocol/names/Exchange.ts"
import type { Ownership } from "../../../src/protocol/names/NameRecords.ts"
import { next } from "../../../src/protocol/names/Renewal.ts"
import type * as View from "../../../src/protocol/names/View.ts"
import type { Member } from "../../../src/protocol/swim/Member.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Cluster from "./Cluster.ts"
import { input, join } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import * as NamesRenewal from "./NamesRenewal.ts"
import { meet, ship } from "./NamesStreams.ts"
import * as NamesWire from "./NamesWire.ts"
import * as Network from "./Network.ts"
import type * as Options from "./Options.ts"
import { findBehind, ghostsOf, type Replica } from "./Oracle.ts"
import * as Process from "./Process.ts"

/** The part of one life of a host that deals with names. */
export interface Peer extends Replica {
  readonly host: Host
  readonly exchange: Exchange.Exchange
  readonly held: Set<string>
  readonly renewal: NamesRenewal.Renewal
  tickAt: number
}

export type Observer = (peer: Peer, output: Directory.Output, at: number) => void

export interface Names {
  readonly network: Network.Network
  readonly settings: Settings
  /** By index of the host; undefined while it is down. */
  readonly peers: Array<Peer | undefined>
  /** What the programs of each host claim whenever they start, by index of the host. */
  readonly wanted: Array<Map<string, Ownership>>
  /** Told all outputs of all directories. */
  readonly observers: Array<Observer>
  /** How often something was dropped, by reason. */
  readonly dropped: Map<string, number>
  /** Entries that a directory showed of a life that it knew to be over: none. */
  ghosts: number
  /** Names whose holder was told that they are lost. */
  told: number
  /** Hosts that were told that another one has their own name; their processes have ended. */
  refused: number
  /** The directory that was last found to be behind: the first to be looked at again. */
  behind: Peer | undefined
  readonly wire: NamesWire.NamesWire
}

export interface Settings {
  readonly limits?: Partial<Directory.Limits>
  readonly exchange?: Partial<Exchange.Settings>
}

/** As in the layers: tombstones are forgotten, and members that the membership plane has forgotten. */
const tickMillis = 30_000

export const make = (
  options: Partial<Options.Options> & { readonly seed: string },
  settings: Settings = {}
): Names => ({
  network: Network.make(options),
  settings,
  peers: [],
  wanted: [],
  observers: [],
  dropped: new Map(),
  ghosts: 0,
  told: 0,
  refused: 0,
  behind: undefined,
  wire: NamesWire.make()
})

/** The replicas that the oracle judges: hosts that run and have not left. */
export const replicas = ({ peers }: Names): ReadonlyArray<Peer> =>
  peers.flatMap((peer) => (peer?.host.state?.leaving === "no" ? [peer] : []))

/** Whether all directories show just what is claimed. */
export const isSettled = (names: Names): boolean => {
  const all = replicas(names)
  const { behind } = names
  const ordered = behind !== undefined && all.includes(behind) ? [behind, ...all] : all
  names.behind = findBehind(ordered.filter((peer, at) => at === 0 || peer !== behind))
  return names.behind === undefined
}

export const peerOf = ({ peers }: Names, host: Host): Peer | undefined => peers[host.index]

const count = ({ dropped }: Names, reason: string): void => {
  dropped.set(reason, (dropped.get(reason) ?? 0) + 1)
}

/** Feeds the directory of a host, and performs what it asks for. */
export const feed = (names: Names, peer: Peer, event: Directory.Input): ReadonlyArray<Directory.Output> => {
  const { network } = names
  const { host } = peer
  const outputs = Directory.step(peer.directory, event, network)
  for (const output of outputs) {
    if (output._tag === "Broadcast") {
      const { record } = output
      const payload = NamesWire.payloadOf(names.wire, record)
      input(network, host, { _tag: "Broadcast", key: `${record.host}/${record.name}`, payload })
      run(names, peer, { _tag: "Gossiped" })
    } else if (output._tag === "Dropped") count(names, output.reason)
    else if (output._tag === "OwnGenerationBehind") NamesRenewal.renew(network, peer.renewal, () => renew(names, peer))
    else {
      if (output._tag === "Lost" && peer.held.delete(output.name)) names.told += 1
      if (output._tag === "Up" && !isAlive(peer, output.entry)) names.ghosts += 1
      if (output._tag === "Up" || output._tag === "Down")
        Network.note(network, host, 9, output.entry.host.generation + output.entry.name.length)
    }
    for (const observe of names.observers) observe(peer, output, network.now)
  }
  return outputs
}

const isAlive = ({ directory }: Peer, { host }: View.Entry): boolean =>
  host.id === directory.own.id || Directory.isLiveHost(directory, host.id)

const isCurrent = (names: Names, peer: Peer): boolean => peerOf(names, peer.host) === peer

/** Feeds the exchange of a host, and performs what it asks for. */
const run = (names: Names, peer: Peer, event: Exchange.Input): void => {
  for (const output of Exchange.step(peer.exchange, event, names.network)) {
    if (output._tag === "Send") {
      const { messages, to } = output
      ship(
        names.network,
        peer.host,
        to,
        messages,
        () => isCurrent(names, peer) && run(names, peer, { _tag: "Sent", to })
      )
    } else if (output._tag === "Meet") meet(names.network, peer.host, output.host)
    else count(names, output.reason)
  }
  Network.schedule(names.network, peer.host)
}

const receive = (names: Names, peer: Peer, message: Exchange.Message, via: "gossip" | "state"): void => {
  Network.note(names.network, peer.host, 10, message.records.length)
  const before = peer.directory.progress
  feed(names, peer, Exchange.mergeOf(message, via))
  for (const event of Exchange.inputsOf(message, peer.directory.progress > before)) run(names, peer, event)
}

const memberChanged = (names: Names, peer: Peer, member: Member): void => {
  const id = member.name
  feed(names, peer, { _tag: "MemberChanged", id, status: member.status, host: NamesWire.hostOf(names.wire, member) })
  const index = names.network.byName.get(id)?.index
  const shown = [...((index === undefined ? undefined : names.wanted[index])?.keys() ?? [])].flatMap((name) =>
    Directory.resolve(peer.directory, name).filter((entry) => entry.host.id === id)
  )
  if (shown.length > 0) names.ghosts += ghostsOf(peer.directory, shown).length
}

const hear = (names: Names, peer: Peer, output: Swim.Output): void => {
  switch (output._tag) {
    case "Deliver": {
      const message = NamesWire.messageOf(names.wire, output.payload)
      return message && receive(names, peer, message, "gossip")
    }
    case "Changed":
      return memberChanged(names, peer, output.member)
    case "LeaveFinished":
      return Network.call(names.network, 0, () => isCurrent(names, peer) && crash(names, peer.host))
    case "NameLost":
      names.refused += 1
      return Network.call(names.network, 0, () => isCurrent(names, peer) && crash(names, peer.host))
    case "Dropped":
      return count(names, output.reason)
  }
}

const wake = (names: Names, peer: Peer): void => {
  const { now } = names.network
  if (Exchange.nextDeadline(peer.exchange) <= now) run(names, peer, { _tag: "Tick" })
  const { state } = peer.host
  const isDue = Math.min(peer.tickAt, Directory.nextDeadline(peer.directory)) <= now
  if (!isDue || state === undefined) return
  peer.tickAt = now + tickMillis
  feed(names, peer, { _tag: "Tick" })
  for (const id of Directory.gone(peer.directory))
    if (Swim.member(state, id) === undefined)
      feed(names, peer, { _tag: "MemberChanged", id, status: "forgotten", host: undefined })
}

/** Takes up a life that is later than all that others know. */
const renew = (names: Names, peer: Peer): boolean => {
  const generation = next(peer.directory)
  if (!isCurrent(names, peer) || generation === undefined) return false
  input(names.network, peer.host, { _tag: "UpdateMeta", meta: NamesWire.metaOf(generation) })
  feed(names, peer, { _tag: "Renew", generation })
  return true
}

/** Begins a life of a host, which claims what its programs want. */
export const start = (names: Names, host: Host): Peer => {
  const { network, settings } = names
  const generation = 1000 * Math.ceil(network.now) + host.life + host.index + 1
  Network.start(network, host, NamesWire.metaOf(generation))
  const directory = Directory.make(
    { id: host.name, address: textOf(host.address.bytes), ...NamesWire.common, generation },
    settings.limits
  )
  const exchange = Exchange.make(directory, network, settings.exchange)
  const peer: Peer = {
    host,
    directory,
    exchange,
    held: new Set(),
    renewal: NamesRenewal.make(network.now),
    tickAt: network.now + tickMillis
  }
  names.peers[host.index] = peer
  host.passenger = {
    hear: (output) => hear(names, peer, output),
    localState: () => NamesWire.load(Exchange.localState(exchange, network.random)),
    mergeState: ({ message }) => receive(names, peer, message, "state"),
    take: ({ message }) => receive(names, peer, message, "gossip"),
    nextDeadline: () => Math.min(peer.tickAt, Exchange.nextDeadline(exchange), Directory.nextDeadline(directory)),
    wake: () => wake(names, peer)
  }
  const wanted = names.wanted[host.index] ?? new Map()
  names.wanted[host.index] = wanted
  for (const [name, ownership] of wanted) expose(names, peer, name, ownership)
  Network.schedule(network, host)
  return peer
}

export const add = (names: Names, name: string): Peer => start(names, Network.addIdle(names.network, name))

const expose = (names: Names, peer: Peer, name: string, ownership: Ownership): boolean => {
  const outputs = feed(names, peer, { _tag: "Claim", name, ownership, contract: 1n })
  const isClaimed = outputs.every(({ _tag }) => _tag !== "Refused")
  if (isClaimed) peer.held.add(name)
  return isClaimed
}

/** Has a host claim a name, now and in each life to come; whether its directory took the claim. */
export const claim = (names: Names, host: Host, name: string, ownership: Ownership = "unique"): boolean => {
  names.wanted[host.index]?.set(name, ownership)
  const peer = peerOf(names, host)
  return peer !== undefined && expose(names, peer, name, ownership)
}

/** Has a host give a name up, for good. */
export const release = (names: Names, host: Host, name: string): void => {
  names.wanted[host.index]?.delete(name)
  const peer = peerOf(names, host)
  if (peer?.held.delete(name)) feed(names, peer, { _tag: "Release", name })
}

/** Takes a host down without a word. */
export const crash = (names: Names, host: Host): void => {
  names.peers[host.index] = undefined
  Process.crash(names.network, host)
}

/** Starts a host anew under its old id, as a new generation that claims what the one before did, and joins through `seed`. */
export const restart = (names: Names, host: Host, seed: Host): void => {
  crash(names, host)
  start(names, host)
  join(names.network, host, seed)
}

/** Has a host say goodbye; its process ends when that is said. */
export const leave = (names: Names, host: Host): void => input(names.network, host, { _tag: "Leave" })

/** A cluster in which everybody knows everybody, and nobody claims anything yet. */
export const settled = (
  n: number,
  options: Partial<Options.Options> & { readonly seed: string },
  settings?: Settings
): Names => {
  const names = make(options, settings)
  const { hosts } = names.network
  for (let i = 0; i < n; i++) add(names, `h${i}`)
  Cluster.introduce(names.network, hosts)
  for (const peer of names.peers)
    for (const { state } of hosts)
      if (peer !== undefined && state !== undefined) memberChanged(names, peer, state.self.member)
  return names
}
