/**
 * Encodes the error that an endpoint declares into a Fail for its caller, or tells why it cannot.
 *
 * Bounds: an error is at most as large as a message, and cut like one.
 */
import { identity, Result } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Contract } from "../../services/Contract.ts"

/** A declared error that cannot be sent. */
export interface Untold {
  /** Follows "the handler of .." in the log of the owner. */
  readonly what: string
  /** Frame for the caller in its place. */
  readonly last: Frame.Fail
}

export const frameOf = <E>(
  { error }: Pick<Contract<never, never, E>, "error">,
  failure: E,
  bytesMax: number
): Result.Result<Frame.Fail, Untold> => {
  const encoded = Result.flatMap(
    Result.try(() => error.encode(failure)),
    identity
  )
  if (Result.isFailure(encoded)) {
    const told = "the handler failed with an error that does not fit the contract of the endpoint"
    const what = `failed with an error that does not fit its contract: ${String(encoded.failure)}`
    return Result.fail({ what, last: Frame.fail("Handler", told) })
  }
  const { byteLength } = encoded.success
  if (byteLength <= bytesMax) return Result.succeed(Frame.fail("Domain", "", encoded.success.slice()))
  const what = `failed with an error of ${byteLength} bytes, at most ${bytesMax} are allowed`
  return Result.fail({ what, last: Frame.fail("MessageTooLarge", `the handler ${what}`) })
}
