/**
 * Counting incarnations from the start again: when they run out, and when somebody may believe one that is out of reach.
 *
 * An incarnation out of reach cannot be refuted by a higher one, which would be out of reach for all who were not misled.
 * So the host says in its metadata that it counts anew. Who was misled knows by that that the lower count is the later one;
 * all others take it as any change, where the count can go on. Where it cannot, members of other programs hear of a
 * leave, and take the host in again when they have forgotten it.
 * Limits: one answer per second to what is out of reach.
 * Source: faults.md, D-13, U16 and G17.
 */

import * as Buckets from "../Buckets.ts"
import type { Config } from "./Config.ts"
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { aliveOf, broadcast, dropped, type Turn } from "./State.ts"

type Word = Pick<Member, "incarnation" | "meta">

/** How far above what is known an `alive` may be: enough for the answer to any accusation that is within reach. */
export const answerReach = ({ incarnationJumpMax }: Config["limits"]): number => incarnationJumpMax + 1

/** Below this a host can go on counting. Who knows it above this believes a lower count, also one that has gone on a while. */
const goesOnMax = ({ limits }: Config): number => limits.incarnationJumpMax / 2

/** Whether a host has begun to count anew: its word is the later one though its incarnation is lower. */
export const startsOver = (config: Config, known: Word, said: Word): boolean =>
  known.incarnation > goesOnMax(config) &&
  said.incarnation <= config.limits.incarnationJumpMax &&
  config.lives.isLater(said.meta, known.meta)

/** Counts anew, above what was `heard` of ourselves, if anything; false when our metadata cannot say so. */
export const startOver = (turn: Turn, claimed: number, heard: Uint8Array | undefined): boolean => {
  const { config, members, self } = turn.state
  const before = self.member
  const meta = config.lives.next(before.meta, heard)
  if (meta === undefined || meta.length > config.limits.metaBytesMax) return false
  const goesOn = before.incarnation < goesOnMax(config)
  const member: Member = { ...before, meta, incarnation: goesOn ? before.incarnation + 1 : 1 }
  const { name } = member
  Members.update(members, self, member)
  turn.state.isRecognized = true
  broadcast(turn.state, name, aliveOf(member))
  if (!goesOn) {
    const incarnation = Math.max(before.incarnation, claimed)
    // No name has a slash, so this does not displace our alive.
    broadcast(turn.state, `${name}/`, { _tag: "Dead", incarnation, node: name, from: name })
  }
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: true, accusers: [] })
  return true
}

/** Somebody said something of ourselves that is too far above what we are at. */
export const outOfReach = (turn: Turn, claimed: number, heard: Uint8Array | undefined): Turn => {
  const { leaving, startOverLimit } = turn.state
  const isAnswered = leaving === "no" && Buckets.take(startOverLimit, "", turn.now) && startOver(turn, claimed, heard)
  return isAnswered ? turn : dropped(turn, "incarnationJump")
}

/** Somebody knows us at an incarnation so far below ours that ours is out of reach there. */
export const outrun = (turn: Turn, claimed: number, heard: Uint8Array | undefined): Turn => {
  const { config, leaving, self, startOverLimit } = turn.state
  const isFar = self.member.incarnation - claimed > answerReach(config.limits)
  if (isFar && leaving === "no" && Buckets.take(startOverLimit, "", turn.now)) startOver(turn, claimed, heard)
  return turn
}
