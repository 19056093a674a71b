/**
 * Metadata of a flow, given by its caller at the opening: a token, a tenant. Values are secrets: printing, serializing
 * or comparing a `Metadata` reveals none, and a value is read by its key.
 *
 * Bounds: 16 keys of 1 to 64 characters, lower-case letters, digits, "-" and "."; values of at most 1,024 bytes in
 * UTF-8 without controls; 4,096 bytes of keys and values. Errors: a sentence without a value.
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

/**
 * Metadata of a caller: secret values by key, which printing does not reveal. At most 16 keys of 1 to 64 lower-case
 * letters, digits, "-" and ".", with values of at most 1,024 bytes, and 4,096 bytes in all.
 */
export class Metadata implements Equal.Equal {
  readonly #values: ReadonlyMap<string, string>

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values
  }

  /** Number of keys. */
  get size(): number {
    return this.#values.size
  }

  /** Returns the value of a key; undefined when the caller gave none. */
  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  /** Returns whether the caller gave this key. */
  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** Keys, in no particular order. */
  get keys(): ReadonlyArray<string> {
    return [...this.#values.keys()]
  }

  /** All entries in the open: for a wire, or for another flow. */
  get revealed(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values)
  }

  /** Compares the values: objects that hold different metadata are different. */
  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof Metadata) || that.size !== this.size) return false
    for (const [key, value] of this.#values) if (that.get(key) !== value) return false
    return true
  }

  /** Hashes the keys alone, so that no value leaks. */
  [Hash.symbol](): number {
    return Hash.string(this.keys.toSorted().join())
  }

  /** Prints the keys, each with "<redacted>" in place of its value. */
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

/** Empty metadata. */
export const none = new Metadata(new Map())

const violation = (name: string, value: unknown): string | undefined => {
  if (name.length === 0 || name.length > keyLengthMax || !key.test(name))
    return `a key is not 1 to ${keyLengthMax} of lower-case letters, digits, "-" and "."`
  if (typeof value !== "string") return `the value of "${name}" is no text`
  if (value.length > valueBytesMax || bytesOf(value) > valueBytesMax)
    return `the value of "${name}" is longer than ${valueBytesMax} bytes`
  return !value.isWellFormed() || controls.test(value) ? `the value of "${name}" is not printable` : undefined
}

/** Parses metadata. Errors: a sentence on the first invalid entry. */
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

/** Merges metadata of two sources. Errors: a key in both, and the errors of `parse` for the whole. */
export const merge = (a: Metadata, b: Metadata): Result.Result<Metadata, string> => {
  if (a.size === 0) return Result.succeed(b)
  if (b.size === 0) return Result.succeed(a)
  return parse([...Object.entries(a.revealed), ...Object.entries(b.revealed)])
}

/** Prefix of the call headers that carry metadata, before the key. */
export const headerPrefix = "grinta-meta-"
