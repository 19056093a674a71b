/**
 * Exchange: keeps directories equal by digests, and by deltas of the records that they show to be lacking.
 *
 * In a push/pull both sides give their digest, and each sends the records that the other lacks. In between, each host
 * now and then sends its digest to a random live host, which sends the lacking records, and its own digest if it lacks
 * some itself. The answer to a digest never asks for a digest again, and a delta that was cut short is followed up only
 * if it brought something: so every exchange ends. While nothing is found the pauses grow; a find, more news than
 * gossip carries in a moment, and a gap in the versions heard make them short again.
 *
 * A host with records of a later life than membership knows was missed by gossip, and is asked for its state.
 *
 * A later digest of a host replaces the one that waits. Each host is answered at a bounded rate.
 *
 * The machine changes its state in place and does no I/O: it reads a directory; inputs, time and randomness go in,
 * messages come out.
 * Source: design.md, section 4; faults.md, rows R7 and O7.
 */
import * as Bucket from "../Bucket.ts"
import * as Aside from "./Aside.ts"
import * as Claims from "./Claims.ts"
import type { Delta, Digest } from "./Digest.ts"
import * as Directory from "./Directory.ts"
import * as DirectoryDelta from "./DirectoryDelta.ts"
import * as ExchangeSettings from "./ExchangeSettings.ts"
import type { Decoded } from "./NameRecords.ts"

export type Settings = ExchangeSettings.Settings

export const settings: Settings = ExchangeSettings.defaults

/** Message between two hosts: the body of a user message, or of the user state of a push/pull. */
export type Message = Omit<Decoded, "skipped">

export type Input =
  /** Time has reached `nextDeadline`. */
  | { readonly _tag: "Tick" }
  | { readonly _tag: "Digest"; readonly digest: Digest }
  /** `isProgress`: its records or ranges were news. */
  | { readonly _tag: "Delta"; readonly delta: Delta; readonly isProgress: boolean }
  /** A record was given to gossip. */
  | { readonly _tag: "Gossiped" }
  /** The messages to a host are sent, or could not be. */
  | { readonly _tag: "Sent"; readonly to: string }

export type DropReason =
  /** Too many hosts wait for an answer. */
  | "exchangeLimit"
  /** The host asks more often than it is answered. */
  | "exchangeRate"

export type Output =
  /** Send these messages over streams in order, up to the first that fails; then the driver feeds `Sent`. */
  | { readonly _tag: "Send"; readonly to: string; readonly messages: ReadonlyArray<Message> }
  /** The membership plane does not know the present life of this host: it should ask the host itself. */
  | { readonly _tag: "Meet"; readonly host: string }
  | { readonly _tag: "Dropped"; readonly reason: DropReason }

/** Digest to answer, or undefined to send the digest of this host. */
type Task = Digest | undefined

export interface Exchange {
  readonly directory: Directory.Directory
  readonly settings: Settings
  /** Tasks by host, in the order in which they came. */
  readonly waiting: Map<string, Task>
  readonly sending: Set<string>
  /** Messages that each host may still be sent; a host without a bucket has a full one. */
  readonly allowances: Map<string, Bucket.Bucket>
  readonly news: Bucket.Bucket
  pauseMillis: number
  /** Times of the last round and of the next one. */
  roundAt: number
  nextAt: number
  /** Versions known to be missing at the last round. */
  missing: number
  /** Rounds for which the membership plane has not known the present life of a host. */
  unmet: ReadonlyMap<string, number>
}

/** Monotonic time in milliseconds, and randomness, uniform in [0, 1). */
export interface Env {
  readonly now: number
  readonly random: () => number
}

interface Turn extends Env {
  readonly exchange: Exchange
  readonly outputs: Array<Output>
}

/** Size of a digest per host, roughly, in bytes. */
const digestHostBytes = 40

const pauseMin = ({ directory, settings }: Exchange): number =>
  Math.max(settings.pauseMinMillis, (1000 * digestHostBytes * directory.hosts.size) / settings.digestBytesPerSecond)

const jitter = (millis: number, random: () => number): number => millis * (0.75 + 0.5 * random())

