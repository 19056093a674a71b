/** Place: this host's address. At the start, checks that the name is free there; later, that the address holds. */
import { Duration, Effect, Fiber } from "effect"
import { format, isLoopback, isUnspecified } from "../../protocol/Address.ts"
import * as Beginning from "../../protocol/swim/Beginning.ts"
import { isSamePlace } from "../../protocol/swim/Packets.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"
import type { Plan } from "./Config.ts"
import type { Driver } from "./Driver.ts"

/** Pause between two looks for a verdict on the name. */
const lookInterval = "20 millis"
/** Time for other seeds to answer once one has settled the name, and for a process of the same name to give way. */
const graceMillis = 500
const contestedMillis = 10_000
/** Interval of looks at the machine's addresses: all programs accept a move that is announced before the death. */
const watchInterval = "2 seconds"
/** Unprobed time after which a host that hears others complains: in probe intervals, at least in ms; and how often. */
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
 * Waits until the seeds, and any process with the same name, have settled the name: see `Beginning`. Seeds that have
 * not answered when another seed has are joined in the background. Errors: NameTaken.
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
  // A host that is alone joins anew in `Seeds.watch`, which logs why it fails.
  if (driver.others().length === 0) yield* Fiber.interrupt(joining)
  const { rival } = standing
  if (rival?.verdict !== "silent" || standing.knownAt !== undefined) return
  yield* Effect.logWarning(
    `host "${plan.swim.name}" is still known at ${format(rival.address)}, where nobody answers; the others take it in here once they know that it is gone there`
  )
})

/** Tells the machine of a new address, and logs when nobody seems to reach the present one. */
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
    // A host on loopback is reached by its own machine only, which `Strangers` logs.
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
