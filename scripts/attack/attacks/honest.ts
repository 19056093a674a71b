/** Loads that are no attack, and are larger than most: they have to pass with the bounds that there are by default. */
import { Effect, Exit, Scope } from "effect"
import type { Attack } from "../Attack.ts"
import * as Guests from "../Guests.ts"
import { addressOf, type Means } from "../Means.ts"
import { deaf, echo } from "../Sessions.ts"
import * as Streams from "../Streams.ts"

/** Hosts that come, call the attacked one again and again, and complain of each call that fails. */
const guests = (means: Means, count: number, addressOfGuest: (number: number) => string): Promise<void> => {
  let served = 0
  let failed = 0
  const body = Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) =>
      Effect.gen(function* () {
        const { fabric } = yield* Guests.start(means, { name: guestOf(i), address: addressOfGuest(i) })
        yield* Guests.calls(fabric, means.target.victim.name).pipe(
          Effect.tap((isServed) =>
            Effect.sync(() => {
              if (isServed) served += 1
              else failed += 1
            })
          ),
          Effect.andThen(Effect.sleep("50 millis")),
          Effect.forever
        )
      }),
    { concurrency: "unbounded", discard: true }
  )
  return Guests.run(means, body).then(() => {
    means.note(`${served} calls served`)
    if (failed > 0 || served < 10 * count) means.complain(`${failed} calls failed, ${served} served`)
  })
}

/** Counts the bytes that come on flows, and complains unless so many flows were answered. */
const answeredAll = () => {
  const answered = new Map<Streams.Session, Set<number>>()
  const onData = (stream: number, _: Buffer, session: Streams.Session) => {
    const streams = answered.get(session) ?? new Set()
    answered.set(session, streams.add(stream))
  }
  return { onData, count: () => [...answered.values()].reduce((sum, streams) => sum + streams.size, 0) }
}

const named = (count: number, nameOf: (number: number) => string): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => nameOf(i))

const guestOf = (number: number): string => `guest-${number}`
/** A caller at an address of its own, with a certificate of its own: all that shows it to be another one. */
const callerOf = (number: number) => ({ from: addressOf(number), as: `caller-${number}` })

const message = Streams.messages(new Uint8Array(100))

const flowsOpened = 10_000
const sessionsOpened = 1_000
const churners = 250
/** Connections that wait for their answer. */
const churnedAtOnce = 200
/** With the echo that every host has it is 4,096 names, as many as a host may have. */
const restartedNames = 4_095

export const honest: ReadonlyArray<Attack> = [
  {
    name: "honest-nat",
    says: "ten hosts behind one address",
    by: "honest",
    answer: "borne",
    seconds: 10,
    names: named(10, guestOf),
    run: (means) => guests(means, 10, () => "127.0.65.1")
  },
  {
    name: "honest-16-hosts",
    says: "16 more hosts on the same machine",
    by: "honest",
    answer: "borne",
    seconds: 10,
    names: named(16, guestOf),
    run: (means) => guests(means, 16, (i) => `127.0.65.${i + 2}`)
  },
  {
    name: "honest-1000-sessions",
    says: "1,000 sessions of as many addresses, with a flow each",
    by: "honest",
    answer: "borne",
    seconds: 12,
    names: named(sessionsOpened, (i) => callerOf(i).as),
    run: async (means) => {
      const { count, onData } = answeredAll()
      let made = 0
      await means.pace(150, () => {
        if (made >= sessionsOpened) return
        const session = Streams.session(means, { ...callerOf(made++), onData })
        const stream = Streams.openFlow(session, echo(means))
        session.write(Streams.data(stream, message))
      })
      if (count() < made) means.complain(`${made - count()} of ${made} sessions not served`)
    }
  },
  {
    name: "honest-churn",
    says: "up to 1,000 connections a second of 250 addresses, 200 at a time, each with one exchange",
    by: "honest",
    answer: "borne",
    seconds: 8,
    names: named(churners, (i) => callerOf(i).as),
    run: async (means) => {
      let made = 0
      let served = 0
      let refused = 0
      const { system, user } = process.cpuUsage()
      await means.pace(1_000, () => {
        // Who waits for its answer calls no more: so it is the host that says how many there are, at some 3 ms of its processor each.
        if (made - served - refused > churnedAtOnce) return
        let isServed = false
        const session = Streams.session(means, {
          ...callerOf(made++ % churners),
          onData: () => {
            if (!isServed) served += 1
            isServed = true
            session.socket.destroy()
          }
        })
        session.socket.on("close", () => {
          if (!isServed) refused += 1
        })
        const stream = Streams.openFlow(session, echo(means))
        session.write(Streams.data(stream, message))
      })
      const used = process.cpuUsage({ system, user })
      const ownMillis = (used.system + used.user) / 1000 / Math.max(1, served)
      means.note(
        `${Math.round(served / means.seconds)} a second served, at ${ownMillis.toFixed(2)} ms of the caller's own`
      )
      if (served < churnedAtOnce) means.complain(`${served} connections served`)
      if (refused > 0) means.complain(`${refused} of ${made} connections refused`)
    }
  },
  {
    name: "honest-10000-flows",
    says: "10,000 flows of one peer on one session, opened at 1,000 a second",
    by: "honest",
    answer: "borne",
    seconds: 14,
    run: async (means) => {
      const { count, onData } = answeredAll()
      const session = Streams.session(means, { onData })
      let made = 0
      await means.pace(1_000, () => {
        if (made >= flowsOpened) return
        // Of two endpoints, since one takes 10,000 flows in all, and the good hosts have some.
        const stream = Streams.openFlow(session, made++ % 2 === 0 ? echo(means) : deaf(means))
        session.write(Streams.data(stream, message))
      })
      if (count() < made) means.complain(`${made - count()} of ${made} flows not served`)
    }
  },
  {
    name: "honest-restart",
    says: "a host with 4,096 names that starts again",
    by: "honest",
    answer: "borne",
    seconds: 20,
    names: named(2, guestOf),
    run: (means) =>
      Guests.run(
        means,
        Effect.gen(function* () {
          const witness = yield* Guests.start(means, { name: guestOf(1), address: "127.0.65.2" })
          for (const life of ["first", "second"]) {
            const scope = yield* Scope.fork(yield* Effect.scope)
            const host = yield* Scope.provide(Guests.start(means, { name: guestOf(0), address: "127.0.65.1" }), scope)
            for (let i = 0; i < restartedNames; i++)
              yield* Scope.provide(
                host.registry.claim({ name: `${life}.${i}`, ownership: "group", contract: 1n }),
                scope
              )
            for (const i of [0, restartedNames - 1])
              if (!(yield* Guests.knows(witness.registry, `${life}.${i}`, 8_000)))
                means.complain(`name ${i} of the ${life} life not known within 8 s`)
            means.note(`the ${life} life is known`)
            yield* Scope.close(scope, Exit.void)
          }
        })
      )
  }
]
