/** Where the others reach this host: at the start, whether its name is free there; later, whether the address still holds. */
import { Duration, Effect, Fiber } from "effect"
import { format, isLoopback, isUnspecified } from "../../protocol/Address.ts"
import * as Beginning from "../../protocol/swim/Beginning.ts"
import { isSamePlace } from "../../protocol/swim/Packets.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"
import type { Plan } from "./Config.ts"
import type { Driver } from "./Driver.ts"

/** How often a verdict is looked for. */
const lookInterval = "20 millis"
/** How long the other seeds have to answer once the name is settled with one, and a process that has the name, too, to give way. */
const graceMillis = 500
const contestedMillis = 10_000
/** How often the addresses of the machine are looked at: a move that is told before the death is taken by all programs. */
const watchInterval = "2 seconds"
/** How long nobody may ask a host that hears others before it says so, in probe intervals and at least; and how often. */
const unaskedRounds = 10
const unaskedMillisMin = 20_000
const complaintMillis = 300_000

export interface Options {
  readonly plan: Plan
  readonly driver: Driver
  readonly socket: GossipSocket["Service"]
  readonly join: Effect.Effect<unknown, NetworkError>
}

/**
 * Waits for the word of the seeds on the name, and for that of whoever has it: see `Beginning`. What has not answered when
 * another seed has goes on in the background. Errors: NameTaken.
 */
export const check = Effect.fnUntraced(function* ({ driver, join, plan }: Options) {
  const { standing } = driver.state
  const nameMillis = Duration.toMillis(plan.nameTimeout)
  const beganAt = driver.now()
  let settledAt = Number.POSITIVE_INFINITY
  const joining = yield* Background.run("joining the seeds", Effect.ignore(join))

  const isDone = (): boolean => {
    const now = driver.now()
    settledAt = Beginning.isSettled(standing) ? Math.min(settledAt, now) : Number.POSITIVE_INFINITY
    if (now - beganAt >= (Beginning.isContested(standing) ? contestedMillis : nameMillis)) return true
    if (joining.pollUnsafe() !== undefined) return !Beginning.isOpen(standing)
    return now - settledAt >= graceMillis
  }
  const decided = Effect.whileLoop({
    while: () => !isDone(),
    body: () => Effect.sleep(lookInterval),
    step: () => undefined
  })
  yield* Effect.raceFirst(decided, driver.twins.lost)
  yield* driver.between(driver.feed({ _tag: "Begin" }), Effect.void)
  if (standing.isLost) return yield* driver.twins.lost
  // Who is alone tries again, and says why.
  if (driver.others().length === 0) yield* Fiber.interrupt(joining)
  const { rival } = standing
  if (rival?.verdict !== "silent" || standing.knownAt !== undefined) return
  yield* Effect.logWarning(
    `host "${plan.swim.name}" is still known at ${format(rival.address)}, where nobody answers; the others take it in here once they know that it is gone there`
  )
})

/** Tells the machine of a new address, and the log when nobody seems to reach the one that it has. */
export const watch = ({ driver, plan, socket }: Options): Effect.Effect<void> => {
  const { state } = driver
  const unaskedMillis = Math.max(unaskedMillisMin, unaskedRounds * plan.swim.settings.probeIntervalMillis)
  const isMovable = !plan.isAddressFixed && isUnspecified(socket.address.bytes)
  let complainedAt = Number.NEGATIVE_INFINITY

  const follow = Effect.flatMap(socket.advertised, (address) => {
    const former = state.self.member.address
    if (isSamePlace(former, address)) return Effect.void
    return Effect.andThen(
      driver.later(driver.feed({ _tag: "Move", address })),
      Effect.logWarning(`the address of this host is ${format(address)} by now, it was ${format(former)}`)
    )
  })

  const complain = Effect.suspend(() => {
    const now = driver.now()
    const askedAt = state.standing.knownAt ?? state.self.member.changedAt
    const isHearing = now - state.heardAt < unaskedMillis / 4
    const isUnasked = driver.others().length > 0 && isHearing && now - askedAt > unaskedMillis
    // That a host on loopback is reached by its own machine only is said elsewhere.
    const isLocal = isLoopback(state.self.member.address.bytes)
    if (!isUnasked || isLocal || now - complainedAt < complaintMillis) return Effect.void
    complainedAt = now
    const place = format(state.self.member.address)
    return Effect.logWarning(
      `this host hears the others, but for ${Math.round((now - askedAt) / 1000)} s none has asked it anything at ${place}: if they do not reach it there, set advertise (GRINTA_ADVERTISE) to where they do, and let UDP and TCP through`
    )
  })

  return Effect.forever(
    Effect.andThen(Effect.sleep(watchInterval), Effect.andThen(isMovable ? follow : Effect.void, complain))
  )
}
