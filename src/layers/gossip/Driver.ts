/**
 * Driver: runs the membership machine in one fiber, fed from one bounded queue.
 *
 * Packets that find the queue full are dropped, as the network may drop them; all other inputs wait for room.
 * Broadcasts wait beside the queue, the newest of each key, so that a passenger can send while it handles an event.
 */
import { Clock, Deferred, Effect, Exit, Fiber, FiberSet, Queue, Random, Semaphore } from "effect"
import type { Address } from "../../protocol/Address.ts"
import type { PushPull } from "../../protocol/memberlist/Message.ts"
import * as Packet from "../../protocol/memberlist/Packet.ts"
import { isAccusation } from "../../protocol/swim/Accusation.ts"
import { isGone, isLive } from "../../protocol/swim/Member.ts"
import * as RoundTrips from "../../protocol/swim/RoundTrips.ts"
import { asMembers } from "../../protocol/swim/Strangers.ts"
import * as Swim from "../../protocol/swim/Swim.ts"
import type { Gossip, MemberChange } from "../../services/Gossip.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import * as Background from "../core/Background.ts"
import * as Slices from "../core/Slices.ts"
import * as Alarm from "./Alarm.ts"
import type { Plan } from "./Config.ts"
import * as Conflicts from "./Conflicts.ts"
import type { Counters } from "./Counters.ts"
import * as Evidence from "./Evidence.ts"
import * as Goodbye from "./Goodbye.ts"
import * as Log from "./Log.ts"
import * as Members from "./MemberView.ts"
import * as Merge from "./Merge.ts"
import * as Near from "./Near.ts"
import * as OwnState from "./OwnState.ts"
import * as PushPulls from "./PushPulls.ts"
import { receive } from "./Receiver.ts"
import type { Seat } from "./Seat.ts"
import * as SerfClock from "./Serf.ts"
import type { Strangers } from "./Strangers.ts"
import type * as Exchange from "./StreamExchange.ts"
import * as Survival from "./Survival.ts"
import * as Twins from "./Twins.ts"

/** Inputs that may wait for the machine. */
const inputsMax = 4096
/** Exchanges (push/pulls, pings over TCP) that this host may have open at a time. */
const exchangesMax = 32
/** Strangers, names that have not answered yet, that hear the goodbye too. */
const strangersTold = 16
/** Longest time that the end of the scope waits for a machine that is held up by its passenger. */
const farewellTimeout = "1 second"

export interface Options {
  readonly plan: Plan
  readonly socket: GossipSocket["Service"]
  readonly seat: Seat
  readonly strangers: Strangers
  readonly count: Counters["count"]
  readonly publish: (change: MemberChange) => void
}

export type Driver = Effect.Success<ReturnType<typeof make>>

const tick: Swim.Input = { _tag: "Tick" }

type Broadcast = Extract<Swim.Input, { readonly _tag: "Broadcast" }>

