/** Handles the free name of a dead member: accepts a recent claim, else exchanges states with the claim's address. */
import { alive } from "./Alive.ts"
import { claimOf, placeOf } from "./Claim.ts"
import type { Turn } from "./State.ts"

export const claimDue = (turn: Turn, name: string): Turn => {
  const entry = turn.state.members.byName.get(name)
  if (entry === undefined || entry.member.status !== "dead") return turn
  const claim = claimOf(turn, entry)
  if (claim !== undefined) return alive(turn, claim, undefined)
  const to = placeOf(turn, entry)
  if (to !== undefined) turn.outputs.push({ _tag: "PushPull", to, name })
  return turn
}
