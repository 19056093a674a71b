/**
 * Client: sessions to other hosts, and Connect calls on them, in binary and without compression.
 */
import * as http2 from "node:http2"
import * as net from "node:net"
import { Clock, type Duration, Effect, identity, type Scope } from "effect"
import * as Foreign from "../../../protocol/Foreign.ts"
import * as Conduct from "../../../protocol/flow/Conduct.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import * as Background from "../../core/Background.ts"
import * as Monotonic from "../../core/Monotonic.ts"
import type { Timeouts } from "../../core/Timeouts.ts"
import * as Control from "./Control.ts"
import * as DirectCall from "./DirectCall.ts"
import * as DirectLink from "./DirectLink.ts"
import type * as Lookout from "./Lookout.ts"
import * as Session from "./Session.ts"
import { StreamFate } from "./StreamFate.ts"
import type * as Tenure from "./tls/Tenure.ts"
import * as Tls from "./tls/Tls.ts"

export type ClientSession = Session.Session<http2.ClientHttp2Session>

/** Peer of a call. */
export interface Peer {
  readonly session: ClientSession
  /** Headers of `headersTo`. */
  readonly headers: ReadonlyArray<string>
}

/** Options that the calls of a transport share. */
export interface Options {
  readonly streams: DirectLink.Options<http2.ClientHttp2Stream>
  /** Timeouts of `leaveTimeout`. */
  readonly leaving: Timeouts
}

/** Name and address of a peer. */
export interface Address {
  readonly id: string
  readonly address: string
  readonly flowPort: number
}

export const authorityOf = ({ address, flowPort }: Address): string =>
  `${address.includes(":") ? `[${address}]` : address}:${flowPort}`

const settings: http2.ClientSessionOptions = {
  settings: Session.settings,
  maxSessionMemory: Session.sessionMemoryMegabytes
}

type Resume = (opened: Effect.Effect<ClientSession, unknown>) => void

const hungUp = "it hung up before it spoke HTTP/2"

const over = (host: Address, scheme: string, socket: net.Socket): http2.ClientHttp2Session =>
  http2.connect(`${scheme}://${authorityOf(host)}`, { ...settings, createConnection: () => socket })

/**
 * Opens a session on a socket of its own, which `begin` makes once the socket is connected. Closes the socket at once
 * when it is given up before: Node's session would leave its socket to connect for nobody.
 */
const openOn = (
  socket: net.Socket,
  connected: "connect" | "secureConnect",
  begin: (resume: Resume) => void,
  explain: (cause: unknown) => unknown = identity
) =>
  Effect.callback<ClientSession, unknown>((resume) => {
    // For the life of the socket: an error without a listener would end the process.
    socket.on("error", (cause) => resume(Effect.fail(explain(cause))))
    socket.once("close", () => resume(Effect.fail(hungUp)))
    socket.once(connected, () => begin(resume))
    return Effect.sync(() => socket.destroy())
  })

const connectPlain = (host: Address) =>
  Effect.suspend(() => {
    const socket = net.connect({ host: host.address, port: host.flowPort })
    return openOn(socket, "connect", (resume) => {
      const session = over(host, "http", socket)
      session.on("error", (cause) => resume(Effect.fail(cause)))
      session.once("connect", () => resume(Effect.succeed(Session.adopt(session, socket))))
    })
  })

/**
 * Opens a session over TLS. A server that rejects its client says so when the client takes the session for good: by an
 * alert, or right behind its settings.
 */
const connectSecured = (host: Address, tls: Tls.Tls) =>
  Effect.suspend(() => {
    const socket = tls.connect({ host: host.address, port: host.flowPort }, host.id)
    const begin = (resume: Resume): void => {
      const proof = tls.proofOf(socket)
      const why = Tls.unspoken(socket) ?? tls.doubtOf(socket, proof)
      if (why !== undefined) {
        resume(Effect.fail(why))
        socket.destroy()
        return
      }
      const session = over(host, "https", socket)
      session.on("error", (cause) => resume(Effect.fail(Tls.explain(cause))))
      session.once("close", () => resume(Effect.fail(hungUp)))
      session.once("goaway", (code, _lastStreamId, said) => {
        const refusal = Tls.refusalOf(code, said)
        if (refusal !== undefined) resume(Effect.fail(refusal))
      })
      session.once("remoteSettings", () => {
        const adopted = Session.adopt(session, socket, proof)
        setImmediate(() => resume(Effect.succeed(adopted)))
      })
    }
    return openOn(socket, "secureConnect", begin, Tls.explain)
  })

/** Waits for the PING or SETTINGS that is one too many. */
const pestered = ({ http2: session }: ClientSession) =>
  Effect.flatMap(Clock.Clock, (clock) =>
    Effect.callback<Conduct.Fault>((resume) => {
      const now = () => Monotonic.nowOf(clock)
      Control.watch(session, Conduct.make(now()), now, () => resume(Effect.succeed(Control.pestering)))
    })
  )

/** Behaviour of a peer that takes a connection without TLS for garbage. */
export const mute = "it said nothing, as a host with tls (GRINTA_TLS_CERTIFICATE) does to one without"

/** Whether the peer took the connection in plaintext and sent nothing at all. */
export const isMute = ({ socket }: ClientSession): boolean => !socket.isEncrypted && socket.readBytes === 0

