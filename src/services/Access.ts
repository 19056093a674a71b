/**
 * Who may open flows: a rule for each endpoint, which `expose` and `toLayer` take as `allow`, and one for the whole host beside it.
 * Both have to let a caller in, before any handler is started. The health of a host and its reflection are told without.
 */
import { Context, Effect, Layer, Result } from "effect"
import * as Rule from "../protocol/flow/Rule.ts"
import type { Peer } from "./Flow.ts"
import type { Host } from "./Host.ts"
import { InvalidConfig, NetworkError } from "./NetworkError.ts"

/** A flow that somebody asks for. */
export interface Request {
  readonly endpoint: string
  /** Who asks, with what it has proven and what it says of itself. */
  readonly peer: Peer
  /** What membership shows by now of a host that has proven who it is: its locality, and its tags. */
  readonly host: Host | undefined
}

/** `why` is for the log of the host that says it; the caller is not told. */
export type Decision = { readonly _tag: "Allow" } | { readonly _tag: "Deny"; readonly why: string }

export const allow: Decision = { _tag: "Allow" }

export const deny = (why: string): Decision => ({ _tag: "Deny", why })

/**
 * Decides on a flow within 5 seconds. One that fails, dies or takes longer has not let the caller in, and that is logged. It is
 * interrupted then, and waited for no more; while 1,024 of one endpoint do not let themselves be, nobody else is asked about or let in.
 */
export type Decide = (request: Request) => Effect.Effect<Decision, unknown>

/**
 * Who may open flows.
 *
 * - "members", where nothing else is said: whatever has proven to be a host of the fabric; where there is no TLS, whoever calls.
 * - "anyone": clients from outside as well.
 * - a rule or several, of which one has to match. Where nothing was proven none does.
 * - a function that decides, for all the rest.
 */
export type Allow = "members" | "anyone" | Rule.Rule | ReadonlyArray<Rule.Rule> | Decide

/** What a program has said, once it was read. */
export type Policy = Rule.Rules | { readonly _tag: "Decide"; readonly decide: Decide }

/** Errors: InvalidConfig for what lets nobody in, or says nothing; `setting` is what it calls that. */
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

/** Who may open flows to any endpoint of a host, beside what each of them says; whoever its endpoints let in unless said. */
export const Access = Context.Reference<Policy>("grinta/services/Access", { defaultValue: () => Rule.anyone })

/**
 * The rule of a host that is built upon this layer. It holds as long as the host does: one that is to change is a function.
 * Where it is given beside a host, or to an endpoint, it is none, and what exposes there fails with InvalidConfig.
 * Errors: InvalidConfig.
 */
export const layer = (allow: Allow): Layer.Layer<never, NetworkError> =>
  Layer.effect(
    Access,
    Effect.suspend(() => Effect.fromResult(read(allow, "listen", "access")))
  )
