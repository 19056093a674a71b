/**
 * Whom a host looks for since it does not see them: its seeds, and now and then one of the members that it lost.
 *
 * So two halves of a cluster become one again after any time, and the dead are not looked for by all at once.
 * Source: design.md, law 9; faults.md, N7 and N8.
 */
import { type Address, format } from "../Address.ts"
import { isLive, type Status } from "./Member.ts"
import { isSamePlace } from "./Packets.ts"
import { below, choose } from "./Sampling.ts"
import type { State } from "./State.ts"

/** Members that died and did not come back, by name, the longest gone first. */
export type Lost = Map<string, Address>

const lostMax = 1024

/** Seeds that one look tries: a name that stands for a hundred dead addresses must not fill a host with dials. */
const seedsMax = 4

export const makeLost = (): Lost => new Map()

/** Takes in what is believed of a member by now. */
export const note = (lost: Lost, name: string, status: Status, address: Address): void => {
  lost.delete(name)
  if (status !== "dead") return
  const [oldest] = lost.keys()
  if (lost.size >= lostMax && oldest !== undefined) lost.delete(oldest)
  lost.set(name, address)
}

/** Whether a live member has this address, the host itself included. */
export const isSeen = ({ members }: State, address: Address): boolean =>
  members.order.some(({ member }) => isLive(member) && isSamePlace(member.address, address))

/** The more are lost, the more of the others look for one of them. */
const oneOf = ({ members }: State, lost: Lost, random: () => number): ReadonlyArray<Address> => {
  const others = members.live - 1
  if (lost.size === 0 || random() * others >= lost.size) return []
  const chosen = [...lost.values()][below(random, lost.size)]
  return chosen === undefined ? [] : [chosen]
}

/** Where to look now, each place once: some of the seeds that are not seen, and perhaps one that was lost. */
export const targets = (
  state: State,
  lost: Lost,
  seeds: ReadonlyArray<Address>,
  random: () => number
): ReadonlyArray<Address> => {
  const unseen = (addresses: ReadonlyArray<Address>): ReadonlyArray<readonly [string, Address]> =>
    addresses
      .filter((address) => !isSamePlace(address, state.config.address) && !isSeen(state, address))
      .map((address) => [format(address), address])
  const wanted = choose(random, [...new Map(unseen(seeds))], seedsMax, () => true)
  return [...new Map([...wanted, ...unseen(oneOf(state, lost, random))]).values()]
}

/** How long to wait before the next look. */
export const pauseMillis = (meanMillis: number, random: () => number): number => meanMillis * (0.75 + 0.5 * random())
