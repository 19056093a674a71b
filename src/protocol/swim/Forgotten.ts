/**
 * Remembers members removed from the list, so that an old `alive` cannot bring them back.
 *
 * Bounded in number and time. Source: faults.md, U22; security.md, D-9.
 */
import type { Limits } from "./Config.ts"
import type { Member } from "./Member.ts"

/** By name, oldest first. */
export type Forgotten = Map<string, { readonly member: Member; readonly untilMillis: number }>

export const make = (): Forgotten => new Map()

export const remember = (forgotten: Forgotten, member: Member, limits: Limits, nowMillis: number): void => {
  // A member that was never alive has sent nothing that could be replayed.
  if (member.incarnation === 0 || limits.forgottenMax < 1) return
  forgotten.delete(member.name)
  const oldest = forgotten.size >= limits.forgottenMax ? forgotten.keys().next().value : undefined
  if (oldest !== undefined) forgotten.delete(oldest)
  forgotten.set(member.name, { member, untilMillis: nowMillis + limits.forgottenMillis })
}

/** Drops expired records. */
export const expire = (forgotten: Forgotten, nowMillis: number): void => {
  for (const [name, { untilMillis }] of forgotten) {
    if (untilMillis > nowMillis) return
    forgotten.delete(name)
  }
}
