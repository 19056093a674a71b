/**
 * Renewal: the certificate that a host uses by now: the last one that could work, whatever comes after it.
 *
 * A renewal that cannot be used is tried again once in a minute: its dates may only be early, or its files half
 * written. Once in a minute, too, the certificate in use and its issuers are checked: the log says so before one of
 * them ends, and loudly when it has.
 */
import { Clock, Duration, Effect, type Scope, Semaphore, type Stream } from "effect"
import * as NameGrants from "../../../../protocol/NameGrants.ts"
import * as Told from "../../../../protocol/Told.ts"
import * as Validity from "../../../../protocol/Validity.ts"
import type { NetworkError } from "../../../../services/NetworkError.ts"
import * as Background from "../../../core/Background.ts"
import * as Material from "./Material.ts"

const lookInterval = "1 minute"

/** Time in which the log does not repeat that a renewal cannot be used, that an end is near, and that it is past. */
const refusedPauseMillis = Duration.toMillis("1 hour")
const endingPauseMillis = Duration.toMillis("1 day")
const overPauseMillis = Duration.toMillis("10 minutes")

/** Advice of the log. */
const remedy = "renew it (GRINTA_TLS_CERTIFICATE, GRINTA_TLS_KEY)"

/**
 * Returns the credentials in use, at first those of the owner. Calls `use` with each that takes their place.
 * Errors: InvalidConfig when the first ones cannot work.
 */
export const make = Effect.fnUntraced(function* (
  owner: Material.Material & Material.Owner & { readonly boundNames?: boolean },
  renewals: Stream.Stream<Material.Material>,
  use: (next: Material.Credentials) => void
): Effect.fn.Return<() => Material.Credentials, NetworkError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const turns = yield* Semaphore.make(1)
  const told = {
    refused: Told.make(refusedPauseMillis),
    ending: Told.make(endingPauseMillis),
    over: Told.make(overPauseMillis)
  }
  let current = yield* Material.check(owner, owner)
  /** Renewal that cannot be used so far. */
  let waiting: Material.Material | undefined

  const say = (standing: keyof typeof told, text: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (!Told.isDue(told[standing], text, clock.currentTimeMillisUnsafe())) return Effect.void
      return standing === "over" ? Effect.logError(text) : Effect.logWarning(text)
    })

  const renew = (material: Material.Material): Effect.Effect<void> =>
    Effect.matchEffect(Material.check(material, owner), {
      onFailure: ({ reason }) =>
        Effect.suspend(() => {
          waiting = material
          return say("refused", `a renewal is not used, and what there is stays: ${reason.message}`)
        }),
      onSuccess: (next) =>
        Effect.suspend(() => {
          waiting = undefined
          const lost = owner.boundNames === true ? NameGrants.lost(current.grants, next.grants) : []
          current = next
          use(next)
          const told = `the certificate of this host is another one by now, valid until ${next.chain[0]?.until}`
          if (lost.length === 0) return Effect.logInfo(told)
          const names = lost.map((pattern) => `"${pattern}"`).join(", ")
          return Effect.logWarning(
            `${told}; it grants ${names} no more, and callers refuse what this host exposes of that`
          )
        })
    })

  const look = Effect.suspend(() => {
    const now = clock.currentTimeMillisUnsafe()
    return Effect.forEach(
      current.chain,
      ({ span, until, what }) => {
        const standing = Validity.standing(span, now)
        if (standing === "ending") return say("ending", `${what} is valid until ${until}, and no longer: ${remedy}`)
        if (standing !== "over") return Effect.void
        return say("over", `${what} has expired, it was valid until ${until}: no host believes this one: ${remedy}`)
      },
      { discard: true }
    )
  })

  const again = Effect.suspend(() => (waiting === undefined ? Effect.void : renew(waiting)))
  const renewing = "the renewal of certificates"
  yield* Background.run(
    renewing,
    Background.each(renewing, renewals, (material) => turns.withPermit(renew(material)))
  )
  yield* Background.loop(
    "the watch of certificates",
    Effect.andThen(turns.withPermit(Effect.andThen(again, look)), Effect.sleep(lookInterval))
  )
  return () => current
})
