/**
 * Udp: the datagram side of a gossip port on Node, a UDP socket that is opened again when the system closes it.
 *
 * Datagrams that came wait in a bounded queue, and a bounded number may be on their way to the system. Beyond that they
 * are dropped and counted, as the network may drop them.
 */
import * as Dgram from "node:dgram"
import { Data, Effect, Queue, Result, Schedule } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { type Address, host as hostOf, parseHost } from "../../../protocol/Address.ts"
import { type Datagram, SocketFailed } from "../../../services/GossipSocket.ts"
import * as Background from "../../core/Background.ts"
import * as Signal from "../../core/Signal.ts"

/** Datagrams that may wait for the receiver, or to be sent; more are dropped and counted. */
const queuedMax = 1024
/** Bytes of the datagrams that may wait for the receiver. */
const queuedBytesMax = 8_388_608
/** Receive buffer asked of the kernel; where it refuses, half of it, down to the least. */
const kernelBytesMax = 2_097_152
const kernelBytesMin = 65_536
/** Longest time that closing waits for datagrams still to be sent. */
const drainTimeout = "200 millis"

const reopening = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

/** The port could not be opened; `code` is the system's error code. */
export class OpenFailed extends Data.TaggedError("OpenFailed")<{
  readonly code: string
  readonly detail: string
}> {}

export interface Udp {
  readonly port: number
  readonly receive: Effect.Effect<NonEmptyReadonlyArray<Datagram>, SocketFailed>
  readonly send: (to: Address, payload: Uint8Array) => Effect.Effect<void>
}

const codeOf = (cause: Error): string => ("code" in cause ? String(cause.code) : "unknown")

/** Asks for a larger receive buffer. A system that refuses may grant a smaller one; its own is enough, too. */
const widen = (socket: Dgram.Socket, bytes = kernelBytesMax): void => {
  const asked = Result.try(() => socket.setRecvBufferSize(bytes))
  if (Result.isFailure(asked) && bytes > kernelBytesMin) widen(socket, bytes / 2)
}

const bind = (host: string, port: number): Effect.Effect<Dgram.Socket, OpenFailed> =>
  Effect.callback((resume) => {
    const family = host.includes(":") ? 6 : 4
    // Addresses are numeric, so there is no DNS lookup.
    const lookup: Dgram.SocketOptions["lookup"] = (address, _, done) => done(null, address, family)
    const socket = Dgram.createSocket({ type: family === 6 ? "udp6" : "udp4", lookup })
    socket.once("error", (cause) => {
      socket.close()
      resume(Effect.fail(new OpenFailed({ code: codeOf(cause), detail: cause.message })))
    })
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners("error")
      widen(socket)
      resume(Effect.succeed(socket))
    })
  })

/** Returns the address in the form of the socket's family; undefined when that family has no form for it. */
const destination = ({ bytes }: Address, isIpv6: boolean): string | undefined => {
  const text = hostOf(bytes)
  if (text === "" || (text.includes(":") && !isIpv6)) return undefined
  return isIpv6 && !text.includes(":") ? `::ffff:${text}` : text
}

/** Opens the port for the life of the scope. Errors: `OpenFailed` for the first opening; later ones are retried. */
export const open = Effect.fnUntraced(function* (host: string, port: number, count: (reason: string) => void) {
  const arrived = yield* Queue.dropping<Datagram, SocketFailed>(queuedMax)
  /** Notified when the socket is lost, and when a datagram has left. */
  const changed = Signal.make()
  let current: Dgram.Socket | undefined
  let leaving = 0
  let queuedBytes = 0

  const take = (payload: Uint8Array, { address, port }: Dgram.RemoteInfo): void => {
    // A link-local address ends with the name of its interface.
    const bytes = parseHost(address.split("%")[0] ?? "")
    const isRoom = payload.length > 0 && queuedBytes + payload.length <= queuedBytesMax
    const isTaken = bytes !== undefined && isRoom && Queue.offerUnsafe(arrived, { from: { bytes, port }, payload })
    if (isTaken) queuedBytes += payload.length
    else count("receiveDropped")
  }

  const adopt = (socket: Dgram.Socket): void => {
    current = socket
    const lose = (): void => {
      if (current !== socket) return
      current = undefined
      Signal.notify(changed)
    }
    socket.on("message", take).on("close", lose)
    socket.on("error", () => {
      lose()
      Result.try(() => socket.close())
    })
  }

  const close = Effect.sync(() => {
    const socket = current
    current = undefined
    if (socket !== undefined) Result.try(() => socket.close())
  })
  const drained = Signal.until(changed, () => leaving === 0)

  yield* Effect.acquireRelease(Effect.map(bind(host, port), adopt), () =>
    Effect.timeoutOption(Effect.interruptible(drained), drainTimeout).pipe(
      Effect.andThen(close),
      Effect.andThen(Queue.fail(arrived, new SocketFailed({ how: "closed", detail: "the gossip port is closed" })))
    )
  )
  const bound = current?.address().port ?? port
  const isIpv6 = host.includes(":")

  const reopen = Effect.gen(function* () {
    yield* Signal.until(changed, () => current === undefined)
    yield* Effect.logWarning(`UDP port ${bound} was closed by the system, opening it again`)
    yield* Effect.retry(Effect.uninterruptible(Effect.map(bind(host, bound), adopt)), reopening)
    count("udpReopened")
  })
  yield* Background.loop("the opening of the UDP port", reopen)

  const left = (error: Error | null): void => {
    leaving -= 1
    if (error !== null) count("sendFailed")
    Signal.notify(changed)
  }

  const send: Udp["send"] = (to, payload) =>
    Effect.sync(() => {
      const address = destination(to, isIpv6)
      const socket = current
      if (leaving >= queuedMax) return count("sendOverflow")
      if (address === undefined || socket === undefined) return count("sendFailed")
      leaving += 1
      const sent = Result.try(() => socket.send(payload, to.port, address, left))
      if (Result.isFailure(sent)) left(new Error("it takes no such datagram"))
    })

  const receive = Effect.map(Queue.takeAll(arrived), (datagrams) => {
    queuedBytes = 0
    return datagrams
  })

  return { port: bound, receive, send }
})
