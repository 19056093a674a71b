/** Calls of a host that may answer them in any way: each comes to an end in time, and says what it came to. */
import { Cause, Effect, Exit } from "effect"
import { Fabric } from "../../../src/index.ts"
import { echoOf } from "../Endpoints.ts"
import type { Calls } from "../Orders.ts"
import { reasonOf } from "./Checked.ts"

const callers = 8
const rest = "20 millis"
const openTimeout = "2 seconds"
/** How long a call is used that goes on. */
const wholeTimeout = "3 seconds"
const message = new Uint8Array(16_000)

const call = Effect.fnUntraced(function* (to: string) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(echoOf(to), { timeout: openTimeout, wait: true })
  yield* Effect.raceFirst(Effect.forever(flow.send(message)), Effect.forever(flow.receive))
})

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "used"
  const [first] = exit.cause.reasons
  return first !== undefined && Cause.isFailReason(first)
    ? reasonOf(first.error)
    : `died of ${Cause.squash(exit.cause)}`
}

export const run = Effect.fnUntraced(function* (to: string, seconds: number): Effect.fn.Return<Calls, never, Fabric> {
  const outcomes: Record<string, number> = {}
  let longestMillis = 0
  const end = performance.now() + 1000 * seconds
  const once = Effect.gen(function* () {
    const began = performance.now()
    const exit = yield* Effect.exit(Effect.timeoutOption(Effect.scoped(call(to)), wholeTimeout))
    longestMillis = Math.max(longestMillis, performance.now() - began)
    const outcome = outcomeOf(exit)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    yield* Effect.sleep(rest)
  })
  const each = Effect.repeat(once, { while: () => performance.now() < end })
  yield* Effect.all(
    Array.from({ length: callers }, () => each),
    { concurrency: "unbounded", discard: true }
  )
  return { outcomes, longestMillis }
})
