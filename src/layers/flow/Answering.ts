/**
 * Answers an incoming link by its first frame: the endpoint that Open names serves the link, or it is refused.
 */
import { Cause, Effect, Result, type Scope } from "effect"
import * as Foreign from "../../protocol/Foreign.ts"
import * as Frame from "../../protocol/flow/Frame.ts"
import * as Metadata from "../../protocol/flow/Metadata.ts"
import * as Name from "../../protocol/Name.ts"
import * as Proof from "../../protocol/Proof.ts"
import type { Peer } from "../../services/Flow.ts"
import type { Link, LinkBroken } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import type { Timeouts } from "../core/Timeouts.ts"
import { type Audit, identityRule } from "./Audit.ts"
import type { Beside, Exposed } from "./Exposed.ts"
import { notFound } from "./Turns.ts"

export interface Options extends Beside {
  readonly self: string
  readonly find: (name: string) => Exposed | undefined
  /** Timeouts of `Config.openTimeout`. */
  readonly opening: Timeouts
  /** Notes callers that claim a host other than the one they have proven. */
  readonly audit?: Audit
}

/**
 * Answers an incoming link: reads its first frame and has the named endpoint serve it, or refuses it with a reason.
 * Cancels the link when no frame comes within the time of `opening`.
 */
export const answer = (link: Link, options: Options): Effect.Effect<void, never, Scope.Scope> => {
  const begin = (open: Frame.Frame | string | undefined): Effect.Effect<void, never, Scope.Scope> => {
    if (open === undefined) return Effect.void
    if (typeof open === "string") return Handshake.refuse(link, Frame.fail("ProtocolViolation", open))
    if (open._tag !== "Open") return violate(link, `${open._tag} came before Open`)
    return serve(link, open, options)
  }
  return Effect.flatMap(first(link, options.opening), begin)
}

/**
 * Serves an Open, or refuses it. EndpointNotFound goes to any caller, since names are no secret: members know all of
 * them, and the health of each is told. The contract of an endpoint is told only to callers that may open flows to it.
 */
const serve = (link: Link, open: Frame.Open, options: Options): Effect.Effect<void, never, Scope.Scope> => {
  const unread = refusal(open, options)
  if (unread !== undefined) return Handshake.refuse(link, unread)
  const proven = Proof.identityOf(link.proven, open.caller)
  if (proven === undefined) return impostor(link, open, options)
  const metadata = metadataOf(link, open)
  if (Result.isFailure(metadata)) return violate(link, `the metadata cannot be taken: ${metadata.failure}`)
  const exposed = options.find(open.endpoint)
  if (exposed === undefined) return Handshake.refuse(link, notFound)
  const id = proven._tag === "Host" ? proven.id : open.caller
  const peer: Peer = { id, proven, path: open.path ?? noPath, metadata: metadata.success }
  const asked = exposed.access.ask(peer, link)
  if (asked === undefined) return admit(link, open, peer, exposed, options)
  return Effect.matchEffect(asked, {
    onFailure: () => Effect.void,
    onSuccess: (rejected) =>
      rejected === undefined ? admit(link, open, peer, exposed, options) : Handshake.refuse(link, rejected)
  })
}

/** Refuses a caller that broke the protocol, and blames its link. */
const violate = (link: Link, detail: string): Effect.Effect<void> => {
  link.blame?.()
  return Handshake.refuse(link, Frame.fail("ProtocolViolation", detail))
}

/** Serves a caller that may call, if its contract and codec fit the endpoint; refuses it otherwise. */
const admit = (
  link: Link,
  open: Frame.Open,
  peer: Peer,
  exposed: Exposed,
  options: Options
): Effect.Effect<void, never, Scope.Scope> => {
  const refused = exposed.refusal(open)
  return refused === undefined ? exposed.serve(link, open, peer, options) : Handshake.refuse(link, refused)
}

const noPath: ReadonlyArray<string> = []

const noMetadata = Result.succeed(Metadata.none)

/** Merges the metadata of Open and of the call's headers. Fails with why they cannot be taken. */
const metadataOf = ({ metadata: said }: Link, open: Frame.Open): Result.Result<Metadata.Metadata, string> => {
  if (said === undefined && open.metadata === undefined) return noMetadata
  if (typeof said === "string") return Result.fail(said)
  const own = Metadata.parse(Object.entries(open.metadata ?? {}))
  return said === undefined ? own : Result.flatMap(own, (metadata) => Metadata.merge(said, metadata))
}

/** Refuses a caller that claims a host other than the one it has proven, and notes it in the audit. */
const impostor = (link: Link, { caller, endpoint }: Frame.Open, { audit }: Options): Effect.Effect<void> => {
  const { otherwise = Proof.nothing } = link.proven ?? {}
  const why = `it says that it is host ${Foreign.quoted(caller, Name.nameBytesMax)}`
  const noted =
    audit?.note({ endpoint, peer: { id: caller, proven: otherwise }, rule: identityRule, why }) ?? Effect.void
  const detail = `the certificate of this connection is not that of host "${caller}"`
  return Effect.andThen(noted, Handshake.refuse(link, Frame.rejected("Unauthorized", detail)))
}

const late = Frame.fail("ProtocolViolation", "no Open came in time")

/**
 * Waits for the first frame. Returns undefined when the link breaks, or is cancelled since no frame came in time; a
 * string when the peer ended without a frame or sent something else: an answer without any looks like a good end.
 */
const first = (link: Link, { begin, end }: Timeouts): Effect.Effect<Frame.Frame | string | undefined> =>
  Effect.callback((resume) => {
    const timeout = begin(() => {
      link.cancel(late)
      heard(undefined)
    })
    const heard = (frame: Frame.Frame | string | undefined): void => {
      end(timeout)
      resume(Effect.succeed(frame))
    }
    const onEnd = (how: () => LinkBroken | Cause.Done): void => {
      if (link.isBroken()) return heard(undefined)
      const ended = how()
      heard(Cause.isDone(ended) ? "the stream stopped without Open" : ended.detail)
    }
    const listener = Handshake.listen(link, { onFirst: heard, onEnd })
    return Effect.sync(() => {
      end(timeout)
      link.detach(listener)
    })
  })

const refusal = (open: Frame.Open, options: { readonly self: string }): Frame.Rejected | undefined => {
  if (open.wireVersion !== Frame.wireVersion)
    return Frame.rejected(
      "Incompatible",
      `frames of version ${open.wireVersion}, this host speaks ${Frame.wireVersion}`
    )
  // Logs, errors and handlers show these names: of the caller, and of the hosts that passed the flow on.
  for (const id of [open.caller, ...(open.path ?? [])]) {
    const wrong = id === "" && id === open.caller ? undefined : Name.violation(id)
    if (wrong !== undefined) return Frame.rejected("NameInvalid", `the name of a host ${wrong}`)
  }
  if (open.host !== "" && open.host !== options.self)
    return Frame.rejected("WrongHost", `this is host "${options.self}"`)
  const passed = open.path ?? []
  if (passed.length > Frame.pathLengthMax || passed.includes(options.self))
    return Frame.rejected(
      "Path",
      `it has passed ${passed.length} hosts${passed.includes(options.self) ? ", this one too" : ""}`
    )
  const rule = Name.violation(open.endpoint)
  return rule === undefined ? undefined : Frame.rejected("NameInvalid", rule)
}
