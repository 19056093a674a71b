/** Bounded: encoders and decoders of messages that keep to a bound: a larger one is neither sent nor parsed. */
import { Result } from "effect"
import type { Message } from "../flow/Message.ts"
import { isBytes } from "./Bytes.ts"

/** Returns the bound that an encoded message exceeds, before it is decoded; undefined when it keeps all. */
export type ExcessOf = (encoded: Uint8Array) => string | undefined

export const encoder =
  <A, B extends Message>(excessOf: ExcessOf, encode: (message: A) => Result.Result<B, unknown>): typeof encode =>
  (message) => {
    const made = encode(message)
    const excess = Result.isSuccess(made) && isBytes(made.success) ? excessOf(made.success) : undefined
    return excess === undefined ? made : Result.fail(excess)
  }

export const decoder =
  <A>(excessOf: ExcessOf, decode: (encoded: Uint8Array) => Result.Result<A, unknown>): typeof decode =>
  (encoded) => {
    const excess = excessOf(encoded)
    return excess === undefined ? decode(encoded) : Result.fail(excess)
  }
