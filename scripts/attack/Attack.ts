/** An attack, as the table has it. */
import type { Means } from "./Means.ts"
import type { Target } from "./Orders.ts"

/**
 * Who can do it. O reaches only the ports. M is a member of the membership plane, which without keys is whoever reaches its
 * port. C may open flows, which without TLS is whoever reaches their port. S owns a name that a host calls: it is a member, and
 * serves flows. "honest" is a load that is no attack.
 */
export type Attacker = "O" | "M" | "C" | "S" | "honest"

/**
 * What has to become of the attacker. "closed": connections of it are ended or refused. "counted": what it sent is dropped and
 * counted by reason. "borne": it keeps to all bounds, so it may stay.
 */
export type Answer = "closed" | "counted" | "borne"

export interface Attack {
  /** Words with hyphens between. */
  readonly name: string
  /** What it does, for people. */
  readonly says: string
  readonly by: Attacker
  readonly answer: Answer
  /** Unless the command says otherwise. */
  readonly seconds?: number
  /** Bytes that come back for each byte of a datagram sent, at most. */
  readonly amplificationMax?: number
  /** Whether a newcomer that comes meanwhile must be let in. */
  readonly isJoined?: boolean
  /** Whether it is one of encrypted flows alone. */
  readonly isSealedOnly?: boolean
  /** Names to get certificates for, where flows are encrypted. */
  readonly names?: ReadonlyArray<string>
  /** Runs until its time is over. What it throws is its own fault, not the host's. */
  readonly run: Run
  /** Makes what takes long to make before the time begins. */
  readonly prepare?: (target: Target) => Run | Promise<Run>
}

export type Run = (means: Means) => Promise<void>

/** An attack whose bytes are made before its time begins. */
export const prepared = (prepare: (target: Target) => Run): Pick<Attack, "run" | "prepare"> => ({
  prepare,
  run: (means) => prepare(means.target)(means)
})
