/**
 * GossipSwim: the membership plane, the SWIM machine in memberlist's protocol, driven over a `GossipSocket`.
 *
 * It comes up whether or not a seed answers, and keeps trying while it is alone. The end of its scope is a leave that
 * waits for nobody: some members are told directly, and pass it on. `leave` does wait until the departure is spread.
 * Counters have prefixes: "packet." for datagrams, "stream." for accepted streams, "swim." for refusals of the machine,
 * "pushPull.", "tcpPing.", "reunion." and "send." for exchanges begun here, "socket." for the port. They are metrics
 * too: `grinta_gossip_dropped` and `grinta_gossip_failed`.
 *
 * @module
 */
import { Clock, Duration, Effect, Layer, PubSub, Random, Stream } from "effect"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import { format, parseHost } from "../../protocol/Address.ts"
import { isLive } from "../../protocol/swim/Member.ts"
import * as Reunion from "../../protocol/swim/Reunion.ts"
import * as Swim from "../../protocol/swim/Swim.ts"
import { Gossip, type MemberChange } from "../../services/Gossip.ts"
import { GossipSocket } from "../../services/GossipSocket.ts"
import { Self } from "../../services/Host.ts"
import { NetworkError, Timeout } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"
import { broadcastBytesMax, type Config, plan as makePlan } from "./Config.ts"
import * as Counters from "./Counters.ts"
import * as Driver from "./Driver.ts"
import * as Members from "./MemberView.ts"
import * as Metadata from "./Metadata.ts"
import * as Place from "./Place.ts"
import * as Seat from "./Seat.ts"
import * as Seeds from "./Seeds.ts"
import * as Strangers from "./Strangers.ts"
import * as StreamExchange from "./StreamExchange.ts"
import * as StreamServer from "./StreamServer.ts"

export type { Limits, Rules, Settings } from "../../protocol/swim/Settings.ts"
export type { Config } from "./Config.ts"
export type { Keys, Options as Encryption } from "./Keys.ts"

/** Pause before a host that has tried its seeds at the start tries them again. */
const againMillis = 500

/** Changes that a slow reader may lag behind; further ones displace the oldest. */
const changesMax = 4096

const make = Effect.fnUntraced(function* (config: Config) {
  const socket = yield* GossipSocket
  const self = yield* Self
  const plan = yield* makePlan(config, self, socket)
  yield* Seeds.parseAll(plan.seeds)
  const { count, read } = yield* Counters.make()
  const changes = yield* Effect.acquireRelease(PubSub.sliding<MemberChange>(changesMax), PubSub.shutdown)

  const lost = Reunion.makeLost()
  const seat = Seat.make(count)
  const clock = yield* Clock.Clock
  const nameOf = (place: string): string | undefined =>
    [...Swim.members(driver.state)].find(({ address }) => format(address) === place)?.name ??
    [...lost].find(([, { address }]) => format(address) === place)?.[0]
  const strangers = Strangers.make(plan, () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6, nameOf)
  const driver: Driver.Driver = yield* Driver.make({
    plan,
    socket,
    seat,
    strangers,
    count,
    publish: (change) => {
      const { address, id, port, status } = change.member
      const bytes = parseHost(address)
      if (bytes !== undefined) Reunion.note(lost, id, status, { bytes, port }, driver.now())
      PubSub.publishUnsafe(changes, change)
    }
  })
  const seeds = Seeds.make(plan, driver, socket, lost, strangers)
  const wire = { socket, framing: plan.framing, streamTimeout: plan.streamTimeout }
  yield* StreamServer.serve(wire, {
    name: plan.swim.name,
    answerState: driver.answerState,
    merge: (state, from) => Effect.andThen(strangers.state(from, state), driver.merge(state, { peer: from })),
    complain: strangers.caller,
    hasName: () => !driver.state.standing.isLost,
    answerTwin: driver.twins.answer,
    deliver: seat.passenger.message,
    isMember: driver.near.has,
    now: driver.now,
    count
  })
  const place = { plan, driver, socket, join: seeds.join(plan.seeds) }
  const waits = plan.swim.isAwaited
  if (waits) yield* Place.check(place)
  yield* plan.tellProtection
  yield* Background.run("the renewal of keys", plan.keys.renew)
  yield* driver.log.up(socket.address, plan.swim.address, config.meta.flowPort)
  // A start that waited has tried the seeds just now.
  const looking = waits ? Effect.delay(seeds.watch, againMillis) : seeds.watch
  yield* Background.loop("looking for other members", Effect.andThen(looking, Effect.never))
  yield* Background.loop("looking for lost members", seeds.seek)
  yield* Background.loop("the watch of this host's address", Place.watch(place))

  const leave = Effect.andThen(driver.later(driver.leave), driver.left).pipe(
    Effect.timeoutOrElse({
      duration: plan.leaveTimeout,
      orElse: (): Effect.Effect<never, NetworkError> =>
        new NetworkError({
          operation: "leave",
          reason: new Timeout({ afterMillis: Duration.toMillis(plan.leaveTimeout) })
        })
    })
  )

  const addressOf = (id: string) => {
    const member = id === plan.swim.name ? undefined : Swim.member(driver.state, id)
    const isHeard = member !== undefined && isLive(member) && !driver.state.standing.isHeld
    return isHeard ? member.address : undefined
  }

  /** Asks some member for its state, for a passenger that boards late. A start that waits for its name waits for it. */
  const catchUp = Effect.suspend(() => {
    const others = driver.others()
    if (!isReadonlyArrayNonEmpty(others)) return Effect.void
    return Effect.flatMap(Random.choice(others), ({ address }) => {
      const exchange = driver.pushPull(address, false)
      return waits
        ? Effect.ignore(Effect.timeoutOption(exchange, plan.nameTimeout))
        : driver.begin("pushPull", exchange)
    })
  })

  return Gossip.of({
    self: Effect.sync(() => Members.fromSwim(driver.state.self.member)),
    members: Effect.sync(() => [...Swim.members(driver.state)].map(Members.fromSwim)),
    roundTripMillis: (id) => Effect.sync(() => driver.roundTripMillis(id)),
    changes: Stream.fromPubSub(changes),
    onChange: seat.onChange,
    join: seeds.join,
    leave,
    setTags: Metadata.makeTags(driver),
    renew: Metadata.makeRenew(driver),
    keyring: plan.keys.keyring,
    broadcast: driver.broadcast,
    broadcastBytesMax: broadcastBytesMax(plan),
    lost: driver.twins.lost,
    send: StreamExchange.makeSend(wire, addressOf, count),
    sendBytesMax: StreamExchange.sendBytesMax,
    board: (passenger) => Effect.andThen(seat.board(passenger), catchUp),
    counters: Effect.zipWith(read, socket.counters, (own, ofSocket) => ({
      ...own,
      ...Object.fromEntries(Object.entries(ofSocket).map(([reason, times]) => [`socket.${reason}`, times]))
    }))
  })
})

/**
 * Provides membership. Errors: InvalidConfig or NameInvalid for a bad setting; with `nameTimeout` NameTaken, when a
 * process known to the seeds has this host's name.
 */
export const layer = (config: Config): Layer.Layer<Gossip, NetworkError, GossipSocket | Self> =>
  Layer.effect(Gossip, make(config))
