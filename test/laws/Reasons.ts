import { Cause, Exit, Option } from "effect"

/** How an operation of a flow ended: what it gave, or the tag of its error, of its reason if it has one. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return `ok: ${String(exit.value)}`
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (Cause.isDone(error)) return "Done"
  const tagged = error !== null && typeof error === "object" && "reason" in error ? error.reason : error
  return tagged !== null && typeof tagged === "object" && "_tag" in tagged
    ? String(tagged._tag)
    : Cause.pretty(exit.cause)
}
