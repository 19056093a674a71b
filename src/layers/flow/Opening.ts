/**
 * Opening: the caller's side of opening a flow: Open, then Accepted or Rejected, then the flow.
 */
import { Cause, Effect, type Scope } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import * as Metadata from "../../protocol/flow/Metadata.ts"
import * as NameGrants from "../../protocol/NameGrants.ts"
import * as Proof from "../../protocol/Proof.ts"
import type { Contract } from "../../services/Contract.ts"
import type { Flow } from "../../services/Flow.ts"
import type { Host } from "../../services/Host.ts"
import {
  EndpointBusy,
  EndpointNotFound,
  FabricClosed,
  HostUnreachable,
  Incompatible,
  NameInvalid,
  NetworkError,
  type NetworkErrorReason,
  Unauthorized
} from "../../services/NetworkError.ts"
import { type Link, LinkBroken } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Deadline from "./Deadline.ts"
import * as FlowEnd from "./FlowEnd.ts"
import * as Trace from "./Trace.ts"
import * as TypedFlow from "./TypedFlow.ts"

const reasonOf = (rejected: Frame.Rejected, endpoint: string, host: Host): NetworkErrorReason => {
  const { detail } = rejected
  switch (rejected.reason) {
    case "EndpointNotFound":
      return new EndpointNotFound({ endpoint })
    case "EndpointBusy":
      return new EndpointBusy({ endpoint, host: host.id })
    case "NameInvalid":
      return new NameInvalid({ name: endpoint, rule: detail })
    case "Unauthorized":
      return new Unauthorized({ host: host.id, detail, ownersDiffer: rejected.ownersDiffer === true })
    case "Closed":
      return new FabricClosed({ host: host.id })
    case "WrongHost":
    case "Path":
      return new HostUnreachable({ host: host.id, address: addressOf(host), cause: detail })
    case "Incompatible":
    case "Unspecified":
      return new Incompatible({ endpoint, host: host.id, detail })
  }
}

const noPath: ReadonlyArray<string> = []

const hungUp = new LinkBroken({ how: "finished", detail: "it hung up without an answer" })

/**
 * Maps a broken link to the error of the caller. A proxy in front of a host may answer, too, by its HTTP status, which
 * tells nothing of what the host has seen.
 */
const reasonOfBroken = (broken: LinkBroken, endpoint: string, host: Host): NetworkErrorReason => {
  const { detail, how, status } = broken
  const unreachable = new HostUnreachable({ host: host.id, address: addressOf(host), cause: broken })
  if (how !== "violation") return unreachable
  switch (status) {
    case 401:
    case 403:
      return new Unauthorized({ host: host.id, detail })
    case 429:
      return new EndpointBusy({ endpoint, host: host.id })
    case 502:
    case 503:
    case 504:
      return unreachable
    default:
      return new Incompatible({ endpoint, host: host.id, detail: `it serves no flows (${detail})` })
  }
}

/** Whether the peer said that it never looked at the flow: opening another is safe. */
export const isRefused = ({ reason }: NetworkError): boolean =>
  reason._tag === "HostUnreachable" && reason.cause instanceof LinkBroken && reason.cause.how === "refused"

/**
 * Whether no handler starts before this caller's second word: so in this process, and on a host that announces so. On
 * any other host a handler may start as soon as Open was written.
 */
export const isCareful = ({ revision = 0 }: Host): boolean => revision >= Frame.revision

/** Whether the owner refused by its rules, and says that no other owner of the name lets this caller in either. */
export const isForAll = ({ reason }: NetworkError): boolean =>
  reason._tag === "Unauthorized" && reason.ownersDiffer === false

/** Whether no handler was started, and the host may take the flow later. */
export const isPassing = ({ delivered, reason: { _tag } }: NetworkError): boolean =>
  delivered === "no" &&
  (_tag === "EndpointNotFound" || _tag === "EndpointBusy" || _tag === "FabricClosed" || _tag === "HostUnreachable")

const addressOf = (host: Host): string => `${host.address}:${host.flowPort}`

