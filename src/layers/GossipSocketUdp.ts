/**
 * The datagram side of a gossip port on Node: a UDP socket that is opened again when the system closes it.
 *
 * Sending hands datagrams to a queue that one fiber empties, all that wait at once, so that a busy event loop delays
 * packets without slowing down their sender. What cannot be sent is counted.
 */
import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import { type Cause, Effect, Exit, Fiber, Queue, Result, Schedule, Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as NetAddress from "effect/net/NetAddress"
import type * as DatagramSocket from "effect/socket/DatagramSocket"
import type { Address } from "../protocol/Address.ts"
import { type Datagram, SocketFailed } from "../services/GossipSocket.ts"

/** Datagrams that wait for the receiver, or to be sent; more are dropped and counted. */
const queuedMax = 1024
/** What the kernel is asked to hold for us; where it refuses, half of it, down to the least. */
const kernelBytesMax = 2_097_152
const kernelBytesMin = 65_536
/** How long closing waits for what is still to be sent. */
const drainTimeout = "200 millis"

const reopening = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

export interface Udp {
  readonly port: number
  readonly receive: Effect.Effect<NonEmptyReadonlyArray<Datagram>, SocketFailed>
  readonly send: (to: Address, payload: Uint8Array) => Effect.Effect<void>
}

interface Opened {
  readonly reader: DatagramSocket.Reader
  readonly writer: DatagramSocket.Writer
  readonly scope: Scope.Closeable
}

const acquire = (
  host: string,
  port: number,
  kernelBytes: number | undefined
): Effect.Effect<Omit<Opened, "scope">, DatagramSocket.DatagramSocketError, Scope.Scope> =>
  NodeDatagramSocket.make({
    bind: { address: host, port },
    receiveBuffer: { capacity: queuedMax },
    kernelReceiveBufferSize: kernelBytes
  }).pipe(
    Effect.flatMap(({ reader, writer }) => Effect.all({ reader, writer })),
    Effect.catch((error) =>
      kernelBytes !== undefined && error.reason._tag === "DatagramSocketOpenError" && error.reason.kind === "Unknown"
        ? acquire(host, port, kernelBytes > kernelBytesMin ? kernelBytes / 2 : undefined)
        : Effect.fail(error)
    )
  )

const openOnce = Effect.fnUntraced(function* (host: string, port: number) {
  const scope = yield* Scope.make()
  const opened = yield* acquire(host, port, kernelBytesMax).pipe(
    Scope.provide(scope),
    Effect.onError(() => Scope.close(scope, Exit.void))
  )
  return { ...opened, scope }
}, Effect.uninterruptible)

const octets = (address: NetAddress.IpAddress): Uint8Array =>
  Uint8Array.from(
    NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address)
  )

/** The address as a socket of this family takes it; undefined when there is no way to say it. */
const destination = ({ bytes, port }: Address, isIpv6: boolean): NetAddress.InetAddress | undefined => {
  const ipv6 = bytes.length === 16 ? NetAddress.ipv6FromBytesUnsafe(bytes) : undefined
  const isMapped = ipv6 !== undefined && NetAddress.isIpv4Mapped(ipv6)
  if (ipv6 !== undefined && !isMapped) return isIpv6 ? NetAddress.inetAddressUnsafe(ipv6, port) : undefined
  const ipv4 = NetAddress.ipv4FromBytesUnsafe(isMapped ? bytes.subarray(12) : bytes)
  return NetAddress.inetAddressUnsafe(isIpv6 ? NetAddress.toIpv4Mapped(ipv4) : ipv4, port)
}

/** Opens the port for the life of the scope. Errors: those of the first opening; later ones are retried. */
export const open = Effect.fnUntraced(function* (host: string, port: number, count: (reason: string) => void) {
  let isClosing = false
  let current: Opened | undefined = yield* openOnce(host, port)
  const bound = current.reader.address
  const isIpv6 = NetAddress.isInetAddressV6(bound)
  yield* Effect.addFinalizer(() => {
    isClosing = true
    return current === undefined ? Effect.void : Scope.close(current.scope, Exit.void)
  })

  const reopen = openOnce(host, bound.port).pipe(
    Effect.tap((opened) =>
      Effect.sync(() => {
        current = opened
        count("udpReopened")
      })
    ),
    Effect.uninterruptible,
    Effect.retry(reopening),
    Effect.mapError((error) => new SocketFailed({ how: "closed", detail: error.message }))
  )

  const abandon = (opened: Opened, error: DatagramSocket.DatagramSocketError) =>
    Effect.suspend(() => {
      current = undefined
      return isClosing
        ? Effect.fail(new SocketFailed({ how: "closed", detail: "the gossip port is closed" }))
        : Effect.andThen(
            Effect.logWarning(
              `UDP port ${bound.port} was closed by the system, opening it again: ${error.reason._tag}`
            ),
            Scope.close(opened.scope, Exit.void)
          )
    }).pipe(Effect.uninterruptible)

  const parse = (datagram: DatagramSocket.Datagram): Datagram | undefined => {
    // The address of a datagram is parsed when it is first read, and may name an interface that is gone.
    const parsed = Result.try(() => datagram.address)
    if (Result.isFailure(parsed) || datagram.payload.length === 0) {
      count("receiveDropped")
      return undefined
    }
    const { address, port } = parsed.success
    return { from: { bytes: octets(address), port }, payload: datagram.payload }
  }

  const receive: Udp["receive"] = Effect.gen(function* () {
    while (true) {
      const opened: Opened = current ?? (yield* reopen)
      const pulled = yield* Effect.result(opened.reader.pull)
      if (Result.isFailure(pulled)) yield* abandon(opened, pulled.failure)
      else {
        const datagrams = pulled.success.map(parse).filter((datagram) => datagram !== undefined)
        if (isReadonlyArrayNonEmpty(datagrams)) return datagrams
      }
    }
  })

  const outgoing = yield* Queue.dropping<DatagramSocket.OutgoingDatagram, Cause.Done>(queuedMax)
  const failed = Effect.sync(() => count("sendFailed"))

  const write = (datagram: DatagramSocket.OutgoingDatagram): Effect.Effect<void> =>
    current === undefined ? failed : Effect.catch(current.writer.write(datagram), () => failed)

  const drain = Effect.forever(
    Effect.flatMap(Queue.takeAll(outgoing), (batch) =>
      Effect.forEach(batch, write, { concurrency: "unbounded", discard: true })
    )
  )

  yield* Effect.acquireRelease(Effect.forkDetach(Effect.ignore(drain)), (fiber) =>
    Queue.end(outgoing).pipe(
      Effect.andThen(Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), drainTimeout)),
      Effect.andThen(Fiber.interrupt(fiber))
    )
  )

  const send: Udp["send"] = (to, payload) =>
    Effect.sync(() => {
      const address = destination(to, isIpv6)
      if (address === undefined) count("sendFailed")
      else if (!Queue.offerUnsafe(outgoing, { payload, address })) count("sendOverflow")
    })

  return { port: bound.port, receive, send }
})
