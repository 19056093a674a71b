/**
 * GossipSocketMemory: a gossip port on a `MemoryNetwork`, for tests: lossy datagrams; reliable, ordered streams.
 *
 * A stream across a cut stalls, and so does dialling across one, until the cut is healed. An absent host refuses at
 * once; a kill breaks both ends at once. Host names of the network resolve like DNS names.
 *
 * @module
 */
import { Cause, Effect, FiberSet, Latch, Layer, Queue } from "effect"
import { type Address, format, host } from "../../../protocol/Address.ts"
import * as Bytes from "../../../protocol/Bytes.ts"
import * as Seed from "../../../protocol/Seed.ts"
import { type ByteStream, type Datagram, GossipSocket, SocketFailed } from "../../../services/GossipSocket.ts"
import * as Background from "../../core/Background.ts"
import { MemoryNetwork, type Plug } from "../../memory/MemoryNetwork.ts"

/** Default port, 7946 as on Node, so that a seed is a name alone. */
export const portDefault = Seed.portDefault

/** Datagrams that may wait for their receiver; more are dropped. */
const datagramsMax = 4096
const pendingStreamsMax = 128
/** Window of one direction of a stream, in bytes written and not read. A writer waits above it. */
const windowBytes = 262_144

type Network = MemoryNetwork["Service"]

/** One direction of a stream. */
interface Half {
  readonly from: string
  readonly to: string
  /** Chunks on the way. */
  readonly sent: Array<Uint8Array>
  readonly arrived: Array<Uint8Array>
  bytes: number
  isMoving: boolean
  isEnded: boolean
  isEndThere: boolean
  failure: SocketFailed | undefined
  /** Latch that opens at the next change of this half. Each change makes a new one. */
  change: Latch.Latch
}

interface End {
  readonly stream: ByteStream
  readonly peerName: string
  /** Breaks the incoming direction: bytes that come are discarded, and the peer's writes fail. */
  readonly close: () => void
  /** Breaks both directions. */
  readonly break: (failure: SocketFailed) => void
}

/** Port bound to an address. */
interface Door {
  readonly plug: Plug
  readonly datagram: (datagram: Datagram) => void
  /** Queues an incoming stream; false when there is no room. */
  readonly accept: (end: End) => boolean
}

/** Doors by address, for each network. */
const doorsOf = new WeakMap<Network, Map<string, Door>>()

const doorsOn = (network: Network): Map<string, Door> => {
  const doors = doorsOf.get(network) ?? new Map<string, Door>()
  doorsOf.set(network, doors)
  return doors
}

const lost = (detail: string): SocketFailed => new SocketFailed({ how: "lost", detail })

const makeHalf = (from: string, to: string): Half => ({
  from,
  to,
  sent: [],
  arrived: [],
  bytes: 0,
  isMoving: false,
  isEnded: false,
  isEndThere: false,
  failure: undefined,
  change: Latch.makeUnsafe(false)
})

/** Replaces the latch before it opens: waiters resume at once, and have to find the latch of the next change. */
const announce = (half: Half): void => {
  const { change } = half
  half.change = Latch.makeUnsafe(false)
  change.openUnsafe()
}

const fail = (half: Half, failure: SocketFailed): void => {
  half.failure ??= failure
  half.sent.length = 0
  half.arrived.length = 0
  announce(half)
}

const move = Effect.fnUntraced(function* (network: Network, half: Half) {
  while (half.failure === undefined && (half.sent.length > 0 || (half.isEnded && !half.isEndThere))) {
    const count = half.sent.length
    const isLast = half.isEnded
    yield* network.travel(half.from, half.to)
    if (half.failure !== undefined) break
    half.arrived.push(...half.sent.splice(0, count))
    half.isEndThere = isLast
    announce(half)
  }
  half.isMoving = false
})

const startMoving = (network: Network, half: Half): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (half.isMoving) return Effect.void
    half.isMoving = true
    return network.fork(move(network, half))
  })

const write = (network: Network, half: Half, bytes: Uint8Array): Effect.Effect<void, SocketFailed> =>
  Effect.suspend(() => {
    if (half.failure !== undefined) return Effect.fail(half.failure)
    if (half.isEnded) return Effect.fail(new SocketFailed({ how: "closed", detail: "this side has ended" }))
    if (half.bytes > windowBytes) return Effect.flatMap(half.change.await, () => write(network, half, bytes))
    half.sent.push(bytes.slice())
    half.bytes += bytes.length
    return startMoving(network, half)
  })

const read = (half: Half): Effect.Effect<Uint8Array, SocketFailed | Cause.Done> =>
  Effect.suspend(() => {
    if (half.failure !== undefined) return Effect.fail(half.failure)
    if (half.arrived.length > 0) {
      const bytes = Bytes.concat(half.arrived.splice(0))
      half.bytes -= bytes.length
      announce(half)
      return Effect.succeed(bytes)
    }
    return half.isEndThere ? Cause.done() : Effect.flatMap(half.change.await, () => read(half))
  })

