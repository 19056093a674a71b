/**
 * TransportConnect: flows between processes: Connect RPC over HTTP/2, one session for each peer and direction, opened
 * when first needed and closed when idle.
 *
 * Errors: building the layer fails with InvalidConfig when a setting or `tls` cannot work, when other machines reach
 * the address and there is neither `tls` nor `insecure: true`, or when the port cannot be bound. `dial` fails with
 * HostUnreachable when no session can be opened, and with Unauthorized when the host rejects our certificate. A peer
 * that goes silent is lost after `keepalive.timeout` to `keepalive.interval` + `keepalive.timeout`, later on a path
 * that has proven slow or far; a peer whose connection closes is lost at once.
 *
 * @module
 */
import { Clock, Effect, Exit, Layer, RcMap, Scope } from "effect"
import * as Foreign from "../../protocol/Foreign.ts"
import * as Told from "../../protocol/Told.ts"
import type { Host } from "../../services/Host.ts"
import { HostUnreachable, NetworkError, Unauthorized } from "../../services/NetworkError.ts"
import { type Link, Transport } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import * as Exposure from "../core/Exposure.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Timeouts from "../core/Timeouts.ts"
import * as Acceptor from "./Acceptor.ts"
import { type Config, check, defaults, type Options } from "./Config.ts"
import * as Client from "./http2/Client.ts"
import { healthBounds } from "./http2/foreign/Bounds.ts"
import * as Lookout from "./http2/Lookout.ts"
import * as Sign from "./http2/Sign.ts"
import * as Server from "./http2/server/Server.ts"
import * as Tls from "./http2/tls/Tls.ts"

export type { Revocation as TlsRevocation } from "../../protocol/Revocation.ts"
export { type Config, check, defaults, type Options } from "./Config.ts"
export type { Keepalive } from "./http2/Lookout.ts"
export type { Bounds as Share } from "./http2/Shares.ts"
export type { Material as TlsMaterial } from "./http2/tls/Context.ts"
export type { Stage as TlsStage } from "./http2/tls/Stage.ts"
export type { Config as TlsConfig, Options as TlsOptions } from "./http2/tls/Tls.ts"

