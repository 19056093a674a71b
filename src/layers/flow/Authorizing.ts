/**
 * May this caller open a flow to this endpoint? The rule of the endpoint and that of its host are asked, in the turn in which the
 * Open came where both are data, and nothing is made for a caller that is let in then.
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
  /** The rule that the endpoint begins with, and that of its host. */
  readonly allow: Access.Policy
  readonly access: Access.Policy
  /** Whether another owner of the name may let in whom this one refuses. */
  readonly ownersDiffer: boolean
  /** What membership shows of a host. */
  readonly hostOf: (id: string) => Host | undefined
  readonly audit: Audit
  /** What functions that decide run with, and what is logged. */
  readonly context: Context.Context<never>
}

export interface Guard {
  /** What a caller is told that is not let in. */
  readonly rejected: Frame.Rejected
  /**
   * Why this caller may not open a flow; undefined in place of the effect, or out of it, when it may. The effect fails when the
   * link breaks before that is known.
   */
  readonly ask: (peer: Peer, link: Link) => Effect.Effect<Frame.Rejected | undefined, Cause.Done> | undefined
  /** The rule of the endpoint that there is now, to tell whether it is another by then. */
  readonly rule: () => unknown
  /** Whether the rules that there are now let this caller in; if they change meanwhile, those that there are then. */
  readonly lets: (peer: Peer) => Effect.Effect<boolean>
  /** Has another rule of the endpoint count from now on. */
  readonly set: (allow: Access.Policy) => void
}

/** How long a function may take to decide. */
export const decisionTimeout = Duration.seconds(5)

/** Functions of an endpoint that nobody waits for any more and that have not ended; beyond that none is asked. */
export const straysMax = 1024

/** All that a caller is told, whatever the rule: whose rule it was, and what it says, is in the log of the owner. */
export const refusedDetail = "it may not use this endpoint"

/** Why somebody is not let in. */
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

/** Why a decision lets nobody in. A program without types may give anything, and only a clear word lets anybody in. */
const reasonOf = (decision: Access.Decision): string | undefined => {
  if (decision?._tag === "Allow") return undefined
  if (decision?._tag !== "Deny") return "the answer is no decision"
  return Predicate.isString(decision.why) ? decision.why : "it denies, and its reason is no text"
}

const unseen = (): undefined => undefined

/** A rule that never changes and looks at no membership, refused without a record. */
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

/** That of an endpoint of which nothing else is said. */
export const membersOnly = fixed(Rule.members)

/** What kind of rule it is, for a log. */
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

  /** Runs in a fiber of its own. Whoever waits no more interrupts it, and leaves it alone: it may not let itself be interrupted. */
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

  /** Whether a rule lets somebody in, as far as it is data. */
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

  /** Rules that are data come first: no function is asked about somebody who is not let in anyway. */
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
