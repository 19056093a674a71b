/** Contract: a name, a codec for each direction and an error, on which the two sides of a flow must agree. */
import { Result } from "effect"
import { fingerprint, toHex } from "../protocol/Fingerprint.ts"
import { compatibleMax } from "../protocol/names/NameRecords.ts"
import { type Codec, from, type Source } from "./Codec.ts"

/** "unique": one owner in a whole fabric, the earliest wins. "group": any number of owners. */
export type Ownership = "unique" | "group"

/** Signature of a contract, which the two sides compare. */
export interface Signature {
  /** Both codecs in short, such as "schema-json/bytes". */
  readonly codec: string
  /** 64-bit fingerprint of both directions and the error, see `Codec.shape`; 0 leaves the schemas unchecked. */
  readonly fingerprint: bigint
  /** Fingerprint of the contract in version 0.1.0, if it differs. */
  readonly former?: bigint
}

/** Contract of an endpoint: `In` goes to it, `Out` comes from it, `E` is its error, always from its point of view. */
export interface Contract<in out In, in out Out, in out E> extends Signature {
  /** Name of the endpoint: 1 to 128 letters, digits, "-" and single dots between them. Checked where it is used. */
  readonly name: string
  /** Number of hosts that may own the name at a time. */
  readonly ownership: Ownership
  /** Codec of the messages to the endpoint. */
  readonly input: Codec<In>
  /** Codec of the messages from the endpoint. */
  readonly output: Codec<Out>
  /** Codec of the declared error. Without one it encodes nothing. */
  readonly error: Codec<E>
  /** Fingerprints of the contracts that this one is declared compatible with, ascending. */
  readonly compatible: ReadonlyArray<bigint>
  /** Fingerprints of this contract and the compatible ones in version 0.1.0, ascending. */
  readonly formers: ReadonlyArray<bigint>
  /** Prints the contract for a log, the fingerprint in 16 hex digits. */
  readonly toJSON: () => unknown
}

/** Definition of an endpoint, without its name. */
export interface Options<In, Out, E = never> {
  /** Messages to the endpoint: a schema, or a codec. */
  readonly input: Source<In>
  /** Messages from the endpoint: a schema, or a codec. */
  readonly output: Source<Out>
  /** Declared error of the endpoint; the caller gets the error as it is. */
  readonly error?: Source<E>
  /** "unique" by default. */
  readonly ownership?: Ownership
  /**
   * Other contracts, older or newer, that this one understands and is understood by. A flow opens if either side lists
   * the other. Contracts with other codecs are ignored, and compatibility is not transitive: name each.
   */
  readonly compatibleWith?: ReadonlyArray<Signature>
}

/** Codec of an endpoint without a declared error: no value has its type, so nothing is ever encoded. */
const noError = <E>(): Codec<E> => ({
  _tag: "Codec",
  id: "none",
  shape: "none",
  encode: () => Result.fail("the endpoint declares no error"),
  decode: () => Result.fail("the endpoint declares no error")
})

const fingerprintOf = (shapes: ReadonlyArray<readonly [id: string, shape: string]>): bigint =>
  fingerprint(shapes.map(([id, shape]) => `${id} ${shape}`).join("\n"))

/** Returns the distinct fingerprints, ascending, except those in `without`. */
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

/** Returns true when an endpoint serves callers of this fingerprint. */
export const serves = ({ compatible, fingerprint, formers = [] }: Spoken, asked: bigint): boolean =>
  asked === 0n || asked === fingerprint || compatible.includes(asked) || formers.includes(asked)

/** Contract of an endpoint, as its name record announces it. */
export interface Told {
  readonly contract: bigint
  readonly compatible?: ReadonlyArray<bigint>
}

/** Returns the announcement for an endpoint's record. Former fingerprints fill the room that the others leave. */
export const told = ({ compatible, fingerprint, formers = [] }: Spoken): Told => {
  const all = [...compatible, ...formers.slice(0, Math.max(0, compatibleMax - compatible.length))]
  return { contract: fingerprint, ...(all.length === 0 ? {} : { compatible: listed(all, []) }) }
}

/** Returns the fingerprint with which a caller opens a flow to an endpoint; undefined when they do not match. */
export const common = (caller: Spoken, { compatible = [], contract }: Told): bigint | undefined => {
  if (contract === 0n || serves({ fingerprint: contract, compatible }, caller.fingerprint)) return caller.fingerprint
  return caller.compatible.includes(contract) || caller.formers?.includes(contract) ? contract : undefined
}
