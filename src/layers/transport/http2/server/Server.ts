/**
 * Server: the port on which a host serves FlowService: to grinta hosts, and to any Connect, gRPC or gRPC-Web client
 * over HTTP/2. Calls such as grinta makes are served on their stream as they are, all others by connect-node (`Call`).
 *
 * Node's HTTP/2 server has no timeouts of its own, and few bounds that suit; those here are of faults.md, rows H1, H2
 * and H6; security.md, D-14 to D-17.
 */
import * as http2 from "node:http2"
import type * as net from "node:net"
import type { TLSSocket } from "node:tls"
import { Clock, type Duration, Effect, Exit, Scope } from "effect"
import * as Buckets from "../../../../protocol/Buckets.ts"
import * as Allowance from "../../../../protocol/flow/Allowance.ts"
import * as Conduct from "../../../../protocol/flow/Conduct.ts"
import type { NetworkError } from "../../../../services/NetworkError.ts"
import type { Link, Served } from "../../../../services/Transport.ts"
import * as Background from "../../../core/Background.ts"
import * as Monotonic from "../../../core/Monotonic.ts"
import { PerTurn } from "../../../core/PerTurn.ts"
import * as Refusals from "../../../core/Refusals.ts"
import * as DirectCall from "../DirectCall.ts"
import * as DirectLink from "../DirectLink.ts"
import * as Call from "../foreign/Call.ts"
import * as Request from "../foreign/Request.ts"
import * as Lookout from "../Lookout.ts"
import * as Session from "../Session.ts"
import * as Shares from "../Shares.ts"
import { StreamFate } from "../StreamFate.ts"
import type * as Tenure from "../tls/Tenure.ts"
import * as Tls from "../tls/Tls.ts"
import * as Gate from "./Gate.ts"
import * as Guard from "./Guard.ts"
import { Pauses } from "./Pauses.ts"
import * as Sniff from "./Sniff.ts"

export interface Options extends Gate.Options, Guard.Options {
  readonly frameWireBytesMax: number
  /** Streams of one connection at a time. */
  readonly streamsMax: number
  readonly tls?: Tls.Tls | undefined
  readonly lookout: Lookout.Lookout
  /** Time that a frame may take once it has begun. */
  readonly frameTimeout: Duration.Input
  /** Status of the host and its endpoints, for health checks. */
  readonly served: Served
}

type OnLink = (link: Link) => Effect.Effect<void, never, Scope.Scope>

/**
 * Bounds the cost of streams that are served in one turn, where a flow costs 1 and a call of connect-node
 * `foreignCost`: one packet of a few kilobytes may open two hundred, which would hold up all others.
 */
export const openingsPerTurn = 48
const foreignCost = 3

/**
 * Drops the bytes that came with a refused connection. Node gives them to the session in the next turn, which has no
 * handle once it is destroyed: that would end the process.
 */
const discard = (socket: net.Socket): void => {
  while (socket.read() !== null);
}

const ignore = (): void => {}

/**
 * Serves until the scope ends. Returns the port that was bound. `onLink` serves one flow, in a fiber and a scope of its
 * own. Without it only the health of the host is served.
 */
