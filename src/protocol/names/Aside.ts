/**
 * Records set aside: the records of lives that membership does not show. They wait, and change nothing.
 *
 * A life is believed only from the metadata of its member. So the records of a restarted host can come before the news
 * of the restart, and those of a newcomer before the newcomer; and a life that was believed until a moment ago may come
 * back, when its successor was a forgery. Records set aside are given to nobody.
 *
 * Bounds: records in all and per host, lives per host, and time. A record without room is brought by the exchange of
 * digests once its life is believed.
 */
import * as Claims from "./Claims.ts"
import type { Limits } from "./DirectoryLimits.ts"
import { type NameRecord, supersedes } from "./NameRecords.ts"

export interface Waiting {
  readonly claims: Claims.Claims
  /** True for a life that was believed until a moment ago. */
  readonly isFormer: boolean
  /** Time of the last addition, in milliseconds. */
  at: number
}

/** Lives by generation, in the order in which they were set aside. */
export type Lives = Map<number, Waiting>

export interface Aside {
  /** Lives by host id. */
  readonly hosts: Map<string, Lives>
  /** Records of all hosts that came before their life was believed. */
  records: number
  /** Records of former lives. */
  former: number
}

export const make = (): Aside => ({ hosts: new Map(), records: 0, former: 0 })

export const livesOf = (aside: Aside, host: string): Lives | undefined => aside.hosts.get(host)

const count = (aside: Aside, { claims, isFormer }: Waiting, sign: 1 | -1): void => {
  if (isFormer) aside.former += sign * Claims.size(claims)
  else aside.records += sign * Claims.size(claims)
}

/** Removes and returns the records set aside of a life; undefined when there are none. */
export const take = (aside: Aside, host: string, generation: number): Claims.Claims | undefined => {
  const lives = aside.hosts.get(host)
  const waiting = lives?.get(generation)
  if (lives === undefined || waiting === undefined) return undefined
  lives.delete(generation)
  if (lives.size === 0) aside.hosts.delete(host)
  count(aside, waiting, -1)
  return waiting.claims
}

/** Divisor of the room: one host takes at most a quarter of it. */
const shares = 4

/** Returns true when one more record of a host finds room, also as a new life. */
const hasRoom = ({ hosts, records }: Aside, { generation, host }: NameRecord, limits: Limits): boolean => {
  const lives = hosts.get(host)
  if (records >= limits.asideRecordsMax) return false
  if (lives === undefined) return true
  if (!lives.has(generation) && lives.size >= limits.asideLivesMax) return false
  let own = 0
  for (const { claims, isFormer } of lives.values()) if (!isFormer) own += Claims.size(claims)
  return own < limits.asideRecordsMax / shares
}

/** Sets a record aside. Returns false when there is no room, or its version jumps too far. */
export const put = (aside: Aside, record: NameRecord, limits: Limits, now: number): boolean => {
  const { generation, host, name, version } = record
  const before = aside.hosts.get(host)?.get(generation)
  const known = before && Claims.get(before.claims, name)
  if (known !== undefined && !supersedes(record, known)) return true
  if (version - (before?.claims.versionMax ?? 0) > limits.versionJumpMax) return false
  if (known === undefined && !hasRoom(aside, record, limits)) return false
  const waiting = before ?? { claims: Claims.make(generation), isFormer: false, at: now }
  count(aside, waiting, -1)
  Claims.put(waiting.claims, record, now)
  Claims.noteVersion(waiting.claims, version)
  count(aside, waiting, 1)
  waiting.at = now
  const lives: Lives = aside.hosts.get(host) ?? new Map()
  lives.set(generation, waiting)
  aside.hosts.set(host, lives)
  return true
}

/** Keeps the records of a former life in case it is believed again: one such life per host, if there is room. */
export const keep = (aside: Aside, host: string, claims: Claims.Claims, limits: Limits, now: number): void => {
  const size = Claims.size(claims)
  if (size === 0 || aside.former + size > limits.asideRecordsMax) return
  for (const [generation, { isFormer }] of [...(aside.hosts.get(host) ?? [])])
    if (isFormer || generation === claims.generation) take(aside, host, generation)
  const lives: Lives = aside.hosts.get(host) ?? new Map()
  lives.set(claims.generation, { claims, isFormer: true, at: now })
  aside.hosts.set(host, lives)
  aside.former += size
}

/** Returns true when a life of this host is set aside that is later than `generation`, the one believed. */
export const hasLater = (aside: Aside, host: string, generation: number): boolean =>
  [...(aside.hosts.get(host)?.keys() ?? [])].some((waiting) => waiting > generation)

/** Forgets the lives to which nothing was added since `until`. */
export const expire = (aside: Aside, until: number): void => {
  for (const [host, lives] of [...aside.hosts])
    for (const [generation, { at }] of [...lives]) if (at <= until) take(aside, host, generation)
}
