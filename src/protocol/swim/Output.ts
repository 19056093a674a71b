/** Outputs of a host's membership protocol: requests to its driver, and events. */
import type { Address } from "../Address.ts"
import type { Member, Status } from "./Member.ts"

/**
 * Ways in which a member changed.
 *
 * joined: first heard of; returned: alive again after death or leave; suspected, died, left: as they say; refuted: a
 * suspect that is alive; updated: metadata, versions or address; raised: only the incarnation.
 */
export type Change = "joined" | "returned" | "suspected" | "refuted" | "died" | "left" | "updated" | "raised"

/** Why a message, or a part of one, had no effect, for counters. */
export type DropReason =
  /** A ping for a host of another name. */
  | "wrongTarget"
  /** An accusation of an unknown name. */
  | "unknownMember"
  | "invalidName"
  | "invalidAddress"
  | "notAdmitted"
  | "metaTooLarge"
  /** Versions are missing, or the two hosts share none. */
  | "incompatible"
  /** The incarnation is too far above the known one. */
  | "incarnationJump"
  /** An alive at or below the incarnation of a forgotten member. */
  | "replayed"
  | "memberLimit"
  | "learnLimit"
  /** Too many strangers wait for an answer, or one address told of too many. */
  | "strangerLimit"
  /** A name at an address that does not answer. */
  | "silentStranger"
  /** A relay to an address that is no other member's. */
  | "relayTarget"
  | "relayLimit"
  /** A second ping of one datagram. */
  | "requestLimit"
  | "emptyPayload"
  | "broadcastTooLarge"
  | "broadcastLimit"
  /** An update after the leave, or beyond the last incarnation. */
  | "updateRefused"

export type Output =
  /** Encoded messages of one datagram; the driver frames them, with a CRC if `crc`. */
  | { readonly _tag: "Send"; readonly to: Address; readonly parts: ReadonlyArray<Uint8Array>; readonly crc: boolean }
  /** The driver exchanges states over TCP, then feeds `Merge`. */
  | { readonly _tag: "PushPull"; readonly to: Address; readonly name: string }
  /** The driver pings over TCP and, on an answer within the time, feeds `TcpPingAnswered`. */
  | {
      readonly _tag: "TcpPing"
      readonly to: Address
      readonly seq: number
      readonly name: string
      readonly timeoutMillis: number
    }
  /** An incoming application message. */
  | { readonly _tag: "Deliver"; readonly payload: Uint8Array }
  /**
   * `from` is undefined for a new member; `updated` says that metadata, versions or address changed too; `accusers` are
   * the accusers of a suspect or dead member, in the order in which this host heard them.
   */
  | {
      readonly _tag: "Changed"
      readonly member: Member
      readonly from: Status | undefined
      readonly change: Change
      readonly updated: boolean
      readonly accusers: ReadonlyArray<string>
    }
  /** A dead or left member was removed from the list. */
  | { readonly _tag: "Reaped"; readonly member: Member }
  /** The driver pings this address over TCP under this host's own name, then feeds `TwinAnswered`. */
  | { readonly _tag: "AskTwin"; readonly to: Address }
  /** A process at this address has this host's name, which this host has given up: the machine has stopped. */
  | { readonly _tag: "NameLost"; readonly address: Address }
  /** A name in use, perhaps this host's own, was claimed from another address, and the claim was not accepted. */
  | { readonly _tag: "Conflict"; readonly existing: Member; readonly address: Address }
  /** The end of a probe; `tcpOnly` means that UDP to that member is broken. The round trip is that of a direct ack. */
  | {
      readonly _tag: "Probed"
      readonly name: string
      readonly outcome: "acked" | "tcpOnly" | "failed"
      readonly roundTripMillis: number | undefined
    }
  /** `detail` explains to people a reason that is not enough by itself. */
  | { readonly _tag: "Dropped"; readonly reason: DropReason; readonly detail?: string }
  /** The leave was sent as often as the limit allows, or there is no member to tell. */
  | { readonly _tag: "LeaveFinished" }