/** Returns why a session was over before it was used. */
export const overOf = (session: ClientSession): unknown => {
  const last = session.lastWord()
  return (last && Tls.refusalOf(...last)) ?? (isMute(session) ? mute : "the session broke")
}

/** Opens a session to a peer, and watches it for the scope. Errors: the failure as the network reports it. */
export const connect = Effect.fnUntraced(function* (
  host: Address,
  options: {
    readonly lookout: Lookout.Lookout
    readonly connectTimeout: Duration.Input
    /** Called with why the session was given up, if it was. */
    readonly told: (why: string) => void
  },
  tls?: Tls.Tls
): Effect.fn.Return<ClientSession, unknown, Scope.Scope> {
  const session = yield* Effect.acquireRelease(
    Effect.timeoutOrElse(tls?.stage.dialsTls() ? connectSecured(host, tls) : connectPlain(host), {
      duration: options.connectTimeout,
      orElse: () => Effect.fail("no connection in time")
    }),
    ({ http2 }) => Effect.sync(() => http2.destroy())
  )
  options.lookout.watch(session, options.told)
  const { retire, shown, socket } = session
  const end = ({ why }: Pick<Tenure.Over, "why">): void => {
    options.told(why)
    session.http2.destroy()
  }
  // Leaves the frame that was one too many first: a session may not be destroyed from within its reader.
  const calm = Effect.tap(pestered(session), Effect.yieldNow)
  yield* Background.run("a server that asks for answers without end", Effect.map(calm, end))
  if (tls !== undefined && shown !== undefined)
    yield* Background.run("the end of a certificate", tls.watch(shown, { retire, end }))
  if (tls !== undefined && !socket.isEncrypted)
    yield* Background.run("the end of plaintext", tls.stage.watch("outgoing", { retire, end }))
  yield* Background.run("closing a session", Effect.andThen(session.closed, Effect.uninterruptible(session.leave)))
  return session
})

/** Waits until a peer is bound by the settings of this side: it gets no call before. Fails if the session is lost. */
export const agree = Effect.fnUntraced(function* (session: ClientSession, timeout: Duration.Input) {
  if (!session.isOpen()) return
  const orElse = () => Effect.andThen(Effect.sync(session.abandon), Effect.fail("it took no SETTINGS in time"))
  yield* Effect.timeoutOrElse(session.agreed, { duration: timeout, orElse })
  if (session.isLost()) return yield* Effect.fail("the session broke")
})

/** Time that the last bytes of a finished call have to leave, before a reset would overtake them. */
export const leaveTimeout = "100 millis"

/** Cancels a call, unless both sides have finished. */
const leave = (stream: http2.ClientHttp2Stream, leaving: Timeouts): Effect.Effect<void> => {
  const close = () => stream.close(http2.constants.NGHTTP2_CANCEL)
  if (!stream.writableEnded || stream.writableFinished || stream.closed) return Effect.sync(close)
  return Effect.callback((resume) => {
    const timeout = leaving.begin(() => done())
    const done = () => {
      leaving.end(timeout)
      stream.off("finish", done).off("close", done)
      close()
      resume(Effect.void)
    }
    stream.on("finish", done).on("close", done)
  })
}

/** Returns why an answer is no flow; undefined when it is one. */
const refusal = (headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader): LinkBroken | undefined => {
  const status = headers[":status"] ?? 0
  if (status !== 200) return new LinkBroken({ how: "violation", detail: `HTTP status ${status}`, status })
  const type = headers["content-type"]
  return type === DirectCall.contentType
    ? undefined
    : new LinkBroken({ how: "violation", detail: `content-type ${Foreign.text(String(type))}` })
}

export interface Call {
  readonly link: Link
  /** Cancels the call, unless both sides have finished. */
  readonly leave: Effect.Effect<void>
}

/** Headers of each call to a peer. A list that lacks nothing is taken by Node as it is, for all streams. */
export const headersTo = (host: Address, { socket }: ClientSession): ReadonlyArray<string> => [
  ...[":authority", authorityOf(host), ":scheme", socket.isEncrypted ? "https" : "http"],
  ...[":method", "POST", ":path", DirectCall.path],
  ...["content-type", DirectCall.contentType, "connect-protocol-version", DirectCall.protocolVersion],
  ...["user-agent", "grinta"]
]

/** Options for the streams of calls. */
export const streamsOf = (options: {
  readonly frameWireBytesMax: number
  readonly frameTimeout: Duration.Input
}): Options["streams"] => ({
  frameWireBytesMax: options.frameWireBytesMax,
  progress: Session.progressOf(options.frameTimeout),
  role: "caller",
  begin: () => undefined
})

const open = ({ headers, session }: Peer, options: Options): Call => {
  const stream = session.http2.request(headers)
  const carrier = new StreamFate(session, stream)
  const link = new DirectLink.DirectLink(stream, carrier, options.streams)
  stream.once("response", (headers) => {
    carrier.answered()
    const why = refusal(headers)
    if (why === undefined) carrier.listen()
    else link.refuse(why)
  })
  return { link, leave: Effect.suspend(() => leave(stream, options.leaving)) }
}

/** Opens one call of `FlowService.Open`. Errors: the failure as the session reports it. */
export const call = (peer: Peer, options: Options): Effect.Effect<Call, unknown> =>
  Effect.try({ try: () => open(peer, options), catch: (cause) => cause })
