import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber } from "effect"
import * as LinkPair from "../../src/layers/LinkPair.ts"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import { type Link, LinkBroken } from "../../src/services/Transport.ts"

const end = (count: number): Frame.End => ({ _tag: "End", count })

const counts = (frames: ReadonlyArray<Frame.Frame>) => frames.map((frame) => (frame._tag === "End" ? frame.count : -1))

/** Listens at an end, and takes so many frames before it holds. */
const listen = (link: Link, takes = Number.POSITIVE_INFINITY) => {
  const heard = { frames: [] as Frame.Frame[], ends: [] as string[], broken: [] as string[], rooms: 0 }
  const left = { takes }
  const attached = link.attach?.({
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
  })
  assert.isDefined(attached)
  const take = (more: number) => {
    left.takes = more
    attached?.goOn()
  }
  return { ...heard, heard, take, finish: () => attached?.finish(), detach: () => attached?.detach() }
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

describe("LinkPair", () => {
  it("a listener hears each frame in the turn in which it is written, from the first goOn on", () => {
    const [near, far] = LinkPair.make()
    const there = listen(far.link)
    assert.strictEqual(fillFrom(near.link, 1, 3), 1)
    assert.deepStrictEqual(there.frames, [])
    listen(near.link)
    there.take(9)
    assert.strictEqual(fillFrom(near.link, 1, 3), 4)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3])
  })

  it("a listener that holds gets no more until it goes on, and then its peer hears of room", () => {
    const [near, far] = LinkPair.make()
    const here = listen(near.link)
    const there = listen(far.link)
    there.take(2)
    assert.strictEqual(fillFrom(near.link, 1, 5), 3)
    assert.deepStrictEqual(counts(there.frames), [1, 2])
    const { rooms } = here.heard
    there.take(2)
    assert.strictEqual(here.heard.rooms, rooms + 1)
    assert.strictEqual(fillFrom(near.link, 3, 5), 5)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3, 4])
  })

  it("what was written before there is a listener is its first frame", () => {
    const [near, far] = LinkPair.make()
    assert.strictEqual(fillFrom(near.link, 1, 3), 2)
    const there = listen(far.link)
    there.take(9)
    assert.deepStrictEqual(counts(there.frames), [1])
    assert.strictEqual(fillFrom(near.link, 2, 3), 4)
    assert.deepStrictEqual(counts(there.frames), [1, 2, 3])
  })

  it.effect("writing waits for a listener that holds", () =>
    Effect.gen(function* () {
      const [near, far] = LinkPair.make()
      const there = listen(far.link)
      there.take(1)
      yield* near.link.write(end(1))
      const second = yield* Effect.forkChild(near.link.write(end(2)), { startImmediately: true })
      assert.deepStrictEqual(counts(there.frames), [1])
      there.take(1)
      yield* Fiber.join(second)
      assert.deepStrictEqual(counts(there.frames), [1, 2])
    })
  )

  it("the good end is heard once, after all frames", () => {
    const [near, far] = LinkPair.make()
    const here = listen(near.link)
    fillFrom(near.link, 1, 1)
    here.finish()
    const there = listen(far.link)
    assert.deepStrictEqual(there.ends, [])
    there.take(1)
    assert.deepStrictEqual([counts(there.frames), there.ends], [[1], []])
    there.take(1)
    there.take(1)
    assert.deepStrictEqual(there.ends, ["done"])
  })

  it("a break is heard at both ends: at once, and as the end by those who go on", () => {
    const [near, far] = LinkPair.make()
    const here = listen(near.link)
    const there = listen(far.link)
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
    const [near, far] = LinkPair.make()
    const here = listen(near.link)
    here.finish()
    assert.strictEqual(fillFrom(near.link, 1, 2), 2)
    assert.deepStrictEqual(here.broken, ["finished"])
    const there = listen(far.link)
    near.breakWith(lost)
    assert.strictEqual(fillFrom(far.link, 1, 2), 2)
    assert.deepStrictEqual(there.broken, ["lost", "lost"])
  })

  it.effect("the last frame of one that gives up is heard before the end, also after the peer has finished", () =>
    Effect.gen(function* () {
      for (const isFinished of [false, true]) {
        const [near, far] = LinkPair.make()
        const there = listen(far.link)
        there.take(9)
        if (isFinished) there.finish()
        yield* near.link.cancel(Frame.fail("Reset", "gone"))
        assert.deepStrictEqual(
          there.frames.map(({ _tag }) => _tag),
          ["Fail"]
        )
        assert.deepStrictEqual(there.ends, ["done"])
        assert.strictEqual(fillFrom(near.link, 1, 2), 1)
      }
    })
  )

  it("one that has detached hears nothing", () => {
    const [near, far] = LinkPair.make()
    const there = listen(far.link)
    there.take(9)
    there.detach()
    fillFrom(near.link, 1, 2)
    near.breakWith(lost)
    assert.deepStrictEqual([there.frames, there.ends, there.broken], [[], [], []])
  })
})