/** Options of one call, beside the endpoint. */
export interface Call {
  /** Deadline of the whole flow, in milliseconds on the monotonic clock. */
  readonly deadlineAt?: number
  /** Hosts that have passed the flow on. */
  readonly path?: ReadonlyArray<string>
  /** Metadata of the caller. */
  readonly metadata?: Metadata.Metadata
  /** Called once when the flow has failed, unless the endpoint has ended it in good order. */
  readonly onBroken?: () => void
}

export interface Opened<In, Out, E> {
  readonly flow: Flow<In, Out, E>
  /** Sends the second word, on which the handler starts: call it once nothing stands between the flow and its user. */
  readonly start: () => void
  /**
   * `close` ends the flow for its holder when the caller leaves. `linger` is the wait of a caller that leaves in good
   * order, before it closes the scope of the flow.
   */
  readonly channel: Pick<FlowEnd.FlowEnd<E>, "close" | "linger">
}

/** Opens a flow over a link that was dialled for it. Errors: those of `Fabric.connect`. */
export const open = Effect.fnUntraced(function* <In, Out, E>(
  link: Link,
  contract: Contract<In, Out, E>,
  options: Call & { readonly caller: string; readonly host: Host; readonly limits: Limits }
): Effect.fn.Return<Opened<In, Out, E>, NetworkError, Scope.Scope> {
  const { caller, deadlineAt, host, limits, metadata, onBroken, path } = options
  const fail = (reason: NetworkErrorReason, delivered: NetworkError["delivered"] = "no") =>
    Effect.fail(new NetworkError({ operation: "connect", reason, delivered }))
  const incompatible = (detail: string) => fail(new Incompatible({ endpoint: contract.name, host: host.id, detail }))

  if (link.grants !== undefined && !NameGrants.allow(link.grants, contract.name)) {
    const cause = `its certificate does not let it own "${contract.name}"`
    return yield* fail(new HostUnreachable({ host: host.id, address: addressOf(host), cause }))
  }
  const deadlineMillis = yield* Monotonic.left(deadlineAt)
  const trace = yield* Trace.current
  const asking: Frame.Open = {
    _tag: "Open",
    endpoint: contract.name,
    wireVersion: Frame.wireVersion,
    contract: contract.fingerprint,
    codec: contract.codec,
    caller,
    host: host.id,
    ...(deadlineMillis === undefined ? {} : { deadlineMillis: Math.max(1, deadlineMillis) }),
    ...(trace === undefined ? {} : { trace }),
    ...(path === undefined ? {} : { path }),
    ...(metadata === undefined ? {} : { metadata: metadata.revealed }),
    revision: Frame.revision
  }
  const isSafe = link.isWithin === true || isCareful(host)
  const answer = yield* Handshake.ask(link, asking).pipe(
    Effect.catch((error) => {
      const broken = Cause.isDone(error) ? hungUp : error
      const isSeen = !isSafe && broken.how !== "refused"
      return fail(reasonOfBroken(broken, contract.name, host), isSeen ? "maybe" : "no")
    })
  )
  if (answer._tag === "Rejected") return yield* fail(reasonOf(answer, contract.name, host))
  if (answer._tag !== "Accepted") return yield* incompatible(`it answered Open with ${answer._tag}`)
  const channel = yield* FlowEnd.make(link, {
    endpoint: contract.name,
    peer: host.id,
    limits,
    decodeError: contract.error.decode,
    role: "caller"
  })
  if (onBroken !== undefined)
    channel.onFailed(() => {
      if (channel.reader.receiver.status !== "ended") onBroken()
    })
  yield* Deadline.enforce(channel, deadlineAt)
  const flow = TypedFlow.make(channel, {
    endpoint: contract.name,
    peer: {
      id: host.id,
      proven: Proof.identityOf(link.proven, host.id) ?? Proof.nothing,
      path: noPath,
      metadata: Metadata.none
    },
    outgoing: contract.input,
    incoming: contract.output
  })
  return { flow, channel, start: () => channel.start() }
})
