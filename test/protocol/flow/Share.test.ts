import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Share from "../../../src/protocol/flow/Share.ts"

const bounds: Share.Bounds = { bytesMax: 1000, stalledMillisMax: 30_000 }
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

interface Flow {
  /** What comes, and what may leave, in each second. */
  readonly comes: number
  readonly leaves: number
  /** When it begins to come, and when it stops, in seconds. */
  readonly from: number
  readonly to: number
}

const Flows = Schema.Array(Schema.Struct({ comes: upTo(400), leaves: upTo(400), from: upTo(60), to: upTo(90) }))

/** Bytes of a flow by when they came, the oldest first. */
class Queue {
  readonly flow: Flow
  waiting: Array<{ at: number; bytes: number }> = []
  left = 0
  mark: Share.Stay | undefined

  constructor(flow: Flow) {
    this.flow = flow
  }

  get held(): number {
    return this.waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  second(at: number): void {
    if (at >= this.flow.from && at < this.flow.to && this.flow.comes > 0 && this.held < 600)
      this.waiting.push({ at, bytes: this.flow.comes })
    for (let may = this.flow.leaves, [first] = this.waiting; may > 0 && first !== undefined; [first] = this.waiting) {
      const bytes = Math.min(may, first.bytes)
      may -= bytes
      first.bytes -= bytes
      this.left += bytes
      if (first.bytes === 0) this.waiting.shift()
    }
  }
}

/** Looks each second for four minutes; tells of each second what was held before, by whom, and who ended. */
const run = (
  flows: ReadonlyArray<Flow>,
  onLook: (second: number, open: ReadonlyArray<Queue>, over: ReadonlyArray<Queue>) => void
): void => {
  const share = Share.make<Queue>(bounds)
  const open = new Set(flows.map((flow) => new Queue(flow)))
  for (let second = 0; second < 240; second++) {
    const nowMillis = 1000 * second
    Share.begin(share, nowMillis)
    for (const queue of open) {
      queue.second(second)
      queue.mark = Share.stay(queue.mark, { heldBytes: queue.held, leftBytes: queue.left, nowMillis })
      if (queue.mark !== undefined) Share.count(share, queue, queue.held, queue.mark.sinceMillis)
    }
    const over = Share.settle(share)
    onLook(second, [...open], over)
    for (const queue of over) open.delete(queue)
    assert.strictEqual(
      share.heldBytes,
      [...open].reduce((sum, { held }) => sum + held, 0)
    )
  }
}

const sum = (queues: ReadonlyArray<Queue>): number => queues.reduce((all, { held }) => all + held, 0)
const oldest = ({ waiting: [first] }: Queue): number => first?.at ?? Number.POSITIVE_INFINITY

describe("what this host holds for one peer", () => {
  it.prop("ends no flow within its bound, nor one that moves, and none before its time", [Flows], ([flows]) => {
    let aboveFor = 0
    run(flows, (second, open, over) => {
      const held = sum(open)
      if (over.length > 0) assert.isAtLeast(aboveFor, 30)
      aboveFor = held > bounds.bytesMax ? aboveFor + 1 : 0
      for (const queue of over) assert.isAtMost(oldest(queue), second - 30)
    })
  })

  it.prop("ends those that have stalled longest, and no more than are needed", [Flows], ([flows]) => {
    run(flows, (_, open, over) => {
      if (over.length === 0) return
      const last = over.at(-1)
      const ended = new Set(over)
      const left = open.filter((queue) => !ended.has(queue))
      assert.isAbove(sum(left) + (last?.held ?? 0), bounds.bytesMax)
      for (const queue of left)
        for (const one of over)
          assert.isAtMost(one.mark?.sinceMillis ?? 0, queue.mark?.sinceMillis ?? Number.POSITIVE_INFINITY)
    })
  })

  it.prop("is within its bound in the end, where nothing moves", [Flows], ([flows]) => {
    let held = 0
    const still = flows.map((flow) => ({ ...flow, leaves: 0 }))
    run(still, (_, open, over) => {
      held = sum(open) - sum(over)
    })
    assert.isAtMost(held, bounds.bytesMax)
  })

  it("a few bytes now and then hide nothing", () => {
    const trickle = { comes: 500, leaves: 1, from: 0, to: 2 }
    const ended: Array<number> = []
    run([trickle, trickle, trickle], (second, _, over) => {
      for (const __ of over) ended.push(second)
    })
    assert.deepStrictEqual(ended, [30, 30])
  })

  it("all that moves may stay, however much it is", () => {
    run(
      Array.from({ length: 100 }, () => ({ comes: 400, leaves: 100, from: 0, to: 240 })),
      (_, __, over) => assert.deepStrictEqual(over, [])
    )
  })
})
