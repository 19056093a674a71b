/**
 * Encryption of gossip by AES-GCM in memberlist's format, with Node's cipher.
 *
 * Shape: version byte 1, nonce of 12 random bytes, ciphertext, tag of 16 bytes. Version 0, which pads to 16 bytes, is
 * opened but never sealed. Opening tries the primary key first.
 * Source: memberlist-wire.md, section 8.
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { Option, Result } from "effect"
import { concat } from "../../protocol/Bytes.ts"
import type { Cipher, Opening } from "../../protocol/memberlist/Framing.ts"
import * as Keyring from "../../protocol/memberlist/Keyring.ts"

const nonceBytes = 12
const tagBytes = 16
/** Bytes that encryption adds to a packet. */
export const overheadBytes = 1 + nonceBytes + tagBytes
const blockBytes = 16

const algorithm = (key: Uint8Array): CipherGCMTypes =>
  key.length === 16 ? "aes-128-gcm" : key.length === 24 ? "aes-192-gcm" : "aes-256-gcm"

const seal = (key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm(key), key, nonce)
  cipher.setAAD(aad)
  const ciphertext = cipher.update(plaintext)
  return concat([Uint8Array.of(1), nonce, ciphertext, cipher.final(), cipher.getAuthTag()])
}

/** Removes the padding of version 0. The last byte is the length of the padding, and is not trusted. */
const unpad = (plaintext: Uint8Array): Option.Option<Uint8Array> => {
  const pad = plaintext.at(-1) ?? 0
  return pad < 1 || pad > blockBytes || pad > plaintext.length
    ? Option.none()
    : Option.some(plaintext.subarray(0, plaintext.length - pad))
}

/** Bytes decrypted in one part of an opening, which takes a millisecond or two. */
const partBytes = 1_048_576

/** Returns an opening that tries one key, one part per call. */
const openWith = (key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Opening => {
  const decipher = createDecipheriv(algorithm(key), key, sealed.subarray(1, 1 + nonceBytes))
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  const end = sealed.length - tagBytes
  const opened = new Uint8Array(end - 1 - nonceBytes)
  let next = 1 + nonceBytes
  return () => {
    const part = sealed.subarray(next, Math.min(end, next + partBytes))
    opened.set(decipher.update(part), next - 1 - nonceBytes)
    next += part.length
    if (next < end) return "more"
    // `final` fails for a wrong key or a changed byte.
    return Option.map(Result.getSuccess(Result.try(() => decipher.final())), () => opened)
  }
}

/** Returns an opening that tries the keys of the ring one after the other. */
const openWithAny = (ring: Keyring.Keyring, sealed: Uint8Array, aad: Uint8Array): Opening => {
  const version = sealed[0]
  const least = version === 1 ? overheadBytes : overheadBytes + blockBytes
  const isReadable = (version === 0 || version === 1) && sealed.length >= least
  const keys = isReadable ? [...Keyring.keys(ring)] : []
  let trying: Opening | undefined
  return () => {
    if (trying === undefined) {
      const key = keys.shift()
      if (key === undefined) return Option.none()
      trying = openWith(key, sealed, aad)
    }
    const opened = trying()
    if (opened === "more") return "more"
    if (Option.isSome(opened)) return version === 1 ? opened : unpad(opened.value)
    trying = undefined
    return keys.length > 0 ? "more" : opened
  }
}

const all = (opening: Opening): Option.Option<Uint8Array> => {
  let opened = opening()
  while (opened === "more") opened = opening()
  return opened
}

/** Makes a cipher over a ring that may change while it is in use. Calls `onSeal` at each use of the primary key. */
export const make = (
  ring: () => Keyring.Keyring,
  verify: { readonly incoming: boolean; readonly outgoing: boolean } = { incoming: true, outgoing: true },
  onSeal: () => void = () => undefined
): Cipher => ({
  overheadBytes,
  verifyIncoming: verify.incoming,
  verifyOutgoing: verify.outgoing,
  seal: (plaintext, aad) => {
    onSeal()
    return seal(ring().primary, plaintext, aad)
  },
  open: (sealed, aad) => all(openWithAny(ring(), sealed, aad)),
  opening: (sealed, aad) => openWithAny(ring(), sealed, aad)
})
