import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Seats from "../../../src/protocol/memberlist/Seats.ts"

const count = <A>(values: Iterable<A>, is: (value: A) => boolean): number => [...values].filter(is).length

describe("seats of a gossip port", () => {
  const Steps = Schema.Array(
    Schema.Struct({
      source: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
      times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      leaves: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
    })
  )

  it.prop(
    "are no more than there are, of one address or in all, and nobody who waits is forgotten",
    [Steps],
    ([steps]) => {
      const seats = Seats.make<number>()
      const inside = new Set<Seats.Seat<number>>()
      const isMember = (source: number): boolean => source % 2 === 0
      const check = (): void => {
        const seated = count(inside, ({ state }) => state === "seated")
        const waiting = count(inside, ({ state }) => state === "waiting")
        assert.deepStrictEqual([seats.seated, seats.waiting.size], [seated, waiting])
        assert.isAtMost(seated, Seats.seatsMax)
        assert.isAtMost(waiting, Seats.waitingMax)
        for (const source of new Set([...inside].map((seat) => seat.source))) {
          const of = [...inside].filter((seat) => seat.source === source)
          assert.isAtMost(
            count(of, ({ state }) => state === "seated"),
            Seats.sourceSeatsMax
          )
          assert.isAtMost(
            count(of, ({ state }) => state === "waiting"),
            Seats.sourceWaitingMax
          )
        }
        // Whoever waits could not be seated now.
        for (const { isMember, source, state } of inside) {
          if (state !== "waiting") continue
          const ofSource = count(inside, (seat) => seat.source === source && seat.state === "seated")
          const isFull = seated >= (isMember ? Seats.seatsMax : Seats.seatsMax - Seats.memberSeats)
          assert.isTrue(isFull || ofSource === Seats.sourceSeatsMax)
        }
      }
      let holder = 0
      for (const { leaves, source, times } of steps) {
        for (let i = 0; i < times; i++) {
          holder += 1
          const seat = Seats.enter(seats, String(source), isMember(source), holder)
          if (seat !== undefined) inside.add(seat)
          check()
        }
        for (const seat of [...inside].slice(0, leaves)) {
          const next = Seats.leave(seats, seat)
          inside.delete(seat)
          if (next !== undefined) assert.isTrue(inside.has(next) && next.state === "seated")
          assert.isUndefined(Seats.leave(seats, seat))
          check()
        }
      }
      for (const seat of inside) Seats.leave(seats, seat)
      assert.deepStrictEqual([seats.seated, seats.waiting.size, seats.bySource.size], [0, 0, 0])
    }
  )

  const enter = (seats: Seats.Seats<number>, source: string, isMember: boolean, times: number) =>
    Array.from({ length: times }, (_, i) => Seats.enter(seats, source, isMember, i)?.state ?? "refused")

  it("one address has some of them, and as many more wait as there is room for", () => {
    const states = enter(Seats.make(), "a", true, 200)
    assert.strictEqual(
      count(states, (state) => state === "seated"),
      Seats.sourceSeatsMax
    )
    assert.strictEqual(
      count(states, (state) => state === "waiting"),
      Seats.sourceWaitingMax
    )
  })

  it("some are kept for members, whoever else comes", () => {
    const seats = Seats.make<number>()
    for (let i = 0; i < 200; i++) enter(seats, `stranger ${i}`, false, 8)
    assert.strictEqual(seats.seated, Seats.seatsMax - Seats.memberSeats)
    assert.deepStrictEqual(enter(seats, "member", true, 1), ["seated"])
    assert.deepStrictEqual(enter(seats, "another", false, 1), ["refused"])
  })

  it("go to who has waited longest, of those that may have one", () => {
    const seats = Seats.make<number>()
    const [first, ...rest] = Array.from({ length: 10 }, (_, i) => Seats.enter(seats, "a", false, i))
    assert.isFalse(first === undefined || Seats.isWanted(Seats.make<number>(), first))
    if (first === undefined) return
    assert.isTrue(Seats.isWanted(seats, first))
    assert.strictEqual(Seats.leave(seats, first), rest[7])
    assert.strictEqual(rest[7]?.state, "seated")
    assert.strictEqual(rest[8]?.state, "waiting")
  })
})
