/**
 * Flows between processes: Connect RPC over HTTP/2, one session for each peer and direction, opened when first needed and
 * closed when idle.
 *
 * Errors: building the layer fails with InvalidConfig when the port cannot be bound; `dial` fails with HostUnreachable when
 * no session can be opened. A peer that goes silent is lost after `keepalive.interval` + `keepalive.timeout`, at most
 * twice the timeout later when this process was busy; one whose connection closes is lost at once.
 */
import { type Duration, Effect, Layer, RcMap, type Scope } from "effect"
import * as Limits from "../protocol/flow/Limits.ts"
import type { Host } from "../services/Host.ts"
import { HostUnreachable, NetworkError } from "../services/NetworkError.ts"
import { Transport } from "../services/Transport.ts"
import * as Acceptor from "./Acceptor.ts"
import * as Http2Client from "./Http2Client.ts"
import * as Http2Server from "./Http2Server.ts"
import type * as Http2Session from "./Http2Session.ts"

export interface Config {
  /** Address to serve on. */
  readonly host: string
  /** Port to serve on; 0 lets the system choose. */
  readonly port: number
  readonly keepalive: Http2Session.Keepalive
  readonly connectTimeout: Duration.Input
  /** How long a session without flows is kept. */
  readonly idleTimeout: Duration.Input
  readonly firstStreamTimeout: Duration.Input
  /** How long a frame may take once it has begun. */
  readonly frameTimeout: Duration.Input
  readonly sessionsMax: number
  /** Connections of one remote address at a time; one more is closed at once. */
  readonly sessionsPerAddressMax: number
  /** How long an address gets no new connection once a session of it was a flood. */
  readonly banDuration: Duration.Input
  /** Whether the two bounds of an address hold for loopback too, which all processes of a machine share. */
  readonly limitsLoopback: boolean
  readonly streamsMax: number
  /** Largest frame on the wire, in bytes: a Data frame of `frameBytesMax` with the lengths of its messages. */
  readonly frameWireBytesMax: number
}

export const defaults: Config = {
  host: "127.0.0.1",
  port: 7947,
  keepalive: { interval: "2 seconds", timeout: "1 second" },
  connectTimeout: "5 seconds",
  idleTimeout: "5 minutes",
  firstStreamTimeout: "10 seconds",
  frameTimeout: "30 seconds",
  sessionsMax: 4096,
  sessionsPerAddressMax: 64,
  banDuration: "60 seconds",
  limitsLoopback: false,
  streamsMax: 16_384,
  frameWireBytesMax: 2 * Limits.defaults.frameBytesMax
}

const authorityOf = ({ address, flowPort }: Host): string =>
  `http://${address.includes(":") ? `[${address}]` : address}:${flowPort}`

const make = Effect.fnUntraced(function* (config: Config) {
  const acceptor = Acceptor.make()
  const flowPort = yield* Http2Server.serve(config, acceptor.accept)
  /** Every session that has flows, or may get some. */
  const live = new Map<Http2Client.ClientSession, string>()
  /** The session of each authority that takes new flows. */
  const current = new Map<string, Http2Client.ClientSession>()

  const connect = Effect.fnUntraced(function* (authority: string) {
    const session = yield* Http2Client.connect(authority, config)
    live.set(session, authority)
    yield* Effect.addFinalizer(() => Effect.sync(() => live.delete(session)))
    current.set(authority, session)
    yield* Effect.forkScoped(Effect.andThen(session.retired, forget(authority, session)))
    return session
  })
  const sessions: RcMap.RcMap<string, Http2Client.ClientSession, unknown> = yield* RcMap.make({
    lookup: connect,
    idleTimeToLive: config.idleTimeout
  })

  /** From now on another session is opened; this one is closed when its last flow is. */
  const forget = (authority: string, session: Http2Client.ClientSession): Effect.Effect<void> =>
    Effect.suspend(() =>
      current.get(authority) === session && current.delete(authority)
        ? RcMap.invalidate(sessions, authority)
        : Effect.void
    )

  /** A session that takes new flows. Errors: what the network said when there was none and none could be opened. */
  const sessionTo = (authority: string): Effect.Effect<Http2Client.ClientSession, unknown, Scope.Scope> =>
    RcMap.get(sessions, authority).pipe(
      Effect.tapError(() => RcMap.invalidate(sessions, authority)),
      Effect.flatMap((session) =>
        session.isOpen() ? Effect.succeed(session) : Effect.andThen(forget(authority, session), sessionTo(authority))
      )
    )

  const dial = Effect.fnUntraced(function* (host: Host) {
    const authority = authorityOf(host)
    return yield* sessionTo(authority).pipe(
      Effect.flatMap((session) => Http2Client.call(session, config)),
      Effect.mapError((cause) => {
        const reason = new HostUnreachable({ host: host.id, address: `${host.address}:${host.flowPort}`, cause })
        return new NetworkError({ operation: "connect", reason })
      })
    )
  })

  const disconnect = (host: Host) =>
    Effect.sync(() => {
      const authority = authorityOf(host)
      for (const [session, at] of live) if (at === authority) session.http2.destroy()
    })

  return Transport.of({ flowPort, dial, serve: acceptor.serve, disconnect })
})

export const layer = (config: Partial<Config> = {}): Layer.Layer<Transport, NetworkError> =>
  Layer.effect(Transport, make({ ...defaults, ...config }))
