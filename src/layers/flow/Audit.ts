/**
 * Audit: logs the flows that are refused because their callers may not open them. The same refusal is logged once a
 * minute, and at most 64 lines a minute, 16 of them per caller, so that a flood of refused flows is no flood of lines
 * and hides no other caller. Callers that have proven nothing count as one caller, whatever names they claim.
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
  /** Rule that refused the flow, by its owner and kind, such as "endpoint: members". */
  readonly rule: string
  readonly why: string
  /** Cause with which the deciding function failed. */
  readonly cause?: Cause.Cause<unknown> | undefined
}

export interface Audit {
  readonly note: (refusal: Refusal) => Effect.Effect<void>
}

/** Time in which the same refusal is not logged again, and the lines logged in that time: in all, and per caller. */
export const pauseMillis = 60_000
export const linesMax = 64
export const linesOfOneMax = 16

/** Rule of callers that claim an identity other than the one they have proven. */
export const identityRule = "identity"

const textLengthMax = 128

/** Bounds the reason, which may quote the caller, and the subject of a certificate, in characters. */
const whyLengthMax = 512

/** Describes a caller for people, and for a search of the log by certificate. */
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

/** Returns the caller that a line counts for: its certificate or host, or empty for all that have proven nothing. */
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
