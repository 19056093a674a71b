/**
 * Which owner of a name a connect reaches for, which one it opens a flow to, and when none is left.
 *
 * Owners are reached for in their order. The next one is begun once the last one begun has failed, or has been silent for
 * `patienceMillis`: so much a silent owner costs, and no more. The first that answers is opened. From then on nobody else
 * is, since that owner may take the flow, or have started a handler: only `failed`, which says that it has not, leads on.
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
  /** When it was begun. */
  sinceMillis: number
  /** Why it failed. */
  failure: E | undefined
}

export interface Attempts<A, E> {
  readonly all: ReadonlyArray<Attempt<A, E>>
  /** How long the last owner that was begun may be silent before the next one is begun, in milliseconds. */
  readonly patienceMillis: number
  /** The last failure, in time. */
  failure: E | undefined
}

/** What to do: reach for an owner, open a flow to it, wait so many milliseconds for news, or give up. */
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

/** Decides, and counts as done what it says. */
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

/** The owner has given a sign of life. */
export const reached = <A, E>(attempt: Attempt<A, E>): void => {
  if (attempt.status === "reaching") attempt.status = "reached"
}

/** The owner cannot be reached, or was opened and has started no handler. */
export const failed = <A, E>(attempts: Attempts<A, E>, attempt: Attempt<A, E>, failure: E): void => {
  attempt.status = "failed"
  attempt.failure = failure
  attempts.failure = failure
}

/** Those that were begun, in their order. */
export const begun = <A, E>({ all }: Attempts<A, E>): ReadonlyArray<Attempt<A, E>> =>
  all.filter(({ status }) => status !== "waiting")

/** Those that have had their time to answer, and have not. */
export const silent = <A, E>(
  { all, patienceMillis }: Attempts<A, E>,
  nowMillis: number
): ReadonlyArray<Attempt<A, E>> =>
  all.filter(({ sinceMillis, status }) => status === "reaching" && nowMillis - sinceMillis >= patienceMillis)
