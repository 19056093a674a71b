/** Coding: what a codec does for each message. */
import type { Result } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Message from "../flow/Message.ts"

/**
 * Encodes and decodes the messages of one direction.
 *
 * Law: `decode` of a copy of `encode(a)` equals `a` and shares no mutable state with it: a flow always delivers a copy.
 * A value that would arrive as something else fails to encode.
 * Errors: any value in the failure says why, thrown or not; the flow wraps it in `MalformedMessage`.
 */
export interface Coding<A> {
  /** Encodes a message. The bytes may be those of the message: copy them to keep them. */
  readonly encode: (message: A) => Result.Result<Uint8Array, unknown>
  /** Decodes a message that a peer sent; any bytes may come. The message may be a view of them. */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, unknown>
  /** Encodes a batch, if that is cheaper than one message after the other; fails as the first failing message would. */
  readonly encodeAll?: (messages: Iterable<A>) => Result.Result<ReadonlyArray<Uint8Array>, unknown>
  /** Decodes a batch, if that is cheaper than one message after the other; fails if one message would. */
  readonly decodeAll?: (all: NonEmptyReadonlyArray<Uint8Array>) => Result.Result<NonEmptyReadonlyArray<A>, unknown>
  /** Encodes to JSON values without their text, within a process; only for codecs whose bytes are JSON text. */
  readonly value?: Valued<A>
}

/**
 * JSON values in place of their text, which spares printing and parsing within a process; a codec of your own leaves it
 * out. Law: succeeds and fails as `encode` and `decode` of the codec would.
 */
export interface Valued<A> {
  /** Returns a copy of the value, or its text. */
  readonly encode: (message: A) => Result.Result<Message.Message, unknown>
  /** Decodes a copied value, which the message may keep. */
  readonly decode: (value: Message.Value) => Result.Result<A, unknown>
}
