/**
 * A model: the states of a flow as one side sees them, the product of its sending and its receiving half.
 *
 * ```text
 *                                  here: End is out        there: End came
 *   opening ── Accepted ──> open ──────────────> endedHere ───────────────> done
 *      │                     │ └───────────────> endedThere ──────────────> done
 *      │ Rejected            │   there: End came             here: End is out
 *      v                     └── from open, endedHere, endedThere, done ──> failed
 *   (no flow)
 * ```
 *
 * - opening: Open is on its way or queued at the endpoint; there are no halves yet, and no handler has seen the flow.
 * - open: both directions go. Messages queued before `end` still leave, so a direction that is ending is open.
 * - endedHere, endedThere: half-closed; the other direction goes on.
 * - done: both directions have ended, each with its count. A broken link changes nothing, a failing handler still may.
 * - failed: one side gave up, broke the rules, or is lost. Only a Fail still leaves; received messages are handed out.
 *   The driver of the halves abandons the sender as soon as the receiver has failed.
 *
 * `failed` is final: a flow in it takes no further frame.
 */
import type { Receiver } from "../../../src/protocol/flow/Receiver.ts"
import type { Sender } from "../../../src/protocol/flow/Sender.ts"

export type FlowState = "open" | "endedHere" | "endedThere" | "done" | "failed"

/** Returns the state of an accepted flow. */
export const of = (sender: Sender, receiver: Receiver): FlowState => {
  if (receiver.status === "failed" || sender.status === "failed" || sender.fail !== undefined) return "failed"
  if (sender.status === "ended") return receiver.status === "ended" ? "done" : "endedHere"
  return receiver.status === "ended" ? "endedThere" : "open"
}

/** Transitions: the states that each state leads to. */
export const next: Readonly<Record<FlowState, ReadonlyArray<FlowState>>> = {
  open: ["endedHere", "endedThere", "failed"],
  endedHere: ["done", "failed"],
  endedThere: ["done", "failed"],
  done: ["failed"],
  failed: []
}