const end = (network: Network, half: Half): Effect.Effect<void, SocketFailed> =>
  Effect.suspend(() => {
    if (half.failure !== undefined) return Effect.fail(half.failure)
    half.isEnded = true
    return startMoving(network, half)
  })

const makeEnd = (network: Network, outgoing: Half, incoming: Half, peer: Address): End => ({
  stream: {
    peer,
    read: read(incoming),
    write: (bytes) => write(network, outgoing, bytes),
    end: end(network, outgoing)
  },
  peerName: outgoing.to,
  close: () => fail(incoming, lost("the reader is gone")),
  break: (failure) => {
    fail(outgoing, failure)
    fail(incoming, failure)
  }
})

const make = Effect.fnUntraced(function* (name: string, port: number) {
  const network = yield* MemoryNetwork
  const plug = yield* network.plug(name)
  const address: Address = { bytes: plug.bytes, port }
  const doors = doorsOn(network)
  const datagrams = yield* Queue.dropping<Datagram>(datagramsMax)
  const streams = yield* Queue.dropping<End>(pendingStreamsMax)
  const ends = new Set<End>()
  const counts = new Map<string, number>()

  const count = (reason: string): void => {
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }

  /** Acquires an end for the life of the scope. */
  const own = (acquired: End) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        ends.add(acquired)
        return acquired.stream
      }),
      () => {
        acquired.close()
        ends.delete(acquired)
        return Effect.ignore(acquired.stream.end)
      }
    )

  const door: Door = {
    plug,
    datagram: (datagram) => {
      if (!Queue.offerUnsafe(datagrams, datagram)) count("receiveOverflow")
    },
    accept: (accepted) => Queue.offerUnsafe(streams, accepted)
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => doors.set(format(address), door)),
    () =>
      Effect.sync(() => {
        if (doors.get(format(address)) === door) doors.delete(format(address))
      })
  )
  yield* network.onKilled((killed) => {
    for (const each of [...ends])
      if (killed === name || killed === each.peerName) each.break(lost(`host "${killed}" was killed`))
  })

  const refused = (to: Address): SocketFailed =>
    new SocketFailed({ how: "refused", detail: `nobody listens at ${format(to)}` })

  const doorAt = (to: Address): Door | undefined => {
    const found = doors.get(format(to))
    return found?.plug.isLive() === true ? found : undefined
  }

  const dial = Effect.fnUntraced(function* (to: Address) {
    const peerName = network.nameAt(host(to.bytes))
    if (!plug.isLive()) return yield* new SocketFailed({ how: "closed", detail: `host "${name}" is gone` })
    if (peerName === undefined || !network.isPlugged(peerName)) return yield* refused(to)
    yield* network.travel(name, peerName)
    const found = doorAt(to)
    if (found === undefined || !plug.isLive()) return yield* refused(to)
    const [there, back] = [makeHalf(name, peerName), makeHalf(peerName, name)]
    const stream = yield* own(makeEnd(network, there, back, to))
    if (!found.accept(makeEnd(network, back, there, address))) return yield* refused(to)
    yield* network.travel(peerName, name)
    return stream
  })

  const serve = Effect.fnUntraced(function* (onStream: (stream: ByteStream) => Effect.Effect<void>) {
    const fibers = yield* FiberSet.make()
    const serveOne = (accepted: End) => Effect.scoped(Effect.flatMap(own(accepted), onStream))
    const serveNext = Effect.flatMap(Queue.take(streams), (accepted) =>
      FiberSet.run(fibers, Background.heard("a gossip stream")(serveOne(accepted)))
    )
    yield* Background.loop("the gossip port", serveNext)
  })

  return GossipSocket.of({
    address,
    advertised: Effect.succeed(address),
    receive: Queue.takeAll(datagrams),
    send: (to, payload) =>
      Effect.suspend(() => {
        const peerName = network.nameAt(host(to.bytes))
        if (peerName === undefined) return Effect.sync(() => count("sendFailed"))
        const datagram = { from: address, payload: payload.slice() }
        return network.carry(plug, peerName, () => doorAt(to)?.datagram(datagram))
      }),
    dial,
    serve,
    lookup: (text) => {
      const bytes = network.addressOf(text)
      return bytes === undefined
        ? Effect.fail(new SocketFailed({ how: "unknown", detail: `no host is called "${text}"` }))
        : Effect.succeed([bytes])
    },
    lookupService: (text) =>
      Effect.fail(new SocketFailed({ how: "unknown", detail: `no service is called "${text}"` })),
    counters: Effect.sync(() => Object.fromEntries(counts))
  })
})

/** Provides the gossip port of the host `name`. Each call makes a separate socket. */
export const layer = (name: string, port: number = portDefault): Layer.Layer<GossipSocket, never, MemoryNetwork> =>
  Layer.effect(GossipSocket, make(name, port))
