/**
 * Whom a host looks for since it does not see them: its seeds, and the members that it lost.
 *
 * So two halves of a cluster become one again after any time. Each host makes a decision every few seconds, by chance, such
 * that all hosts of a side together look for one of the lost about every second, whatever its size; the longer ago the last
 * loss, the more seldom.
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

/** Seeds that one look tries: a name that stands for a hundred dead addresses must not fill a host with dials. */
const seedsMax = 4

/** Pause of a host between two decisions whether to look for one of the lost. */
export const seekMillis = 2_000

/** How many of a side look for one of the lost at each decision, for so long after the last loss, and less after that. */
const seekersMax = 2
const latelyMillis = 15 * 60_000

/** Each of the lost is looked for by somebody about so often, however long ago they were lost. */
const longMillis = 40_000

export const makeLost = (): Lost => new Map()

/** Takes in what is believed of a member by now. */
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

/** How many hosts of a side are to look for one of these now. */
const seekers = (losses: ReadonlyArray<Loss>, others: number, nowMillis: number): number => {
  const last = losses.at(-1)?.atMillis ?? nowMillis
  const lately = seekersMax * Math.min(1, latelyMillis / Math.max(1, nowMillis - last))
  return Math.max(lately, (Math.min(losses.length, others) * seekMillis) / longMillis)
}

/** One of the lost to look for now, if any: rather one that was lost lately. */
export const sought = (state: State, lost: Lost, nowMillis: number, random: () => number): Address | undefined => {
  const losses = [...lost.values()]
  const others = state.members.live - 1
  if (losses.length === 0 || random() * others >= seekers(losses, others, nowMillis)) return undefined
  const back = below(() => random() ** 2, losses.length)
  const address = losses.at(-1 - back)?.address
  return address === undefined || isSeen(state, address) ? undefined : address
}

/** Seeds to try now, each place once, since nobody is seen there. */
export const unseen = (state: State, seeds: ReadonlyArray<Address>, random: () => number): ReadonlyArray<Address> => {
  const wanted = seeds.filter((address) => !isSamePlace(address, state.self.member.address) && !isSeen(state, address))
  const places = [...new Map(wanted.map((address) => [format(address), address])).values()]
  return choose(random, places, seedsMax, () => true)
}

/** How long to wait before the next look. */
export const pauseMillis = (meanMillis: number, random: () => number): number => meanMillis * (0.75 + 0.5 * random())
