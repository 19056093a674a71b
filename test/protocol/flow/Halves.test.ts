/**
 * The two halves of a flow against each other: whatever is sent, however it is cut, is what comes out.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Buffers from "../../../src/protocol/flow/Buffers.ts"
import type { Data, Frame } from "../../../src/protocol/flow/Frame.ts"
import * as FrameValues from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import { bytesOf } from "../../../src/protocol/flow/Message.ts"
import * as Receiver from "../../../src/protocol/flow/Receiver.ts"
import * as Sender from "../../../src/protocol/flow/Sender.ts"
import { small } from "./SmallLimits.ts"

/** Lengths of messages, and how many are queued before a frame is taken. */
const Program = Schema.Array(
  Schema.Struct({
    length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 64 })),
    take: Schema.Boolean
  })
).check(Schema.isMaxLength(60))

const message = (index: number, length: number) => Uint8Array.from({ length }, (_, i) => (index * 7 + i) & 255)

const drain = (sender: Sender.Sender): ReadonlyArray<Frame> => {
  const frames: Array<Frame> = []
  for (let frame = Sender.take(sender); frame !== undefined; frame = Sender.take(sender)) frames.push(frame)
  return frames
}

const run = (program: typeof Program.Type, buffers: Buffers.Buffers | undefined) => {
  const sender = Sender.make(small, buffers)
  const frames: Array<Frame> = []
  const sent = program.map(({ length }, index) => message(index, length))
  program.forEach(({ take }, index) => {
    Sender.offer(sender, sent[index] ?? new Uint8Array())
    if (!take) return
    const frame = Sender.take(sender)
    if (frame !== undefined) frames.push(frame)
  })
  Sender.end(sender)
  return { sent, frames: [...frames, ...drain(sender)], sender }
}

