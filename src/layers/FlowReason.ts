/**
 * What a flow fails with, by how its link broke or by what the peer said.
 */
import type * as Frame from "../protocol/flow/Frame.ts"
import {
  DeadlineExceeded,
  FlowClosed,
  type FlowErrorReason,
  FlowReset,
  MalformedMessage,
  PeerLost,
  ProtocolViolation
} from "../services/FlowError.ts"
import type { LinkBroken } from "../services/Transport.ts"

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
      return new FlowClosed({ detail: broken.detail })
    case "deadline":
      return new DeadlineExceeded({ detail: broken.detail })
  }
}

export const reasonOfFail = (frame: Frame.Fail): FlowErrorReason => {
  switch (frame.reason) {
    case "MalformedMessage":
      return new MalformedMessage({ cause: frame.detail })
    case "ProtocolViolation":
      return new ProtocolViolation({ detail: frame.detail })
    case "DeadlineExceeded":
      return new DeadlineExceeded({ detail: frame.detail })
    case "Domain":
    case "Handler":
    case "Reset":
    case "MessageTooLarge":
    case "Closed":
    case "Unspecified":
      return new FlowReset({ detail: frame.detail })
  }
}
