import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { AskedFrames } from "../../../../src/layers/transport/link/AskedFrames.ts"
import type { FrameListener } from "../../../../src/services/Transport.ts"

/** Frames that are asked for, and a listener that takes all of them. */
const make = (onAsk: (frames: AskedFrames, asked: number) => void = () => undefined) => {
  const state = { asked: 0, counts: [] as Array<number>, ends: 0 }
  const frames = new AskedFrames(() => {
    state.asked += 1
    onAsk(frames, state.asked)
  })
  const listener: FrameListener = {
    onFrame: (frame) => {
      state.counts.push(frame._tag === "End" ? frame.count : -1)
      return true
    },
    onEnd: () => {
      state.ends += 1
    },
    onBroken: () => undefined,
    onRoom: () => undefined
  }
  frames.attach(listener)
  return { frames, listener, state }
}

const done = () => Cause.Done()

describe("frames that are asked for", () => {
  it("are asked for one at a time, once somebody goes on", () => {
    const { frames, state } = make()
    assert.strictEqual(state.asked, 0)
    frames.goOn()
    frames.goOn()
    assert.strictEqual(state.asked, 1)
    frames.come({ _tag: "End", count: 1 })
    assert.deepStrictEqual(state, { asked: 2, counts: [1], ends: 0 })
    frames.end(done)
    frames.goOn()
    assert.deepStrictEqual(state, { asked: 2, counts: [1], ends: 1 })
  })

  it("may come while they are asked for", () => {
    const { frames, state } = make((given, asked) =>
      asked > 3 ? given.end(done) : given.come({ _tag: "End", count: asked })
    )
    frames.goOn()
    assert.deepStrictEqual(state, { asked: 4, counts: [1, 2, 3], ends: 1 })
  })

  it("that come when nobody listens are for the next listener", () => {
    const { frames, listener, state } = make()
    frames.goOn()
    frames.detach(listener)
    frames.come({ _tag: "End", count: 1 })
    assert.deepStrictEqual(state.counts, [])
    frames.attach(listener)
    assert.deepStrictEqual(state.counts, [])
    frames.goOn()
    assert.deepStrictEqual(state, { asked: 2, counts: [1], ends: 0 })
  })
})
