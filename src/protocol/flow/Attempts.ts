/**
 * Attempts: the owners of a name that one connect reaches for, one after the other.
 *
 * Owners are reached for in order. The next attempt begins once the last one begun has failed, or has been silent for
 * `patienceMillis`, the most that a silent owner costs. The first owner that answers is opened, and from then on no
 * other, since its flow may be accepted, and an owner of version 0.1.0 may have started a handler: only `failed`,
 * which rules that out, leads on.
 *
 * ```text
 *   waiting ──> reaching ──> reached ──> opening ──> the flow, or an error that is final
 *                  │            ^  │        │
 *                  └────────────┼──┴────────┴──────> failed    no handler was started there
 *   waiting ────────────────────┘  the only one left: there is nothing to choose, so it is opened at once
 * ```
 */
export interface Attempt<A, E> {
  readonly owner: A
  status: "waiting" | "reaching" | "reached" | "opening" | "failed"
  /** Time at which the attempt began, in milliseconds. */
  sinceMillis: number
  /** Error with which the attempt failed. */
  failure: E | undefined
}

export interface Attempts<A, E> {
  readonly all: ReadonlyArray<Attempt<A, E>>
  /** How long the last attempt begun may be silent before the next one begins, in milliseconds. */
  readonly patienceMillis: number
  /** Latest failure of any attempt. */
  failure: E | undefined
}

/** Next step of a connect: reach for an owner, open a flow to it, wait `millis` for news, or give up. */
export type Next<A, E> =
  | { readonly _tag: "Reach"; readonly attempt: Attempt<A, E> }
  | { readonly _tag: "Open"; readonly attempt: Attempt<A, E> }
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "Exhausted" }

export const make = <A, E>(owners: ReadonlyArray<A>, patienceMillis: number): Attempts<A, E> => ({
  all: owners.map((owner) => ({ owner, status: "waiting", sinceMillis: 0, failure: undefined })),
  patienceMillis,
  failure: undefined
})

const begin = <A, E>(attempt: Attempt<A, E>, status: "reaching" | "opening", nowMillis: number): void => {
  if (attempt.status === "waiting") attempt.sinceMillis = nowMillis
  attempt.status = status
}

/** Decides the next step, and marks its attempt as begun. */
export const next = <A, E>({ all, patienceMillis }: Attempts<A, E>, nowMillis: number): Next<A, E> => {
  let last: Attempt<A, E> | undefined
  let waiting: Attempt<A, E> | undefined
  let reached: Attempt<A, E> | undefined
  let left = 0
  for (const attempt of all) {
    if (attempt.status === "opening") return { _tag: "Wait", millis: Number.POSITIVE_INFINITY }
    if (attempt.status === "waiting") waiting ??= attempt
    else last = attempt
    if (attempt.status === "reached") reached ??= attempt
    if (attempt.status !== "failed") left += 1
  }
  if (left === 0) return { _tag: "Exhausted" }
  const opened = reached ?? (left === 1 ? waiting : undefined)
  if (opened !== undefined) {
    begin(opened, "opening", nowMillis)
    return { _tag: "Open", attempt: opened }
  }
  if (waiting === undefined) return { _tag: "Wait", millis: Number.POSITIVE_INFINITY }
  const untilMillis = last === undefined || last.status === "failed" ? nowMillis : last.sinceMillis + patienceMillis
  if (nowMillis < untilMillis) return { _tag: "Wait", millis: untilMillis - nowMillis }
  begin(waiting, "reaching", nowMillis)
  return { _tag: "Reach", attempt: waiting }
}

/** Marks an owner that gave a sign of life. */
export const reached = <A, E>(attempt: Attempt<A, E>): void => {
  if (attempt.status === "reaching") attempt.status = "reached"
}

/** Marks an owner that cannot be reached, or that was opened and started no handler. */
export const failed = <A, E>(attempts: Attempts<A, E>, attempt: Attempt<A, E>, failure: E): void => {
  attempt.status = "failed"
  attempt.failure = failure
  attempts.failure = failure
}

/** Returns the attempts that have begun, in order. */
export const begun = <A, E>({ all }: Attempts<A, E>): ReadonlyArray<Attempt<A, E>> =>
  all.filter(({ status }) => status !== "waiting")

/** Returns the attempts that have been reaching for `patienceMillis` or longer without an answer. */
export const silent = <A, E>(
  { all, patienceMillis }: Attempts<A, E>,
  nowMillis: number
): ReadonlyArray<Attempt<A, E>> =>
  all.filter(({ sinceMillis, status }) => status === "reaching" && nowMillis - sinceMillis >= patienceMillis)
