/**
 * The states of a flow, under whatever both sides do: only the drawn transitions happen, and each state keeps its word.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Buffers from "../../../src/protocol/flow/Buffers.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as Receiver from "../../../src/protocol/flow/Receiver.ts"
import * as Sender from "../../../src/protocol/flow/Sender.ts"
import * as FlowState from "./FlowState.ts"
import { small } from "./SmallLimits.ts"

const Step = Schema.Literals([
  ...(["offer", "take", "end", "give up", "lose the link"] as const),
  ...(["Data", "partial Data", "empty partial Data", "good End", "bad End", "Fail", "Open", "Accepted"] as const)
])

const frameOf = (step: typeof Step.Type, receiver: Receiver.Receiver): Frame.Frame | undefined => {
  const data = (partial: boolean, ...messages: ReadonlyArray<Uint8Array>): Frame.Data => ({
    _tag: "Data",
    messages,
    partial
  })
  switch (step) {
    case "Data":
      return data(false, Uint8Array.of(1), Uint8Array.of(2))
    case "partial Data":
      return data(true, Uint8Array.of(1))
    case "empty partial Data":
      return data(true)
    case "good End":
      return { _tag: "End", count: receiver.receivedCount }
    case "bad End":
      return { _tag: "End", count: receiver.receivedCount + 1 }
    case "Fail":
      return Frame.fail("Reset", "")
    case "Accepted":
      return Frame.accepted
    case "Open":
      return { _tag: "Open", endpoint: "a", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" }
    default:
      return undefined
  }
}

const perform = (
  step: typeof Step.Type,
  sender: Sender.Sender,
  receiver: Receiver.Receiver
): Frame.Frame | undefined => {
  switch (step) {
    case "offer":
      Sender.offer(sender, new Uint8Array(12))
      return undefined
    case "take":
      return Sender.take(sender)
    case "end":
      Sender.end(sender)
      return undefined
    case "give up":
      Sender.end(sender, Frame.fail("Handler", ""))
      return undefined
    case "lose the link":
      Sender.abandon(sender)
      return undefined
    default: {
      const frame = frameOf(step, receiver)
      if (frame === undefined) return undefined
      const { _tag } = Receiver.receive(receiver, frame)
      if (_tag === "Failed") Sender.abandon(sender)
      if (_tag === "Violation" || _tag === "TooLarge") Sender.abandon(sender, Frame.fail("ProtocolViolation", ""))
      return undefined
    }
  }
}

describe("the states of a flow", () => {
  const Program = Schema.Array(Step).check(Schema.isMaxLength(60))

  it.prop("change only as drawn, and keep their word", [Program], ([program]) => {
    const sender = Sender.make(small, Buffers.make())
    const receiver = Receiver.make(small)
    const out: Array<Frame.Frame> = []
    let state = FlowState.of(sender, receiver)
    assert.strictEqual(state, "open")
    for (const step of program) {
      const wrote = perform(step, sender, receiver)
      if (wrote !== undefined) out.push(wrote)
      const now = FlowState.of(sender, receiver)
      if (now !== state) assert.include(FlowState.next[state], now, `${state} by ${step}`)
      state = now
      if (FlowState.next[state].length === 0) break
    }
    const last = out.at(-1)?._tag
    if (state === "endedHere" || state === "done") assert.strictEqual(last, "End")
    if (state === "open" || state === "endedThere") assert.notStrictEqual(last, "End")
    if (state === "endedThere" || state === "done") assert.isUndefined(receiver.pieces)
    if (state === "failed")
      while (true) {
        const frame = Sender.take(sender)
        if (frame === undefined) break
        assert.notStrictEqual(frame._tag, "End")
      }
  })

  it.prop("whatever state a flow is in, one that ends and hears the end is done", [Program], ([program]) => {
    const sender = Sender.make(small, Buffers.make())
    const receiver = Receiver.make(small)
    for (const step of program) {
      if (FlowState.of(sender, receiver) !== "failed" && FlowState.of(sender, receiver) !== "done")
        perform(step, sender, receiver)
    }
    if (FlowState.of(sender, receiver) === "failed") return
    Sender.end(sender)
    while (Sender.take(sender) !== undefined);
    if (receiver.pieces !== undefined) perform("Data", sender, receiver)
    if (receiver.status === "open") perform("good End", sender, receiver)
    assert.strictEqual(FlowState.of(sender, receiver), "done")
  })
})
