/**
 * Fingerprint of a text, FNV-1a with 64 bits: it detects accidental differences, not forgeries.
 *
 * Shape: an unsigned 64-bit integer, never 0 (0 means "unchecked" on the wire).
 * Source: the FNV parameters of draft-eastlake-fnv.
 */
const offsetBasis = 0xcbf29ce484222325n
const prime = 0x100000001b3n

/** Formats a fingerprint for people as 16 hex digits. */
export const toHex = (fingerprint: bigint): string => fingerprint.toString(16).padStart(16, "0")

export const fingerprint = (text: string): bigint => {
  let hash = offsetBasis
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime)
  return hash === 0n ? 1n : hash
}
