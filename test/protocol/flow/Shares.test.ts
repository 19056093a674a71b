/**
 * What a peer may have of what all share: streams of a session, bytes that bring nothing, places at an endpoint.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Admission from "../../../src/protocol/flow/Admission.ts"
import * as Allowance from "../../../src/protocol/flow/Allowance.ts"
import * as Seats from "../../../src/protocol/flow/Seats.ts"
import * as Waste from "../../../src/protocol/flow/Waste.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

describe("the streams that a session may have", () => {
  /** Opens as many as it may each time; the limits, one for each round trip. */
  const limitsOf = (flows: number, streamsMax: number) => {
    const limits = [Allowance.first(streamsMax)]
    let begun = 0
    for (let limit: number | undefined = limits[0]; limit !== undefined && begun < flows; ) {
      begun = Math.min(flows, limit)
      limit = Allowance.next(limit, begun, streamsMax)
      if (limit !== undefined) limits.push(limit)
    }
    return { begun, limits }
  }

  it("are ten thousand after a few round trips", () => {
    const { begun, limits } = limitsOf(10_000, 16_384)
    assert.strictEqual(begun, 10_000)
    assert.isAtMost(limits.length, 15)
  })

  it("are as many as there are, and no more", () => {
    assert.deepStrictEqual(limitsOf(20_000, 16_384).begun, 16_384)
    assert.deepStrictEqual(limitsOf(20_000, 100), { begun: 100, limits: [100] })
  })

  it.prop(
    "are never many beyond those that carry something, and never fewer than before",
    [Schema.Array(upTo(20_000))],
    (all) => {
      let limit = Allowance.first(16_384)
      for (const [begun] of all.map((some) => [Math.min(...some, 16_384)] as const)) {
        const next = Allowance.next(limit, begun, 16_384)
        if (next === undefined) continue
        assert.isAbove(next, limit)
        assert.isAtMost(next - begun, Allowance.aheadMax)
        limit = next
      }
    }
  )
})

describe("bytes that bring nothing", () => {
  const nothing: Waste.Traffic = { readBytes: 0, sentBytes: 0, pieces: 0, pieceBytes: 0, fragments: 0, streams: 0 }
  /** Whether it goes on for so many looks, five a second, with so much in each second. */
  const lasts = (perSecond: Partial<Waste.Traffic>, seconds = 3600) => {
    const waste = Waste.make(0)
    for (let look = 1; look <= 5 * seconds; look++) {
      const so = (key: keyof Waste.Traffic) => Math.floor(((perSecond[key] ?? 0) * look) / 5)
      const [readBytes, sentBytes] = [so("readBytes"), so("sentBytes")]
      const traffic = {
        readBytes,
        sentBytes,
        pieces: so("pieces"),
        pieceBytes: so("pieceBytes"),
        fragments: so("fragments"),
        streams: so("streams")
      }
      if (!Waste.look(waste, traffic, look * 200)) return look / 5
    }
    return "for ever"
  }

  const honest: ReadonlyArray<readonly [string, Partial<Waste.Traffic>]> = [
    ["nobody says anything", nothing],
    [
      "a client sends a byte at a time, each in a padded frame",
      { readBytes: 266_000, pieces: 1000, pieceBytes: 1000, fragments: 995 }
    ],
    [
      "a client sends the header of each envelope by itself",
      { readBytes: 2_000_000, pieces: 60_000, pieceBytes: 900_000, fragments: 30_000 }
    ],
    ["a client sends all it can", { readBytes: 1_010_000_000, pieces: 62_000, pieceBytes: 1_000_000_000 }],
    ["a client reads small messages, each with windows and a PING", { readBytes: 430_000, sentBytes: 200_000 }],
    ["keepalives come ten times a second", { readBytes: 170, sentBytes: 170 }],
    [
      "flows open and close, with the largest headers",
      { readBytes: 1_600_000, streams: 100, pieces: 100, pieceBytes: 3000 }
    ],
    [
      "flows open and close, as fast as they can",
      { readBytes: 1_000_000, streams: 10_000, pieces: 10_000, sentBytes: 300_000 }
    ],
    ["somebody asks for what is not there, now and then", { readBytes: 60_000, sentBytes: 1000 }]
  ]
  it.each(honest)("are none where %s", (_, traffic) => {
    assert.strictEqual(lasts(traffic), "for ever")
  })

  const wasteful: ReadonlyArray<readonly [string, Partial<Waste.Traffic>]> = [
    ["empty frames", { readBytes: 9_000_000 }],
    [
      "frames of flows in pieces of a byte",
      { readBytes: 2_000_000, pieces: 200_000, pieceBytes: 200_000, fragments: 199_800 }
    ],
    ["windows, each with an answer now and then", { readBytes: 13_000_000, sentBytes: 100_000 }],
    ["headers that are too many, each reset", { readBytes: 16_000_000, sentBytes: 13_000 }]
  ]
  it.each(wasteful)("end a session soon: %s", (_, traffic) => {
    assert.isBelow(Number(lasts(traffic)), 1)
  })

  it("end a session within four seconds where they are 50,000 windows a second", () => {
    assert.isBelow(Number(lasts({ readBytes: 650_000 })), 4)
  })

  it("may be the headers of ten thousand streams at once, each of which was reset", () => {
    assert.isTrue(Waste.look(Waste.make(0), { ...nothing, readBytes: 10_000 * 209 }, 200))
  })

  it("are not paid for by what came before", () => {
    const waste = Waste.make(0)
    assert.isTrue(Waste.look(waste, { ...nothing, readBytes: 10 ** 9, pieceBytes: 10 ** 9, sentBytes: 10 ** 9 }, 200))
    const readBytes = 10 ** 9 + 2 * Waste.wasteBytesMax
    assert.isFalse(Waste.look(waste, { ...nothing, readBytes, pieceBytes: 10 ** 9, sentBytes: 10 ** 9 }, 400))
  })
})

