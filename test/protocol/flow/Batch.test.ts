/**
 * What waits for its reader against a list of it: handed out in any way, it is what came, in order; and while it waits it
 * holds on to nothing else.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Batch from "../../../src/protocol/flow/Batch.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import * as Inbox from "../../../src/protocol/flow/Inbox.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import type { Message } from "../../../src/protocol/flow/Message.ts"
import { bytesOf } from "../../../src/protocol/flow/Message.ts"
import * as Receiver from "../../../src/protocol/flow/Receiver.ts"
import { Cuts, cut, Lengths } from "./Cuts.ts"
import { hex, parse } from "./Parse.ts"

const messagesOf = (lengths: ReadonlyArray<number>) =>
  lengths.map((length, index) => new Uint8Array(length).fill(index))

/** Batches of what comes in these chunks of one large buffer, and the buffer. */
const come = (messages: ReadonlyArray<Uint8Array>, cuts: ReadonlyArray<number>) => {
  const wire = FrameBytes.encode({ _tag: "Data", messages, partial: false })
  const network = new Uint8Array(64 * 1024)
  network.set(wire)
  const { frames } = parse(cut(network.subarray(0, wire.byteLength), cuts))
  const batches = frames.flatMap((frame) =>
    frame._tag !== "Data" ? [] : [frame.runs ?? new Batch.Listed(frame.messages)]
  )
  return { batches, network }
}

const Steps = Schema.Array(Schema.Literals(["push", "take", "takeAll", "keep"])).check(Schema.isMinLength(1))

describe("an inbox", () => {
  it.prop(
    "hands out what came, in order, each once, and weighs what is left",
    [Lengths, Cuts, Steps],
    ([lengths, cuts, steps]) => {
      const messages = messagesOf(lengths)
      for (const batches of [come(messages, cuts).batches, messages.map((message) => new Batch.Listed([message]))]) {
        const inbox = Inbox.make(Limits.defaults)
        const taken: Array<Message> = []
        let pushed = 0
        const check = () => {
          const left = messages.slice(taken.length, pushed)
          assert.strictEqual(inbox.bytes, Limits.weightOf(left))
        }
        const step = (what: (typeof steps)[number]) => {
          if (what === "push") {
            const batch = batches.shift()
            pushed += batch?.count ?? 0
            if (batch !== undefined) Inbox.push(inbox, batch)
          } else if (what === "keep") Inbox.keep(inbox)
          else if (what === "takeAll") taken.push(...Inbox.takeAll(inbox))
          else {
            const message = Inbox.take(inbox)
            if (message !== undefined) taken.push(message)
          }
          check()
        }
        for (const what of steps) step(what)
        while (batches.length > 0) step("push")
        step("takeAll")
        assert.deepStrictEqual(
          taken.map((message) => hex(bytesOf(message))),
          messages.map(hex)
        )
        assert.isUndefined(Inbox.take(inbox))
      }
    }
  )

  it("hands out so many at once of what came as bytes, and the rest after that", () => {
    const count = 2 * Inbox.takenMax + 7
    const messages = Array.from({ length: count }, (_, i) => Uint8Array.of(i & 255, i >> 8))
    const inbox = Inbox.make(Limits.defaults)
    for (const batch of come(messages, [9000]).batches) Inbox.push(inbox, batch)
    Inbox.keep(inbox)
    const taken = [Inbox.takeAll(inbox), Inbox.takeAll(inbox), Inbox.takeAll(inbox)]
    assert.deepStrictEqual(
      taken.map(({ length }) => length),
      [Inbox.takenMax, Inbox.takenMax, 7]
    )
    assert.deepStrictEqual(
      taken.flat().map((message) => hex(bytesOf(message))),
      messages.map(hex)
    )
    assert.strictEqual(inbox.bytes, 0)
    assert.isEmpty(inbox.batches)
    // What was never bytes is objects already.
    Inbox.push(inbox, new Batch.Listed(messages))
    assert.lengthOf(Inbox.takeAll(inbox), count)
  })

  it.prop("what it keeps is not of the network", [Lengths, Cuts, Schema.Boolean], ([lengths, cuts, isBegun]) => {
    const messages = messagesOf(lengths)
    const { batches, network } = come(messages, cuts)
    const inbox = Inbox.make(Limits.defaults)
    const taken: Array<string> = []
    for (const batch of batches) {
      Inbox.push(inbox, batch)
      const first = isBegun ? Inbox.take(inbox) : undefined
      if (first !== undefined) taken.push(hex(bytesOf(first)))
      Inbox.keep(inbox)
      if (!isBegun) continue
      const rest = Inbox.takeAll(inbox).map(bytesOf)
      for (const { buffer } of rest) assert.notStrictEqual(buffer, network.buffer)
      taken.push(...rest.map(hex))
    }
    network.fill(255)
    taken.push(...Inbox.takeAll(inbox).map((message) => hex(bytesOf(message))))
    assert.deepStrictEqual(taken, messages.map(hex))
  })

  it("holds many small batches in few pieces", () => {
    const inbox = Inbox.make(Limits.defaults)
    for (let i = 0; !Inbox.isFull(inbox); i++) {
      for (const batch of come([Uint8Array.of(i)], [1000]).batches) Inbox.push(inbox, batch)
      Inbox.keep(inbox)
    }
    assert.isAtMost(inbox.batches.length, 12)
    const taken = Inbox.takeAll(inbox).map(bytesOf)
    assert.isAbove(taken.length, 200)
    assert.isTrue(taken.every(([byte], index) => byte === (index & 255)))
  })

  it("holds nothing of the network either when a message was cut, or a frame is written in another way", () => {
    const pieces = [
      FrameBytes.encode({ _tag: "Data", messages: [Uint8Array.of(1), Uint8Array.of(2)], partial: true }),
      FrameBytes.encode({ _tag: "Data", messages: [Uint8Array.of(3), Uint8Array.of(4)], partial: false }),
      // An unknown field between two messages.
      Envelope.wrap(Uint8Array.of(0x22, 8, 0x0a, 1, 5, 0x18, 1, 0x0a, 1, 6))
    ]
    const network = new Uint8Array(64 * 1024)
    const wire = Buffer.concat(pieces)
    network.set(wire)
    const receiver = Receiver.make(Limits.defaults)
    const received = parse([network.subarray(0, wire.byteLength)]).frames.flatMap((frame) => {
      const outcome = Receiver.receive(receiver, frame)
      return outcome._tag === "Messages" ? outcome.batch.all().map(bytesOf) : []
    })
    for (const { buffer } of received) assert.notStrictEqual(buffer, network.buffer)
    assert.deepStrictEqual(received.map(hex), ["01", "0203", "04", "05", "06"])
  })
})
