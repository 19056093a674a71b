/**
 * Chooses unseen addresses for a host to contact: its seeds, and lost members.
 *
 * So two halves of a cluster reunite after any time. Each host decides every few seconds, at random, whether to contact
 * a lost member; all hosts of one side together contact about one per second, whatever its size, and fewer the longer
 * ago the last loss was.
 * Source: design.md, law 9; faults.md, N7 and N8.
 */
import { type Address, format } from "../Address.ts"
import { isLive, type Status } from "./Member.ts"
import { isSamePlace } from "./Packets.ts"
import { below, choose } from "./Sampling.ts"
import type { State } from "./State.ts"

interface Loss {
  readonly address: Address
  readonly atMillis: number
}

/** Members that died and did not come back, by name, the longest gone first. */
export type Lost = Map<string, Loss>

const lostMax = 1024

/** Seeds contacted at one time: a DNS name with a hundred dead addresses must not fill a host with dials. */
const seedsMax = 4

/** Pause of a host between decisions whether to contact a lost member. */
export const seekMillis = 2_000

/** Hosts of one side that contact a lost member per decision, in the first time after a loss; fewer after that. */
const seekersMax = 2
const latelyMillis = 15 * 60_000

/** Interval in which some host contacts each lost member, however long ago it was lost. */
const longMillis = 40_000

export const makeLost = (): Lost => new Map()

/** Updates the lost members with a member's new status. */
export const note = (lost: Lost, name: string, status: Status, address: Address, nowMillis: number): void => {
  lost.delete(name)
  if (status !== "dead") return
  const [oldest] = lost.keys()
  if (lost.size >= lostMax && oldest !== undefined) lost.delete(oldest)
  lost.set(name, { address, atMillis: nowMillis })
}

/** Whether a live member has this address, the host itself included. */
export const isSeen = ({ members }: State, address: Address): boolean =>
  members.order.some(({ member }) => isLive(member) && isSamePlace(member.address, address))

/** Returns how many hosts of one side should contact one of `losses` now, on average. */
const seekers = (losses: ReadonlyArray<Loss>, others: number, nowMillis: number): number => {
  const last = losses.at(-1)?.atMillis ?? nowMillis
  const lately = seekersMax * Math.min(1, latelyMillis / Math.max(1, nowMillis - last))
  return Math.max(lately, (Math.min(losses.length, others) * seekMillis) / longMillis)
}

/** Draws a lost member to contact now, preferring recent losses; undefined for none. */
export const sought = (state: State, lost: Lost, nowMillis: number, random: () => number): Address | undefined => {
  const losses = [...lost.values()]
  const others = state.members.live - 1
  if (losses.length === 0 || random() * others >= seekers(losses, others, nowMillis)) return undefined
  const back = below(() => random() ** 2, losses.length)
  const address = losses.at(-1 - back)?.address
  return address === undefined || isSeen(state, address) ? undefined : address
}

/** Draws seeds to contact now: addresses without a live member, each once. */
export const unseen = (state: State, seeds: ReadonlyArray<Address>, random: () => number): ReadonlyArray<Address> => {
  const wanted = seeds.filter((address) => !isSamePlace(address, state.self.member.address) && !isSeen(state, address))
  const places = [...new Map(wanted.map((address) => [format(address), address])).values()]
  return choose(random, places, seedsMax, () => true)
}

/** Draws a pause within a quarter of `meanMillis`. */
export const pauseMillis = (meanMillis: number, random: () => number): number => meanMillis * (0.75 + 0.5 * random())
