/**
 * Guard: keeps a session of a client to the rules: a first stream in time, no flood, streams now and then. The rates are in `protocol/flow/Conduct`.
 */
import * as http2 from "node:http2"
import { Clock, type Duration, Effect } from "effect"
import * as Allowance from "../../../../protocol/flow/Allowance.ts"
import * as Conduct from "../../../../protocol/flow/Conduct.ts"
import * as Gate from "../../../../protocol/flow/Gate.ts"
import * as Monotonic from "../../../core/Monotonic.ts"
import * as Control from "../Control.ts"
import * as Session from "../Session.ts"

export interface Options {
  /** Time that a connection may stay without a first stream. */
  readonly firstStreamTimeout: Duration.Input
  /** Time that a connection is kept after its last stream. */
  readonly idleTimeout: Duration.Input
  /** Streams of one connection at a time. */
  readonly streamsMax: number
}

/** Reports on the peer of a session. `ban`: the session was a flood. `complain`: it was closed. */
export interface Report {
  readonly ban: (why: Conduct.Fault) => void
  readonly complain: (why: Conduct.Fault) => void
  readonly peer: () => string
  /** Notes that the session takes no more flows. */
  readonly retire: () => void
  /** Counts that the session was closed, without a log. */
  readonly count: (reason: string) => void
  /** Takes a reset, or a session or flow that broke the rules, from the peer's bucket; false when it is empty. */
  readonly takeReset: () => boolean
  readonly takeFault: () => boolean
}

/** Why a session was closed that does not begin as HTTP/2. */
const stranger =
  "it speaks no HTTP/2, as a host with tls (GRINTA_TLS_CERTIFICATE), or one that has a flow port among its seeds (GRINTA_SEEDS)"

const wasteful: Conduct.Fault = { reason: "waste", why: "a flood of frames that bring nothing" }

/** Raises the client's limit of streams as they come to carry something, with one SETTINGS on its way at a time. */
const allowing = (session: http2.ServerHttp2Session, counts: Session.Counts, streamsMax: number) => {
  let limit = Allowance.first(streamsMax)
  let isSaid = false
  const allow = (): void => {
    const next =
      isSaid || session.destroyed || session.closed ? undefined : Allowance.next(limit, counts.begun, streamsMax)
    if (next === undefined) return
    isSaid = true
    session.settings({ maxConcurrentStreams: next }, (error) => {
      if (error !== null) return
      limit = next
      isSaid = false
      allow()
    })
  }
  return allow
}

/** Guards a session until it is to be closed, and closes it. */
export const guard = Effect.fnUntraced(function* (
  adopted: Session.Session<http2.ServerHttp2Session>,
  options: Options,
  report: Report
) {
  const { http2: session } = adopted
  const clock = yield* Clock.Clock
  const now = () => Monotonic.nowOf(clock)
  const conduct = Conduct.make(now())
  session.on("error", (cause: NodeJS.ErrnoException) => {
    const why = Conduct.floodOf(conduct, cause, now())
    if (why !== undefined) report.ban(why)
    else if (Conduct.isStranger(cause)) report.complain({ reason: "stranger", why: stranger })
    else if (cause.code !== "ERR_HTTP2_ERROR") return
    else if (report.takeFault()) report.count(Conduct.breaking.reason)
    else report.ban(Conduct.breaking)
  })

  // GOAWAY of a host that uses another session by now. From an unproven peer it would be a way to more connections.
  session.once("goaway", () => {
    if (Gate.isProven(report.peer())) report.retire()
  })

  const firstStream = Effect.callback<void>((resume) => {
    session.once("stream", () => resume(Effect.void))
  })
  /** Waits for the frame that is one too many. */
  const pestered = Effect.callback<Conduct.Fault>((resume) => {
    adopted.guard = {
      onBegun: allowing(session, adopted.counts, options.streamsMax),
      onGone: (rstCode, hasBegun) => {
        if (hasBegun && (rstCode === http2.constants.NGHTTP2_NO_ERROR || adopted.isLost())) return
        Conduct.reset(conduct, now())
        if (!report.takeReset()) resume(Effect.succeed(Conduct.resetting))
      },
      onFault: () => {
        if (!report.takeFault()) resume(Effect.succeed(Conduct.violating))
      },
      onWaste: () => resume(Effect.succeed(wasteful))
    }
    Control.watch(session, conduct, now, () => resume(Effect.succeed(Control.pestering)))
  })
  /** Leaves the frame that was one too many first: a session may not be destroyed from within its reader. */
  const calm = Effect.map(Effect.tap(pestered, Effect.yieldNow), (fault) => {
    if (fault === Control.pestering) report.complain(fault)
    else report.ban(fault)
    if (!session.destroyed) adopted.dismiss(fault.why, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
  })
  const unused = Effect.sync(() => session.destroy())
  /** Sends GOAWAY, after which a stream that is on its way is refused: its caller opens another session. */
  const idle = Effect.andThen(
    Session.idle(session, options.idleTimeout),
    Effect.sync(() => session.close())
  )
  const used = Effect.andThen(
    Effect.timeoutOrElse(firstStream, { duration: options.firstStreamTimeout, orElse: () => unused }),
    Effect.never
  )
  return yield* Effect.raceAllFirst([calm, idle, used])
})
