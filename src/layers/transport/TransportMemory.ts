/**
 * TransportMemory: flows between the hosts of a `MemoryNetwork`: the same frames, on sessions as HTTP/2 has them, with
 * the windows, the keepalive and the GOAWAY of `TransportConnect`, and with the latency, the cuts and the deaths of that
 * network. For tests that swap the transport; no frame leaves the process.
 *
 * @module
 */
import { Clock, Deferred, Duration, Effect, Exit, Layer, Scope } from "effect"
import type { Host } from "../../services/Host.ts"
import { HostUnreachable, NetworkError } from "../../services/NetworkError.ts"
import { type Link, Transport } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"
import { MemoryNetwork } from "../memory/MemoryNetwork.ts"
import * as Acceptor from "./Acceptor.ts"
import * as Connect from "./Config.ts"
import type { MemoryLink } from "./memory/MemoryLink.ts"
import { type Options, Peer } from "./memory/Peer.ts"

/** Every host of a memory network serves flows on this port. */
export const flowPort = 7947

/** Config of `TransportMemory`: fields of `TransportConnect.Config`, with its defaults. */
export interface Config
  extends Pick<Connect.Config, "keepalive" | "connectTimeout" | "idleTimeout" | "firstStreamTimeout"> {}

/** How often sessions are looked at, in milliseconds. */
const lookMillis = 200
/** How long an endpoint that has said all waits for its caller to have heard it. */
const closeTimeout = "1 second"

