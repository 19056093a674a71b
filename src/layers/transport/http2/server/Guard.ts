/**
 * What a session of a client must keep to, for as long as it lasts: a first stream in time, no flood, streams now and then.
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
  /** How long a connection may stay without a first stream. */
  readonly firstStreamTimeout: Duration.Input
  /** How long a connection is kept after its last stream. */
  readonly idleTimeout: Duration.Input
  /** Streams of one connection at a time. */
  readonly streamsMax: number
}

/** How a peer is told of. `ban`: its session was a flood. `complain`: it was closed. */
export interface Report {
  readonly ban: (why: Conduct.Fault) => void
  readonly complain: (why: Conduct.Fault) => void
  readonly peer: () => string
  /** It takes no more flows. */
  readonly retire: () => void
  /** It was closed, which is told in no log. */
  readonly count: (reason: string) => void
  /** Takes a reset, or a session or a flow that broke the rules, from what its peer may have in all; false when none is left. */
  readonly takeReset: () => boolean
  readonly takeFault: () => boolean
}

/** A session that does not begin as one of HTTP/2: why it was closed. */
const stranger =
  "it speaks no HTTP/2, as a host with tls (GRINTA_TLS_CERTIFICATE), or one that has a flow port among its seeds (GRINTA_SEEDS)"

const wasteful: Conduct.Fault = { reason: "waste", why: "a flood of frames that bring nothing" }

/** Lets a client open more streams as those that it has come to carry something, one word on its way at a time. */
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

  // A host that uses another one by now. Of whoever has proven nothing it would be a way to more connections.
  session.once("goaway", () => {
    if (Gate.isProven(report.peer())) report.retire()
  })

  const firstStream = Effect.callback<void>((resume) => {
    session.once("stream", () => resume(Effect.void))
  })
  /** Waits for one frame too many. */
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
  /** Leaves the frame at which it was one too many first: a session that is read may not be destroyed by its reader. */
  const calm = Effect.map(Effect.tap(pestered, Effect.yieldNow), (fault) => {
    if (fault === Control.pestering) report.complain(fault)
    else report.ban(fault)
    if (!session.destroyed) session.destroy(new Error(fault.why), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
  })
  const unused = Effect.sync(() => session.destroy())
  /** Says GOAWAY, after which a stream that is on its way is refused: its caller opens another session. */
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