/** A session to a peer. Its flows share one lease, since a lease for each would be most of the cost of a dial. */
interface Shared extends Client.Peer {
  readonly host: Client.Address
  flows: number
  /** Set while the session has flows. */
  lease: Scope.Closeable | undefined
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** Names the session of a host: another host that follows it at its address must prove its own name. */
const keyOf = (host: Client.Address): string => `${host.id}/${Client.authorityOf(host)}`

const addressOf = ({ address, flowPort, id }: Host): Client.Address => ({ id, address, flowPort })

/** Time in which the log does not repeat that a host hung up without a word. */
const mutePauseMillis = 600_000

/** Maps a failure of the network to the error of a dial. */
const unreachable = ({ address, flowPort, id }: Host, cause: unknown): NetworkError => {
  const reason =
    cause instanceof Tls.Refused
      ? new Unauthorized({ host: id, detail: Foreign.text(cause.message) })
      : new HostUnreachable({ host: id, address: `${address}:${flowPort}`, cause })
  return new NetworkError({ operation: "connect", reason })
}

const make = Effect.fnUntraced(function* (config: Config) {
  yield* check(config)
  yield* Exposure.check(config.host, config.tls === undefined ? ["tls"] : [], config.insecure === true)
  const acceptor = Acceptor.make()
  const tls = config.tls === undefined ? undefined : yield* Tls.make(config.tls)
  const lookout = yield* Lookout.make(config)
  const run = yield* Background.makeRun("the log of sessions")
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const heard = Sign.make(clock)
  const { healthPort, ...serving } = { ...config, lookout, served: acceptor.served }
  const flowPort = yield* Server.serve({ ...serving, portSetting: "flowPort", tls }, acceptor.accept)
  if (tls === undefined) yield* Exposure.tell("flows", config.host, flowPort, "tls")
  if (healthPort !== undefined) {
    const probes = { ...serving, ...healthBounds, portSetting: "healthPort", port: healthPort, tls: undefined } as const
    yield* Exposure.tellHealth(config.host, yield* Server.serve(probes))
  }
  const calls: Client.Options = {
    streams: Client.streamsOf(config),
    leaving: yield* Timeouts.make(Client.leaveTimeout)
  }
  /** Sessions that have flows, or may get some. */
  const live = new Set<Shared>()
  /** Sessions that take new flows, by host. */
  const current = new Map<string, Shared>()

  const mutes = Told.make(mutePauseMillis)
  const warnOfMute = (host: Client.Address): Effect.Effect<void> =>
    Effect.suspend(() =>
      Told.isDue(mutes, keyOf(host), Monotonic.nowOf(clock))
        ? Effect.logWarning(`host "${host.id}" at ${Client.authorityOf(host)} hung up: ${Client.mute}`)
        : Effect.void
    )

  const connect = Effect.fnUntraced(function* (host: Client.Address) {
    const { connectTimeout } = config
    let isGivenUp = false
    const told = (why: string): void => {
      isGivenUp = true
      const text = `the session with host "${host.id}" at ${Client.authorityOf(host)} is given up: ${why}`
      run(Effect.annotateLogs(Effect.logWarning(text), { peer: host.id }))
    }
    const session = yield* Effect.tapError(Client.connect(host, { lookout, connectTimeout, told }, tls), () =>
      // The caller may have gone, and no other is to meet a failure that is over.
      Effect.forkIn(Background.heard("forgetting a session")(RcMap.invalidate(sessions, host)), scope)
    )
    const shared: Shared = { session, headers: Client.headersTo(host, session), host, flows: 0, lease: undefined }
    live.add(shared)
    current.set(keyOf(host), shared)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        live.delete(shared)
        if (current.get(keyOf(host)) === shared) current.delete(keyOf(host))
      })
    )
    const hungUp = Effect.suspend(() =>
      isGivenUp || !Client.isMute(session) ? Effect.void : Effect.annotateLogs(warnOfMute(host), { peer: host.id })
    )
    // Interrupted when this side closes the session.
    const retired = Effect.andThen(session.retired, Effect.andThen(hungUp, forget(shared)))
    yield* Background.run("forgetting a session", retired)
    return shared
  })
  const sessions: RcMap.RcMap<Client.Address, Shared, unknown> = yield* RcMap.make({
    lookup: connect,
    idleTimeToLive: config.idleTimeout
  })

  /** Has the next dial open another session; the old one is closed when its last flow is. */
  const forget = (shared: Shared): Effect.Effect<void> =>
    Effect.suspend(() =>
      current.get(keyOf(shared.host)) === shared && current.delete(keyOf(shared.host))
        ? RcMap.invalidate(sessions, shared.host)
        : Effect.void
    )

  /** Takes one flow off a session. */
  const release = (shared: Shared): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { lease } = shared
      shared.flows -= 1
      if (shared.flows > 0 || lease === undefined) return Effect.void
      shared.lease = undefined
      return Scope.close(lease, Exit.void)
    })

  /**
   * Returns a session that takes new flows, and counts one more on it. Errors: those of the network when a session has
   * to be opened. A session that is over before it is used is followed by one more, and no other.
   */
  const acquire = (host: Client.Address, restore: Restore, isAgain = false): Effect.Effect<Shared, unknown> =>
    Effect.suspend(() => {
      const leased = current.get(keyOf(host))
      if (leased?.lease !== undefined && leased.session.isOpen()) {
        leased.flows += 1
        return Effect.succeed(leased)
      }
      const lease = Scope.makeUnsafe()
      return restore(Scope.provide(RcMap.get(sessions, host), lease)).pipe(
        Effect.tapError(() => RcMap.invalidate(sessions, host)),
        Effect.tap(({ session }) => restore(Client.agree(session, config.connectTimeout))),
        Effect.onError((cause) => Scope.close(lease, Exit.failCause(cause))),
        Effect.flatMap((shared) => {
          // Another flow may have leased it meanwhile.
          const surplus = shared.lease === undefined ? Effect.void : Scope.close(lease, Exit.void)
          shared.lease ??= lease
          shared.flows += 1
          if (shared.session.isOpen()) return Effect.as(surplus, shared)
          const next = isAgain ? Effect.fail(Client.overOf(shared.session)) : acquire(host, restore, true)
          return Effect.andThen(Effect.all([surplus, forget(shared), release(shared)]), next)
        })
      )
    })

  const dial = (host: Host): Effect.Effect<Link, NetworkError, Scope.Scope> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const shared = yield* acquire(addressOf(host), restore)
        const called = yield* Effect.onError(Client.call(shared, calls), () => release(shared))
        yield* Scope.addFinalizer(scope, Effect.andThen(called.leave, release(shared)))
        return called.link
      })
    ).pipe(Effect.mapError((cause) => unreachable(host, cause)))

  /** Returns a session that takes new flows, whoever has a lease of it. */
  const open = (host: Client.Address): Effect.Effect<Shared, unknown> =>
    Effect.suspend(() => {
      const known = current.get(keyOf(host))
      if (known?.session.isOpen()) return Effect.succeed(known)
      return Effect.tapError(Effect.scoped(RcMap.get(sessions, host)), () => RcMap.invalidate(sessions, host))
    })

  const reach = (host: Host): Effect.Effect<void, NetworkError> =>
    Effect.gen(function* () {
      const address = addressOf(host)
      let { session } = yield* open(address)
      if (yield* heard(session)) return
      // The session was closed, or takes no more flows: another session tells.
      const isOver = !session.isOpen()
      if (isOver) session = (yield* open(address)).session
      if (!isOver || !(yield* heard(session))) return yield* Effect.fail(Client.overOf(session))
    }).pipe(Effect.mapError((cause) => unreachable(host, cause)))

  const doubt = (host: Host) =>
    Effect.sync(() => {
      const key = keyOf(host)
      for (const { host: at, session } of live) if (keyOf(at) === key) session.doubt()
    })

  const bound = tls === undefined ? {} : { mayOwn: tls.mayOwn, certificate: tls.certificate }
  return Transport.of({ flowPort, reach, dial, serve: acceptor.serve, doubt, ...bound })
})

/** Provides the transport. Errors: InvalidConfig, see above. */
export const layer = (config: Options = {}): Layer.Layer<Transport, NetworkError> =>
  Layer.effect(Transport, make({ ...defaults, ...config }))