export const serve = Effect.fnUntraced(function* (
  options: Options,
  onLink?: OnLink
): Effect.fn.Return<number, NetworkError, Scope.Scope> {
  const serving = yield* Scope.fork(yield* Effect.scope)
  const run = yield* Scope.provide(Background.makeRun("a call"), serving)
  const sessions = new Map<http2.Http2Session, Session.Session>()
  const progress = Session.progressOf(options.frameTimeout)
  const streamOptions: DirectLink.Options<http2.ServerHttp2Stream> = {
    frameWireBytesMax: options.frameWireBytesMax,
    progress,
    role: "endpoint",
    begin: (stream) => stream.respond({ ":status": 200, "content-type": DirectCall.contentType })
  }

  const end = (link: Link, call: Call.Call) =>
    Effect.andThen(
      Effect.sync(() => link.finish()),
      Call.close(call)
    )

  /** Serves one flow. At the deadline of its call the link breaks, and the answer ends with that. */
  const serveLinkBy = (onLink: OnLink) => (link: Link, call: Call.Call) => {
    const { carrier, timeoutMillis } = call
    const last = Effect.suspend(() => end(link, call))
    const served = Shares.admit(carrier.peer, link, onLink(link))
    if (timeoutMillis === undefined) return Effect.ensuring(Effect.scoped(served), last)
    const over = Effect.andThen(
      Effect.sync(() => carrier.expire()),
      end(link, call)
    )
    return Background.run("the end of a call", Effect.delay(over, Monotonic.timer(timeoutMillis))).pipe(
      Effect.andThen(served),
      Effect.scoped,
      Effect.ensuring(last)
    )
  }

  const serveLink = onLink && serveLinkBy(onLink)
  const onCall = Call.make({ ...options, progress, run, serveLink })

  const pauses = new Pauses()
  /** Whether a peer may open another stream; for one that it may not open nothing is allocated. */
  const mayOpen = (session: Session.Session, rawHeaders: ReadonlyArray<string>): boolean => {
    if (Session.isTooLong(rawHeaders)) {
      session.guard?.onFault()
      return false
    }
    if (takeOf(openings, session)) return true
    run(Refusals.flowRefused("openings"))
    // A refused stream costs nearly as much as a reset one.
    session.guard?.onGone(http2.constants.NGHTTP2_REFUSED_STREAM, false)
    return false
  }

  const serveStream = (
    session: Session.Session,
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    rawHeaders: Array<string>
  ): void => {
    if (serveLink === undefined || !Request.isDirect(headers)) return onCall(session, stream, headers, rawHeaders)
    const carrier = new StreamFate(session, stream, Request.metadataOf(rawHeaders))
    const link = new DirectLink.DirectLink(stream, carrier, streamOptions)
    carrier.listen()
    run(serveLink(link, { carrier, stream, timeoutMillis: Request.timeoutOf(headers) }))
  }

  const inTurn = new PerTurn<Session.Session>(openingsPerTurn)

  const onStream = (
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    _flags: number,
    rawHeaders: Array<string>
  ): void => {
    const session = stream.session === undefined ? undefined : sessions.get(stream.session)
    if (session !== undefined) pauses.count(session, sessions.values())
    if (session === undefined || !mayOpen(session, rawHeaders)) {
      stream.on("error", ignore).close(http2.constants.NGHTTP2_REFUSED_STREAM)
      return
    }
    const cost = headers["content-type"] === DirectCall.contentType ? 1 : foreignCost
    if (inTurn.take(cost)) return serveStream(session, stream, headers, rawHeaders)
    /** Set when the stream was reset, or lost its session: that counts when it happens. */
    let isGone = false
    const onGone = (): void => {
      isGone = true
      session.guard?.onGone(stream.rstCode, false)
    }
    // An error without a listener would end the process.
    stream.on("error", ignore).on("close", onGone)
    const serve = (): void => {
      stream.off("close", onGone)
      if (!isGone) serveStream(session, stream, headers, rawHeaders)
    }
    inTurn.later(session, serve, cost)
  }

  const bounds: http2.ServerOptions = {
    settings: { ...Session.settings, maxConcurrentStreams: Allowance.first(options.streamsMax) },
    maxSessionMemory: Session.sessionMemoryMegabytes,
    maxHeaderListPairs: Session.headerPairsMax,
    maxSettings: 16,
    maxSessionRejectedStreams: 100,
    streamResetBurst: Conduct.resetsBurst,
    streamResetRate: Conduct.resetsPerSecond
  }
  const { tls } = options
  const gate = yield* Gate.make(options, tls !== undefined)
  const clock = yield* Clock.Clock
  const openings = Buckets.make(Conduct.openingsPerSecond, Conduct.openingsBurst)
  const resets = Buckets.make(Conduct.resetsPerSecond, Conduct.peerResetsBurst)
  const faults = Buckets.make(Conduct.faultsPerSecond, Conduct.faultsBurst)
  /** Takes one from the bucket that a peer has for all of its sessions. */
  const takeOf = (buckets: Buckets.Buckets, { countedAs }: Session.Session): boolean =>
    countedAs === undefined || Buckets.take(buckets, countedAs, Monotonic.nowOf(clock))
  /** Connection of the session that is about to be: Node shows a session its connection only from behind a screen. */
  let arriving: net.Socket | TLSSocket | undefined
  const makeSecured = (tls: Tls.Tls): http2.Http2SecureServer => {
    const made = http2.createSecureServer({ ...bounds, ...tls.server })
    tls.supply(made)
    return made
      .prependListener("secureConnection", (socket) => {
        arriving = socket
      })
      .on("tlsClientError", (cause: NodeJS.ErrnoException, { remoteAddress, remotePort }) => {
        // A socket that has gone by itself shows no address.
        if (remoteAddress !== undefined)
          gate.takenOf({ remoteAddress, remotePort })?.complain({ reason: "stranger", why: Tls.strangerOf(cause) })
      })
      .on("unknownProtocol", (socket) => socket.destroy())
  }
  const server = tls === undefined ? http2.createServer(bounds) : makeSecured(tls)

  /** Makes the session's side of its tenure; GOAWAY retires it. */
  const heldAs = (session: http2.ServerHttp2Session, taken: Gate.Taken): Tenure.Held => ({
    retire: () => {
      session.close()
      taken.retire()
    },
    end: (over) => {
      taken.complain(over)
      Tls.refuse(session, over.why)
    }
  })

  const onSession = (session: http2.ServerHttp2Session): void => {
    const socket = arriving
    if (socket === undefined) return session.destroy()
    const encrypted = "authorized" in socket ? socket : undefined
    const taken = gate.takenOf(socket)
    if (taken === undefined) {
      discard(socket)
      return session.destroy()
    }
    const proof = encrypted && tls?.proofOf(encrypted)
    const adopted = Session.adopt(session, socket, proof)
    const doubt = encrypted && proof && tls?.doubtOf(encrypted, proof)
    if (doubt !== undefined) taken.complain({ reason: "untrusted", why: `TLS: ${doubt}` })
    const why = doubt ?? (tls && taken.prove(proof?.proven?.hosts.map(({ id }) => id) ?? []))
    if (why !== undefined) {
      discard(socket)
      Tls.refuse(session, why, doubt === undefined ? http2.constants.NGHTTP2_ENHANCE_YOUR_CALM : undefined)
      run(adopted.leave)
      return
    }
    sessions.set(session, adopted)
    if (gate.isBound(taken.peer())) adopted.countedAs = taken.peer()
    options.lookout.watch(adopted, (why) => taken.complain({ reason: Lookout.reasonOf(why), why }))
    const guarded = Guard.guard(adopted, options, {
      ...taken,
      takeReset: () => takeOf(resets, adopted),
      takeFault: () => takeOf(faults, adopted)
    })
    const guarding = run(Effect.andThen(Effect.raceFirst(guarded, adopted.closed), adopted.leave))
    const held = heldAs(session, taken)
    const lasting = proof?.shown ? tls?.watch(proof.shown, held) : tls?.stage.watch("incoming", held)
    const watching = lasting && run(lasting)
    session.once("close", () => {
      sessions.delete(session)
      guarding.interruptUnsafe()
      watching?.interruptUnsafe()
    })
  }
  /** Serves plaintext beside TLS, while the stage takes both. */
  const plain = tls === undefined ? server : http2.createServer(bounds)
  for (const each of new Set([server, plain])) each.on("session", onSession).on("stream", onStream)
  const enter = (to: http2.Http2Server | http2.Http2SecureServer) => (socket: net.Socket) => {
    arriving = socket
    to.emit("connection", socket)
  }
  const sides = {
    secured: enter(server),
    // The stage may have changed by the first byte.
    plain: (socket: net.Socket) => enter(tls === undefined || tls.stage.takesPlaintext() ? plain : server)(socket)
  }
  const port = yield* gate.listen((socket) =>
    tls?.stage.takesPlaintext() ? Sniff.sniff(socket, run, sides) : sides.secured(socket)
  )
  /** Sends GOAWAY on all sessions, ends all calls, and lets their last bytes leave before the gate closes them. */
  const close = Effect.gen(function* () {
    server.close()
    if (plain !== server) plain.close()
    for (const session of sessions.keys()) session.close()
    yield* Scope.close(serving, Exit.void)
    yield* Effect.forEach([...sessions.values()], ({ leave }) => leave, { concurrency: "unbounded", discard: true })
  })
  yield* Effect.addFinalizer(() => close)
  return port
})