describe("places that peers share", () => {
  it.prop(
    "are never more than there are, and the last are for those that hold few",
    [upTo(100), Schema.Array(Schema.Struct({ peer: upTo(6), isGone: Schema.Boolean }))],
    ([max, program]) => {
      const seats = Seats.make<number>(max)
      const peerOf = (ticket: number) => (ticket % 7 === 0 ? undefined : `${ticket % 7}`)
      program.forEach(({ isGone, peer }, index) => {
        const ticket = 7 * index + peer
        const held = [...seats.held].filter((other) => other % 7 === peer)
        if (isGone && held[0] !== undefined) for (let i = 0; i < 2; i++) Seats.give(seats, held[0], peerOf(held[0]))
        else if (Seats.isFree(seats, peerOf(ticket))) Seats.take(seats, ticket, peerOf(ticket))
        else
          assert.isTrue(
            seats.held.size === max || (peer > 0 && held.length >= seats.own && seats.held.size >= max - seats.kept)
          )
        assert.isAtMost(seats.held.size, max)
      })
      for (const ticket of [...seats.held]) Seats.give(seats, ticket, peerOf(ticket))
      assert.strictEqual(seats.byPeer.size, 0)
    }
  )

  it("one peer has ten thousand flows of an endpoint, and others find a place", () => {
    const admission = Admission.make<{ readonly peer: string }>({
      concurrency: 12_000,
      backlog: 64,
      peerOf: ({ peer }) => peer
    })
    const enter = (peer: string) => Admission.enter(admission, { peer })
    for (let i = 0; i < 10_000; i++) assert.strictEqual(enter("greedy"), "serving")
    for (let entry = enter("greedy"); entry !== "busy"; ) entry = enter("greedy")
    assert.isAtMost(admission.serving.size, 10_500)
    for (let peer = 0; peer < 16; peer++)
      for (let i = 0; i < 90; i++) assert.strictEqual(enter(`honest ${peer}`), "serving", `${peer} ${i}`)
  })

  it("a peer that waits for more than its share stands in nobody's way", () => {
    const admission = Admission.make<{ readonly peer: string }>({
      concurrency: 16,
      backlog: 16,
      peerOf: ({ peer }) => peer
    })
    const greedy = Array.from({ length: 40 }, () => ({ peer: "greedy" }))
    for (const ticket of greedy) Admission.enter(admission, ticket)
    assert.deepStrictEqual([admission.serving.size, admission.waiting.size], [14, 14])
    const honest = Array.from({ length: 4 }, (_, i) => ({ peer: `honest ${i}` }))
    assert.deepStrictEqual(
      honest.map((ticket) => Admission.enter(admission, ticket)),
      ["serving", "serving", "waiting", "waiting"]
    )
    // The first that may have the place, and not the first that waits.
    for (const ticket of honest.slice(0, 1)) Admission.leave(admission, ticket)
    assert.isTrue(honest.slice(2, 3).every((ticket) => admission.serving.has(ticket)))
    for (const ticket of greedy) Admission.leave(admission, ticket)
    assert.deepStrictEqual([admission.serving.size, admission.waiting.size], [3, 0])
  })
})