/** Runs the machine for the life of the scope, whose end says goodbye to some members, and waits for none. */
export const make = Effect.fnUntraced(function* ({ count, plan, publish, seat, socket, strangers }: Options) {
  const { framing, swim } = plan
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const draw = (): number => random.nextDoubleUnsafe()
  const state = Swim.make(swim, { now: now(), random: draw })
  const queue = yield* Queue.bounded<Effect.Effect<unknown>>(inputsMax)
  const exchanges = yield* FiberSet.make()
  const seats = Semaphore.makeUnsafe(exchangesMax)
  const left = yield* Deferred.make<void>()
  const pending = new Map<string, Broadcast>()
  const serf = SerfClock.make(swim.name)
  const ownState = OwnState.make(state, seat)
  const evidences = Evidence.make(swim.name)
  const trips = RoundTrips.make()
  const near = Near.make(state, now)
  const breathe = Slices.make(now)
  const wire: Exchange.Wire = { socket, framing, streamTimeout: plan.streamTimeout }

  const broadcast: Gossip["Service"]["broadcast"] = (key, payload, audience = "members") =>
    Effect.sync(() => {
      const isFull = pending.size >= swim.limits.userBroadcastsMax && !pending.has(key)
      if (pending.size === 0) Queue.offerUnsafe(queue, Effect.void)
      if (isFull) count("swim.broadcastLimit")
      else pending.set(key, { _tag: "Broadcast", key, payload: payload.slice(), audience })
    })

  /** Runs an effect between two steps of the machine, and waits for it; `whenStopped` once the machine has stopped. */
  const between = <A, E>(effect: Effect.Effect<A, E>, whenStopped: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<A, E>()
      const queued = Queue.offer(queue, Deferred.into(effect, done))
      return Effect.raceFirst(
        Effect.andThen(queued, Deferred.await(done)),
        Effect.andThen(Fiber.await(machine), whenStopped)
      )
    })

  const merge = (remote: PushPull, ends: Merge.Ends): Effect.Effect<void, Exchange.ExchangeFailed> =>
    Effect.suspend(() => {
      serf.state(remote.userState)
      return toMachine(remote, ends)
    })

  const pushPull = PushPulls.make({ wire, state, ownState, merge, count, now })

  /** Forks an exchange. Counts it as "tooMany" instead when `exchangesMax` are open. */
  const begin = (kind: string, exchange: Effect.Effect<unknown, Exchange.ExchangeFailed>): Effect.Effect<void> =>
    exchange.pipe(
      Effect.catch((failure) => {
        count(`${kind}.${failure.reason}`)
        return strangers.failed(kind, failure)
      }),
      Semaphore.withPermitsIfAvailable(seats, 1),
      Effect.tap((ran) => Effect.sync(() => ran._tag === "None" && count(`${kind}.tooMany`))),
      (effect) => Effect.asVoid(FiberSet.run(exchanges, Background.heard(`${kind} of the membership plane`)(effect)))
    )

  const sendParts = (to: Address, parts: ReadonlyArray<Uint8Array>, crc: boolean): Effect.Effect<void> =>
    Effect.forEach(Packet.encode({ parts, crc }, framing), (bytes) => socket.send(to, bytes), { discard: true })

  const offer = (input: Swim.Input): boolean => Queue.offerUnsafe(queue, feed(input))

  const complain = Survival.make(now, count)

  const isLeft = (): boolean => state.standing.isLost || Swim.member(state, swim.name)?.status === "left"

  const twins = Twins.make({ wire, state, now, offer, isLeft })
  const conflicts = Conflicts.make(now, swim.versions[5] ?? 0, count)

  const announce = ({
    member,
    ...change
  }: Omit<MemberChange, "member"> & { readonly member: Swim.Member }): Effect.Effect<void> => {
    const announced: MemberChange = { ...change, member: Members.fromSwim(member) }
    near.note()
    publish(announced)
    return Effect.andThen(log.changed(announced), seat.passenger.memberChanged(announced))
  }

  const say = (told: Evidence.Told | undefined): Effect.Effect<void> =>
    told === undefined ? Effect.void : broadcast(told.key, told.payload, "hosts")

  /** Passes on the reason for an accusation, and announces it here if the accused is still suspect or dead. */
  const hearAccusation = (payload: Uint8Array): Effect.Effect<void> => {
    const heard = evidences.hear(payload)
    if (heard === undefined) return Effect.void
    const { accused, accuser, incarnation } = heard.accusation
    const member = Swim.member(state, accused)
    const isMeant = member?.incarnation === incarnation && (member.status === "suspect" || member.status === "dead")
    if (!isMeant) return say(heard.tell)
    const { evidence } = evidences.explain(member, [accuser], 0)
    return Effect.andThen(say(heard.tell), announce({ member, from: member.status, evidence }))
  }

  const perform = (output: Swim.Output): Effect.Effect<void> => {
    switch (output._tag) {
      case "Send":
        return sendParts(output.to, output.parts, output.crc)
      case "PushPull":
        return begin("pushPull", pushPull(output.to, false))
      case "TcpPing":
        return begin("tcpPing", twins.probe(output))
      case "Deliver":
        if (isAccusation(output.payload)) return hearAccusation(output.payload)
        serf.message(output.payload)
        return seat.passenger.message(output.payload)
      case "Changed": {
        const { evidence, tell } = evidences.explain(output.member, output.accusers, Swim.health(state))
        if (output.updated || isGone(output.member)) evidences.forget(output.member.name)
        return Effect.andThen(say(tell), announce({ member: output.member, from: output.from, evidence }))
      }
      case "Conflict":
        return conflicts.name(output.existing, output.address, output.existing.name === swim.name)
      case "AskTwin":
        return begin("twin", twins.ask(output.to))
      case "NameLost":
        return Effect.andThen(Deferred.done(left, Exit.void), twins.giveUp(output.address))
      case "Dropped":
        if (output.reason === "incompatible") return conflicts.version(output.detail ?? "")
        return Effect.sync(() => count(`swim.${output.reason}`))
      case "Probed": {
        if (output.outcome === "acked") return Effect.void
        count(`probe.${output.outcome}`)
        const member = output.outcome === "tcpOnly" ? Swim.member(state, output.name) : undefined
        return member === undefined ? Effect.void : strangers.tcpOnly(member.name, member.address)
      }
      case "LeaveFinished":
        return Effect.asVoid(Deferred.done(left, Exit.void))
      case "Reaped":
        return Effect.sync(() => evidences.forget(output.member.name))
    }
  }

  const feed = (input: Swim.Input): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (input._tag === "Tick") alarm.rang()
      const outputs = Swim.step(state, input, { now: now(), random: draw })
      // A failed probe is part of the reason for an accusation in the same step, so it is noted first.
      for (const output of outputs) {
        if (output._tag === "Probed") evidences.probed(output.name, output.outcome !== "failed")
        RoundTrips.see(trips, state, output)
      }
      return Effect.forEach(outputs, perform, { discard: true })
    })

  const toMachine = Merge.make({ between, complain, feed, seat })

  const leave = Effect.suspend(() => {
    const payload = serf.farewell()
    const word = payload && feed({ _tag: "Broadcast", key: "farewell", payload })
    return Effect.andThen(word ?? Effect.void, feed({ _tag: "Leave" }))
  })

  const others = (): Array<Swim.Member> =>
    [...Swim.members(state)].filter((member) => member.name !== swim.name && isLive(member))

  const log = Log.make({ self: swim.name, fabric: plan.fabric, now, isAlone: () => others().length === 0 })

  const goodbye = Effect.gen(function* () {
    if (isLeft()) return
    const { isHeld } = state.standing
    yield* leave
    if (isHeld) return
    const told = [...others(), ...asMembers(state.strangers, strangersTold)]
    const words = Goodbye.words(state.self.member, told, swim, serf.farewell(), draw)
    for (const { crc, parts, to } of words) yield* sendParts(to, parts, crc)
  })

  const flush = Effect.suspend(() => {
    const inputs = [...pending.values()]
    pending.clear()
    return Effect.forEach(inputs, feed, { discard: true })
  })

  const ring = Effect.suspend(() => Queue.offer(queue, feed(tick)))
  const alarm = yield* Alarm.make({ now, due: () => Swim.nextDeadline(state), ring })

  const turn = Effect.gen(function* () {
    yield* alarm.arm
    for (const task of yield* Queue.takeAll(queue)) yield* Effect.andThen(Effect.catchCause(task, complain), breathe)
    if (pending.size > 0) yield* Effect.catchCause(flush, complain)
  })

  const received = receive({
    socket,
    framing,
    queue,
    feed,
    isMember: near.has,
    now,
    count,
    complain: strangers.packet
  })
  const machine = yield* Background.loop("the machine of the membership plane", turn)
  yield* Background.loop("the receiver of the membership plane", received)
  yield* Effect.addFinalizer(() =>
    between(goodbye, Effect.void).pipe(Effect.interruptible, Effect.timeoutOption(farewellTimeout))
  )

  return {
    state,
    log,
    left: Deferred.await(left),
    near,
    twins,
    now,
    isLeft,
    others,
    roundTripMillis: (id: string) => RoundTrips.millisTo(trips, state, id),
    answerState: ownState.answer,
    merge,
    pushPull,
    broadcast,
    begin,
    between,
    feed,
    leave,
    /** Queues an effect behind the waiting steps, and does not wait until it runs. */
    later: (effect: Effect.Effect<void>): Effect.Effect<void> => Effect.asVoid(Queue.offer(queue, effect))
  }
})
