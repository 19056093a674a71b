/**
 * Strangers: names heard of and not yet proven; no members, whatever others told, until they acknowledge a ping.
 *
 * Strangers have a table of their own, so that invented names never take the place of a member. They are not probed in
 * turn, not gossiped, nor shown to the application. Each is pinged at its told address: at once, and twice more, then
 * over TCP too, since datagrams may not come through. A stranger that answers becomes a member; a silent one is
 * forgotten, and pinged again when heard of again. A host that sent its state on request needs no ping.
 *
 * Limits: the table is bounded, one teller has at most half of it, and when full it drops the latest stranger of the
 * teller with the most. Rates bound pings and, lower, TCP pings; tellers take turns.
 */
import { type Address, format, source } from "../Address.ts"
import * as Bucket from "../Bucket.ts"
import type { Alive, NodeState } from "../memberlist/Message.ts"
import type { Limits } from "./Config.ts"
import type { Member } from "./Member.ts"

export interface Stranger {
  readonly teller: string
  /** The latest `alive` of the name. */
  message: Alive
  /** Pings sent so far. */
  tries: number
}

export interface Strangers {
  /** By name and address: a name told at a false address does not displace the name at the true one. */
  readonly all: Map<string, Stranger>
  /** By the sequence number of the pending ping. */
  readonly asked: Map<number, Stranger>
  /** Strangers to be pinged, by teller; the first of the first teller is next. */
  readonly waiting: Map<string, Set<Stranger>>
  /** All strangers, by teller. */
  readonly told: Map<string, Set<Stranger>>
  readonly asks: Bucket.Bucket
  readonly dials: Bucket.Bucket
  /** Whether a tick is armed for waiting strangers. */
  isDue: boolean
}

export const make = (limits: Limits, nowMillis: number): Strangers => ({
  all: new Map(),
  asked: new Map(),
  waiting: new Map(),
  told: new Map(),
  asks: Bucket.make(limits.strangersAskedAtOnce, limits.strangersAskedPerSecond, nowMillis),
  dials: Bucket.make(limits.strangersDialledAtOnce, limits.strangersDialledPerSecond, nowMillis),
  isDue: false
})

/** Pings per stranger. */
export const triesMax = 3

/** Teller of an unknown address. */
const unknownTeller = ""

export const tellerOf = (from: Address | undefined): string => (from === undefined ? unknownTeller : source(from.bytes))

const addressOf = ({ address, port }: Alive): Address => ({ bytes: address, port })

const keyOf = (message: Alive): string => `${message.node}/${format(addressOf(message))}`

const putIn = (lists: Map<string, Set<Stranger>>, stranger: Stranger): void => {
  const list = lists.get(stranger.teller) ?? new Set()
  lists.set(stranger.teller, list.add(stranger))
}

const takeOut = (lists: Map<string, Set<Stranger>>, stranger: Stranger): void => {
  const list = lists.get(stranger.teller)
  if (list?.delete(stranger) === true && list.size === 0) lists.delete(stranger.teller)
}

export const remove = (strangers: Strangers, stranger: Stranger): void => {
  const key = keyOf(stranger.message)
  if (strangers.all.get(key) === stranger) strangers.all.delete(key)
  takeOut(strangers.waiting, stranger)
  takeOut(strangers.told, stranger)
}

/** Makes room for a stranger of `teller`; false when `teller` has its share. */
const makeRoom = (strangers: Strangers, teller: string, { strangersMax }: Limits): boolean => {
  const own = strangers.told.get(teller)?.size ?? 0
  if (own >= strangersMax / 2) return false
  if (strangers.all.size < strangersMax) return true
  let most: ReadonlySet<Stranger> = new Set()
  for (const list of strangers.told.values()) if (list.size > most.size) most = list
  const last = [...most].at(-1)
  if (last === undefined || most.size <= own + 1) return false
  remove(strangers, last)
  return true
}

/** Copies a message, whose bytes are views of the datagram. */
const copyOf = (message: Alive): Alive => ({
  ...message,
  address: message.address.slice(),
  meta: message.meta.slice(),
  versions: message.versions.slice()
})

/** Adds a stranger, or keeps its latest `alive`; false when there is no room. */
export const hold = (strangers: Strangers, message: Alive, teller: string, limits: Limits): boolean => {
  const key = keyOf(message)
  const known = strangers.all.get(key)
  if (known !== undefined) {
    if (message.incarnation > known.message.incarnation) known.message = copyOf(message)
    return true
  }
  if (!makeRoom(strangers, teller, limits)) return false
  const stranger: Stranger = { teller, message: copyOf(message), tries: 0 }
  strangers.all.set(key, stranger)
  putIn(strangers.told, stranger)
  putIn(strangers.waiting, stranger)
  return true
}

/** Takes the stranger to ping now; undefined when none waits, or the rate limit is reached. */
export const next = ({ asks, waiting }: Strangers, nowMillis: number): Stranger | undefined => {
  const [first] = waiting
  if (first === undefined || !Bucket.take(asks, nowMillis)) return undefined
  const [teller, list] = first
  const [stranger] = list
  waiting.delete(teller)
  if (stranger !== undefined && list.delete(stranger) && list.size > 0) waiting.set(teller, list)
  return stranger
}

/** Whether a silent stranger may be pinged over TCP now. */
export const mayDial = ({ dials }: Strangers, nowMillis: number): boolean => Bucket.take(dials, nowMillis)

/** Queues a silent stranger for another ping. */
export const again = ({ waiting }: Strangers, stranger: Stranger): void => {
  putIn(waiting, stranger)
}

export const isKept = ({ all }: Strangers, stranger: Stranger): boolean => all.get(keyOf(stranger.message)) === stranger

/** Whether some stranger has not been pinged yet, or may still answer its first ping. */
export const isUnsettled = ({ all }: Strangers): boolean => {
  for (const { tries } of all.values()) if (tries < 2) return true
  return false
}

/** Returns the first `countMax` strangers as alive members: they may know this host already. */
export const asMembers = ({ all }: Strangers, countMax: number): ReadonlyArray<Member> =>
  [...all.values()].slice(0, countMax).map(({ message: { address, incarnation, meta, node, port, versions } }) => ({
    ...{ name: node, address: { bytes: address, port }, meta, versions, incarnation },
    ...{ status: "alive", changedAt: Number.NEGATIVE_INFINITY }
  }))

/** Returns the strangers with one of `names`, as they were told. */
export const named = ({ all }: Strangers, names: ReadonlySet<string>): ReadonlyArray<NodeState> =>
  [...all.values()].flatMap(({ message: { _tag: _, node, ...said } }) =>
    names.has(node) ? [{ ...said, name: node, state: "alive" as const }] : []
  )

export const placeOf = ({ message }: Stranger): Address => addressOf(message)

/** Forgets strangers with the name of a new member. */
export const forgetName = (strangers: Strangers, name: string): void => {
  for (const stranger of [...strangers.all.values()]) if (stranger.message.node === name) remove(strangers, stranger)
}
