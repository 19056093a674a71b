/**
 * What a cluster agrees on around its messages: label, compression and encryption.
 *
 * Source: memberlist-protocol.md, sections 5 to 9.
 */
import type { Option } from "effect"

/**
 * Authenticated encryption under the cluster's keyring, all of it synchronous.
 *
 * Sealing uses the primary key, opening tries every key. A sealed payload holds version, nonce, ciphertext and tag.
 */
export interface Cipher {
  /** Bytes that `seal` adds, exactly: 29 for AES-GCM in encryption version 1. */
  readonly overheadBytes: number
  /** Refuse what is not encrypted. */
  readonly verifyIncoming: boolean
  /** Encrypt what is sent. */
  readonly verifyOutgoing: boolean
  readonly seal: (plaintext: Uint8Array, aad: Uint8Array) => Uint8Array
  /** None when no key authenticates the payload together with `aad`. */
  readonly open: (sealed: Uint8Array, aad: Uint8Array) => Option.Option<Uint8Array>
  /** Does the same a part at a time: the function that is given back goes on until it has something else than "more". */
  readonly opening: (sealed: Uint8Array, aad: Uint8Array) => Opening
}

/** One part of the work of opening what is sealed. */
export type Opening = () => Option.Option<Uint8Array> | "more"

export interface Framing {
  /** At most 255 bytes; empty for none. */
  readonly label: Uint8Array
  /** Whether to compress what is sent; compressed input is always understood. */
  readonly compress: boolean
  readonly cipher: Cipher | undefined
}
