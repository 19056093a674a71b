/**
 * Doubts: changes of other hosts that may be forgeries, and what look-ups show meanwhile.
 *
 * A host contradicts at once what it did not write. So a change that its host takes back within {@link doubtMillis} was
 * a forgery, or its host cannot make up its mind. A host that took back {@link contradictionsMin} changes is disputed for
 * {@link disputedMillis}, and its next changes are held: look-ups show what they showed before until
 * {@link doubtMillis} have passed without another word of the host for that. So a flood of forgeries has no effect after
 * the first few, and a true change of a disputed host shows late.
 *
 * A doubt is of look-ups alone. The records, their digest, and what is passed on are as without it.
 *
 * Bounds: doubts in all, held ones and others per host, and time. A change without room for a doubt shows at once.
 * Source: design.md, law 7; faults.md, row R1.
 */
import { isSameContract, type NameRecord } from "./NameRecords.ts"
import * as View from "./View.ts"

/** Time in which a host may contradict a change, in milliseconds: more than news takes to 1,000 hosts and back. */
export const doubtMillis = 3_000

/** Contradictions after which a host is disputed: a name that is exposed anew is one. */
export const contradictionsMin = 2

/** How long a host stays disputed after its last contradiction, in milliseconds. */
export const disputedMillis = 60_000

/** Doubts of all hosts; held ones of one host; and its others, of which a single one shows a forgery. */
export const doubtsMax = 32_768
export const heldMax = 4_096
export const changesMax = 16

interface Common {
  readonly host: string
  /** Time of the change, or of the latest contradiction while it is held, in milliseconds. */
  at: number
  /** True while look-ups show what was before the change. */
  readonly isHeld: boolean
}

/** Doubt about a record of a name. */
export interface NameDoubt extends Common {
  readonly _tag: "Name"
  readonly name: string
  /** Record that look-ups showed before; undefined for none. */
  readonly word: NameRecord | undefined
  /** Highest version at which the host has said the same. */
  version: number
}

/** Doubt about the metadata of a member, such as the port of its flows. */
export interface HostDoubt extends Common {
  readonly _tag: "Host"
  readonly before: View.Host
  /** Host as the member shows it. */
  after: View.Host
}

export type Doubt = NameDoubt | HostDoubt

interface OfHost {
  contradictions: number
  contradictedAt: number
  readonly names: Map<string, NameDoubt>
  member: HostDoubt | undefined
  held: number
}

export interface Doubts {
  readonly hosts: Map<string, OfHost>
  /** All doubts, in the order of `at`. */
  readonly queue: Set<Doubt>
  held: number
}

export const make = (): Doubts => ({ hosts: new Map(), queue: new Set(), held: 0 })

const ofHost = (doubts: Doubts, host: string): OfHost => {
  const found = doubts.hosts.get(host)
  if (found !== undefined) return found
  const made: OfHost = { contradictions: 0, contradictedAt: 0, names: new Map(), member: undefined, held: 0 }
  doubts.hosts.set(host, made)
  return made
}

const isLive = (word: NameRecord | undefined): word is NameRecord => word !== undefined && !word.isTombstone

/** Returns true when look-ups cannot tell two words of a host on a name apart. */
const isSameWord = (a: NameRecord | undefined, b: NameRecord | undefined): boolean =>
  isLive(a) && isLive(b) ? a.ownership === b.ownership && isSameContract(a, b) : isLive(a) === isLive(b)

/** Returns true when the next change of a host is held. */
export const isDisputed = ({ hosts }: Doubts, host: string, now: number): boolean => {
  const found = hosts.get(host)
  if (found === undefined || found.contradictions < contradictionsMin) return false
  return now - found.contradictedAt < disputedMillis
}

const count = (doubts: Doubts, host: string, now: number): void => {
  const found = ofHost(doubts, host)
  if (now - found.contradictedAt >= disputedMillis) found.contradictions = 0
  found.contradictions += 1
  found.contradictedAt = now
}

const add = (doubts: Doubts, doubt: Doubt): void => {
  const found = ofHost(doubts, doubt.host)
  if (doubt._tag === "Name") found.names.set(doubt.name, doubt)
  else found.member = doubt
  doubts.queue.add(doubt)
  if (!doubt.isHeld) return
  found.held += 1
  doubts.held += 1
}

const remove = (doubts: Doubts, doubt: Doubt): void => {
  if (!doubts.queue.delete(doubt)) return
  const found = ofHost(doubts, doubt.host)
  if (doubt._tag === "Name") found.names.delete(doubt.name)
  else found.member = undefined
  if (!doubt.isHeld) return
  found.held -= 1
  doubts.held -= 1
}

/** Returns true when there is room for another doubt of a host. */
const hasRoom = ({ hosts, queue }: Doubts, host: string, isHeld: boolean): boolean => {
  if (queue.size >= doubtsMax) return false
  const found = hosts.get(host)
  return found === undefined || (isHeld ? found.held < heldMax : found.names.size - found.held < changesMax)
}

