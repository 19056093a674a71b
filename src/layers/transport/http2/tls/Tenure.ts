/**
 * Tenure: how long a session may last under the certificate that its other side has shown.
 *
 * ```text
 *   open ── this host's own material was renewed ──> retired: takes no new flows, and keeps those that it has
 *     │                                                 │
 *     └─────────────────────────────────────────────────┴── the certificate has expired or is revoked, or the session
 *                                                           is too old ──> leaving: the same, for a while ──> ended
 * ```
 *
 * Validity is a matter of the time of day, which may be set: it is checked now and then, however far the end is.
 * Source: faults.md, P16.
 */
import { Clock, Duration, Effect, type Scope, Stream } from "effect"
import * as Revocation from "../../../../protocol/Revocation.ts"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import type { Link } from "../../../../services/Transport.ts"
import * as Background from "../../../core/Background.ts"
import * as Monotonic from "../../../core/Monotonic.ts"
import * as Setting from "../../../core/Setting.ts"
import * as Signal from "../../../core/Signal.ts"

/** Bounds of a session by the certificate that its other side has shown. */
export interface Options {
  /** Certificates and hosts that are rejected although their authority believes them; none by default. */
  readonly revoked?: Revocation.Revocation
  /** Lists that replace `revoked`, in order. A list that cannot be used is logged, and the last good one stays. */
  readonly revocations?: Stream.Stream<Revocation.Revocation>
  /**
   * Time that a session takes new flows before another has to prove itself anew. Above 0, up to 24 days; no bound by
   * default. Bounds how long a peer goes on under a proof whose certificate was replaced.
   */
  readonly sessionAge?: Duration.Input
  /**
   * Time that its flows then have to end, or once its certificate has expired or is revoked. From 0 to 24 days; 5
   * seconds by default.
   */
  readonly sessionDrain?: Duration.Input
}

/** Certificate that the other side of a session has shown, with its issuers. */
export interface Shown extends Revocation.Shown {
  /** Time at which the first of them ends, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** Proof that the other side of a session has given by its certificate: empty without one. */
export interface Proof extends Pick<Link, "proven" | "grants"> {
  readonly shown?: Shown | undefined
}

/** Session whose tenure is watched. */
export interface Held {
  /** Has the session take no more flows. May be called twice. */
  readonly retire: () => void
  readonly end: (over: Over) => void
}

export type Own = () => Revocation.Shown | undefined

/** Why a session is over: a word for a counter, and a sentence for people. */
export interface Over {
  readonly reason: "expired" | "revoked" | "old" | "plaintext"
  readonly why: string
}

export interface Tenure {
  /** Returns why a certificate is rejected whatever its authority says; undefined when it is not. */
  readonly doubtOf: (shown: Revocation.Shown) => string | undefined
  /** Watches a session until it has ended it. Interrupted when the session closes by itself. */
  readonly watch: (shown: Shown, held: Held) => Effect.Effect<void>
  /** Notes that this host has other material: sessions are to be made with that from now on. */
  readonly renewed: () => void
}

export const defaultDrain: Duration.Input = "5 seconds"

/** Interval between looks at the time of day. */
const lookMillis = 30_000

const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

const overOf = (revoked: string | undefined, validMillis: number, freshMillis: number): Over | undefined => {
  if (revoked !== undefined) return { reason: "revoked", why: revoked }
  if (validMillis <= 0) return { reason: "expired", why: "its certificate, or one that vouches for it, has expired" }
  return freshMillis <= 0 ? { reason: "old", why: "it is as old as a session may be" } : undefined
}

/** Makes the tenure. `own` returns the certificate that this host itself shows, once that is known. */
export const make = Effect.fnUntraced(function* (
  options: Options,
  own: Own
): Effect.fn.Return<Tenure, NetworkError, Scope.Scope> {
  const { revocations = Stream.empty, revoked = Revocation.none, sessionAge, sessionDrain = defaultDrain } = options
  yield* Setting.check("listen", {
    "tls.sessionAge": sessionAge === undefined ? undefined : Setting.span(sessionAge),
    "tls.sessionDrain": Setting.time(sessionDrain)
  })
  const wrong = Revocation.violation(revoked)
  if (wrong !== undefined) return yield* invalid("tls.revoked", wrong)
  const ageMillis = sessionAge === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(sessionAge)
  const clock = yield* Clock.Clock
  let list = Revocation.lookup(revoked)
  let renewals = 0
  /** Counts changes that open sessions have to notice. */
  let changes = 0
  const changed = Signal.make()
  const change = (): void => {
    changes += 1
    Signal.notify(changed)
  }

  const doubtOf: Tenure["doubtOf"] = (shown) => Revocation.revokedOf(list, shown)

  const replace = (next: Revocation.Revocation) =>
    Effect.suspend(() => {
      const detail = Revocation.violation(next)
      if (detail !== undefined) return Effect.logWarning(`a list of revoked certificates is not used: ${detail}`)
      list = Revocation.lookup(next)
      change()
      const self = own()
      const doubt = self && doubtOf(self)
      if (doubt !== undefined) return Effect.logError(`the list of revoked certificates has this host itself: ${doubt}`)
      return Effect.logInfo(`${list.certificates.size} certificates and ${list.hosts.size} hosts are revoked`)
    })
  const revoking = "the list of revoked certificates"
  yield* Background.run(revoking, Background.each(revoking, revocations, replace))

  const watch = Effect.fnUntraced(function* (shown: Shown, { end, retire }: Held) {
    const oldAt = Monotonic.nowOf(clock) + ageMillis
    const made = renewals
    while (true) {
      const seen = changes
      const validMillis = shown.expiresAt - clock.currentTimeMillisUnsafe()
      const freshMillis = oldAt - Monotonic.nowOf(clock)
      const over = overOf(doubtOf(shown), validMillis, freshMillis)
      if (over !== undefined || renewals !== made) retire()
      if (over !== undefined) {
        yield* Effect.sleep(sessionDrain)
        return end(over)
      }
      yield* Effect.raceFirst(
        Signal.until(changed, () => changes !== seen),
        Effect.sleep(Math.min(validMillis, freshMillis, lookMillis))
      )
    }
  })

  return {
    doubtOf,
    watch,
    renewed: () => {
      renewals += 1
      change()
    }
  }
})
