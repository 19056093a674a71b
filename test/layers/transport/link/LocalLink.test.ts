import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import * as LocalLink from "../../../../src/layers/transport/link/LocalLink.ts"
import * as Frame from "../../../../src/protocol/flow/Frame.ts"
import { type FrameListener, type Link, LinkBroken } from "../../../../src/services/Transport.ts"

const end = (count: number): Frame.End => ({ _tag: "End", count })

const counts = (frames: ReadonlyArray<Frame.Frame>) => frames.map((frame) => (frame._tag === "End" ? frame.count : -1))

/** Listens at an end, and takes so many frames before it holds. */
const listen = (link: Link, takes = Number.POSITIVE_INFINITY) => {
  const heard = { frames: [] as Frame.Frame[], ends: [] as string[], broken: [] as string[], rooms: 0 }
  const left = { takes }
  const listener: FrameListener = {
    onFrame: (frame) => {
      heard.frames.push(frame)
      left.takes -= 1
      return left.takes > 0
    },
    onEnd: (how) => {
      const ended = how()
      heard.ends.push(Cause.isDone(ended) ? "done" : ended.how)
    },
    onBroken: (how) => heard.broken.push(how().how),
    onRoom: () => {
      heard.rooms += 1
    }
  }
  link.attach(listener)
  const take = (more: number) => {
    left.takes = more
    link.goOn()
  }
  return { ...heard, heard, take, finish: () => link.finish(), detach: () => link.detach(listener) }
}

/** Fills a link with frames from one number on, as far as it has room; the first one that it did not take. */
const fillFrom = (link: Link, from: number, to: number): number => {
  let next = from
  link.fill(() => {
    if (next > to) return undefined
    next += 1
    return end(next - 1)
  })
  return next
}

const lost = new LinkBroken({ how: "lost", detail: "" })

describe("LocalLink", () => {
  it("a listener hears each frame in the turn in which it is written, from the first goOn on", () => {
    const [near, far] = LocalLink.make()
    const there = listen(far)
    assert.strictEqual(fillFrom(near, 1, 3), 2)
    assert.deepStrictEqual(there.frames, [])
    listen(near)
    there.take(9)
    assert.deepStrictEqual(counts(there.frames), [1])
    assert.strictEqual(fillFrom(near, 2, 3), 4)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3])
  })

  it("a listener that holds gets no more until it goes on, and then its peer hears of room", () => {
    const [near, far] = LocalLink.make()
    const here = listen(near)
    const there = listen(far)
    there.take(2)
    assert.strictEqual(fillFrom(near, 1, 5), 3)
    assert.deepStrictEqual(counts(there.frames), [1, 2])
    const { rooms } = here.heard
    there.take(2)
    assert.strictEqual(here.heard.rooms, rooms + 1)
    assert.strictEqual(fillFrom(near, 3, 5), 5)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3, 4])
  })

  it("what was written before there is a listener is its first frame", () => {
    const [near, far] = LocalLink.make()
    assert.strictEqual(fillFrom(near, 1, 3), 2)
    const there = listen(far)
    there.take(9)
    assert.deepStrictEqual(counts(there.frames), [1])
    assert.strictEqual(fillFrom(near, 2, 3), 4)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3])
  })

  it("whoever has no room hears of it when a listener goes on, and not before", () => {
    const [near, far] = LocalLink.make()
    const here = listen(near)
    const there = listen(far)
    assert.strictEqual(fillFrom(near, 1, 3), 2)
    assert.strictEqual(here.heard.rooms, 0)
    there.take(2)
    assert.strictEqual(here.heard.rooms, 1)
    assert.strictEqual(fillFrom(near, 2, 3), 3)
    there.take(2)
    there.take(2)
    assert.strictEqual(here.heard.rooms, 2)
    assert.deepStrictEqual(counts(there.frames), [1, 2])
  })

  it("a break leaves what a side that had finished has said", () => {
    const [near, far] = LocalLink.make()
    fillFrom(near, 1, 1)
    near.finish()
    near.breakWith(lost)
    const there = listen(far)
    there.take(9)
    assert.deepStrictEqual([counts(there.frames), there.ends], [[1], ["done"]])
  })

  it("the good end is heard once, after all frames", () => {
    const [near, far] = LocalLink.make()
    const here = listen(near)
    fillFrom(near, 1, 1)
    here.finish()
    const there = listen(far)
    assert.deepStrictEqual(there.ends, [])
    there.take(1)
    assert.deepStrictEqual([counts(there.frames), there.ends], [[1], []])
    there.take(1)
    there.take(1)
    assert.deepStrictEqual(there.ends, ["done"])
  })

  it("a break is heard at both ends: at once, and as the end by those who go on", () => {
    const [near, far] = LocalLink.make()
    const here = listen(near)
    const there = listen(far)
    here.take(9)
    near.breakWith(lost)
    assert.deepStrictEqual([here.broken, here.ends], [["lost"], ["lost"]])
    assert.deepStrictEqual([there.broken, there.ends], [["lost"], []])
    there.take(9)
    assert.deepStrictEqual(there.ends, ["lost"])
    far.breakWith(lost)
    assert.deepStrictEqual(here.broken, ["lost"])
  })

  it("whoever writes to a link that takes no more is told so", () => {
    const [near, far] = LocalLink.make()
    const here = listen(near)
    here.finish()
    assert.strictEqual(fillFrom(near, 1, 2), 2)
    assert.deepStrictEqual(here.broken, ["finished"])
    const there = listen(far)
    near.breakWith(lost)
    assert.strictEqual(fillFrom(far, 1, 2), 2)
    assert.deepStrictEqual(there.broken, ["lost", "lost"])
  })

  it("the last frame of one that gives up is heard before the end, also after the peer has finished", () => {
    for (const isFinished of [false, true]) {
      const [near, far] = LocalLink.make()
      const there = listen(far)
      there.take(9)
      if (isFinished) there.finish()
      near.cancel(Frame.fail("Reset", "gone"))
      assert.deepStrictEqual(
        there.frames.map(({ _tag }) => _tag),
        ["Fail"]
      )
      assert.deepStrictEqual(there.ends, ["done"])
      assert.strictEqual(fillFrom(near, 1, 2), 1)
    }
  })

  it("one that has detached hears nothing", () => {
    const [near, far] = LocalLink.make()
    const there = listen(far)
    there.take(9)
    there.detach()
    fillFrom(near, 1, 2)
    near.breakWith(lost)
    assert.deepStrictEqual([there.frames, there.ends, there.broken], [[], [], []])
  })
})
