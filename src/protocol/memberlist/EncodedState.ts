/**
 * Caches the state that a host sends in answers to push/pulls: encoded and compressed once per change of the state.
 *
 * Each answer is sealed anew, since the keys may change and a nonce must not repeat.
 */
import { equalBytes } from "../Address.ts"
import type { Framing } from "./Framing.ts"
import type { NodeState, PushPull } from "./Message.ts"
import * as StreamCodec from "./StreamCodec.ts"

interface Encoded {
  readonly message: PushPull
  readonly body: Uint8Array
}

/** The last encoded state of each kind (join or not, with or without user state) of one host. */
export interface EncodedState {
  readonly framing: Framing
  readonly role: StreamCodec.Role
  readonly last: Map<string, Encoded>
}

export const make = (framing: Framing, role: StreamCodec.Role): EncodedState => ({ framing, role, last: new Map() })

/** Compares by identity: a member that did not change keeps its byte arrays. */
const isSameNode = (a: NodeState, b: NodeState | undefined): boolean =>
  b !== undefined &&
  a.name === b.name &&
  a.address === b.address &&
  a.port === b.port &&
  a.meta === b.meta &&
  a.incarnation === b.incarnation &&
  a.state === b.state &&
  a.versions === b.versions

const isSame = (a: PushPull, b: PushPull): boolean =>
  a.nodes.length === b.nodes.length &&
  a.nodes.every((node, i) => isSameNode(node, b.nodes[i])) &&
  equalBytes(a.userState, b.userState)

/** Returns all bytes for the stream; above `compressedNodesMax` nodes uncompressed, since that would take too long. */
export const encode = (
  { framing, last, role }: EncodedState,
  message: PushPull,
  compressedNodesMax: number
): Uint8Array => {
  const kind = `${message.join} ${message.userState.length > 0}`
  const known = last.get(kind)
  if (known !== undefined && isSame(known.message, message)) return StreamCodec.frame(known.body, framing, role)
  const compress = framing.compress && message.nodes.length <= compressedNodesMax
  const body = StreamCodec.bodyOf(message, compress)
  last.set(kind, { message, body })
  return StreamCodec.frame(body, framing, role)
}
