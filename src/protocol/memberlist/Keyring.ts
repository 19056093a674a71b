/**
 * The keys of a cluster: the first one seals, every one opens.
 *
 * Rotation without loss: install the new key everywhere, use it everywhere, remove the old one everywhere.
 * Source: memberlist-protocol.md, section 8.4; faults.md, row R9 and D-4.
 */
import { Result } from "effect"
import { equalBytes } from "../Address.ts"

/** Keys, the primary first; never empty. Each has 16, 24 or 32 bytes, for AES-128, AES-192 or AES-256. */
export interface Keyring {
  readonly primary: Uint8Array
  readonly others: ReadonlyArray<Uint8Array>
}

/** Each key that opens nothing costs one try per packet. */
export const keysMax = 8

/** Why a key or a change is refused, for people. */
export type KeyRefused = string

const sizes: ReadonlyArray<number> = [16, 24, 32]

export const keys = ({ others, primary }: Keyring): ReadonlyArray<Uint8Array> => [primary, ...others]

export const has = (ring: Keyring, key: Uint8Array): boolean => keys(ring).some((known) => equalBytes(known, key))

const check = (key: Uint8Array): Result.Result<Uint8Array, KeyRefused> =>
  sizes.includes(key.length)
    ? Result.succeed(key.slice())
    : Result.fail(`a key has 16, 24 or 32 bytes, not ${key.length}`)

/** A ring of these keys, the first one the primary; a key that comes twice counts once. */
export const make = ([first, ...rest]: ReadonlyArray<Uint8Array>): Result.Result<Keyring, KeyRefused> => {
  if (first === undefined) return Result.fail("there is no key")
  return rest.reduce(
    (ring, key) => Result.flatMap(ring, (known) => install(known, key)),
    Result.map(check(first), (primary): Keyring => ({ primary, others: [] }))
  )
}

/** Adds a key that opens but does not seal yet; one that is known already changes nothing. */
export const install = (ring: Keyring, key: Uint8Array): Result.Result<Keyring, KeyRefused> => {
  if (has(ring, key)) return Result.succeed(ring)
  if (ring.others.length + 1 >= keysMax) return Result.fail(`the ring is full: ${keysMax} keys`)
  return Result.map(check(key), (checked) => ({ ...ring, others: [...ring.others, checked] }))
}

/** Makes an installed key the primary. */
export const use = (ring: Keyring, key: Uint8Array): Result.Result<Keyring, KeyRefused> => {
  const chosen = keys(ring).find((known) => equalBytes(known, key))
  if (chosen === undefined) return Result.fail("the key is not installed")
  return Result.succeed({ primary: chosen, others: keys(ring).filter((known) => known !== chosen) })
}

/** Takes a key out; never the primary. One that is not there changes nothing. */
export const remove = (ring: Keyring, key: Uint8Array): Result.Result<Keyring, KeyRefused> =>
  equalBytes(ring.primary, key)
    ? Result.fail("the key is in use; use another one first")
    : Result.succeed({ ...ring, others: ring.others.filter((known) => !equalBytes(known, key)) })
