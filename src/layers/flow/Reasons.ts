/**
 * Maps a broken link or a frame of the peer to the error of a flow, and to the last frame for the peer.
 */
import { Cause, Effect } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type * as Receiver from "../../protocol/flow/Receiver.ts"
import {
  DeadlineExceeded,
  FlowClosed,
  type FlowErrorReason,
  FlowReset,
  MalformedMessage,
  MessageTooLarge,
  PeerLost,
  ProtocolViolation
} from "../../services/FlowError.ts"
import type { LinkBroken } from "../../services/Transport.ts"

/** `Cause.Done` with a message, for code that did not expect it. */
class Ended extends Error implements Cause.Done {
  override readonly name = "Done"
  readonly [Cause.DoneTypeId] = Cause.DoneTypeId
  readonly _tag = "Done"
  readonly value = undefined
}

const ended = new Ended("the other side has ended: no more messages come")
// All readers share this value, so a stack would point at none of them.
ended.stack = `${ended.name}: ${ended.message}`

/** Fails a read after the other side has ended. */
export const done: Effect.Effect<never, Cause.Done> = Effect.fail(ended)

export const reasonOfLink = (broken: LinkBroken): FlowErrorReason => {
  switch (broken.how) {
    case "lost":
      return new PeerLost({ detail: broken.detail })
    case "reset":
    case "refused":
      return new FlowReset({ detail: broken.detail })
    case "violation":
      return new ProtocolViolation({ detail: broken.detail })
    case "finished":
    case "stalled":
      return new FlowClosed({ detail: broken.detail })
    case "deadline":
      return new DeadlineExceeded({ detail: broken.detail })
  }
}

/** Returns the frame for the peer of a link that this side breaks; undefined where the peer cannot be told. */
export const lastOfLink = ({ detail, how }: LinkBroken): Frame.Fail | undefined =>
  how === "stalled" ? Frame.fail("Reset", detail) : undefined

export const reasonOfFail = (frame: Frame.Fail): FlowErrorReason => {
  switch (frame.reason) {
    case "MalformedMessage":
      return new MalformedMessage({ cause: frame.detail })
    case "ProtocolViolation":
      return new ProtocolViolation({ detail: frame.detail })
    case "DeadlineExceeded":
      return new DeadlineExceeded({ detail: frame.detail })
    case "Domain":
      return new FlowReset({ detail: "the endpoint failed with an error that this side cannot decode" })
    case "DomainCut":
    case "Handler":
    case "Reset":
    case "MessageTooLarge":
    case "Closed":
    case "Unspecified":
      return new FlowReset({ detail: frame.detail })
  }
}

/** Returns the error with which this side refuses input, and the frame for the peer. */
export const refusalOf = (
  received: Extract<Receiver.Received, { readonly _tag: "TooLarge" | "Violation" }>,
  bytesMax: number
): readonly [reason: FlowErrorReason, last: Frame.Fail] => {
  if (received._tag === "Violation") {
    const { detail } = received
    return [new ProtocolViolation({ detail }), Frame.fail("ProtocolViolation", detail)]
  }
  const { bytes } = received
  return [new MessageTooLarge({ bytes, bytesMax }), Frame.fail("MessageTooLarge", `${bytes} of ${bytesMax} bytes`)]
}