const make = Effect.fnUntraced(function* (
  name: string,
  config: Config
): Effect.fn.Return<Transport["Service"], never, MemoryNetwork | Scope.Scope> {
  const network = yield* MemoryNetwork
  const plug = yield* network.plug(name)
  const clock = yield* Clock.Clock
  const now = (): number => Monotonic.nowOf(clock)
  const acceptor = Acceptor.make()
  const run = yield* Background.makeRun("the flows of the memory network")
  const serving = yield* Scope.fork(yield* Effect.scope)
  const serve = yield* Scope.provide(Background.makeRun("a flow of the memory network"), serving)
  const [intervalMillis, timeoutMillis] = [config.keepalive.interval, config.keepalive.timeout].map(Duration.toMillis)
  const bounds = { intervalMillis: intervalMillis ?? 0, timeoutMillis: timeoutMillis ?? 0, lookMillis }
  const idleMillis = Duration.toMillis(config.idleTimeout)
  const firstMillis = Duration.toMillis(config.firstStreamTimeout)
  const peers = new Set<Peer>()
  /** The session to each host that takes new flows, and those that are being opened. */
  const current = new Map<string, Peer>()
  const opening = new Map<string, Deferred.Deferred<Peer, string>>()
  let isLooking = false

  const lookAt = (peer: Peer): void => {
    if (peer.isLost()) return
    const isServer = peer.session.role === "server"
    const restMillis = isServer && peer.everBegun === 0 ? firstMillis : idleMillis
    if (peer.flows > 0 || now() - peer.idleSinceMillis < restMillis) peer.look(bounds)
    else if (isServer) peer.retire()
    else peer.close()
  }

  const lookAround = Effect.gen(function* () {
    while (peers.size > 0) {
      yield* Effect.sleep(lookMillis)
      for (const peer of [...peers]) lookAt(peer)
    }
    isLooking = false
  })

  const onChange = (peer: Peer): void => {
    if (current.get(peer.name) === peer) current.delete(peer.name)
    if (peer.isLost()) peers.delete(peer)
    else if (peer.flows === 0 && peer.session.role === "client") peer.close()
  }

  const onLink = (link: MemoryLink, peer: () => Peer): void => {
    const over = Effect.ensuring(
      link.close(closeTimeout),
      Effect.sync(() => peer().forget(link))
    )
    serve(Effect.ensuring(Effect.scoped(acceptor.accept(link)), over))
  }

  const adopt = (connection: Peer["connection"], role: "client" | "server"): Peer => {
    const options: Options = { now, run, onChange, onLink: (link) => onLink(link, () => peer) }
    const peer: Peer = new Peer(connection, role, options)
    peers.add(peer)
    if (!isLooking) {
      isLooking = true
      run(lookAround)
    }
    return peer
  }

  yield* network.listen(plug, flowPort, (connection) => {
    adopt(connection, "server")
    return true
  })

  /** Says GOAWAY on every session, ends what is served, and closes the connections. */
  const close = Effect.gen(function* () {
    for (const peer of [...peers]) if (peer.session.role === "server") peer.retire()
    yield* Scope.close(serving, Exit.void)
    for (const peer of [...peers]) peer.close()
  })
  yield* Effect.addFinalizer(() => close)

  const unreachable = (host: Host, cause: string): NetworkError => {
    const reason = new HostUnreachable({ host: host.id, address: `${host.address}:${host.flowPort}`, cause })
    return new NetworkError({ operation: "connect", reason })
  }

  const connect = (to: string): Effect.Effect<Peer, string> =>
    network
      .connect(plug, to, flowPort, (connection) => {
        const peer = adopt(connection, "client")
        current.set(to, peer)
        return peer
      })
      .pipe(
        Effect.mapError(() => "connection refused"),
        Effect.timeoutOrElse({
          duration: config.connectTimeout,
          orElse: () => Effect.fail("no connection in time")
        })
      )

  /** A session that takes new flows; all who ask for one to the same host meanwhile share it. */
  const sessionTo = (to: string): Effect.Effect<Peer, string> =>
    Effect.suspend(() => {
      const known = current.get(to)
      if (known?.isOpen()) return Effect.succeed(known)
      const begun = opening.get(to)
      if (begun !== undefined) return Deferred.await(begun)
      const made = Deferred.makeUnsafe<Peer, string>()
      opening.set(to, made)
      const opened = Effect.ensuring(
        Deferred.into(connect(to), made),
        Effect.sync(() => opening.delete(to))
      )
      run(Effect.asVoid(opened))
      return Deferred.await(made)
    })

  const agree = (peer: Peer): Effect.Effect<void, string> => {
    const orElse = () =>
      Effect.andThen(
        Effect.sync(() => peer.abandon()),
        Effect.fail("it took no SETTINGS in time")
      )
    return Effect.andThen(
      Effect.timeoutOrElse(peer.agreed, { duration: config.connectTimeout, orElse }),
      Effect.suspend(() => (peer.isLost() ? Effect.fail("the session broke") : Effect.void))
    )
  }

  const open = (to: string, isAgain = false): Effect.Effect<readonly [Peer, MemoryLink], string> =>
    Effect.gen(function* () {
      const peer = yield* sessionTo(to)
      yield* agree(peer)
      const link = peer.open()
      if (link !== undefined) return [peer, link]
      // A session that is over before it is used is followed by one more.
      return isAgain ? yield* Effect.fail("the session broke") : yield* open(to, true)
    })

  const nameOf = (host: Host): Effect.Effect<string, string> =>
    Effect.suspend(() => {
      const to = network.nameAt(host.address)
      return to === undefined || !plug.isLive() ? Effect.fail("no such host") : Effect.succeed(to)
    })

  const dial = (host: Host): Effect.Effect<Link, NetworkError, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.mapError(Effect.flatMap(nameOf(host), open), (cause) => unreachable(host, cause)),
      ([peer, link]) =>
        Effect.sync(() => {
          link.reset()
          peer.forget(link)
        }),
      { interruptible: true }
    ).pipe(Effect.map(([, link]) => link))

  const reach = (host: Host): Effect.Effect<void, NetworkError> =>
    Effect.gen(function* () {
      const to = yield* nameOf(host)
      if (yield* (yield* sessionTo(to)).heard) return
      // It was closed, or takes no more flows: another one tells.
      if (!(yield* (yield* sessionTo(to)).heard)) return yield* Effect.fail("the session broke")
    }).pipe(Effect.mapError((cause) => unreachable(host, cause)))

  const doubt = (host: Host) =>
    Effect.sync(() => {
      const to = network.nameAt(host.address)
      for (const peer of peers) if (peer.name === to && peer.session.role === "client") peer.doubt()
    })

  return Transport.of({ flowPort, reach, dial, serve: acceptor.serve, doubt })
})

/** Makes the transport of the host of this name. */
export const layer = (name: string, config: Partial<Config> = {}): Layer.Layer<Transport, never, MemoryNetwork> =>
  Layer.effect(Transport, make(name, { ...Connect.defaults, ...config }))
