/**
 * What the two sides of a flow must agree on: a name, a codec for each direction, an error.
 */
import { Result } from "effect"
import { fingerprint } from "../protocol/Fingerprint.ts"
import { type Codec, from, type Source } from "./Codec.ts"

/** "unique": one owner in a whole fabric, the earliest wins. "group": any number of owners. */
export type Ownership = "unique" | "group"

/** `In` goes to the endpoint, `Out` comes from it, `E` is how it may fail. The point of view is always the endpoint's. */
export interface Contract<in out In, in out Out, in out E> {
  readonly name: string
  readonly ownership: Ownership
  readonly input: Codec<In>
  readonly output: Codec<Out>
  readonly error: Codec<E>
  /** Both codecs in short, such as "schema-json/bytes". */
  readonly codec: string
  /** 64-bit fingerprint of both directions and the error, see `Codec.shape`. */
  readonly fingerprint: bigint
}

export interface Options<In, Out, E = never> {
  /** What goes to the endpoint: a schema, or a codec. */
  readonly input: Source<In>
  /** What comes from the endpoint. */
  readonly output: Source<Out>
  /** How the endpoint may fail; the caller gets the error as it is. */
  readonly error?: Source<E>
  /** "unique" unless said otherwise. */
  readonly ownership?: Ownership
}

/** Used where an endpoint declares no error: no value has its type, so nothing is ever encoded. */
const noError = <E>(): Codec<E> => ({
  _tag: "Codec",
  id: "none",
  shape: "none",
  encode: () => Result.fail("the endpoint declares no error"),
  decode: () => Result.fail("the endpoint declares no error")
})

export const make = <In, Out, E = never>(name: string, options: Options<In, Out, E>): Contract<In, Out, E> => {
  const input = from(options.input)
  const output = from(options.output)
  const error = options.error === undefined ? noError<E>() : from(options.error)
  return {
    name,
    ownership: options.ownership ?? "unique",
    input,
    output,
    error,
    codec: `${input.id}/${output.id}`,
    fingerprint: fingerprint([input, output, error].map(({ id, shape }) => `${id} ${shape}`).join("\n"))
  }
}
