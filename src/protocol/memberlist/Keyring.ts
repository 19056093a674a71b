/**
 * Keyring: the keys of a cluster. The first key seals, every key opens.
 *
 * Rotation without loss: install the new key everywhere, use it everywhere, remove the old key everywhere.
 * Source: memberlist-wire.md, section 8.4; faults.md, row R9; security.md, D-4.
 */
import { Result } from "effect"
import { equalBytes } from "../Address.ts"

/** Keys, the primary first; never empty. Each has 16, 24 or 32 bytes, for AES-128, AES-192 or AES-256. */
export interface Keyring {
  readonly primary: Uint8Array
  readonly others: ReadonlyArray<Uint8Array>
}

/** Bounds the work per packet: each key that does not fit costs one try. */
export const keysMax = 8

/** Why a key or a change of the ring is refused, for people. */
export type KeyRefused = string

const sizes: ReadonlyArray<number> = [16, 24, 32]

export const keys = ({ others, primary }: Keyring): ReadonlyArray<Uint8Array> => [primary, ...others]

export const has = (ring: Keyring, key: Uint8Array): boolean => keys(ring).some((known) => equalBytes(known, key))

const check = (key: Uint8Array): Result.Result<Uint8Array, KeyRefused> =>
  sizes.includes(key.length)
    ? Result.succeed(key.slice())
    : Result.fail(`a key has 16, 24 or 32 bytes, not ${key.length}`)

/** Makes a ring with the first key as the primary; repeated keys count once. */
export const make = ([first, ...rest]: ReadonlyArray<Uint8Array>): Result.Result<Keyring, KeyRefused> => {
  if (first === undefined) return Result.fail("there is no key")
  return rest.reduce(
    (ring, key) => Result.flatMap(ring, (known) => install(known, key)),
    Result.map(check(first), (primary): Keyring => ({ primary, others: [] }))
  )
}

/** Adds a key that opens but does not seal yet; installing a known key changes nothing. */
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

/** Removes a key; the primary is refused, and an unknown key changes nothing. */
export const remove = (ring: Keyring, key: Uint8Array): Result.Result<Keyring, KeyRefused> =>
  equalBytes(ring.primary, key)
    ? Result.fail("the key is in use; use another one first")
    : Result.succeed({ ...ring, others: ring.others.filter((known) => !equalBytes(known, key)) })
