/** Inputs of a host's membership protocol. */
import type { Address } from "../Address.ts"
import type { NodeState, PacketMessage } from "../memberlist/Message.ts"
import type { Answer } from "./Twin.ts"

/** Time and randomness of one step. */
export interface Env {
  /** Monotonic milliseconds. */
  readonly now: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Receivers of a gossiped message: all members (the default), or hosts alone, but no other programs of the cluster. */
export type Audience = "members" | "hosts"

export type Input =
  /** One datagram, decoded. */
  | { readonly _tag: "Received"; readonly from: Address; readonly messages: ReadonlyArray<PacketMessage> }
  /** Time has reached `nextDeadline`. */
  | { readonly _tag: "Tick" }
  /**
   * The peer's state in a push/pull. `from` is the address that this host dialled for it, so the process there has
   * answered.
   */
  | {
      readonly _tag: "Merge"
      readonly nodes: ReadonlyArray<NodeState>
      readonly join: boolean
      readonly from?: Address | undefined
      /** Whether the state comes in several parts: it may have many thousand members. */
      readonly isPart?: boolean
      /** The peer that began the exchange, if this host did not. */
      readonly peer?: Address | undefined
    }
  /** The TCP fallback ping of a `TcpPing` output was answered. */
  | { readonly _tag: "TcpPingAnswered"; readonly seq: number }
  /** An application message to gossip; a newer one displaces an older one of the same key. */
  | { readonly _tag: "Broadcast"; readonly key: string; readonly payload: Uint8Array; readonly audience?: Audience }
  | { readonly _tag: "UpdateMeta"; readonly meta: Uint8Array }
  /** This host has a new address. */
  | { readonly _tag: "Move"; readonly address: Address }
  /** The answer to an `AskTwin` output; undefined when no process of this host's name answered. */
  | { readonly _tag: "TwinAnswered"; readonly address: Address; readonly answer: Answer | undefined }
  /** A process of this host's name, at another address, asked for this host. */
  | { readonly _tag: "TwinAsked"; readonly address: Address }
  /** This host has said that it is up. */
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Leave" }
