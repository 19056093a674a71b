/** Member: the belief of one host about a host. */
import type { Address } from "../Address.ts"

export type Status = "alive" | "suspect" | "dead" | "left"

/** A snapshot: a change of belief makes a new value. */
export interface Member {
  readonly name: string
  readonly address: Address
  readonly meta: Uint8Array
  /** Six bytes: protocol min, max, current, delegate min, max, current. */
  readonly versions: Uint8Array
  readonly incarnation: number
  readonly status: Status
  /** Monotonic time at which the status last changed; -Infinity for a record that was never alive. */
  readonly changedAt: number
}

/** Address of a message, and the member there, if known. */
export interface Recipient {
  readonly to: Address
  readonly member: Member | undefined
}

/** Whether a member is alive or suspect: a suspect counts as alive until its time-out. */
export const isLive = (member: Member): boolean => member.status === "alive" || member.status === "suspect"

export const isGone = (member: Member): boolean => member.status === "dead" || member.status === "left"

const speaks = (member: Pick<Member, "versions">, protocol: number): boolean => (member.versions[1] ?? 0) >= protocol

export const answersTcpPings = (member: Pick<Member, "versions">): boolean => speaks(member, 3)

export const sendsNacks = (member: Member): boolean => speaks(member, 4)

export const readsCrc = (member: Member): boolean => speaks(member, 5)
