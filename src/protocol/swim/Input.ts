/** What can happen to a host's membership protocol. */
import type { Address } from "../Address.ts"
import type { NodeState, PacketMessage } from "../memberlist/Message.ts"
import type { Answer } from "./Twin.ts"

/** Time and chance, handed to every step. */
export interface Env {
  /** Monotonic milliseconds. */
  readonly now: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Whom a message of the application is for: all members unless said otherwise, or those that `Config.isHost` says. */
export type Audience = "members" | "hosts"

export type Input =
  /** One datagram, decoded. */
  | { readonly _tag: "Received"; readonly from: Address; readonly messages: ReadonlyArray<PacketMessage> }
  /** Time has reached `nextDeadline`. */
  | { readonly _tag: "Tick" }
  /**
   * The other side's state of a push/pull. `from`: where it was asked for, when this host began the exchange; whoever is
   * there has answered.
   */
  | {
      readonly _tag: "Merge"
      readonly nodes: ReadonlyArray<NodeState>
      readonly join: boolean
      readonly from?: Address | undefined
      /** There is more of it to come, or some came before: a state may have many thousand members. */
      readonly isPart?: boolean
      /** Who began the exchange, when this host did not. */
      readonly peer?: Address | undefined
    }
  /** The TCP fallback ping asked for by `TcpPing` was answered. */
  | { readonly _tag: "TcpPingAnswered"; readonly seq: number }
  /** A message of the application to gossip; a newer one of the same key displaces the older. */
  | { readonly _tag: "Broadcast"; readonly key: string; readonly payload: Uint8Array; readonly audience?: Audience }
  | { readonly _tag: "UpdateMeta"; readonly meta: Uint8Array }
  /** This host is reached at another address from now on. */
  | { readonly _tag: "Move"; readonly address: Address }
  /** What a process answered that was asked by `AskTwin`; undefined when nobody of our name answered. */
  | { readonly _tag: "TwinAnswered"; readonly address: Address; readonly answer: Answer | undefined }
  /** A process of our own name, at another address, asked for ours. */
  | { readonly _tag: "TwinAsked"; readonly address: Address }
  /** This host has said that it is up. */
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Leave" }
