/**
 * Decides whether a caller may open a flow: the endpoint's rule and its host's both have to let it in. Rules that are
 * data are evaluated in the turn in which Open came, and nothing is allocated for a caller that they let in.
 *
 * ```text
 *   Open ──> asked ── both let it in ──> it goes on as any flow
 *            ^  │ └── one does not, fails, or says nothing in time ──> Rejected, counted and logged
 *            └──┘ the rule was changed meanwhile
 * ```
 */
import { type Cause, type Context, Duration, Effect, Option, Predicate } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import * as Rule from "../../protocol/flow/Rule.ts"
import type * as Access from "../../services/Access.ts"
import type { Peer } from "../../services/Flow.ts"
import type { Host } from "../../services/Host.ts"
import type { Link } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import type { Audit } from "./Audit.ts"

export interface Options {
  readonly endpoint: string
  /** `allow`: the rule with which the endpoint begins. `access`: the rule of its host. */
  readonly allow: Access.Policy
  readonly access: Access.Policy
  /** Whether another owner of the name may let in a caller that this owner refuses. */
  readonly ownersDiffer: boolean
  /** Looks up a host in the membership. */
  readonly hostOf: (id: string) => Host | undefined
  readonly audit: Audit
  /** Services with which functions that decide run, and refusals are logged. */
  readonly context: Context.Context<never>
}

export interface Guard {
  /** Answer to a caller that is not let in. */
  readonly rejected: Frame.Rejected
  /**
   * Returns undefined when the caller may open a flow; otherwise an effect with its rejection, or with undefined when
   * functions let it in. The effect fails when the link breaks before the decision.
   */
  readonly ask: (peer: Peer, link: Link) => Effect.Effect<Frame.Rejected | undefined, Cause.Done> | undefined
  /** Returns the present rule of the endpoint. Compare it by identity to notice a change. */
  readonly rule: () => unknown
  /** Whether the present rules let the caller in. Asks again when the endpoint's rule changes meanwhile. */
  readonly lets: (peer: Peer) => Effect.Effect<boolean>
  /** Replaces the rule of the endpoint. */
  readonly set: (allow: Access.Policy) => void
}

/** Time in which a function has to decide. */
export const decisionTimeout = Duration.seconds(5)

/** Bounds the functions of an endpoint that were given up and have not ended; beyond it no function is asked. */
export const straysMax = 1024

/** Detail for every refused caller, whatever the rule: the rule and its reason are in the log of the owner. */
export const refusedDetail = "it may not use this endpoint"

/** Rule that refused a caller, and its reason. */
interface Denial {
  readonly rule: string
  readonly why: string
  readonly cause?: Cause.Cause<unknown>
}

type Whose = "endpoint" | "host"

const reasons = {
  Members: "it is no member of the fabric",
  Anyone: "",
  Rules: "no rule matches it",
  Decide: ""
} as const

/** Returns why a decision refuses; undefined for Allow alone, since a program without types may return anything. */
const reasonOf = (decision: Access.Decision): string | undefined => {
  if (decision?._tag === "Allow") return undefined
  if (decision?._tag !== "Deny") return "the answer is no decision"
  return Predicate.isString(decision.why) ? decision.why : "it denies, and its reason is no text"
}

const unseen = (): undefined => undefined

/** Makes a guard whose rules never change, without membership and without an audit. */
export const fixed = (rules: Rule.Rules): Guard => {
  const lets = ({ path, proven }: Peer): boolean => Rule.allows(rules, proven, path.length > 0, unseen)
  const rejected = Frame.rejected("Unauthorized", refusedDetail)
  return {
    rejected,
    ask: (peer) => (lets(peer) ? undefined : Effect.succeed(rejected)),
    rule: () => rules,
    lets: (peer) => Effect.succeed(lets(peer)),
    set: () => {}
  }
}

/** Guard of an endpoint that is exposed without one. */
export const membersOnly = fixed(Rule.members)

/** Names the kind of a rule for the log. */
const kindOf = (policy: Access.Policy): string => {
  switch (policy._tag) {
    case "Rules":
      return policy.rules.length === 1 ? "a rule" : `${policy.rules.length} rules`
    case "Decide":
      return "a function"
    case "Members":
      return "members"
    case "Anyone":
      return "anyone"
  }
}

