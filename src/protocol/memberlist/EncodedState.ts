/**
 * The state that is given in answers to push/pulls, encoded and compressed once for each change of it.
 *
 * It is sealed for each answer, since the keys may change, and no two sealed payloads are to be alike.
 */
import { equalBytes } from "../Address.ts"
import type { Framing } from "./Framing.ts"
import type { NodeState, PushPull } from "./Message.ts"
import * as StreamCodec from "./StreamCodec.ts"

interface Encoded {
  readonly message: PushPull
  readonly body: Uint8Array
}

/** The last one of each kind: of a join or not, with a user state or without. It belongs to one host. */
export interface EncodedState {
  readonly framing: Framing
  readonly role: StreamCodec.Role
  readonly last: Map<string, Encoded>
}

export const make = (framing: Framing, role: StreamCodec.Role): EncodedState => ({ framing, role, last: new Map() })

/** Members that did not change give the same bytes, not only equal ones. */
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

/** All that goes over the stream. Above `compressedNodesMax` nodes it is not compressed, which would take too long. */
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
