/** Both directions busy: a flow that lost something, or that stands still, is found out. */
import { assert, describe, it } from "@effect/vitest"
import { busy, message, messageBytes, Side } from "../../bench/flow/Duplex.ts"
import { unlessStuck } from "../../bench/flow/Stuck.ts"

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error) => (error instanceof Error ? error.message : String(error))
  )

/** Both sides of a flow of which each has sent so many messages. */
const exchanged = (there: number, back: number) => {
  const [ours, theirs] = [new Side(), new Side()]
  const pass = (from: Side, to: Side) => {
    from.sent.add(message)
    to.take(message)
  }
  for (let i = 0; i < there; i++) pass(ours, theirs)
  for (let i = 0; i < back; i++) pass(theirs, ours)
  return { ours, theirs }
}

describe("a busy flow", () => {
  it("is settled when each side has what the other one sent", () => {
    const { ours, theirs } = exchanged(3, 5)
    assert.doesNotThrow(() => ours.settle(theirs.account))
  })

  it("is not settled when a message is missing, or the account", () => {
    const { ours, theirs } = exchanged(3, 5)
    theirs.sent.add(message)
    assert.throws(() => ours.settle(theirs.account), /6 messages .* were sent back, 5 /)
    ours.sent.add(message)
    assert.throws(() => ours.settle(theirs.account), /4 messages .* were sent, 3 /)
    assert.throws(() => ours.settle(undefined), /without its account/)
  })

  it("counts the same in pieces, wherever they are cut", () => {
    const [whole, pieces] = [new Side(), new Side()]
    whole.take(message)
    whole.take(message)
    const all = Buffer.concat([message, message])
    for (const [from, to] of [
      [0, 1],
      [1, messageBytes + 2],
      [messageBytes + 2, all.byteLength]
    ] as const)
      pieces.takePiece(all.subarray(from, to))
    assert.deepStrictEqual(pieces.account, whole.account)
  })
})

describe("busy flows", () => {
  it("end when they are told to, all of them", async () => {
    const sides: Array<Side> = []
    const { stop } = busy(3, async (side) => {
      sides.push(side)
      while (!side.isOver) await new Promise(setImmediate)
    })
    await stop()
    assert.deepStrictEqual(
      sides.map(({ isOver }) => isOver),
      [true, true, true]
    )
  })

  it("fail as soon as one of them does", async () => {
    const { failed, stop } = busy(2, async () => {
      throw new Error("a flow broke")
    })
    assert.strictEqual(await reasonOf(failed), "a flow broke")
    assert.strictEqual(await reasonOf(stop()), "a flow broke")
  })
})

describe("what stands still", () => {
  it("is stuck, and what moves is not", async () => {
    let moves = 0
    const moving = setInterval(() => {
      moves += 1
    }, 50)
    const first = await Promise.race([
      reasonOf(unlessStuck(() => 7, "to nobody", 1)),
      reasonOf(unlessStuck(() => moves, "to somebody", 1)),
      new Promise((resolve) => setTimeout(resolve, 10_000))
    ])
    clearInterval(moving)
    assert.strictEqual(first, "stuck: nothing came for 1 s to nobody")
  })
})