export const make = (options: Options): Guard => {
  const { access, audit, context, endpoint, hostOf, ownersDiffer } = options
  const rejected = Frame.rejected("Unauthorized", refusedDetail, ownersDiffer)
  const run = Effect.runForkWith(context) // tidy: its exit is observed by whoever calls it
  let current = options.allow
  let strays = 0

  /** Runs in a fiber of its own. An interrupted waiter interrupts that fiber, and does not wait: it may not end. */
  const apart = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.callback((resume) => {
      const running = run(effect)
      running.addObserver(resume)
      return Effect.sync(() => {
        strays += 1
        running.addObserver(() => {
          strays -= 1
        })
        running.interruptUnsafe()
      })
    })

  const denial = (whose: Whose, policy: Access.Policy, why: string, cause?: Cause.Cause<unknown>): Denial => ({
    rule: `${whose}: ${kindOf(policy)}`,
    why,
    ...(cause === undefined ? {} : { cause })
  })

  /** Whether a rule lets the caller in, as far as it is data: a Decide rule does. */
  const isLet = (policy: Access.Policy, { path, proven }: Peer): boolean =>
    policy._tag === "Decide" || Rule.allows(policy, proven, path.length > 0, hostOf)

  const decided = (whose: Whose, policy: Access.Policy, peer: Peer): Effect.Effect<Denial | undefined> => {
    if (policy._tag !== "Decide") return Effect.undefined
    const { proven } = peer
    const host = proven._tag === "Host" ? hostOf(proven.id) : undefined
    if (strays >= straysMax)
      return Effect.succeed(denial(whose, policy, `${strays} functions that should have decided do not end`))
    const deciding = Effect.suspend(() => policy.decide({ endpoint, peer, host }))
    return apart(Effect.map(deciding, reasonOf)).pipe(
      Effect.timeoutOption(decisionTimeout),
      Effect.matchCause({
        onFailure: (cause) => denial(whose, policy, "the function that decides has failed", cause),
        onSuccess: (decision) => {
          if (Option.isNone(decision)) return denial(whose, policy, "the function that decides said nothing in time")
          return decision.value === undefined ? undefined : denial(whose, policy, decision.value)
        }
      }),
      Effect.provideContext(context)
    )
  }

  /** Checks rules that are data first: no function is asked about a caller that they refuse. */
  const judge = (own: Access.Policy, peer: Peer): Effect.Effect<Denial | undefined> => {
    if (!isLet(own, peer)) return Effect.succeed(denial("endpoint", own, reasons[own._tag]))
    if (!isLet(access, peer)) return Effect.succeed(denial("host", access, reasons[access._tag]))
    return Effect.flatMap(decided("endpoint", own, peer), (denied) =>
      denied === undefined ? decided("host", access, peer) : Effect.succeed(denied)
    )
  }

  const refused = (peer: Peer, denied: Denial): Effect.Effect<Frame.Rejected> =>
    Effect.as(Effect.provideContext(audit.note({ endpoint, peer, ...denied }), context), rejected)

  const asked = (peer: Peer, link: Link): Effect.Effect<Frame.Rejected | undefined, Cause.Done> =>
    Effect.suspend(() => {
      const own = current
      return Effect.flatMap(Handshake.unlessBroken(link, judge(own, peer)), (denied) => {
        if (own !== current) return asked(peer, link)
        return denied === undefined ? Effect.undefined : refused(peer, denied)
      })
    })

  const lets = (peer: Peer): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const own = current
      return Effect.flatMap(judge(own, peer), (denied) =>
        own === current ? Effect.succeed(denied === undefined) : lets(peer)
      )
    })

  return {
    rejected,
    ask: (peer, link) => {
      if (current._tag === "Decide" || access._tag === "Decide") return asked(peer, link)
      if (isLet(current, peer) && isLet(access, peer)) return undefined
      return Effect.flatMap(judge(current, peer), (denied) =>
        denied === undefined ? Effect.undefined : refused(peer, denied)
      )
    },
    rule: () => current,
    lets,
    set: (allow) => {
      current = allow
    }
  }
}
