/**
 * The error that an endpoint declares, on its way to a caller: the frame that says it. What no caller can be told is logged
 * here, at its owner, and the caller is told so much.
 *
 * Bounds: an error is at most as large as a message, and cut like one.
 */
import { Effect, Result } from "effect"
import * as Frame from "../protocol/flow/Frame.ts"
import type { Contract } from "../services/Contract.ts"

export const frameOf = <E>(
  { error, name }: Pick<Contract<never, never, E>, "error" | "name">,
  failure: E,
  bytesMax: number
): Effect.Effect<Frame.Fail> => {
  const encoded = error.encode(failure)
  if (Result.isFailure(encoded)) {
    const told = Frame.fail("Handler", "the handler failed with an error that does not fit the contract")
    return Effect.as(
      Effect.logError(`the error of "${name}" does not fit its contract`, encoded.failure, failure),
      told
    )
  }
  const { byteLength } = encoded.success
  if (byteLength <= bytesMax) return Effect.succeed(Frame.fail("Domain", "", encoded.success.slice()))
  const detail = `an error of ${byteLength} bytes, at most ${bytesMax} are allowed`
  const told = Frame.fail("MessageTooLarge", `the handler failed with ${detail}`)
  return Effect.as(Effect.logError(`"${name}" failed with ${detail}`), told)
}
