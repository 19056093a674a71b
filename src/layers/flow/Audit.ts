/**
 * The record of flows that were refused since their callers may not open them: in the log is who wanted what,
 * once a minute for the same, and 64 lines a minute at most, 16 of them on one caller, so that a flood of refused flows is none of
 * lines, and hides no other. What a caller is free to say makes no other line: only what it has proven, and endpoints that there are.
 */
import { type Cause, Clock, Effect, type Scope } from "effect"
import * as Foreign from "../../protocol/Foreign.ts"
import type { Identity } from "../../protocol/Proof.ts"
import * as Told from "../../protocol/Told.ts"
import type { Peer } from "../../services/Flow.ts"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"

export interface Refusal {
  readonly endpoint: string
  readonly peer: Pick<Peer, "id" | "proven">
  /** Whose rule it was, and of which kind, such as "endpoint: members". */
  readonly rule: string
  readonly why: string
  /** What a function failed with that should have decided. */
  readonly cause?: Cause.Cause<unknown> | undefined
}

export interface Audit {
  readonly note: (refusal: Refusal) => Effect.Effect<void>
}

/** How long the same is not told again, and how many different ones are told in that time: in all, and of one caller. */
export const pauseMillis = 60_000
export const linesMax = 64
export const linesOfOneMax = 16

/** The rule that callers do not meet that say to be somebody else than they have proven to be. */
export const identityRule = "identity"

const textLengthMax = 128

/** Of what a function says, which may have come from the caller, and of the subject of a certificate. */
const whyLengthMax = 512

/** Who somebody is, for people and for whoever searches the log for a certificate. */
const identified = (proven: Identity, id: string): string => {
  switch (proven._tag) {
    case "Nothing":
      return id === "" ? "nothing proven" : `nothing proven, says host ${Foreign.quoted(id, textLengthMax)}`
    case "Host":
      return `host ${Foreign.quoted(proven.id, textLengthMax)}`
    case "Client":
      return `client ${Foreign.quoted(proven.certificate.subject, whyLengthMax)} sha256:${proven.certificate.fingerprint}`
  }
}

/** Whose lines they are: those who have proven nothing have theirs together. */
const whoseOf = (proven: Identity): string => {
  if (proven._tag === "Nothing") return ""
  return proven.certificate?.fingerprint ?? (proven._tag === "Host" ? proven.id : "")
}

export const make: Effect.Effect<Audit, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const run = yield* Background.makeRun("the record of refused flows")
  const told = Told.make(pauseMillis, linesMax, linesOfOneMax)
  let leftOut = 0

  const tellLeftOut = Effect.delay(
    Effect.suspend(() => {
      const line = `${leftOut} more flows were refused within a minute, for other callers or endpoints than the log names`
      leftOut = 0
      return Effect.logWarning(line)
    }),
    pauseMillis
  )

  const log = ({ cause, endpoint, peer, rule, why }: Refusal): Effect.Effect<void> => {
    const identity = identified(peer.proven, peer.id)
    const whose = whoseOf(peer.proven)
    const key = rule === identityRule ? `${rule} ${whose}` : `${endpoint} ${rule} ${identity}`
    if (!Told.isDue(told, key, Monotonic.nowOf(clock), whose)) {
      if (!told.at.has(key) && leftOut++ === 0) run(tellLeftOut)
      return Effect.void
    }
    const line = `a flow of "${endpoint}" is refused to ${identity}: ${Foreign.text(why, whyLengthMax)}`
    return Effect.annotateLogs(Effect.logWarning(line, ...(cause === undefined ? [] : [cause])), {
      endpoint,
      peer: Foreign.text(peer.id, textLengthMax),
      identity,
      rule
    })
  }
  return {
    note: (refusal) => Effect.suspend(() => log(refusal))
  }
})
