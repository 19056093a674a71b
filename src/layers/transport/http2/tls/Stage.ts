/**
 * Stage: how far a fabric is on its way from plaintext flows to TLS, or back, as this host goes along.
 *
 * ```text
 *   takes both, dials plaintext ── verify outgoing ──> takes both, dials TLS ── verify incoming ──> TLS alone
 *                               <── not outgoing ────                        <── not incoming ────
 * ```
 *
 * Two hosts of one stage, or of two that follow each other, reach each other: so hosts do a step one after the other in
 * any order, and all have done it before any does the next. Sessions in plaintext that a step makes wrong take no more
 * flows, and end after a while; those of TLS stay. A host that speaks plaintext proves nothing.
 */
import { type Duration, Effect, type Scope, Stream } from "effect"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import * as Background from "../../../core/Background.ts"
import * as Signal from "../../../core/Signal.ts"
import type * as Tenure from "./Tenure.ts"

/**
 * Stage of a move between plaintext and TLS. Hosts of one stage, or of two that follow each other, reach each other.
 */
export interface Stage {
  /** Takes nothing but TLS; true by default. False only while a fabric moves from plaintext to TLS, or back. */
  readonly verifyIncoming?: boolean
  /**
   * Dials with TLS; true by default. False only while a fabric moves from plaintext to TLS, or back, and only with
   * `verifyIncoming` false and without `boundNames`.
   */
  readonly verifyOutgoing?: boolean
}

/** Stage at the start, and those that follow. */
export interface Options extends Stage {
  /** Stages that follow while the host runs; a side left out is verified. An impossible one is logged, and not used. */
  readonly stages?: Stream.Stream<Stage>
}

export interface TlsStage {
  readonly takesPlaintext: () => boolean
  readonly dialsTls: () => boolean
  /** Watches a session in plaintext until it has ended it. Interrupted when the session closes by itself. */
  readonly watch: (side: "incoming" | "outgoing", held: Tenure.Held) => Effect.Effect<void>
}

interface Verify {
  readonly incoming: boolean
  readonly outgoing: boolean
}

const verifyOf = ({ verifyIncoming: incoming = true, verifyOutgoing: outgoing = true }: Stage): Verify => ({
  incoming,
  outgoing
})

const violation = ({ incoming, outgoing }: Verify, boundNames: boolean): string | undefined => {
  if (outgoing) return undefined
  if (incoming) return "a host that takes nothing but TLS has to dial with it: verifyOutgoing"
  return boundNames ? "an owner that is dialled in plaintext shows no names that it may own: boundNames" : undefined
}

const describe = ({ incoming, outgoing }: Verify): string =>
  incoming
    ? "flows are taken over TLS alone"
    : `the flow port still takes plaintext (tls.verifyIncoming), and flows are dialled ${outgoing ? "over TLS" : "in plaintext (tls.verifyOutgoing)"}`

const tell = (verify: Verify) => (verify.incoming ? Effect.logInfo : Effect.logWarning)(describe(verify))

/** Makes the stage. Errors: InvalidConfig for an impossible one. */
export const make = Effect.fnUntraced(function* (
  { boundNames = false, stages = Stream.empty, ...first }: Options & { readonly boundNames?: boolean },
  drain: Duration.Input
): Effect.fn.Return<TlsStage, NetworkError, Scope.Scope> {
  let verify = verifyOf(first)
  const wrong = violation(verify, boundNames)
  if (wrong !== undefined) {
    const setting = verify.incoming ? "tls.verifyIncoming" : "tls.verifyOutgoing"
    const reason = new InvalidConfig({ setting, detail: wrong })
    return yield* new NetworkError({ operation: "listen", reason })
  }
  const changed = Signal.make()
  const move = (stage: Stage) =>
    Effect.suspend(() => {
      const next = verifyOf(stage)
      const detail = violation(next, boundNames)
      if (detail !== undefined)
        return Effect.logWarning(`a stage of TLS is not used, and what there is stays: ${detail}`)
      verify = next
      Signal.notify(changed)
      return tell(next)
    })
  if (!verify.incoming) yield* tell(verify)
  yield* Background.run("the stages of TLS", Background.each("the stages of TLS", stages, move))
  return {
    takesPlaintext: () => !verify.incoming,
    dialsTls: () => verify.outgoing,
    watch: (side, { end, retire }) =>
      Effect.gen(function* () {
        yield* Signal.until(changed, () => verify[side])
        retire()
        yield* Effect.sleep(drain)
        end({ reason: "plaintext", why: "it is not encrypted, and has to be by now: tls" })
      })
  }
})
