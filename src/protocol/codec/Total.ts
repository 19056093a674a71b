/** Total: functions and codings of others, such as a user's filter or codec, that fail instead of throwing. */
import { Result } from "effect"
import type { Coding } from "./Coding.ts"

/** Runs a function of foreign input. Returns what it throws as a failure: a user's filter, or a full stack. */
export const total =
  <A, B>(run: (input: A) => B) =>
  (input: A): Result.Result<B, unknown> => {
    // biome-ignore lint/plugin: `Result.try` makes two closures for each message
    try {
      return Result.succeed(run(input))
    } catch (cause) {
      return Result.fail(cause)
    }
  }

const flat = <A, B>(run: (input: A) => Result.Result<B, unknown>) => {
  const safe = total(run)
  return (input: A): Result.Result<B, unknown> => {
    const ran = safe(input)
    return Result.isSuccess(ran) ? ran.success : Result.fail(ran.failure)
  }
}

/** Wraps a coding, so that a thrown value becomes a failure. Its functions are called as methods of it. */
export const coding = <A>(of: Coding<A>): Coding<A> => {
  const { decodeAll, encodeAll, value } = of
  return {
    encode: flat((message) => of.encode(message)),
    decode: flat((encoded) => of.decode(encoded)),
    ...(encodeAll && { encodeAll: flat((messages) => encodeAll.call(of, messages)) }),
    ...(decodeAll && { decodeAll: flat((all) => decodeAll.call(of, all)) }),
    ...(value && {
      value: { encode: flat((message) => value.encode(message)), decode: flat((encoded) => value.decode(encoded)) }
    })
  }
}
