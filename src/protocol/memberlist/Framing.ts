/**
 * Framing: the label, checksum, compression and encryption that the hosts of a cluster agree on.
 * Source: memberlist-wire.md, sections 5 to 9.
 */
import type { Option } from "effect"

/**
 * Authenticated encryption under the cluster's keyring, synchronous.
 *
 * `seal` uses the primary key, `open` tries every key. A sealed payload holds version, nonce, ciphertext and tag.
 */
export interface Cipher {
  /** Bytes that `seal` adds, exactly: 29 for AES-GCM in encryption version 1. */
  readonly overheadBytes: number
  /** Whether to refuse plaintext. */
  readonly verifyIncoming: boolean
  /** Whether to encrypt outgoing messages. */
  readonly verifyOutgoing: boolean
  readonly seal: (plaintext: Uint8Array, aad: Uint8Array) => Uint8Array
  /** Decrypts; None when no key authenticates the payload together with `aad`. */
  readonly open: (sealed: Uint8Array, aad: Uint8Array) => Option.Option<Uint8Array>
  /** Decrypts as `open` does, in parts: call the returned function until it returns something other than "more". */
  readonly opening: (sealed: Uint8Array, aad: Uint8Array) => Opening
}

/** Does one part of a decryption. */
export type Opening = () => Option.Option<Uint8Array> | "more"

export interface Framing {
  /** At most 255 bytes; empty for none. */
  readonly label: Uint8Array
  /** Whether to compress outgoing messages; compressed input is always understood. */
  readonly compress: boolean
  /** CRC-32 as in zlib and IEEE 802.3: an unsigned 32-bit number. */
  readonly crc32: (bytes: Uint8Array) => number
  readonly cipher: Cipher | undefined
}
