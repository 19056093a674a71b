/** How an operation of a host failed, in words that travel. */
import { Cause, Option } from "effect"
import { FlowError, NetworkError } from "../../../src/index.ts"
import type { Failure } from "../HostOrders.ts"

/** Undefined for who was interrupted. What is no typed error of ours is told as such. */
export const of = (cause: Cause.Cause<unknown>, load: string, operation: Failure["operation"]): Failure | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  const said = { at: Date.now(), load, operation }
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error instanceof FlowError) {
    const { delivered, reason } = error
    return { ...said, tag: "FlowError", reason: reason._tag, delivered, detail: reason.message }
  }
  if (error instanceof NetworkError) {
    const { delivered, reason } = error
    return { ...said, tag: "NetworkError", reason: reason._tag, delivered, detail: reason.message }
  }
  if (Cause.isDone(error))
    return { ...said, tag: "Done", reason: "Done", delivered: "", detail: "the other side ended" }
  return {
    ...said,
    tag: "untyped",
    reason: "untyped",
    delivered: "",
    detail: String(Cause.squash(cause)).slice(0, 500)
  }
}
