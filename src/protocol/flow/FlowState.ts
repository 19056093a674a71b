/**
 * The states of a flow, as one side sees them: the product of its sending and its receiving half.
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
 * - opening: Open is on its way or waits for its turn; there are no halves yet, and no handler has seen the flow.
 * - open: both directions go. What was queued before `end` still leaves, so a direction that is ending is open.
 * - endedHere, endedThere: half-closed; the other direction goes on.
 * - done: both directions have ended, each with its count. Whatever happens to the carrier now says nothing of the flow, but
 *   an endpoint whose handler goes on may still fail.
 * - failed: one side gave up, broke the rules, or is lost. Nothing more goes out but a Fail; what came is still handed out.
 *   Whoever drives the halves abandons the sender as soon as the receiver has failed.
 *
 * `failed` is final: a flow in it takes no further frame.
 */
import type { Receiver } from "./Receiver.ts"
import type { Sender } from "./Sender.ts"

export type FlowState = "open" | "endedHere" | "endedThere" | "done" | "failed"

/** True once both directions have said their last word. */
export const isOver = (sender: Sender, receiver: Receiver): boolean =>
  sender.status === "ended" && receiver.status === "ended"

/** The state of an accepted flow. */
export const of = (sender: Sender, receiver: Receiver): FlowState => {
  if (receiver.status === "failed" || sender.status === "failed" || sender.fail !== undefined) return "failed"
  if (isOver(sender, receiver)) return "done"
  if (sender.status === "ended") return "endedHere"
  return receiver.status === "ended" ? "endedThere" : "open"
}

/** Where each state leads. */
export const next: Readonly<Record<FlowState, ReadonlyArray<FlowState>>> = {
  open: ["endedHere", "endedThere", "failed"],
  endedHere: ["done", "failed"],
  endedThere: ["done", "failed"],
  done: ["failed"],
  failed: []
}
