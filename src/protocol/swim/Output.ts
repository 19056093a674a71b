/** What a host's membership protocol asks of its driver, and tells it. */
import type { Address } from "../Address.ts"
import type { Member, Status } from "./Member.ts"

/**
 * How a member changed.
 *
 * joined: first heard of; returned: alive again after death or leave; suspected, died, left: as they say;
 * refuted: a suspect that is alive; updated: metadata, versions or address; raised: nothing but the incarnation.
 */
export type Change = "joined" | "returned" | "suspected" | "refuted" | "died" | "left" | "updated" | "raised"

/** Why a message, or a part of one, had no effect, where that is worth counting. */
export type DropReason =
  /** A ping for a host of another name. */
  | "wrongTarget"
  /** An accusation of a name that we do not know. */
  | "unknownMember"
  | "invalidName"
  | "invalidAddress"
  | "notAdmitted"
  | "metaTooLarge"
  /** Versions are missing, or no version is spoken by both. */
  | "incompatible"
  /** The incarnation is too far above what we know. */
  | "incarnationJump"
  /** Alive with no higher incarnation than that of a death that was forgotten since. */
  | "replayed"
  | "memberLimit"
  | "learnLimit"
  /** Too many names wait for an answer, or one address told of too many. */
  | "strangerLimit"
  /** A name that was said to be at an address that does not answer. */
  | "silentStranger"
  /** A relay to something that is no other member. */
  | "relayTarget"
  | "relayLimit"
  /** A second ping of one datagram. */
  | "requestLimit"
  | "emptyPayload"
  | "broadcastTooLarge"
  | "broadcastLimit"
  /** An update after the leave, or one more than incarnations can count. */
  | "updateRefused"

export type Output =
  /** Encoded messages of one datagram; the driver frames them, with a CRC if so told. */
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
  /** A message of the application came in. */
  | { readonly _tag: "Deliver"; readonly payload: Uint8Array }
  /**
   * `from` is undefined for a member first heard of; `updated` says that metadata, versions or address changed too;
   * `accusers` are those who said that a suspect or dead member is one, in the order in which we heard them.
   */
  | {
      readonly _tag: "Changed"
      readonly member: Member
      readonly from: Status | undefined
      readonly change: Change
      readonly updated: boolean
      readonly accusers: ReadonlyArray<string>
    }
  /** A dead or left member was taken off the list. */
  | { readonly _tag: "Reaped"; readonly member: Member }
  /** The driver pings this address over TCP under our own name, then feeds `TwinAnswered`. */
  | { readonly _tag: "AskTwin"; readonly to: Address }
  /** Another process has our name, at this address, and we have given it up: the machine has stopped. */
  | { readonly _tag: "NameLost"; readonly address: Address }
  /** A name that is in use, perhaps our own, was claimed from another address, and the claim is not taken. */
  | { readonly _tag: "Conflict"; readonly existing: Member; readonly address: Address }
  /** How a probe ended; `tcpOnly` means that UDP to that member is broken. The time is that of a direct ack. */
  | {
      readonly _tag: "Probed"
      readonly name: string
      readonly outcome: "acked" | "tcpOnly" | "failed"
      readonly roundTripMillis: number | undefined
    }
  /** `detail` is for people, where the reason alone would not say enough. */
  | { readonly _tag: "Dropped"; readonly reason: DropReason; readonly detail?: string }
  /** The leave was told as often as it is to be, or there is nobody to tell. */
  | { readonly _tag: "LeaveFinished" }
