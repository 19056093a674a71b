/**
 * Sessions to other hosts, and Connect calls on them, in binary and without compression.
 */
import * as http2 from "node:http2"
import { type Duration, Effect, type Scope } from "effect"
import { type Link, LinkBroken } from "../services/Transport.ts"
import type { Carrier } from "./ConnectLink.ts"
import * as Http2Session from "./Http2Session.ts"
import * as StreamLink from "./StreamLink.ts"

export type ClientSession = Http2Session.Session<http2.ClientHttp2Session>

/** Opens a session and keeps it alive for the scope. The failure is what the network said. */
export const connect = Effect.fnUntraced(function* (
  authority: string,
  options: {
    readonly keepalive: Http2Session.Keepalive
    readonly connectTimeout: Duration.Input
    readonly frameTimeout: Duration.Input
  }
): Effect.fn.Return<ClientSession, unknown, Scope.Scope> {
  const opening = Effect.callback<http2.ClientHttp2Session, unknown>((resume) => {
    const session = http2.connect(authority, {
      settings: Http2Session.settings,
      maxSessionMemory: Http2Session.sessionMemoryMegabytes
    })
    session.once("error", (cause) => resume(Effect.fail(cause)))
    session.once("connect", () => resume(Effect.succeed(session)))
    return Effect.sync(() => session.destroy())
  })
  const connected = yield* Effect.acquireRelease(
    Effect.timeoutOrElse(opening, {
      duration: options.connectTimeout,
      orElse: () => Effect.fail("no connection in time")
    }),
    (session) => Effect.sync(() => session.destroy())
  )
  const session = Http2Session.adopt(connected)
  yield* Effect.forkScoped(
    Effect.andThen(Http2Session.keepAlive(connected, options.keepalive), Effect.uninterruptible(session.leave))
  )
  yield* Effect.forkScoped(Http2Session.watch(session, options.frameTimeout))
  return session
})

/** How long a call that was finished waits for its last bytes to leave, before the reset would overtake them. */
const leaveTimeout = "100 millis"

const leave = (stream: http2.ClientHttp2Stream, carrier: Carrier) =>
  Effect.suspend(() =>
    stream.writableEnded && !stream.closed ? Effect.timeoutOption(carrier.flushed, leaveTimeout) : Effect.void
  ).pipe(Effect.andThen(Effect.sync(() => stream.close(http2.constants.NGHTTP2_CANCEL))))

/** Why an answer is no flow; undefined when it is one. */
const refusal = (headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader): LinkBroken | undefined => {
  const status = headers[":status"] ?? 0
  if (status !== 200) return new LinkBroken({ how: "violation", detail: `HTTP status ${status}`, status })
  const type = headers["content-type"]
  return type === StreamLink.contentType
    ? undefined
    : new LinkBroken({ how: "violation", detail: `content-type ${type}` })
}

/**
 * Opens one call of `FlowService.Open`; the end of the scope cancels it unless both sides have finished. The failure is
 * what the session said.
 */
export const call = Effect.fnUntraced(function* (
  session: ClientSession,
  options: { readonly frameWireBytesMax: number; readonly frameTimeout: Duration.Input }
): Effect.fn.Return<Link, unknown, Scope.Scope> {
  const open = Effect.try({
    try: () => {
      const stream = session.http2.request({
        ":method": "POST",
        ":path": StreamLink.path,
        "content-type": StreamLink.contentType,
        "connect-protocol-version": StreamLink.protocolVersion,
        "user-agent": "grinta"
      })
      return { stream, carrier: Http2Session.carrier(session, stream) }
    },
    catch: (cause) => cause
  })
  const { carrier, stream } = yield* Effect.acquireRelease(open, (opened) => leave(opened.stream, opened.carrier))
  const { link, listen, look, refuse } = StreamLink.make(stream, {
    carrier,
    frameWireBytesMax: options.frameWireBytesMax,
    progress: Http2Session.progressOf(options.frameTimeout),
    role: "caller",
    begin: () => undefined
  })
  session.watch(stream, look)
  stream.once("response", (headers) => {
    const why = refusal(headers)
    if (why === undefined) listen()
    else refuse(why)
  })
  return link
})
