/**
 * Sessions to other hosts, and Connect calls on them.
 */
import * as http2 from "node:http2"
import { createClient } from "@connectrpc/connect"
import { createConnectTransport } from "@connectrpc/connect-node"
import { Deferred, type Duration, Effect, type Scope } from "effect"
import { FlowService } from "../protocol/gen/grinta/v1/flow_pb.ts"
import type { Link } from "../services/Transport.ts"
import * as ConnectLink from "./ConnectLink.ts"
import * as Http2Session from "./Http2Session.ts"

export type ClientSession = Http2Session.Session<http2.ClientHttp2Session>

/** Opens a session and keeps it alive for the scope. The failure is what the network said. */
export const connect = Effect.fnUntraced(function* (
  authority: string,
  options: { readonly keepalive: Http2Session.Keepalive; readonly connectTimeout: Duration.Input }
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
  yield* Effect.forkScoped(Http2Session.keepAlive(connected, options.keepalive))
  return session
})

/** Opens one call of `FlowService.Open`; the end of the scope cancels it unless both sides have finished. */
export const call = Effect.fnUntraced(function* (
  session: ClientSession,
  options: { readonly authority: string; readonly frameWireBytesMax: number }
): Effect.fn.Return<Link, never, Scope.Scope> {
  const { authority, frameWireBytesMax } = options
  const started = Deferred.makeUnsafe<ConnectLink.Carrier>()
  let fate: ConnectLink.Carrier["fate"] = () => (session.isLost() ? "lost" : "open")

  const outgoing = ConnectLink.makeOutgoing(() => fate())

  const start = (method: string, path: string, headers: http2.OutgoingHttpHeaders) => {
    const stream = session.http2.request({ ...headers, ":method": method, ":path": path })
    const carrier = Http2Session.carrier(session, stream)
    fate = carrier.fate
    Deferred.doneUnsafe(started, Effect.succeed(carrier))
    return stream
  }

  const client = createClient(
    FlowService,
    createConnectTransport({
      httpVersion: "2",
      baseUrl: authority,
      useBinaryFormat: true,
      acceptCompression: [],
      readMaxBytes: frameWireBytesMax,
      writeMaxBytes: frameWireBytesMax,
      sessionManager: {
        authority,
        request: (method, path, headers) => Promise.resolve().then(() => start(method, path, headers)),
        notifyResponseByteRead: () => undefined
      }
    })
  )
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) =>
      Effect.sync(() => {
        controller.abort()
        outgoing.finish()
      })
  )
  const incoming = client.open(outgoing.iterable, { signal: controller.signal })
  const after = <A, E>(of: (carrier: ConnectLink.Carrier) => Effect.Effect<A, E>) =>
    Effect.flatMap(Deferred.await(started), of)
  const broken = after((carrier) => carrier.broken)
  yield* Effect.forkScoped(Effect.catch(broken, (cause) => Effect.sync(() => outgoing.breakWith(cause))))
  return ConnectLink.make(incoming, outgoing, {
    fate: () => fate(),
    broken,
    flushed: after((carrier) => carrier.flushed),
    closed: after((carrier) => carrier.closed)
  })
})