export const make = (directory: Directory.Directory, env: Env, options: Partial<Settings> = {}): Exchange => {
  const all = { ...settings, ...options }
  return {
    directory,
    settings: all,
    waiting: new Map(),
    sending: new Set(),
    allowances: new Map(),
    news: Bucket.make(all.newsMax, all.newsPerSecond, env.now),
    pauseMillis: all.pauseMinMillis,
    roundAt: env.now,
    nextAt: env.now + jitter(all.pauseMinMillis, env.random),
    missing: 0,
    unmet: new Map()
  }
}

/** Returns how many messages a host may still be sent. */
const allowance = ({ allowances, settings }: Exchange, peer: string, now: number): number => {
  const bucket = allowances.get(peer)
  return bucket === undefined ? settings.peerMessagesMax : Bucket.level(bucket, now)
}

const spend = ({ exchange: { allowances, settings }, now }: Turn, peer: string, messages: number): void => {
  const { peerMessagesMax, peerMessagesPerSecond } = settings
  const bucket = allowances.get(peer) ?? Bucket.make(peerMessagesMax, peerMessagesPerSecond, now)
  Bucket.charge(bucket, messages)
  allowances.set(peer, bucket)
}

/** Brings the next round forward to the shortest pause, since there is something to find. */
const stir = ({ exchange, random }: Turn): void => {
  const pause = pauseMin(exchange)
  exchange.pauseMillis = pause
  exchange.nextAt = Math.min(exchange.nextAt, exchange.roundAt + jitter(pause, random))
}

const send = ({ exchange, outputs }: Turn, to: string, messages: ReadonlyArray<Message>): void => {
  exchange.sending.add(to)
  outputs.push({ _tag: "Send", to, messages })
}

const digestOf = ({ exchange, random }: Turn, isAsking: boolean): Message => ({
  records: [],
  digest: DirectoryDelta.digest(exchange.directory, isAsking, random)
})

/** Answers a digest when its turn has come, by a delta of the directory as it is then. */
const answerTo = (turn: Turn, digest: Digest): ReadonlyArray<Message> => {
  const { directory } = turn.exchange
  const { hasMore, pieces } = DirectoryDelta.delta(directory, digest, turn.random)
  const isLacking = digest.isAsking && DirectoryDelta.lacks(directory, digest)
  if (pieces.length > 0 || isLacking) stir(turn)
  const deltas = pieces.map(({ ranges, records }, at): Message => {
    const isLast = at === pieces.length - 1
    return { records, delta: { sender: directory.own.id, ranges, hasMore: hasMore && isLast } }
  })
  return isLacking ? [digestOf(turn, false), ...deltas] : deltas
}

/** Serves the waiting hosts within `sendingMax` and their allowances. */
const serve = (turn: Turn): void => {
  const { sending, settings, waiting } = turn.exchange
  for (const [peer, task] of waiting) {
    if (sending.size >= settings.sendingMax) return
    if (sending.has(peer) || allowance(turn.exchange, peer, turn.now) < 1) continue
    waiting.delete(peer)
    const messages = task === undefined ? [digestOf(turn, false)] : answerTo(turn, task)
    spend(turn, peer, Math.max(1, messages.length))
    if (messages.length > 0) send(turn, peer, messages)
  }
}

const wait = ({ exchange, now, outputs }: Turn, peer: string, task: Task): void => {
  const { directory, settings, waiting } = exchange
  if (!Directory.isLiveHost(directory, peer)) return
  if (waiting.size >= settings.waitingMax && !waiting.has(peer))
    return void outputs.push({ _tag: "Dropped", reason: "exchangeLimit" })
  if (allowance(exchange, peer, now) < 1) outputs.push({ _tag: "Dropped", reason: "exchangeRate" })
  // Entries of unknown hosts have no answer. A digest replaces a request for the digest of this host, since its answer
  // makes good for that.
  const known = task && { ...task, hosts: task.hosts.filter(({ host }) => directory.hosts.has(host)) }
  waiting.set(peer, known ?? waiting.get(peer))
}

/** Counts the versions that others have and this host lacks. A host that withholds one shortens no pauses for ever. */
const countMissing = ({ hosts }: Directory.Directory): number => {
  let count = 0
  for (const { claims } of hosts.values()) if (claims !== undefined) count += Claims.missing(claims)
  return count
}

/**
 * Asks hosts for their state whose records show a later life than membership knows. Gossip of a new life can be a
 * moment behind its records, so the first round only takes note; a host that does not answer is asked ever more rarely.
 */
