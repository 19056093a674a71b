/**
 * The port on which a host serves FlowService: to grinta hosts, and to any Connect, gRPC or gRPC-Web client over HTTP/2.
 * Calls such as grinta makes are served on their stream as they are, all others by connect-node.
 *
 * Node's HTTP/2 server has no timeouts of its own, and few bounds that suit us; those here are of faults.md, rows D-14 to
 * D-17, H1, H2 and H6.
 */
import * as http2 from "node:http2"
import type * as net from "node:net"
import type { TLSSocket } from "node:tls"
import { createConnectRouter, createContextKey, createContextValues } from "@connectrpc/connect"
import type { UniversalServerRequest } from "@connectrpc/connect/protocol"
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node"
import { type Duration, Effect, FiberSet, type Scope } from "effect"
import * as Conduct from "../protocol/flow/Conduct.ts"
import * as Timeout from "../protocol/flow/Timeout.ts"
import { FlowService, type Frame as ProtoFrame } from "../protocol/gen/grinta/v1/flow_pb.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import type { Link } from "../services/Transport.ts"
import * as ConnectLink from "./ConnectLink.ts"
import * as DirectCall from "./DirectCall.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as Http2Gate from "./Http2Gate.ts"
import * as Http2Guard from "./Http2Guard.ts"
import type * as Http2Lookout from "./Http2Lookout.ts"
import * as Http2Session from "./Http2Session.ts"
import { StreamCarrier } from "./StreamCarrier.ts"
import * as StreamLink from "./StreamLink.ts"
import * as Tls from "./Tls.ts"

export interface Options extends Http2Gate.Options, Http2Guard.Options {
  readonly frameWireBytesMax: number
  /** Streams of one connection at a time. */
  readonly streamsMax: number
  readonly tls?: Tls.Tls | undefined
  readonly lookout: Http2Lookout.Lookout
  /** How long a frame may take once it has begun. */
  readonly frameTimeout: Duration.Input
}

/** What a handler must know of the call that it serves, and connect-node does not tell it. */
interface Call {
  readonly carrier: StreamCarrier
  readonly stream: http2.ServerHttp2Stream
  /** How long its caller gives it; undefined for ever. */
  readonly timeoutMillis: number | undefined
}

/** How long a stream that was served may take to close by itself; a reset would overtake the end of the response. */
const closeTimeout = "1 second"

const callKey = createContextKey<Call | undefined>(undefined, { description: "the call being served" })

/** How long the caller gives the call, in milliseconds; undefined for ever, NaN when what it says is no time. */
const timeoutOf = (headers: http2.IncomingHttpHeaders): number | undefined => {
  const header = Timeout.headerOf(headers["content-type"] ?? "")
  const said = headers[header]
  return said === undefined ? undefined : Timeout.parse(header, String(said))
}

/**
 * Whether a call needs nothing but its frames taken and given: Connect in binary, no compression, a deadline that makes
 * sense or none. All others are left to connect-node, which speaks the other protocols, and says what is wrong.
 */
export const isDirect = (headers: http2.IncomingHttpHeaders): boolean =>
  headers[":path"] === DirectCall.path &&
  headers[":method"] === "POST" &&
  headers["content-type"] === DirectCall.contentType &&
  (headers["connect-protocol-version"] ?? DirectCall.protocolVersion) === DirectCall.protocolVersion &&
  headers["content-encoding"] === undefined &&
  headers["connect-content-encoding"] === undefined &&
  !Number.isNaN(timeoutOf(headers))

/** The header that a call of this content-type names the compression of its frames in. */
const encodingOf = (contentType: string): string =>
  Timeout.headerOf(contentType) === "grpc-timeout" ? "grpc-encoding" : "connect-content-encoding"

/**
 * What connect-node is shown. A deadline is kept here, and only one that is no time is left for connect-node to refuse.
 * The authority goes into a URL that nobody reads, and one that makes none would throw. A body that is compressed as a
 * whole, at which connect-node does not look, is refused as compressed frames are.
 */
