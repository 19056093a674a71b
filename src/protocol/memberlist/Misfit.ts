/**
 * Explains to people why two hosts do not understand each other on a gossip port: each cause names the setting that
 * differs, on either side.
 *
 * Shape: sentences that follow an address. They depend on received bytes and never show a key.
 */
import * as Foreign from "../Foreign.ts"
import { MessageType } from "./Message.ts"
import type { DropReason } from "./Packet.ts"
import type { RejectReason } from "./StreamState.ts"

/** A stream that this side could not make sense of. */
export interface MisfitStream {
  readonly reason: RejectReason
  /** The first bytes, as received. */
  readonly first: Uint8Array
  /** The label of this side. */
  readonly label: Uint8Array
}

const decoder = new TextDecoder()

/** The highest message type; only a label header has a higher first byte. */
const messageTypeMax = MessageType.err

/** Longest quotation of a peer's error, in characters. */
const saidMax = 200

/** First bytes that `spoken` searches as text. */
const spokenBytesMax = 24

/** Returns the protocol that a stream's first bytes belong to, if not gossip; undefined when they may be gossip. */
export const spoken = (first: Uint8Array): "HTTP/2" | "HTTP" | "TLS" | undefined => {
  const [type = 0, major = 0, minor = 0, frame = 0] = first
  if (type >= 0x14 && type <= 0x17 && major === 3 && minor <= 4) return "TLS"
  // An HTTP/2 server begins with SETTINGS: a frame of type 4 on stream 0.
  if (first.length >= 9 && frame === 4 && first.subarray(4, 9).every((byte) => byte === 0)) return "HTTP/2"
  const text = decoder.decode(first.subarray(0, spokenBytesMax))
  if (text.startsWith("PRI * HTTP/2")) return "HTTP/2"
  return /^([A-Z]{3,7} \S|HTTP\/)/.test(text) ? "HTTP" : undefined
}

const fabricOf = (label: Uint8Array): string =>
  label.length === 0 ? "a fabric without a name" : `fabric ${Foreign.quoted(decoder.decode(label))}`

/** Returns the label in front of a stream, as far as it was received. */
const labelOf = (first: Uint8Array): Uint8Array =>
  first[0] === MessageType.hasLabel ? first.subarray(2, 2 + (first[1] ?? 0)) : new Uint8Array(0)

/** Explains a peer that closed the connection without an answer. */
export const silent = (label: Uint8Array): string =>
  "it closed without a word, as a host of another fabric or with other keys does, one that gave its name up, or a flow port with TLS: this host is of " +
  `${fabricOf(label)}: fabric (GRINTA_FABRIC), keys (GRINTA_KEYS), seeds (GRINTA_SEEDS)`

/** Explains the reject reason of a stream in either direction, but for labels; undefined for faults of transmission. */
const streamOf = (reason: RejectReason): string | undefined => {
  switch (reason) {
    case "encrypted":
      return "it encrypts gossip, and this host has no keys: keys (GRINTA_KEYS)"
    case "plaintext":
      return "it does not encrypt gossip, and this host has keys: keys (GRINTA_KEYS)"
    case "decrypt":
      return "it encrypts gossip with none of the keys of this host: keys (GRINTA_KEYS)"
    case "type":
      return "it sent something else than gossip"
    default:
      return undefined
  }
}

/** Explains the answer of a host that this host dialled; undefined for faults of transmission. */
export const answer = ({ first, reason }: Pick<MisfitStream, "first" | "reason">): string | undefined => {
  const what = spoken(first)
  return what === undefined
    ? streamOf(reason)
    : `it speaks ${what}, no gossip: seeds (GRINTA_SEEDS) name gossip ports, and that may be a flow port`
}

/** Explains the error message of a host that this host dialled. */
export const complaint = (said: string): string => {
  if (/plaintext|not encrypted/i.test(said))
    return "it wants gossip encrypted, and this host does not encrypt: keys (GRINTA_KEYS)"
  if (/decrypt/i.test(said)) return "it does not have the first key of this host, which encrypts: keys (GRINTA_KEYS)"
  return `it answered ${Foreign.quoted(said, saidMax)}`
}

/** Explains a stream of a host, or another program, that dialled this host; undefined for faults of transmission. */
export const caller = ({ first, label, reason }: MisfitStream): string | undefined => {
  const what = spoken(first)
  if (what !== undefined) return `it speaks ${what}, and this is the gossip port: flows go to the flow port`
  const [type = 0] = first
  if (reason !== "label") return streamOf(reason)
  if (type !== MessageType.hasLabel && type > messageTypeMax) return streamOf("type")
  return `it is of ${fabricOf(labelOf(first))}, and this host of ${fabricOf(label)}: fabric (GRINTA_FABRIC)`
}

/** Explains a dropped packet if its sender's settings are to blame; undefined for chance and packets of strangers. */
export const packet = (reason: DropReason, label: Uint8Array): string | undefined => {
  if (reason === "label") return `it is of another fabric, and this host of ${fabricOf(label)}: fabric (GRINTA_FABRIC)`
  if (reason !== "decrypt") return undefined
  return "its packets are encrypted with none of the keys of this host, or not at all: keys (GRINTA_KEYS)"
}
