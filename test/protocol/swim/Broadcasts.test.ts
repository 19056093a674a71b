import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Broadcasts from "../../../src/protocol/swim/Broadcasts.ts"

const small = (max: number): Schema.Codec<number> => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: max }))

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Enqueue"), key: small(12), length: small(40) }),
  Schema.Struct({ _tag: Schema.tag("Take"), bytesMax: small(160), transmitLimit: small(5), overheadBytes: small(3) }),
  Schema.Struct({ _tag: Schema.tag("Prune"), countMax: small(10) })
])

interface Entry {
  readonly key: string
  readonly length: number
  readonly id: number
  transmits: number
}

/** The same queue, as the specification words it: sort, and look at each. */
const sorted = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  entries.toSorted((a, b) => a.transmits - b.transmits || b.length - a.length || b.id - a.id)

const identify = (bytes: Uint8Array): number => (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)

describe("the broadcast queue", () => {
  it.prop("does what the specification says", [Schema.Array(Step)], ([steps]) => {
    const queue = Broadcasts.make()
    let model: ReadonlyArray<Entry> = []
    let id = 0
    for (const step of steps) {
      switch (step._tag) {
        case "Enqueue": {
          const key = `k${step.key}`
          const length = step.length + 2
          const bytes = new Uint8Array(length)
          bytes[0] = id >> 8
          bytes[1] = id & 0xff
          Broadcasts.enqueue(queue, key, bytes)
          model = [...model.filter((entry) => entry.key !== key), { key, length, id: id++, transmits: 0 }]
          break
        }
        case "Take": {
          const taken = Broadcasts.take(queue, { ...step, countMax: 255 }).map(identify)
          let left = step.bytesMax
          const expected = sorted(model).filter((entry) => {
            const isTaken = entry.length + step.overheadBytes <= left
            if (isTaken) left -= entry.length + step.overheadBytes
            return isTaken
          })
          assert.deepStrictEqual(
            taken,
            expected.map((entry) => entry.id)
          )
          assert.strictEqual(new Set(taken).size, taken.length)
          for (const entry of expected) entry.transmits += 1
          model = model.filter((entry) => !expected.includes(entry) || entry.transmits < step.transmitLimit)
          break
        }
        case "Prune":
          Broadcasts.prune(queue, step.countMax)
          model = sorted(model).slice(0, step.countMax)
          break
      }
      assert.deepStrictEqual(new Set(queue.byKey.keys()), new Set(model.map(({ key }) => key)))
    }
  })

  it("sends each message as often as its limit says, then is empty", () => {
    const queue = Broadcasts.make()
    for (let i = 0; i < 50; i++) Broadcasts.enqueue(queue, `k${i}`, Uint8Array.of(i, 0, 0, 0))
    const counts = new Map<number, number>()
    while (Broadcasts.size(queue) > 0) {
      const taken = Broadcasts.take(queue, { overheadBytes: 2, bytesMax: 42, countMax: 255, transmitLimit: 4 })
      assert.isAtMost(taken.length, 7)
      for (const bytes of taken) counts.set(bytes[0] ?? 0, (counts.get(bytes[0] ?? 0) ?? 0) + 1)
    }
    assert.deepStrictEqual(new Set(counts.values()), new Set([4]))
    assert.strictEqual(counts.size, 50)
  })

  it("never sends nor drops what is too long, until it is displaced", () => {
    const queue = Broadcasts.make()
    Broadcasts.enqueue(queue, "a", new Uint8Array(100))
    const room = { overheadBytes: 2, bytesMax: 50, countMax: 255, transmitLimit: 1 }
    assert.deepStrictEqual(Broadcasts.take(queue, room), [])
    assert.isTrue(Broadcasts.has(queue, "a"))
    Broadcasts.enqueue(queue, "a", new Uint8Array(10))
    assert.strictEqual(Broadcasts.take(queue, room).length, 1)
    assert.isFalse(Broadcasts.has(queue, "a"))
  })

  it("stays fast with sixteen thousand messages", () => {
    const queue = Broadcasts.make()
    const began = performance.now()
    for (let i = 0; i < 16_384; i++) Broadcasts.enqueue(queue, `k${i}`, new Uint8Array(60 + (i % 40)))
    let taken = 0
    for (let i = 0; i < 2000; i++)
      taken += Broadcasts.take(queue, { overheadBytes: 2, bytesMax: 1398, countMax: 255, transmitLimit: 20 }).length
    assert.isAbove(taken, 20_000)
    assert.isBelow(performance.now() - began, 2000)
  })
})
