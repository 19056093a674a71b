/**
 * Sessions to other hosts, and Connect calls on them, in binary and without compression.
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

/** Whom a call is for. */
export interface Peer {
  readonly session: ClientSession
  /** `headersTo` it. */
  readonly headers: ReadonlyArray<string>
}

/** What the calls of a transport have in common. */
export interface Options {
  readonly streams: DirectLink.Options<http2.ClientHttp2Stream>
  /** Timeouts of `leaveTimeout`. */
  readonly leaving: Timeouts
}

/** Where a peer is, and who it is. */
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
 * A session on a socket of its own, which `begin` makes once the socket is connected. A session that is given up while it
 * connects would leave its socket alone, to connect when nobody waits for it any more; this one is closed at once.
 */
const openOn = (
  socket: net.Socket,
  connected: "connect" | "secureConnect",
  begin: (resume: Resume) => void,
  explain: (cause: unknown) => unknown = identity
) =>
  Effect.callback<ClientSession, unknown>((resume) => {
    // For as long as it lives: an error that nobody hears would end the process.
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
 * A server that does not believe its client says so when the client thinks that all is well: by an alert, or right behind
 * its settings.
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

/** Waits for one frame too many that has to be answered. */
const pestered = ({ http2: session }: ClientSession) =>
  Effect.flatMap(Clock.Clock, (clock) =>
    Effect.callback<Conduct.Fault>((resume) => {
      const now = () => Monotonic.nowOf(clock)
      Control.watch(session, Conduct.make(now()), now, () => resume(Effect.succeed(Control.pestering)))
    })
  )

/** What a peer does that takes a connection without TLS for garbage. */
export const mute = "it said nothing, as a host with tls (GRINTA_TLS_CERTIFICATE) does to one without"

/** Of a peer that took the connection and said nothing at all on it. */
export const isMute = ({ socket }: ClientSession): boolean => !socket.isEncrypted && socket.readBytes === 0

/** Why a session was over before it was used. */
export const overOf = (session: ClientSession): unknown => {
  const last = session.lastWord()
  return (last && Tls.refusalOf(...last)) ?? (isMute(session) ? mute : "the session broke")
}

/** Opens a session to a peer, and looks after it for the scope. The failure is what the network said. */
export const connect = Effect.fnUntraced(function* (
  host: Address,
  options: {
    readonly lookout: Lookout.Lookout
    readonly connectTimeout: Duration.Input
    /** Hears why the session was given up, if it was. */
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
  // Leaves the frame at which it was one too many first: a session that is read may not be destroyed by its reader.
  const calm = Effect.tap(pestered(session), Effect.yieldNow)
  yield* Background.run("a server that asks for answers without end", Effect.map(calm, end))
  if (tls !== undefined && shown !== undefined)
    yield* Background.run("the end of a certificate", tls.watch(shown, { retire, end }))
  if (tls !== undefined && !socket.isEncrypted)
    yield* Background.run("the end of plaintext", tls.stage.watch("outgoing", { retire, end }))
  yield* Background.run("closing a session", Effect.andThen(session.closed, Effect.uninterruptible(session.leave)))
  return session
})

/** Waits until a peer is bound by the settings of this side: it gets no call before. Of one that was lost before, for nothing. */
export const agree = Effect.fnUntraced(function* (session: ClientSession, timeout: Duration.Input) {
  if (!session.isOpen()) return
  const orElse = () => Effect.andThen(Effect.sync(session.abandon), Effect.fail("it took no SETTINGS in time"))
  yield* Effect.timeoutOrElse(session.agreed, { duration: timeout, orElse })
  if (session.isLost()) return yield* Effect.fail("the session broke")
})

/** How long a call that was finished waits for its last bytes to leave, before the reset would overtake them. */
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

/** Why an answer is no flow; undefined when it is one. */
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
  /** Cancels it unless both sides have finished. */
  readonly leave: Effect.Effect<void>
}

/** What each call to a peer says. As a list that lacks nothing, Node takes it as it is for all streams. */
export const headersTo = (host: Address, { socket }: ClientSession): ReadonlyArray<string> => [
  ...[":authority", authorityOf(host), ":scheme", socket.isEncrypted ? "https" : "http"],
  ...[":method", "POST", ":path", DirectCall.path],
  ...["content-type", DirectCall.contentType, "connect-protocol-version", DirectCall.protocolVersion],
  ...["user-agent", "grinta"]
]

/** How the streams of calls are handled. */
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
    carrier.isHeard = true
    const why = refusal(headers)
    if (why === undefined) carrier.listen()
    else link.refuse(why)
  })
  return { link, leave: Effect.suspend(() => leave(stream, options.leaving)) }
}

/** Opens one call of `FlowService.Open`. The failure is what the session said. */
export const call = (peer: Peer, options: Options): Effect.Effect<Call, unknown> =>
  Effect.try({ try: () => open(peer, options), catch: (cause) => cause })
