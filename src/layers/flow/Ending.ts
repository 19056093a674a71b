/**
 * Ending: turns the exit of a handler into the last frame for its caller and a line for the log.
 *
 * A caller is told the truth without details: the declared error as it is, and of any other end only its kind. The log
 * has the cause, once: at error level where the endpoint is at fault, at debug level for a declared error or a lost
 * flow.
 */
import { Cause, Effect, Exit, Option, Result } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Contract } from "../../services/Contract.ts"
import { FlowError } from "../../services/FlowError.ts"
import * as Declared from "./Declared.ts"

/** Exit of a handler. It may fail with the declared error, with a FlowError, or Done once its caller has ended. */
export type Ended<E> = Exit.Exit<unknown, E | FlowError | Cause.Done>

export interface Ending {
  /** Frame for the caller. */
  readonly last: Frame.Fail
  /** Follows "the handler of ..". */
  readonly what: string
  readonly level: "Error" | "Debug"
}

export interface Handled<E> {
  readonly contract: Pick<Contract<never, never, E>, "name" | "error">
  readonly peer: string
  /** Largest declared error, in bytes. */
  readonly errorBytesMax: number
  /** Whether the endpoint is no longer exposed. */
  readonly isClosed: boolean
  /** Whether the flow has failed or is not served any more, so that its handler had nothing left to do. */
  readonly isLost: boolean
}

const ending = (level: Ending["level"], what: string, last: Frame.Fail): Ending => ({ level, what, last })

/** Makes an ending whose frame is a Fail of reason Handler. */
const failed = (level: Ending["level"], what: string, detail: string): Ending =>
  ending(level, what, Frame.fail("Handler", detail))

const ofFlowError = <E>(error: FlowError, { contract, isLost, peer }: Handled<E>): Ending => {
  const what = `gave up: ${error.message}`
  // The error may be of a flow that the handler has opened itself.
  const isOwn = error.endpoint === contract.name && error.peer === peer
  if (isLost || !isOwn) return failed(isOwn ? "Debug" : "Error", what, "the handler gave up")
  const { reason } = error
  switch (reason._tag) {
    case "MessageTooLarge":
      return failed("Error", what, `an answer of ${reason.bytes} bytes, at most ${reason.bytesMax} are allowed`)
    case "MalformedMessage":
      return failed("Error", what, "an answer does not fit the contract of the endpoint")
    default:
      return failed("Error", what, "the handler gave up")
  }
}

const ofError = <E>(error: E, { contract, errorBytesMax }: Handled<E>, hasDied: boolean): Ending => {
  const declared = Declared.frameOf(contract, error, errorBytesMax)
  if (Result.isFailure(declared)) return { level: "Error", ...declared.failure }
  const what = hasDied ? "died, and failed with its declared error" : "failed with its declared error"
  return ending(hasDied ? "Error" : "Debug", what, declared.success)
}

/** Returns how a handler ended; undefined for a good end: it succeeded, or ran until its caller had ended. */
export const of = <E>(exit: Ended<E>, handled: Handled<E>): Ending | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const hasDied = Cause.hasDies(exit.cause)
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (handled.isClosed && Cause.hasInterrupts(exit.cause)) {
    const last = Frame.fail("Closed", "the endpoint is no longer exposed")
    return hasDied ? ending("Error", "died while it was stopped", last) : ending("Debug", "was stopped", last)
  }
  const isDone = Cause.isDone(error)
  if (isDone && !hasDied) return undefined
  if (error !== undefined && !isDone && !(error instanceof FlowError)) return ofError(error, handled, hasDied)
  if (hasDied) return failed("Error", "died", "the handler died")
  if (error instanceof FlowError) return ofFlowError(error, handled)
  return failed(handled.isLost ? "Debug" : "Error", "was interrupted", "the handler was interrupted")
}

export const log = <E>(
  { level, what }: Ending,
  exit: Ended<E>,
  { contract, peer }: Pick<Handled<E>, "contract" | "peer">
): Effect.Effect<void> => {
  const caller = peer === "" ? "a caller from outside" : `host "${peer}"`
  const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
  return Effect.annotateLogs(
    Effect.logWithLevel(level)(`the handler of "${contract.name}" for ${caller} ${what}`, cause),
    { endpoint: contract.name, peer }
  )
}
