/**
 * The first frame of an incoming link, and what becomes of it.
 */
import { Cause, Effect, type Scope } from "effect"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Name from "../protocol/Name.ts"
import type { Link, LinkBroken } from "../services/Transport.ts"
import * as FlowHandshake from "./FlowHandshake.ts"
import { type Beside, type Exposed, refuse } from "./FlowServer.ts"
import { notFound } from "./FlowTurns.ts"
import type { Timeouts } from "./Timeouts.ts"

/**
 * Answers an incoming link: the first frame decides which endpoint serves it, or why none does. When it does not come in time,
 * the link is given up.
 */
export const answer = (
  link: Link,
  options: {
    readonly self: string
    readonly find: (name: string) => Exposed | undefined
    /** Timeouts of `Config.openTimeout`. */
    readonly opening: Timeouts
  } & Beside
): Effect.Effect<void, never, Scope.Scope> => {
  const begin = (open: Frame.Frame | string | undefined): Effect.Effect<void, never, Scope.Scope> => {
    if (open === undefined) return Effect.void
    if (typeof open === "string") return refuse(link, Frame.fail("ProtocolViolation", open))
    if (open._tag !== "Open") return refuse(link, Frame.fail("ProtocolViolation", `${open._tag} came before Open`))
    const refused = refusal(open, options, link.proven)
    const exposed = options.find(open.endpoint)
    const rejected = refused ?? exposed?.refusal(open)
    return exposed === undefined || rejected !== undefined
      ? refuse(link, rejected ?? notFound)
      : exposed.serve(link, open, options)
  }
  return Effect.flatMap(first(link, options.opening), begin)
}

const late = Frame.fail("ProtocolViolation", "no Open came in time")

/**
 * Waits for the first frame; undefined when the link breaks or is given up, since none comes in time. Whoever has ended it
 * without a frame, or with something else, is told what is wrong: an answer with no frame at all would look like a good end.
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
    const listener = FlowHandshake.listen(link, { onFirst: heard, onEnd })
    return Effect.sync(() => {
      end(timeout)
      link.detach(listener)
    })
  })

const refusal = (
  open: Frame.Open,
  options: { readonly self: string },
  proven: Link["proven"]
): Frame.Rejected | undefined => {
  if (open.wireVersion !== Frame.wireVersion)
    return Frame.rejected(
      "Incompatible",
      `frames of version ${open.wireVersion}, this host speaks ${Frame.wireVersion}`
    )
  // Logs, errors and handlers are told who calls, and by whom a flow was passed on.
  for (const id of [open.caller, ...(open.path ?? [])]) {
    const wrong = id === "" && id === open.caller ? undefined : Name.violation(id)
    if (wrong !== undefined) return Frame.rejected("NameInvalid", `the name of a host ${wrong}`)
  }
  if (open.host !== "" && open.host !== options.self)
    return Frame.rejected("WrongHost", `this is host "${options.self}"`)
  if (proven !== undefined && open.caller !== "" && !proven.includes(open.caller))
    return Frame.rejected("Unauthorized", `the certificate of this connection is not that of host "${open.caller}"`)
  const passed = open.path ?? []
  if (passed.length > Frame.pathLengthMax || passed.includes(options.self))
    return Frame.rejected(
      "Path",
      `it has passed ${passed.length} hosts${passed.includes(options.self) ? ", this one too" : ""}`
    )
  const rule = Name.violation(open.endpoint)
  return rule === undefined ? undefined : Frame.rejected("NameInvalid", rule)
}
