/**
 * What a session of a client must keep to, for as long as it lasts: a first stream in time, no flood, streams now and then.
 */
import * as http2 from "node:http2"
import { Clock, type Duration, Effect } from "effect"
import * as Conduct from "../protocol/flow/Conduct.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as Http2Session from "./Http2Session.ts"

export interface Options {
  /** How long a connection may stay without a first stream. */
  readonly firstStreamTimeout: Duration.Input
  /** How long a connection is kept after its last stream. */
  readonly idleTimeout: Duration.Input
}

/** How an address is told of. `ban`: its session was a flood. `complain`: it was closed. */
export interface Report {
  readonly ban: (why: string) => void
  readonly complain: (why: string) => void
}

/** A session that does not begin as one of HTTP/2: why it was closed. */
const stranger =
  "it speaks no HTTP/2, as a host with tls (GRINTA_TLS_CERTIFICATE), or one that has a flow port among its seeds (GRINTA_SEEDS)"

/** Guards a session until it is to be closed, and closes it. */
export const guard = Effect.fnUntraced(function* (session: http2.ServerHttp2Session, options: Options, report: Report) {
  const clock = yield* Clock.Clock
  const now = () => FlowDeadline.nowOf(clock)
  const conduct = Conduct.make(now())
  const { socket } = session
  session.on("error", (cause: NodeJS.ErrnoException) => {
    const why = Conduct.floodOf(conduct, cause, now())
    if (why !== undefined) report.ban(why)
    else if (Conduct.isStranger(cause)) report.complain(stranger)
  })

  const firstStream = Effect.callback<void>((resume) => {
    session.once("stream", () => resume(Effect.void))
  })
  /** Waits for one control frame too many. */
  const pestered = Effect.callback<string>((resume) => {
    const check = (isFine: boolean): void => {
      if (!isFine) resume(Effect.succeed(`more than ${Conduct.controlPerSecond} PING and SETTINGS a second`))
    }
    session.on("ping", () => check(Conduct.ping(conduct, socket.bytesWritten, now())))
    session.on("remoteSettings", () => check(Conduct.settings(conduct, now())))
  })
  /** Leaves the frame at which it was one too many first: a session that is read may not be destroyed by its reader. */
  const calm = Effect.map(Effect.tap(pestered, Effect.yieldNow), (why) => {
    if (session.destroyed) return
    report.complain(why)
    session.destroy(new Error(why), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
  })
  const unused = Effect.sync(() => session.destroy())
  /** Says GOAWAY, after which a stream that is on its way is refused: its caller opens another session. */
  const idle = Effect.andThen(
    Http2Session.idle(session, options.idleTimeout, ({ rstCode }) => {
      if (rstCode !== http2.constants.NGHTTP2_NO_ERROR) Conduct.reset(conduct, now())
    }),
    Effect.sync(() => session.close())
  )
  const used = Effect.andThen(
    Effect.timeoutOrElse(firstStream, { duration: options.firstStreamTimeout, orElse: () => unused }),
    Effect.never
  )
  return yield* Effect.raceAllFirst([calm, idle, used])
})
