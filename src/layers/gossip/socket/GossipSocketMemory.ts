/**
 * GossipSocketMemory: a gossip port on a `MemoryNetwork`, for tests: lossy datagrams; reliable, ordered streams.
 *
 * A stream across a cut stalls, and so does dialling across one, until the cut is healed. An absent host refuses; a
 * kill breaks both ends. Host names of the network resolve like DNS names.
 *
 * @module
 */
import { Cause, Effect, FiberSet, Latch, Layer, Queue } from "effect"
import { type Address, format, host } from "../../../protocol/Address.ts"
import * as Bytes from "../../../protocol/Bytes.ts"
import * as Seed from "../../../protocol/Seed.ts"
import { type ByteStream, type Datagram, GossipSocket, SocketFailed } from "../../../services/GossipSocket.ts"
import * as Background from "../../core/Background.ts"
import type { Connection } from "../../memory/Connection.ts"
import { MemoryNetwork, type Plug } from "../../memory/MemoryNetwork.ts"

/** Default port, 7946 as on Node, so that a seed is a name alone. */
export const portDefault = Seed.portDefault

/** Datagrams waiting for their receiver; more are dropped. */
const datagramsMax = 4096
const pendingStreamsMax = 128
/** What IP and UDP add to a datagram. */
const headerBytes = 28
/** Bytes of one direction of a stream that were written and not read; a writer waits above it. */
const windowBytes = 262_144

const lost = (detail: string): SocketFailed => new SocketFailed({ how: "lost", detail })

/** One end of a stream. What is over its window waits until the other end says that it has read. */
class End {
  private readonly connection: Connection
  private readonly arrived: Array<Uint8Array> = []
  /** Bytes that were written and are not known to be read, and that were read and not said to be. */
  private unreadBytes = 0
  private owedBytes = 0
  private isEnded = false
  private isEndHere = false
  private failure: SocketFailed | undefined
  /** Opens at the next change, for those who looked before it. */
  private change = Latch.makeUnsafe(false)
  private other: End | undefined
  readonly stream: ByteStream

  constructor(connection: Connection, peer: Address) {
    this.connection = connection
    connection.usedBy({
      onEnd: () => {
        this.isEndHere = true
        this.announce()
      },
      onLost: (detail) => this.fail(lost(detail)),
      onRoom: () => {}
    })
    ends.set(connection, this)
    this.stream = { peer, read: this.read, write: (bytes) => this.write(bytes), end: this.end }
  }

  /** Waiters run at once, so those of the next change must find its latch. */
  private announce(): void {
    const { change } = this
    this.change = Latch.makeUnsafe(false)
    change.openUnsafe()
  }

  private fail(failure: SocketFailed): void {
    this.failure ??= failure
    this.arrived.length = 0
    this.announce()
  }

  private hear(bytes: Uint8Array): void {
    this.arrived.push(bytes)
    this.announce()
  }

  private hearRead(bytes: number): void {
    this.unreadBytes -= bytes
    this.announce()
  }

  /** The end that is at the other side once something arrives there. */
  private get there(): End | undefined {
    this.other ??= ends.get(this.connection.both()[1])
    return this.other
  }

  private write(bytes: Uint8Array): Effect.Effect<void, SocketFailed> {
    return Effect.suspend(() => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      if (this.isEnded) return Effect.fail(new SocketFailed({ how: "closed", detail: "this side has ended" }))
      if (this.unreadBytes > windowBytes) return Effect.flatMap(this.change.await, () => this.write(bytes))
      const written = bytes.slice()
      this.unreadBytes += written.length
      this.connection.send(written.length, () => this.there?.hear(written))
      return Effect.void
    })
  }

  private get read(): ByteStream["read"] {
    return Effect.suspend((): ByteStream["read"] => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      if (this.arrived.length === 0)
        return this.isEndHere ? Cause.done() : Effect.flatMap(this.change.await, () => this.read)
      const bytes = Bytes.concat(this.arrived.splice(0))
      this.owe(bytes.length)
      return Effect.succeed(bytes)
    })
  }

  private owe(bytes: number): void {
    this.owedBytes += bytes
    if (this.owedBytes < windowBytes / 2) return
    const owed = this.owedBytes
    this.owedBytes = 0
    this.connection.send(0, () => this.there?.hearRead(owed))
  }

  private get end(): Effect.Effect<void, SocketFailed> {
    return Effect.suspend(() => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      this.isEnded = true
      this.connection.finish()
      return Effect.void
    })
  }

  /** Ends this side and throws away what comes. */
  close(): void {
    this.isEnded = true
    this.fail(lost("the reader is gone"))
    this.connection.close()
  }
}

const ends = new WeakMap<Connection, End>()

/** Who gets the datagrams of an address. */
interface Door {
  readonly plug: Plug
  readonly datagram: (datagram: Datagram) => void
}

/** Doors by address, for each network. */
const doorsOf = new WeakMap<MemoryNetwork["Service"], Map<string, Door>>()

const doorsOn = (network: MemoryNetwork["Service"]): Map<string, Door> => {
  const doors = doorsOf.get(network) ?? new Map<string, Door>()
  doorsOf.set(network, doors)
  return doors
}

const make = Effect.fnUntraced(function* (name: string, port: number) {
  const network = yield* MemoryNetwork
  const plug = yield* network.plug(name)
  const address: Address = { bytes: plug.bytes, port }
  const doors = doorsOn(network)
  const datagrams = yield* Queue.dropping<Datagram>(datagramsMax)
  const streams = yield* Queue.dropping<End>(pendingStreamsMax)
  const counts = new Map<string, number>()

  const count = (reason: string): void => {
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }

  /** Owns an end for the life of the scope. */
  const own = (acquired: End) =>
    Effect.acquireRelease(Effect.succeed(acquired.stream), () => Effect.sync(() => acquired.close()))

  const door: Door = {
    plug,
    datagram: (datagram) => {
      if (!Queue.offerUnsafe(datagrams, datagram)) count("receiveOverflow")
    }
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => doors.set(format(address), door)),
    () =>
      Effect.sync(() => {
        if (doors.get(format(address)) === door) doors.delete(format(address))
      })
  )
  yield* network.listen(plug, port, (connection) => {
    const bytes = network.addressOf(connection.peerName) ?? plug.bytes
    return Queue.offerUnsafe(streams, new End(connection, { bytes, port: portDefault }))
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
    if (peerName === undefined) return yield* refused(to)
    const connecting = network.connect(plug, peerName, to.port, (connection) => new End(connection, to))
    return yield* own(yield* Effect.mapError(connecting, () => refused(to)))
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
        network.carry(plug, peerName, payload.length + headerBytes, () => doorAt(to)?.datagram(datagram))
        return Effect.void
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