const meet = ({ exchange, outputs }: Turn): void => {
  const { directory, settings, unmet } = exchange
  const rounds = new Map<string, number>()
  for (const id of directory.aside.hosts.keys()) {
    const generation = directory.hosts.get(id)?.member?.host?.generation
    if (generation !== undefined && Aside.hasLater(directory.aside, id, generation))
      if (Directory.isLiveHost(directory, id)) rounds.set(id, (unmet.get(id) ?? -1) + 1)
  }
  const due = [...rounds].filter(([, count]) => count > 0 && (count & (count - 1)) === 0)
  for (const [host] of due.slice(0, settings.meetingsMax)) outputs.push({ _tag: "Meet", host })
  exchange.unmet = rounds
}

const round = (turn: Turn): void => {
  const { exchange, now, random } = turn
  const { allowances, directory, sending, settings } = exchange
  const missing = countMissing(directory)
  const isStirred = missing > 0 && missing !== exchange.missing
  exchange.missing = missing
  exchange.roundAt = now
  exchange.nextAt = now + jitter(exchange.pauseMillis, random)
  exchange.pauseMillis = Math.max(pauseMin(exchange), Math.min(2 * exchange.pauseMillis, settings.pauseMaxMillis))
  if (isStirred) stir(turn)
  meet(turn)
  for (const [peer, bucket] of allowances) if (Bucket.level(bucket, now) >= bucket.max) allowances.delete(peer)
  const others = Directory.hosts(directory).filter(({ id }) => id !== directory.own.id && !sending.has(id))
  const peer = others[Math.floor(random() * others.length)]
  if (peer !== undefined && sending.size < settings.sendingMax) send(turn, peer.id, [digestOf(turn, true)])
}

const gossiped = (turn: Turn): void => {
  const { news } = turn.exchange
  if (Bucket.level(news, turn.now) < 1) {
    news.level = news.max
    stir(turn)
  }
  news.level -= 1
}

const apply = (turn: Turn, input: Input): void => {
  const { exchange, now } = turn
  switch (input._tag) {
    case "Tick":
      if (now >= exchange.nextAt) round(turn)
      return
    case "Digest":
      return wait(turn, input.digest.sender, input.digest)
    case "Delta": {
      const { delta, isProgress } = input
      if (isProgress) stir(turn)
      if (delta.hasMore && isProgress) wait(turn, delta.sender, undefined)
      return
    }
    case "Gossiped":
      return gossiped(turn)
    case "Sent":
      exchange.sending.delete(input.to)
  }
}

export const step = (exchange: Exchange, input: Input, env: Env): ReadonlyArray<Output> => {
  const turn: Turn = { exchange, outputs: [], now: env.now, random: env.random }
  apply(turn, input)
  if (exchange.waiting.size > 0) serve(turn)
  return turn.outputs
}

/** Returns the time of the next `Tick`. */
export const nextDeadline = ({ allowances, nextAt, sending, settings, waiting }: Exchange): number => {
  let at = nextAt
  if (sending.size >= settings.sendingMax) return at
  for (const peer of waiting.keys()) {
    const bucket = allowances.get(peer)
    if (sending.has(peer) || bucket === undefined) continue
    at = Math.min(at, Bucket.reachedAt(bucket, 1))
  }
  return at
}

/** Returns the state for a peer in a push/pull. */
export const localState = ({ directory }: Exchange, random: () => number): Message => {
  const { ranges, records } = DirectoryDelta.small(directory)
  const digest = DirectoryDelta.digest(directory, false, random)
  return { records, digest, delta: { sender: directory.own.id, ranges, hasMore: false } }
}

/** Returns the input of a message for the directory. */
export const mergeOf = (
  { delta, records }: Message,
  via: "gossip" | "state"
): Extract<Directory.Input, { readonly _tag: "Merge" }> => ({
  _tag: "Merge",
  records,
  via: via === "gossip" && delta !== undefined ? "delta" : via,
  ranges: delta?.ranges ?? []
})

/** Returns the inputs of a message for the exchange, once the directory has it; `isProgress` as in {@link Input}. */
export const inputsOf = ({ delta, digest }: Message, isProgress: boolean): ReadonlyArray<Input> => [
  ...(delta === undefined ? [] : [{ _tag: "Delta", delta, isProgress } as const]),
  ...(digest === undefined ? [] : [{ _tag: "Digest", digest } as const])
]
