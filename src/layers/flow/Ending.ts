/**
 * How a handler has ended: what its caller is told of it, and what is logged.
 *
 * A caller is told the truth without details: the declared error as it is, and of anything else only of what kind it was.
 * The log has the cause, once: an end that the endpoint has to answer for as an error, one that it has declared or that came
 * over it with its flow at debug.
 */
import { Cause, Effect, Exit, Option, Result } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Contract } from "../../services/Contract.ts"
import { FlowError } from "../../services/FlowError.ts"
import * as Declared from "./Declared.ts"

/** What a handler may end with: the declared error, that of a flow, or that its caller has ended. */
export type Ended<E> = Exit.Exit<unknown, E | FlowError | Cause.Done>

export interface Ending {
  /** Tells the caller; a good end needs no word. */
  readonly last: Frame.Fail
  /** Follows "the handler of ..". */
  readonly what: string
  readonly level: "Error" | "Debug"
}

export interface Handled<E> {
  readonly contract: Pick<Contract<never, never, E>, "name" | "error">
  readonly peer: string
  /** The largest declared error. */
  readonly errorBytesMax: number
  /** The endpoint is no longer exposed. */
  readonly isClosed: boolean
  /** The flow has failed, or nobody serves it any more: its handler had nothing left to do. */
  readonly isLost: boolean
}

const ending = (level: Ending["level"], what: string, last: Frame.Fail): Ending => ({ level, what, last })

/** An end without a word of its own for the caller. */
const failed = (level: Ending["level"], what: string, detail: string): Ending =>
  ending(level, what, Frame.fail("Handler", detail))

const ofFlowError = <E>(error: FlowError, { contract, isLost, peer }: Handled<E>): Ending => {
  const what = `gave up: ${error.message}`
  // It may be that of a flow which the handler has opened itself.
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

/** Undefined for a good end: the handler is done, or has run until its caller had ended. */
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
