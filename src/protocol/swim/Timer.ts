/** Timers of a host. */

export type Timer =
  | { readonly _tag: "ProbeTick" }
  | { readonly _tag: "ProbeTimeout" }
  | { readonly _tag: "ProbeDeadline" }
  | { readonly _tag: "RollCallTimeout"; readonly seq: number }
  | { readonly _tag: "RollCallDeadline"; readonly seq: number }
  | { readonly _tag: "RelayExpired"; readonly seq: number }
  | { readonly _tag: "SuspicionExpired"; readonly name: string }
  | { readonly _tag: "LeaveDue"; readonly name: string }
  | { readonly _tag: "StrangerDue"; readonly seq: number }
  | { readonly _tag: "StrangersTick" }
  | { readonly _tag: "GossipTick" }
  | { readonly _tag: "PushPullTick" }
  | { readonly _tag: "StandingTick" }
  | { readonly _tag: "ClaimDue"; readonly name: string }
  | { readonly _tag: "ClaimCheck"; readonly name: string }

/** Returns the next tick of a loop; missed ticks are skipped. */
export const nextTick = (dueMillis: number, intervalMillis: number, nowMillis: number): number =>
  dueMillis + intervalMillis * (Math.floor(Math.max(0, nowMillis - dueMillis) / intervalMillis) + 1)
