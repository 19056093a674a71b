/**
 * What a caller says of itself when it opens a flow, beside the flow: a token, a tenant. Its values are secrets, whatever they
 * are: nothing that prints, serializes or compares a `Metadata` tells them, and whoever wants one asks for it by its key.
 *
 * Bounds: 16 keys of 1 to 64 characters, lower-case letters, digits, "-" and "."; values of at most 1,024 bytes in UTF-8 without
 * controls; 4,096 bytes of keys and values. Errors: what is wrong, without a value.
 */
import { Equal, Hash, Result } from "effect"

export const keysMax = 16
export const keyLengthMax = 64
export const valueBytesMax = 1024
export const bytesMax = 4096

const key = /^[a-z0-9.-]+$/

const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u

const encoder = new TextEncoder()

const bytesOf = (text: string): number => encoder.encode(text).byteLength

/** Values by key, which only who knows a key gets. */
export class Metadata implements Equal.Equal {
  readonly #values: ReadonlyMap<string, string>

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values
  }

  /** How many keys there are. */
  get size(): number {
    return this.#values.size
  }

  /** The value of a key, as the caller has said it; undefined when it has not. */
  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** The keys, in no order that means anything. */
  get keys(): ReadonlyArray<string> {
    return [...this.#values.keys()]
  }

  /** All of it in the open: for a wire, or for another flow. */
  get revealed(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values)
  }

  /** Two that say different things are different, whoever compares what holds them. */
  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof Metadata) || that.size !== this.size) return false
    for (const [key, value] of this.#values) if (that.get(key) !== value) return false
    return true
  }

  [Hash.symbol](): number {
    return Hash.string(this.keys.toSorted().join())
  }

  toJSON(): unknown {
    return Object.fromEntries(this.keys.map((key) => [key, "<redacted>"]))
  }

  toString(): string {
    return JSON.stringify(this)
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

/** No metadata. */
export const none = new Metadata(new Map())

const violation = (name: string, value: unknown): string | undefined => {
  if (name.length === 0 || name.length > keyLengthMax || !key.test(name))
    return `a key is not 1 to ${keyLengthMax} of lower-case letters, digits, "-" and "."`
  if (typeof value !== "string") return `the value of "${name}" is no text`
  if (value.length > valueBytesMax || bytesOf(value) > valueBytesMax)
    return `the value of "${name}" is longer than ${valueBytesMax} bytes`
  return !value.isWellFormed() || controls.test(value) ? `the value of "${name}" is not printable` : undefined
}

/** Reads metadata from whoever says it. Errors: what is wrong with the first entry that is. */
export const parse = (entries: ReadonlyArray<readonly [string, unknown]>): Result.Result<Metadata, string> => {
  if (entries.length === 0) return Result.succeed(none)
  if (entries.length > keysMax) return Result.fail(`there are ${entries.length} keys, at most ${keysMax} are allowed`)
  const values = new Map<string, string>()
  let bytes = 0
  for (const [name, value] of entries) {
    const detail = violation(name, value)
    if (detail !== undefined || typeof value !== "string") return Result.fail(detail ?? "a value is no text")
    if (values.has(name)) return Result.fail(`"${name}" is said twice`)
    values.set(name, value)
    bytes += name.length + bytesOf(value)
  }
  return bytes > bytesMax
    ? Result.fail(`it takes ${bytes} bytes, at most ${bytesMax} are allowed`)
    : Result.succeed(new Metadata(values))
}

/** What was said in two places. Errors: a key that was said in both, and what `parse` refuses of the whole. */
export const merge = (a: Metadata, b: Metadata): Result.Result<Metadata, string> => {
  if (a.size === 0) return Result.succeed(b)
  if (b.size === 0) return Result.succeed(a)
  return parse([...Object.entries(a.revealed), ...Object.entries(b.revealed)])
}

/** Headers of a call that say metadata begin so; what follows is the key. */
export const headerPrefix = "grinta-meta-"