const shown = (headers: http2.IncomingHttpHeaders): http2.IncomingHttpHeaders => {
  const { "content-encoding": whole = "identity", "content-type": type = "" } = headers
  return {
    ...headers,
    ":authority": "grinta",
    ...(!Number.isNaN(timeoutOf(headers)) && { [Timeout.headerOf(type)]: undefined }),
    ...(whole !== "identity" && { [encodingOf(type)]: whole })
  }
}

/** Frames in JSON, of whatever protocol: nobody needs them, and the parsing of JSON is a place to attack. */
const isJson = (headers: http2.IncomingHttpHeaders): boolean => /json/i.test(headers["content-type"] ?? "")

const isBytes = (body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> =>
  body !== null && typeof body === "object" && Symbol.asyncIterator in body

/** Serves until the scope ends; the port that was bound. `onLink` serves one flow, in a fiber and a scope of its own. */
export const serve = Effect.fnUntraced(function* (
  options: Options,
  onLink: (link: Link) => Effect.Effect<void, never, Scope.Scope>
): Effect.fn.Return<number, NetworkError, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime<never, void>()
  const sessions = new WeakMap<http2.Http2Session, Http2Session.Session>()
  const progress = Http2Session.progressOf(options.frameTimeout)
  const streamOptions: StreamLink.Options<http2.ServerHttp2Stream> = {
    frameWireBytesMax: options.frameWireBytesMax,
    progress,
    role: "endpoint",
    begin: (stream) => stream.respond({ ":status": 200, "content-type": DirectCall.contentType })
  }

  const end = (link: Link, { carrier, stream }: Call) =>
    Effect.sync(() => link.finish()).pipe(
      Effect.andThen(
        Effect.suspend(() => (stream.destroyed ? Effect.void : Effect.timeoutOption(carrier.closed, closeTimeout)))
      ),
      Effect.andThen(Effect.sync(() => stream.close()))
    )

  /** Serves one flow. Once the time of its call is over, its link breaks, and the answer ends with that. */
  const serveLink = (link: Link, call: Call) => {
    const { carrier, timeoutMillis } = call
    const last = Effect.suspend(() => end(link, call))
    if (timeoutMillis === undefined) return Effect.ensuring(Effect.scoped(onLink(link)), last)
    const over = Effect.andThen(
      Effect.sync(() => carrier.expire()),
      end(link, call)
    )
    return Effect.forkScoped(Effect.delay(over, FlowDeadline.timer(timeoutMillis))).pipe(
      Effect.andThen(onLink(link)),
      Effect.scoped,
      Effect.ensuring(last)
    )
  }

  /** Serves a call that connect-node has parsed. */
  const serveCall = (frames: AsyncIterable<ProtoFrame>, outgoing: ConnectLink.Outgoing, call: Call) =>
    Effect.gen(function* () {
      const { carrier } = call
      yield* Effect.forkScoped(Effect.catch(carrier.broken, (cause) => Effect.sync(() => outgoing.breakWith(cause))))
      yield* serveLink(ConnectLink.make(frames, outgoing, carrier), call)
    }).pipe(Effect.scoped)

  /** Serves a call of a peer that speaks as this host does. */
  const serveStream = (carrier: StreamCarrier, stream: http2.ServerHttp2Stream, timeoutMillis: number | undefined) => {
    const link = new StreamLink.StreamLink(stream, carrier, streamOptions)
    carrier.listen()
    run(serveLink(link, { carrier, stream, timeoutMillis }))
  }

  const router = createConnectRouter({
    acceptCompression: [],
    readMaxBytes: options.frameWireBytesMax,
    writeMaxBytes: options.frameWireBytesMax
  }).service(FlowService, {
    open: (frames, context) => {
      const call = context.values.get(callKey)
      const outgoing = ConnectLink.makeOutgoing(() => call?.carrier.fate() ?? "lost")
      if (call === undefined) outgoing.finish()
      else run(serveCall(frames, outgoing, call))
      return outgoing.iterable
    }
  })
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]))

  const onStream = (
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    _flags: number,
    rawHeaders: Array<string>
  ): void => {
    const session = stream.session === undefined ? undefined : sessions.get(stream.session)
    const timeoutMillis = timeoutOf(headers)
    if (session !== undefined && isDirect(headers))
      return serveStream(new StreamCarrier(session, stream), stream, timeoutMillis)
    const request = new http2.Http2ServerRequest(stream, shown(headers), {}, rawHeaders)
    const response = new http2.Http2ServerResponse(stream)
    const handler = handlers.get(request.url)
    if (session === undefined || handler === undefined || isJson(headers)) {
      response.writeHead(handler === undefined ? 404 : 415)
      response.end()
      return
    }
    const call: Call = { carrier: new StreamCarrier(session, stream), stream, timeoutMillis }
    const values = createContextValues().set(callKey, call)
    // What goes wrong with a response goes wrong with its stream, and its link says so.
    const ignore = () => undefined
    const asked = universalRequestFromNodeRequest(request, response, undefined, values)
    const guarded = isBytes(asked.body) ? ConnectLink.guard(asked.body, { ...options, progress }) : undefined
    if (guarded !== undefined) call.carrier.hear({ look: guarded.look })
    handler(guarded === undefined ? asked : { ...asked, body: guarded.body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch(ignore)
  }

  const bounds: http2.ServerOptions = {
    settings: { ...Http2Session.settings, maxConcurrentStreams: options.streamsMax },
    maxSessionMemory: Http2Session.sessionMemoryMegabytes,
    maxHeaderListPairs: 64,
    maxSettings: 16,
    maxSessionRejectedStreams: 100,
    streamResetBurst: Conduct.resetsBurst,
    streamResetRate: Conduct.resetsPerSecond
  }
  const gate = yield* Http2Gate.make(options)
  const { tls } = options
  /** The connection of a session that is about to be: Node shows a session its connection only from behind a screen. */
  let arriving: net.Socket | TLSSocket | undefined
  const makeSecured = (tls: Tls.Tls): http2.Http2SecureServer => {
    const made = http2.createSecureServer({ ...bounds, ...tls.server })
    tls.supply(made)
    return made
      .prependListener("secureConnection", (socket) => {
        arriving = socket
      })
      .on("tlsClientError", (cause: NodeJS.ErrnoException, { remoteAddress }) => {
        // One that has gone by itself shows no address.
        if (remoteAddress !== undefined) gate.complain(remoteAddress, `TLS: ${cause.code ?? cause.message}`)
      })
      .on("unknownProtocol", (socket) => socket.destroy())
  }
  const server = tls === undefined ? http2.createServer(bounds) : makeSecured(tls)

  const onSession = (session: http2.ServerHttp2Session): void => {
    const socket = arriving
    if (socket === undefined) return session.destroy()
    const encrypted = "authorized" in socket ? socket : undefined
    const adopted = Http2Session.adopt(session, socket, encrypted && tls?.provenBy(encrypted))
    const address = socket.remoteAddress ?? ""
    const doubt = encrypted && Tls.doubtOf(encrypted)
    if (doubt !== undefined) {
      gate.complain(address, `TLS: ${doubt}`)
      Tls.refuse(session, doubt)
      run(adopted.leave)
      return
    }
    sessions.set(session, adopted)
    options.lookout.watch(adopted, (why) => gate.complain(address, why))
    const guarded = Http2Guard.guard(session, options, {
      ban: (why) => gate.ban(address, why),
      complain: (why) => gate.complain(address, why)
    })
    const guarding = run(Effect.andThen(Effect.raceFirst(guarded, adopted.closed), adopted.leave))
    session.once("close", () => guarding.interruptUnsafe())
  }
  server.on("session", onSession)
  server.on("stream", onStream)
  const port = yield* gate.listen((socket) => {
    arriving = socket
    server.emit("connection", socket)
  })
  // Says GOAWAY on every session, before the gate closes their connections.
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  return port
})
