/**
 * Restarts the count of incarnations: when it runs out, or when some host may believe an incarnation out of reach.
 *
 * A higher incarnation cannot refute one that is out of reach, since it would be out of reach for all other hosts. So
 * the host says in its metadata that it counts anew. Misled hosts learn from it that the lower count is the later one;
 * others take it as any change, if the count can go on. If it cannot, members of other programs hear of a leave, and
 * accept the host again when they have forgotten it.
 * Limits: one answer per second to incarnations out of reach.
 * Source: faults.md, U16 and G17; security.md, D-13.
 */

import * as Buckets from "../Buckets.ts"
import type { Config } from "./Config.ts"
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { aliveOf, broadcast, dropped, type Turn } from "./State.ts"

type Word = Pick<Member, "incarnation" | "meta">

/** Largest step of an `alive` above the known incarnation: enough to refute any accusation within reach. */
export const answerReach = ({ incarnationJumpMax }: Config["limits"]): number => incarnationJumpMax + 1

/** Bound below which a host goes on counting. Hosts that know it above accept a lower count, even some steps on. */
const goesOnMax = ({ limits }: Config): number => limits.incarnationJumpMax / 2

/** Whether a host counts anew: its message is later although its incarnation is lower. */
export const startsOver = (config: Config, known: Word, said: Word): boolean =>
  known.incarnation > goesOnMax(config) &&
  said.incarnation <= config.limits.incarnationJumpMax &&
  config.lives.isLater(said.meta, known.meta)

/** Counts anew, with metadata later than `heard`; false when the metadata cannot say so. */
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
    // No name contains a slash, so this does not displace the host's alive.
    broadcast(turn.state, `${name}/`, { _tag: "Dead", incarnation, node: name, from: name })
  }
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: true, accusers: [] })
  return true
}

/** Handles an incarnation of this host that is too far above its own. */
export const outOfReach = (turn: Turn, claimed: number, heard: Uint8Array | undefined): Turn => {
  const { leaving, startOverLimit } = turn.state
  const isAnswered = leaving === "no" && Buckets.take(startOverLimit, "", turn.now) && startOver(turn, claimed, heard)
  return isAnswered ? turn : dropped(turn, "incarnationJump")
}

/** Handles a message that knows this host so far below its incarnation that its own `alive` is out of reach there. */
export const outrun = (turn: Turn, claimed: number, heard: Uint8Array | undefined): Turn => {
  const { config, leaving, self, startOverLimit } = turn.state
  const isFar = self.member.incarnation - claimed > answerReach(config.limits)
  if (isFar && leaving === "no" && Buckets.take(startOverLimit, "", turn.now)) startOver(turn, claimed, heard)
  return turn
}
