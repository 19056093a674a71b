/**
 * TransportMemory: flows between the hosts of a `MemoryNetwork`: the same frames over queues, with the latency, the
 * cuts and the deaths of that network. For tests that swap the transport; no frame leaves the process.
 *
 * @module
 */
import { type Duration, Effect, Layer, type Scope } from "effect"
import type { Frame } from "../../protocol/flow/Frame.ts"
import * as Proof from "../../protocol/Proof.ts"
import type { Host } from "../../services/Host.ts"
import { HostUnreachable, NetworkError } from "../../services/NetworkError.ts"
import { type Link, LinkBroken, Transport } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import { MemoryNetwork } from "../memory/MemoryNetwork.ts"
import * as Acceptor from "./Acceptor.ts"
import { AskedFrames } from "./link/AskedFrames.ts"
import * as LocalLink from "./link/LocalLink.ts"

/** Every host of a memory network serves flows on this port. */
export const flowPort = 7947

/** Time that a cut goes unnoticed, as keepalive takes on a real network. */
const keepalive: Duration.Input = "5 seconds"

interface Accepting {
  readonly accept: (link: Link, end: LocalLink.LinkEnd) => void
}

/** Listeners by network and host name; a network that is gone takes its listeners along. */
const listeners = new WeakMap<MemoryNetwork["Service"], Map<string, Accepting>>()

const listenersOf = (network: MemoryNetwork["Service"]): Map<string, Accepting> => {
  const known = listeners.get(network)
  if (known !== undefined) return known
  const made = new Map<string, Accepting>()
  listeners.set(network, made)
  return made
}

const make = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<Transport["Service"], never, MemoryNetwork | Scope.Scope> {
  const network = yield* MemoryNetwork
  const plug = yield* network.plug(name)
  const run = yield* Background.makeRun("a flow of the memory network")
  const acceptor = Acceptor.make()
  const links = new Map<LocalLink.LinkEnd, string>()
  const hosts = listenersOf(network)

  const lose = (peer: string, detail: string): void => {
    for (const [end, other] of links) if (other === peer) end.breakWith(new LinkBroken({ how: "lost", detail }))
  }

  const isAnswering = (peer: string): boolean => network.isReachable(name, peer) && network.isReachable(peer, name)

  const leave = (end: LocalLink.LinkEnd): Effect.Effect<void> =>
    Effect.sync(() => {
      links.delete(end)
      end.breakWith(new LinkBroken({ how: "reset", detail: "the other side has left" }))
    })

  /** Breaks a link as lost some time after a cut, which is silent: no frame comes. */
  const watch = (end: LocalLink.LinkEnd, peer: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (links.has(end)) {
        yield* Effect.sleep(keepalive)
        if (!isAnswering(peer)) end.breakWith(new LinkBroken({ how: "lost", detail: `no sign of life from "${peer}"` }))
      }
    })

  /** Makes a link whose incoming frames travel all the way, one by one, and are packed as on any network. */
  const delayed = (end: LocalLink.LinkEnd, from: string, to: string): Link => {
    const incoming = new AskedFrames(() => end.goOn())
    const arrive = (frame: Frame) =>
      Effect.andThen(
        network.travel(from, to),
        Effect.sync(() => incoming.come(frame))
      )
    end.attach({
      onFrame: (frame) => {
        run(arrive(frame))
        return false
      },
      onEnd: (how) => incoming.end(how),
      onBroken: (how) => incoming.onBroken(how),
      onRoom: () => incoming.onRoom()
    })
    return {
      proven: Proof.byPlace(from),
      attach: (listener) => incoming.attach(listener),
      detach: (listener) => incoming.detach(listener),
      goOn: () => incoming.goOn(),
      isBroken: () => end.isBroken(),
      // The first message leaves at once, as on any network, and the rest together while it is on its way.
      isIdle: () => end.hasRoom(),
      fill: (next) => end.fill(next),
      finish: () => end.finish(),
      cancel: (last) => end.cancel(last),
      doubt: () => {
        if (network.isReachable(from, to) && network.isReachable(to, from)) return
        end.breakWith(new LinkBroken({ how: "lost", detail: "declared dead" }))
      }
    }
  }

  const listener: Accepting = {
    accept: (link, end) => {
      run(Effect.ensuring(Effect.scoped(acceptor.accept(link)), leave(end)))
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => hosts.set(name, listener)),
    () => Effect.sync(() => hosts.get(name) === listener && hosts.delete(name))
  )
  yield* network.onKilled((killed) => {
    if (killed === name)
      for (const end of links.keys()) end.breakWith(new LinkBroken({ how: "lost", detail: "killed" }))
    else lose(killed, "the connection is gone")
  })

  const unreachable = (host: Host, cause: string): NetworkError => {
    const reason = new HostUnreachable({ host: host.id, address: `${host.address}:${host.flowPort}`, cause })
    return new NetworkError({ operation: "connect", reason })
  }

  /** Travels to a host, and finds its listener. */
  const visit = Effect.fnUntraced(function* (host: Host) {
    const peer = network.nameAt(host.address)
    if (peer === undefined || !plug.isLive() || !network.isPlugged(peer))
      return yield* unreachable(host, "no such host")
    yield* network.travel(name, peer)
    const there = hosts.get(peer)
    if (there === undefined || !network.isReachable(name, peer)) return yield* unreachable(host, "connection refused")
    return { peer, there }
  })

  const reach = (host: Host) => Effect.flatMap(visit(host), ({ peer }) => network.travel(peer, name))

  const dial = Effect.fnUntraced(function* (host: Host) {
    const { peer, there } = yield* visit(host)
    const [near, far] = LocalLink.make()
    yield* Effect.acquireRelease(
      Effect.sync(() => links.set(near, peer)),
      () => leave(near)
    )
    yield* Background.run("looking after a flow", watch(near, peer))
    there.accept(delayed(far, name, peer), far)
    return delayed(near, peer, name)
  })

  const doubtPeer = (peer: string): void => {
    if (!isAnswering(peer)) lose(peer, "declared dead")
  }
  const doubt = (host: Host) => Effect.sync(() => doubtPeer(network.nameAt(host.address) ?? ""))

  return Transport.of({ flowPort, reach, dial, serve: acceptor.serve, doubt })
})

/** Makes the transport of the host of this name. */
export const layer = (name: string): Layer.Layer<Transport, never, MemoryNetwork> => Layer.effect(Transport, make(name))
