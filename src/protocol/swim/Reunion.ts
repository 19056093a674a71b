/**
 * Whom a host looks for since it does not see them: its seeds, and now and then one of the members that it lost.
 *
 * So two halves of a cluster become one again after any time, and the dead are not looked for by all at once.
 * Source: design.md, law 9; faults.md, N7 and N8.
 */
import { type Address, format } from "../Address.ts"
import { isLive, type Status } from "./Member.ts"
import { isSamePlace } from "./Packets.ts"
import { below } from "./Sampling.ts"
import type { State } from "./State.ts"

/** Members that died and did not come back, by name, the longest gone first. */
export type Lost = Map<string, Address>

const lostMax = 1024

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

/** Where to look now, each place once. */
export const targets = (
  state: State,
  lost: Lost,
  seeds: ReadonlyArray<Address>,
  random: () => number
): ReadonlyArray<Address> => {
  const wanted = [...seeds, ...oneOf(state, lost, random)].filter(
    (address) => !isSamePlace(address, state.self.member.address) && !isSeen(state, address)
  )
  return [...new Map(wanted.map((address) => [format(address), address])).values()]
}

/** How long to wait before the next look. */
export const pauseMillis = (meanMillis: number, random: () => number): number => meanMillis * (0.75 + 0.5 * random())
