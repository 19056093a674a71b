/**
 * What the two sides of a flow must agree on: a name, a codec for each direction, an error.
 */
import { Result } from "effect"
import { fingerprint, toHex } from "../protocol/Fingerprint.ts"
import { compatibleMax } from "../protocol/names/NameRecords.ts"
import { type Codec, from, type Source } from "./Codec.ts"

/** "unique": one owner in a whole fabric, the earliest wins. "group": any number of owners. */
export type Ownership = "unique" | "group"

/** What the two sides compare. */
export interface Signature {
  /** Both codecs in short, such as "schema-json/bytes". */
  readonly codec: string
  /** 64-bit fingerprint of both directions and the error, see `Codec.shape`; 0 leaves the schemas unchecked. */
  readonly fingerprint: bigint
  /** The fingerprint by which version 0.1.0 knows the contract, where that is another. */
  readonly former?: bigint
}

/** `In` goes to the endpoint, `Out` comes from it, `E` is how it may fail. The point of view is always the endpoint's. */
export interface Contract<in out In, in out Out, in out E> extends Signature {
  readonly name: string
  readonly ownership: Ownership
  readonly input: Codec<In>
  readonly output: Codec<Out>
  readonly error: Codec<E>
  /** Fingerprints of the contracts that this one is declared compatible with, ascending. */
  readonly compatible: ReadonlyArray<bigint>
  /** The fingerprints by which version 0.1.0 knows this contract and the compatible ones, ascending. */
  readonly formers: ReadonlyArray<bigint>
  /** What a log has of it, where a fingerprint is 16 hex digits. */
  readonly toJSON: () => unknown
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
  /**
   * Other contracts, older or newer ones, that this one understands and is understood by. A flow between the two opens if
   * either side says so. Contracts of other codecs are left out, and compatibility is not passed on: name each.
   */
  readonly compatibleWith?: ReadonlyArray<Signature>
}

/** Used where an endpoint declares no error: no value has its type, so nothing is ever encoded. */
const noError = <E>(): Codec<E> => ({
  _tag: "Codec",
  id: "none",
  shape: "none",
  encode: () => Result.fail("the endpoint declares no error"),
  decode: () => Result.fail("the endpoint declares no error")
})

const fingerprintOf = (shapes: ReadonlyArray<readonly [id: string, shape: string]>): bigint =>
  fingerprint(shapes.map(([id, shape]) => `${id} ${shape}`).join("\n"))

/** Each once, ascending, without the given ones. */
const listed = (
  fingerprints: ReadonlyArray<bigint | undefined>,
  without: ReadonlyArray<bigint>
): ReadonlyArray<bigint> =>
  [...new Set(fingerprints)]
    .filter((one): one is bigint => one !== undefined && !without.includes(one))
    .sort((a, b) => (a < b ? -1 : 1))

export const make = <In, Out, E = never>(name: string, options: Options<In, Out, E>): Contract<In, Out, E> => {
  const input = from(options.input)
  const output = from(options.output)
  const error = options.error === undefined ? noError<E>() : from(options.error)
  const codec = `${input.id}/${output.id}`
  const all = [input, output, error]
  const own = fingerprintOf(all.map(({ id, shape }) => [id, shape]))
  const former = fingerprintOf(all.map(({ formerShape, id, shape }) => [id, formerShape ?? shape]))
  const others = (options.compatibleWith ?? []).filter((other) => other.codec === codec && other.fingerprint !== own)
  const compatible = listed(
    others.map((other) => other.fingerprint),
    [own]
  )
  return {
    name,
    ownership: options.ownership ?? "unique",
    input,
    output,
    error,
    codec,
    fingerprint: own,
    ...(former === own ? {} : { former }),
    compatible,
    formers: listed([former, ...others.map((other) => other.former)], [own, ...compatible]),
    toJSON() {
      const { codec, fingerprint, name, ownership } = this
      return { name, ownership, codec, fingerprint: toHex(fingerprint) }
    }
  }
}

type Spoken = Pick<Contract<never, never, never>, "fingerprint" | "compatible"> & {
  readonly formers?: ReadonlyArray<bigint>
}

/** Whether an endpoint serves callers of this fingerprint. */
export const serves = ({ compatible, fingerprint, formers = [] }: Spoken, asked: bigint): boolean =>
  asked === 0n || asked === fingerprint || compatible.includes(asked) || formers.includes(asked)

/** What a name record says of its endpoint's contract. */
export interface Told {
  readonly contract: bigint
  readonly compatible?: ReadonlyArray<bigint>
}

/** What an endpoint's record says. For the former fingerprints there is what room the others leave. */
export const told = ({ compatible, fingerprint, formers = [] }: Spoken): Told => {
  const all = [...compatible, ...formers.slice(0, Math.max(0, compatibleMax - compatible.length))]
  return { contract: fingerprint, ...(all.length === 0 ? {} : { compatible: listed(all, []) }) }
}

/** The fingerprint under which a caller opens a flow to an endpoint; undefined when the two are not compatible. */
export const common = (caller: Spoken, { compatible = [], contract }: Told): bigint | undefined => {
  if (contract === 0n || serves({ fingerprint: contract, compatible }, caller.fingerprint)) return caller.fingerprint
  return caller.compatible.includes(contract) || caller.formers?.includes(contract) ? contract : undefined
}
