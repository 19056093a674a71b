/**
 * Access control: a rule for each endpoint, `allow` of `expose` and `toLayer`, and one for the whole host. Both have to
 * let a caller in, before any handler is started. Health and reflection of a host answer without access control.
 *
 * @module
 */
import { Context, Effect, Layer, Result } from "effect"
import * as Rule from "../protocol/flow/Rule.ts"
import type { Peer } from "./Flow.ts"
import type { Host } from "./Host.ts"
import { InvalidConfig, NetworkError } from "./NetworkError.ts"

/** Flow that a caller asks for. */
export interface Request {
  /** Name of the endpoint. */
  readonly endpoint: string
  /** Caller, with its proven identity and its metadata. */
  readonly peer: Peer
  /** Caller as membership shows it now, with its locality and tags; undefined unless it is a proven host. */
  readonly host: Host | undefined
}

/** Decision on a flow, made by `allow` or `deny`. */
export type Decision =
  | {
      /** The handler starts, unless the host's or the endpoint's other rule refuses the caller. */
      readonly _tag: "Allow"
    }
  | {
      /** The caller gets Unauthorized. */
      readonly _tag: "Deny"
      /** Reason for the log of the host that decides; the caller is not told. */
      readonly why: string
    }

/** Lets the caller in. */
export const allow: Decision = { _tag: "Allow" }

/** Refuses the caller, who gets Unauthorized. `why` goes to the log of this host alone. */
export const deny = (why: string): Decision => ({ _tag: "Deny", why })

/**
 * Decides on a flow within 5 seconds. A function that fails, dies or takes longer denies the flow, which is logged, and
 * is interrupted. While 1,024 calls of one endpoint ignore their interruption, the endpoint lets nobody in.
 */
export type Decide = (request: Request) => Effect.Effect<Decision, unknown>

/**
 * Access to an endpoint or a host.
 *
 * - "members" (the default): every proven host of the fabric; without TLS, every caller.
 * - "anyone": clients from outside the fabric too.
 * - one rule or several, of which one has to match. Without proof none does.
 * - a function that decides, for everything else.
 */
export type Allow = "members" | "anyone" | Rule.Rule | ReadonlyArray<Rule.Rule> | Decide

/** Parsed form of `Allow`. Opaque: made by `read`. */
export type Policy =
  | Rule.Rules
  | {
      /** Every flow asks a function. */
      readonly _tag: "Decide"
      /** Function that decides. */
      readonly decide: Decide
    }

/** Parses `Allow`; `setting` names it. Errors: InvalidConfig for a rule that lets nobody in, or says nothing. */
export const read = (
  given: Allow,
  operation: NetworkError["operation"],
  setting: string
): Result.Result<Policy, NetworkError> => {
  if (typeof given === "function") return Result.succeed({ _tag: "Decide", decide: given })
  return Result.mapError(
    Rule.parse(given, setting),
    ({ at, detail }) => new NetworkError({ operation, reason: new InvalidConfig({ setting: at, detail }) })
  )
}

/** Rule for all endpoints of a host, beside the rule of each; by default it lets in all whom the endpoints do. */
export const Access = Context.Reference<Policy>("grinta/services/Access", { defaultValue: () => Rule.anyone })

/**
 * Sets the rule of the host that is built upon this layer, for the host's life; use a function for a rule that changes.
 * Given beside a host, or to an endpoint, it is no rule, and exposing there fails with InvalidConfig.
 * Errors: InvalidConfig.
 */
export const layer = (allow: Allow): Layer.Layer<never, NetworkError> =>
  Layer.effect(
    Access,
    Effect.suspend(() => Effect.fromResult(read(allow, "listen", "access")))
  )
