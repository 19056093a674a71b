import { assert, describe, it } from "@effect/vitest"
import { Pauses, streamsPerTurn } from "../../../../../src/layers/transport/http2/server/Pauses.ts"

const make = (countedAs: string | undefined) => {
  const turns: Array<number> = []
  return { turns, countedAs, socket: { pause: (count = 1) => void turns.push(count) } }
}

describe("Pauses", () => {
  it("has those that opened more than their part of a peer's streams stay away longest", () => {
    const [greedy, modest, quiet, other] = [make("a"), make("a"), make("a"), make("b")]
    const all = [greedy, modest, quiet, other]
    const pauses = new Pauses<(typeof all)[number]>()
    for (let i = 0; i < 20; i++) pauses.count(modest, all)
    for (let i = 20; i < streamsPerTurn; i++) pauses.count(greedy, all)
    assert.deepStrictEqual(
      all.map(({ turns }) => turns),
      [[3], [1], [1], []]
    )
  })

  it("counts anew after each pause", () => {
    const [one, two] = [make("a"), make("a")]
    const pauses = new Pauses<typeof one>()
    for (let i = 0; i < streamsPerTurn; i++) pauses.count(one, [one, two])
    for (let i = 0; i < streamsPerTurn; i++) pauses.count(two, [one, two])
    assert.deepStrictEqual(
      [one.turns, two.turns],
      [
        [2, 1],
        [1, 2]
      ]
    )
  })

  it("pauses nobody else for a caller that is counted as no peer", () => {
    const [one, two] = [make(undefined), make(undefined)]
    const pauses = new Pauses<typeof one>()
    for (let i = 0; i < streamsPerTurn; i++) pauses.count(one, [one, two])
    assert.deepStrictEqual([one.turns, two.turns], [[1], []])
  })
})