/** Returns the record of a name that look-ups show; `live` is the record that is held here. */
export const shown = ({ hosts }: Doubts, host: string, name: string, live: NameRecord | undefined) => {
  const found = hosts.get(host)
  if (found === undefined || found.held === 0) return live
  const doubt = found.names.get(name)
  return doubt?.isHeld === true ? doubt.word : live
}

/** Names of a host whose change is held. */
export const heldNames = ({ hosts }: Doubts, host: string): ReadonlyArray<string> => {
  const found = hosts.get(host)
  if (found === undefined || found.held === 0) return []
  return [...found.names.values()].flatMap(({ isHeld, name }) => (isHeld ? [name] : []))
}

/**
 * Hears a record of another host, whether it is news here or came too late: one that repeats what was shown before a
 * change contradicts that change.
 */
export const hear = (doubts: Doubts, record: NameRecord, now: number): void => {
  const doubt = doubts.hosts.get(record.host)?.names.get(record.name)
  if (doubt === undefined || record.version <= doubt.version || !isSameWord(doubt.word, record)) return
  count(doubts, doubt.host, now)
  doubt.version = record.version
  if (!doubt.isHeld) return
  doubt.at = now
  doubts.queue.delete(doubt)
  doubts.queue.add(doubt)
}

export interface Change {
  /** Record that is held here from now on. */
  readonly record: NameRecord
  /** Record that look-ups have shown so far; undefined for none. */
  readonly before: NameRecord | undefined
  /** Tells whether other hosts are shown as owners of the name. */
  readonly hasRivals: () => boolean
}

/**
 * Notes a change of a name of another host. Returns the record that look-ups show from now on.
 *
 * A claim of a new name is held only where it would compete with others: elsewhere it harms nobody.
 */
export const note = (doubts: Doubts, { before, hasRivals, record }: Change, now: number): NameRecord | undefined => {
  const { host, name, version } = record
  const after = isLive(record) ? record : undefined
  const doubt = doubts.hosts.get(host)?.names.get(name)
  if (doubt !== undefined && isSameWord(doubt.word, record)) {
    remove(doubts, doubt)
    return after
  }
  if (doubt?.isHeld === true) return doubt.word
  if (doubt === undefined && isSameWord(before, record)) return after
  // The word before the first of several changes counts: forgeries may follow each other.
  const word = doubt === undefined ? before : doubt.word
  const isHeld = isDisputed(doubts, host, now) && (word !== undefined || hasRivals())
  const isNews = isHeld || (doubt === undefined && word !== undefined)
  if (!isNews || !hasRoom(doubts, host, isHeld)) return after
  if (doubt !== undefined) remove(doubts, doubt)
  add(doubts, { _tag: "Name", host, name, word, version: doubt?.version ?? word?.version ?? version, at: now, isHeld })
  return isHeld ? word : after
}

/**
 * Notes that a member shows other metadata of the same life. `before` is the host as look-ups have shown it. Returns
 * the host that they show from now on.
 */
export const noteHost = (doubts: Doubts, before: View.Host, after: View.Host, now: number): View.Host => {
  const host = before.id
  const doubt = doubts.hosts.get(host)?.member
  if (doubt !== undefined && View.isSameHost(doubt.before, after)) {
    remove(doubts, doubt)
    count(doubts, host, now)
    return doubt.before
  }
  if (doubt?.isHeld === true) {
    doubt.after = after
    return doubt.before
  }
  if (View.isSameHost(before, after)) return before
  const isHeld = isDisputed(doubts, host, now)
  if ((doubt !== undefined && !isHeld) || !hasRoom(doubts, host, isHeld)) return after
  if (doubt !== undefined) remove(doubts, doubt)
  const word = doubt?.before ?? before
  add(doubts, { _tag: "Host", host, before: word, after, at: now, isHeld })
  return isHeld ? word : after
}

/** Returns the time at which a held change is due; infinity for none. It may be early. */
export const nextDeadline = ({ held, queue }: Doubts): number => {
  const first = held === 0 ? undefined : queue.values().next().value
  return first === undefined ? Number.POSITIVE_INFINITY : first.at + doubtMillis
}

/** Ends the doubts that are over. Returns the held ones: their changes are to be shown. */
export const expire = (doubts: Doubts, now: number): ReadonlyArray<Doubt> => {
  const due: Array<Doubt> = []
  for (const doubt of doubts.queue) {
    if (doubt.at + doubtMillis > now) break
    remove(doubts, doubt)
    if (doubt.isHeld) due.push(doubt)
  }
  return due
}

/** Ends all doubts about a host, whose records are replaced by those of another life. */
export const clear = (doubts: Doubts, host: string): void => {
  const found = doubts.hosts.get(host)
  if (found === undefined) return
  for (const doubt of [...found.names.values()]) remove(doubts, doubt)
  if (found.member !== undefined) remove(doubts, found.member)
}

/** Forgets the hosts about which there is no doubt, and that are disputed no more. */
export const sweep = ({ hosts }: Doubts, now: number): void => {
  for (const [host, { contradictedAt, member, names }] of hosts)
    if (names.size === 0 && member === undefined && now - contradictedAt >= disputedMillis) hosts.delete(host)
}