describe("the halves of a flow", () => {
  it.prop("what is sent comes out: all of it, in order, once, and then the end", [Program], ([program]) => {
    for (const buffers of [Buffers.make(), undefined]) {
      const { frames, sender, sent } = run(program, buffers)
      const receiver = Receiver.make(small)
      const outcomes = frames.map((frame) => Receiver.receive(receiver, frame))
      const received = outcomes.flatMap((outcome) => (outcome._tag === "Messages" ? outcome.batch.all() : []))
      assert.deepStrictEqual(
        received.map((bytes) => [...bytesOf(bytes)]),
        sent.map((bytes) => [...bytes])
      )
      assert.strictEqual(outcomes.at(-1)?._tag, "Ended")
      assert.strictEqual(sender.status, "ended")
      assert.strictEqual(sender.waitingBytes, 0)
    }
  })

  it.prop(
    "within the process messages stay whole, and a frame is above its bounds for one alone",
    [Program],
    ([program]) => {
      const { frames, sent } = run(program, undefined)
      const whole = frames.flatMap((frame) => (frame._tag === "Local" ? frame.messages.map(bytesOf) : []))
      assert.deepStrictEqual(whole, [...sent])
      for (const frame of frames) {
        assert.notStrictEqual(frame._tag, "Data")
        if (frame._tag !== "Local") continue
        assert.isAtMost(frame.messages.length, small.frameMessagesMax)
        const bytes = frame.messages.reduce((sum, { byteLength }) => sum + byteLength, 0)
        if (bytes > small.frameBytesMax)
          assert.isAtMost(frame.messages.filter(({ byteLength }) => byteLength > 0).length, 1)
      }
    }
  )

  const bytesIn = ({ messages }: Data): number => messages.reduce((bytes, { byteLength }) => bytes + byteLength, 0)

  it.prop("no frame is above its bounds", [Program], ([program]) => {
    for (const frame of run(program, Buffers.make()).frames) {
      if (frame._tag !== "Data") continue
      assert.isAtMost(frame.messages.length, small.frameMessagesMax)
      assert.isAtMost(bytesIn(frame), small.frameBytesMax)
    }
  })

  it.prop("a frame is never sent half full while a message waits that it has room for", [Program], ([program]) => {
    const sender = Sender.make(small, Buffers.make())
    /** Frames, and whether more waited as each was taken: what came later could not be in it. */
    const taken: Array<{ readonly data: Data; readonly isFollowed: boolean }> = []
    const take = (): boolean => {
      const data = Sender.take(sender)
      if (data?._tag !== "Data") return false
      taken.push({ data, isFollowed: sender.waiting.length > 0 })
      return true
    }
    program.forEach((step, index) => {
      Sender.offer(sender, message(index, step.length))
      if (step.take) take()
    })
    while (take());
    taken.forEach(({ data, isFollowed }, index) => {
      const next = taken[index + 1]?.data
      const [first] = next?.messages ?? []
      if (!isFollowed || next === undefined || first === undefined || data.partial) return
      // A piece that fills a frame has one of its own.
      const isPiece = next.partial && next.messages.length === 1 && first.byteLength === small.frameBytesMax
      const hasRoom =
        data.messages.length < small.frameMessagesMax && bytesIn(data) + first.byteLength <= small.frameBytesMax
      assert.isFalse(hasRoom && !isPiece, `frame ${index} of ${taken.length}`)
    })
  })

  it.prop(
    "a lost or repeated frame of whole messages is never taken for a good end",
    [Program, Schema.Int],
    ([program, at]) => {
      const { frames } = run(program, Buffers.make())
      const whole = frames.filter((frame) => frame._tag === "Data" && !frame.partial && frame.messages.length > 0)
      const victim = whole[Math.abs(at) % Math.max(1, whole.length)]
      if (victim === undefined) return
      const index = frames.indexOf(victim)
      for (const stream of [frames.toSpliced(index, 1), frames.toSpliced(index, 0, victim)]) {
        const receiver = Receiver.make(small)
        const last = stream.map((frame) => Receiver.receive(receiver, frame)).at(-1)
        assert.notStrictEqual(last?._tag, "Ended")
      }
    }
  )

  const end: Frame = { _tag: "End", count: 0 }
  const fail = FrameValues.fail("Reset", "")
  const others: ReadonlyArray<Frame> = [
    { _tag: "Data", messages: [], partial: false },
    { _tag: "Data", messages: [Uint8Array.of(1)], partial: false },
    { _tag: "Data", messages: [Uint8Array.of(1)], partial: true },
    { _tag: "Local", messages: [Uint8Array.of(1)] },
    end,
    { _tag: "Open", endpoint: "a", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" },
    FrameValues.accepted,
    FrameValues.rejected("Closed", "")
  ]
  const outcomeOf = (...frames: ReadonlyArray<Frame>): string => {
    const receiver = Receiver.make(small)
    return frames.map((frame) => Receiver.receive(receiver, frame)._tag).at(-1) ?? ""
  }

  it("after the end every frame but a failure is a violation", () => {
    for (const frame of others) assert.strictEqual(outcomeOf(end, frame), "Violation", frame._tag)
    assert.strictEqual(outcomeOf(end, fail), "Failed")
  })

  it("after a failure every frame is a violation, and after a violation", () => {
    for (const frame of [...others, fail]) {
      assert.strictEqual(outcomeOf(fail, frame), "Violation", frame._tag)
      assert.strictEqual(outcomeOf(end, fail, frame), "Violation", frame._tag)
      assert.strictEqual(outcomeOf(FrameValues.accepted, frame), "Violation", frame._tag)
    }
  })

  /** What arrives of messages and an error, as frames that a peer reads. */
  const failWith = (program: typeof Program.Type, error: Uint8Array, buffers: Buffers.Buffers | undefined) => {
    const limits = { ...small, frameBytesMax: 60_000, messageBytesMax: 500_000 }
    const sender = Sender.make(limits, buffers)
    for (const [index, { length }] of program.entries()) Sender.offer(sender, message(index, length))
    Sender.end(sender, FrameValues.fail("Domain", "", error))
    const frames = drain(sender)
    return { frames, receiver: Receiver.make(limits), sent: program.length }
  }

  it.prop(
    "a declared error comes out as it is, behind all messages, however many frames it takes",
    [Program, Schema.Literals([0, 1, 60_000, 131_040, 131_041, 180_000, 180_001, 500_000])],
    ([program, length]) => {
      const error = message(program.length, length)
      for (const buffers of [Buffers.make(), undefined]) {
        const { frames, receiver, sent } = failWith(program, error, buffers)
        for (const frame of buffers === undefined ? [] : frames)
          assert.isAtMost(FrameBytes.encode(frame).byteLength, Limits.frameWireBytesMax + 5)
        const outcomes = frames.map((frame) => Receiver.receive(receiver, frame))
        assert.strictEqual(receiver.receivedCount, sent)
        const last = outcomes.at(-1)
        if (last?._tag !== "Failed") return assert.fail(last?._tag)
        assert.strictEqual(last.fail.reason, "Domain")
        assert.isTrue(Buffer.from(error).equals(last.fail.error))
      }
    }
  )

  it("a declared error that grows above the limit is told before it is joined", () => {
    const { frames, receiver } = failWith([], new Uint8Array(500_001), Buffers.make())
    const outcomes = frames.map((frame) => Receiver.receive(receiver, frame))
    assert.deepStrictEqual(outcomes.at(-1), { _tag: "TooLarge", bytes: 500_001 })
  })

  it("once the end is out, an error that does not fit into a frame is told to be too large", () => {
    const sender = Sender.make(small, Buffers.make())
    Sender.end(sender)
    assert.strictEqual(drain(sender).at(-1)?._tag, "End")
    const error = (bytes: number) => FrameValues.fail("Domain", "", new Uint8Array(bytes))
    assert.strictEqual(Sender.sized(sender, error(Limits.wholeErrorBytesMax)).reason, "Domain")
    assert.strictEqual(Sender.sized(sender, error(Limits.wholeErrorBytesMax + 1)).reason, "MessageTooLarge")
    assert.deepStrictEqual(drain(sender), [])
  })

  it("an error that is said after the end, while that waits, takes its place and is cut", () => {
    const sender = Sender.make(small, Buffers.make())
    const receiver = Receiver.make({ ...small, messageBytesMax: 200_000 })
    Sender.end(sender)
    const error = message(0, 200_000)
    assert.isTrue(Sender.end(sender, FrameValues.fail("Domain", "", error)))
    const frames = drain(sender)
    assert.isFalse(frames.some(({ _tag }) => _tag === "End"))
    const last = frames.map((frame) => Receiver.receive(receiver, frame)).at(-1)
    if (last?._tag !== "Failed") return assert.fail(last?._tag)
    assert.strictEqual(last.fail.reason, "Domain")
    assert.isTrue(Buffer.from(error).equals(last.fail.error))
  })

  it("an error that is said once the end is out leaves as one frame that says why there is none", () => {
    const sender = Sender.make(small, Buffers.make())
    Sender.end(sender)
    drain(sender)
    assert.isTrue(Sender.end(sender, FrameValues.fail("Domain", "", new Uint8Array(200_000))))
    const said = drain(sender).map((frame) => (frame._tag === "Fail" ? frame.reason : frame._tag))
    assert.deepStrictEqual(said, ["MessageTooLarge"])
  })

  it("the rest of an error is no last word while what comes before it waits", () => {
    const sender = Sender.make(small, Buffers.make())
    Sender.end(sender, FrameValues.fail("Domain", "", new Uint8Array(200_000)))
    assert.isUndefined(Sender.lastWord(sender))
    drain(sender)
    assert.strictEqual(Sender.lastWord(sender)?.reason, "DomainCut")
  })

  it("a message that grows above the limit is told before it is joined", () => {
    const receiver = Receiver.make(small)
    const piece: Frame = { _tag: "Data", messages: [new Uint8Array(40)], partial: true }
    assert.strictEqual(Receiver.receive(receiver, piece)._tag, "Messages")
    assert.deepStrictEqual(Receiver.receive(receiver, piece), { _tag: "TooLarge", bytes: 80 })
  })

  it("abandoned, a sender lets out its last frame and nothing else", () => {
    const sender = Sender.make(small, Buffers.make())
    Sender.offer(sender, message(1, 30))
    assert.strictEqual(Sender.take(sender)?._tag, "Data")
    Sender.abandon(sender, FrameValues.fail("MalformedMessage", ""))
    assert.isFalse(Sender.offer(sender, message(2, 1)))
    assert.strictEqual(Sender.take(sender)?._tag, "Fail")
    assert.strictEqual(Sender.take(sender), undefined)
    assert.strictEqual(Sender.delivered(sender), "maybe")
  })
})
