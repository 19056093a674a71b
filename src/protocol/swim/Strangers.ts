/**
 * Names that were heard of and have not answered yet: no members, whoever said so, until they acknowledge one ping.
 *
 * They have a table of their own, so that no number of inventions takes the place of a member. They are not probed in turn,
 * not told to others, nor shown to the application. Each is asked at the address that it was said to have: at once, and twice
 * more, then over TCP too, since datagrams may not come through. Who answers is a member; who does not is forgotten, and asked
 * again when it is heard of again. Whoever answered when this host asked for its state has answered.
 *
 * Limits: so many in all, half of them told by one address, and when there is no room, those go that the one who told most
 * told last. So many are asked per second, and fewer over TCP, those told by each address in turn.
 */
import { type Address, format, source } from "../Address.ts"
import * as Bucket from "../Bucket.ts"
import type { Alive, NodeState } from "../memberlist/Message.ts"
import type { Limits } from "./Config.ts"
import type { Member } from "./Member.ts"

export interface Stranger {
  readonly teller: string
  /** The latest word of it. */
  message: Alive
  /** How often it was asked. */
  tries: number
}

export interface Strangers {
  /** By name and address: a name that is said to be elsewhere does not displace the one that is there. */
  readonly all: Map<string, Stranger>
  /** By the number of the ping that waits for its answer. */
  readonly asked: Map<number, Stranger>
  /** Those to be asked, by who told of them; who is next is the first. */
  readonly waiting: Map<string, Set<Stranger>>
  /** How many each told of. */
  readonly told: Map<string, Set<Stranger>>
  readonly asks: Bucket.Bucket
  readonly dials: Bucket.Bucket
  /** A tick is due for those that wait. */
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

/** How often a stranger is asked. */
export const triesMax = 3

/** Who told of it where the address is not known. */
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

/** Makes room for one that `teller` tells of; false when it has told of enough. */
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

/** Decoded bytes are views of their datagram; what is kept is copied out of it. */
const copyOf = (message: Alive): Alive => ({
  ...message,
  address: message.address.slice(),
  meta: message.meta.slice(),
  versions: message.versions.slice()
})

/** Takes note of the word of a name; false when there is no room. */
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

/** The one to ask now; undefined when nobody waits, or enough were asked. */
export const next = ({ asks, waiting }: Strangers, nowMillis: number): Stranger | undefined => {
  const [first] = waiting
  if (first === undefined || !Bucket.take(asks, nowMillis)) return undefined
  const [teller, list] = first
  const [stranger] = list
  waiting.delete(teller)
  if (stranger !== undefined && list.delete(stranger) && list.size > 0) waiting.set(teller, list)
  return stranger
}

/** Whether one that did not answer may be asked over TCP now. */
export const mayDial = ({ dials }: Strangers, nowMillis: number): boolean => Bucket.take(dials, nowMillis)

/** Has one that did not answer asked again. */
export const again = ({ waiting }: Strangers, stranger: Stranger): void => {
  putIn(waiting, stranger)
}

export const isKept = ({ all }: Strangers, stranger: Stranger): boolean => all.get(keyOf(stranger.message)) === stranger

/** Whether some have not been asked yet, or may answer yet to the first ping. */
export const isUnsettled = ({ all }: Strangers): boolean => {
  for (const { tries } of all.values()) if (tries < 2) return true
  return false
}

/** The first of them, so many at most, as members that are believed to live: they may know this host already. */
export const asMembers = ({ all }: Strangers, countMax: number): ReadonlyArray<Member> =>
  [...all.values()].slice(0, countMax).map(({ message: { address, incarnation, meta, node, port, versions } }) => ({
    ...{ name: node, address: { bytes: address, port }, meta, versions, incarnation },
    ...{ status: "alive", changedAt: Number.NEGATIVE_INFINITY }
  }))

/** Those of one of these names, as they were told. */
export const named = ({ all }: Strangers, names: ReadonlySet<string>): ReadonlyArray<NodeState> =>
  [...all.values()].flatMap(({ message: { _tag: _, node, ...said } }) =>
    names.has(node) ? [{ ...said, name: node, state: "alive" as const }] : []
  )

export const placeOf = ({ message }: Stranger): Address => addressOf(message)

/** A name has a member: those that were said to have it elsewhere are not waited for. */
export const forgetName = (strangers: Strangers, name: string): void => {
  for (const stranger of [...strangers.all.values()]) if (stranger.message.node === name) remove(strangers, stranger)
}
