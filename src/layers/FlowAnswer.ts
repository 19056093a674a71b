/**
 * The first frame of an incoming link, and what becomes of it.
 */
import { Effect, type Scope } from "effect"
import * as Frame from "../protocol/flow/Frame.ts"
import * as Name from "../protocol/Name.ts"
import type { Link } from "../services/Transport.ts"
import type { Callers } from "./Callers.ts"
import { type Exposed, notFound, reject } from "./FlowServer.ts"
import type { Timeouts } from "./Timeouts.ts"

/**
 * Answers an incoming link, in a fiber of its own: the first frame decides which endpoint serves it, or why none does. When
 * it does not come in time, the link is given up, and the fiber interrupted.
 */
export const answer = (
  link: Link,
  options: {
    readonly self: string
    readonly find: (name: string) => Exposed | undefined
    /** Timeouts of `Config.openTimeout`. */
    readonly opening: Timeouts
    /** Knows which host opened which flow. */
    readonly callers?: Callers
  }
): Effect.Effect<void, never, Scope.Scope> => {
  const begin = (open: Frame.Frame): Effect.Effect<void, never, Scope.Scope> => {
    if (open._tag !== "Open") {
      const last = Frame.fail("ProtocolViolation", `${open._tag} came before Open`)
      return Effect.ignore(Effect.andThen(link.write(last), link.finish))
    }
    const refused = refuse(open, options, link.proven)
    const exposed = options.find(open.endpoint)
    const rejected = refused ?? exposed?.refusal(open)
    return exposed === undefined || rejected !== undefined
      ? Effect.ignore(reject(link, rejected ?? notFound))
      : exposed.serve(link, open, options.callers)
  }
  return Effect.matchEffect(readFirst(link, options.opening), {
    onFailure: () => Effect.void,
    onSuccess: begin
  })
}

const late = Frame.fail("ProtocolViolation", "no Open came in time")

/** Waits for the first frame, and gives the link up when none comes: its own fiber is interrupted, which spares another. */
const readFirst = (link: Link, { begin, end }: Timeouts): Link["read"] =>
  Effect.withFiber((fiber) => {
    let isLate = false
    const timeout = begin(() => {
      isLate = true
      fiber.interruptUnsafe()
    })
    return Effect.ensuring(
      link.read,
      Effect.suspend(() => {
        end(timeout)
        return isLate ? link.cancel(late) : Effect.void
      })
    )
  })

const refuse = (
  open: Frame.Open,
  options: { readonly self: string },
  proven: Link["proven"]
): Frame.Rejected | undefined => {
  if (open.wireVersion !== Frame.wireVersion)
    return Frame.rejected(
      "Incompatible",
      `frames of version ${open.wireVersion}, this host speaks ${Frame.wireVersion}`
    )
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
