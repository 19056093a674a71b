/**
 * FNV-1a, 64 bits: a fingerprint that tells accidents apart, not attackers.
 *
 * Shape: an unsigned 64-bit integer, never 0 (0 means "unchecked" on the wire).
 * Source: the FNV parameters of draft-eastlake-fnv.
 */
const offsetBasis = 0xcbf29ce484222325n
const prime = 0x100000001b3n

/** A fingerprint as people read it: 16 hex digits. */
export const toHex = (fingerprint: bigint): string => fingerprint.toString(16).padStart(16, "0")

export const fingerprint = (text: string): bigint => {
  let hash = offsetBasis
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime)
  return hash === 0n ? 1n : hash
}
