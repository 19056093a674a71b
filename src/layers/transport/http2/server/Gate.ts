/**
 * Gate: a listening port, for flows or for health. Takes connections as `protocol/flow/Gate` decides, closes all others at once,
 * and logs each reason once in a while.
 */
import * as net from "node:net"
import { Clock, Duration, Effect, type Scope } from "effect"
import * as Foreign from "../../../../protocol/Foreign.ts"
import * as Gate from "../../../../protocol/flow/Gate.ts"
import { plain } from "../../../../protocol/Secret.ts"
import * as Told from "../../../../protocol/Told.ts"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import * as Background from "../../../core/Background.ts"
import * as Monotonic from "../../../core/Monotonic.ts"
import * as Refusals from "../../../core/Refusals.ts"

export interface Options {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Setting that has the port, for errors. */
  readonly portSetting: "flowPort" | "healthPort"
  /** Connections at a time; one more is closed at once. */
  readonly sessionsMax: number
  /** Connections of one remote address at a time; one more is closed at once. */
  readonly sessionsPerAddressMax: number
  /** Time that an address gets no new connection after a flood on one of its sessions; its other connections stay. */
  readonly banDuration: Duration.Input
  /** Whether the two bounds of an address hold for loopback too, which all processes of a machine share. */
  readonly limitsLoopback: boolean
}

/** Why a connection was closed: a word for a counter, and a sentence for people. */
export interface Why {
  readonly reason: string
  readonly why: string
}

/** A connection that was taken. */
export interface Taken {
  /** Returns the peer that the connection counts for, as `Gate.Seat` says. */
  readonly peer: () => string
  /** Records the hosts that the connection has proven, perhaps none. Returns why it is to be closed, if so. */
  readonly prove: (hosts: ReadonlyArray<string>) => string | undefined
  /** Notes that the connection takes no more flows. May be called twice. */
  readonly retire: () => void
  /** Notes a flood: the peer gets no new connection for a while. */
  readonly ban: (why: Why) => void
  /** Counts and logs why the connection was closed. */
  readonly complain: (why: Why) => void
  /** Counts why the connection was closed, without a log. */
  readonly count: (reason: string) => void
}

export interface Http2Gate {
  /** Listens until the scope ends, which closes all connections. `onSocket` gets each taken one. Returns the port. */
  readonly listen: (onSocket: (socket: net.Socket) => void) => Effect.Effect<number, NetworkError, Scope.Scope>
  /** Returns a taken connection by its socket, or by one that has wrapped it: both have the same ends. */
  readonly takenOf: (socket: Pick<net.Socket, "remoteAddress" | "remotePort">) => Taken | undefined
  /** Whether the bounds of peers hold for this peer. */
  readonly isBound: (peer: string) => boolean
}

/** Reasons for a peer that has proven its name, and is not let in. */
const refusals: Readonly<Record<Gate.Refusal, string>> = {
  banned: "it takes no connection of this peer for a while",
  crowded: "it has as many connections of this peer as it takes",
  full: "it has as many connections as it takes"
}

/** Reason of a connection that ended before its peer has sent a byte. */
const unused = "unused"

/** Reason to close a connection that takes no more flows. */
const surplus: Why = { reason: "crowded", why: "too many others that take no more flows were there" }

/** Time in which the log does not repeat a reason, in milliseconds. */
const pauseMillis = 60_000

const bind = (server: net.Server, { host, port, portSetting: setting }: Options) =>
  Effect.callback<number, NetworkError>((resume) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === "EADDRINUSE"
      const what = taken ? "is in use; choose another port, or 0 for a free one" : `cannot be bound: ${cause.code}`
      const detail = `${plain(host)}:${port} ${what}`
      const reason = new InvalidConfig({ setting, detail })
      resume(Effect.fail(new NetworkError({ operation: "listen", reason })))
    })
    server.listen(port, host, () => {
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : port))
    })
  })

const endOf = ({ remoteAddress, remotePort }: Pick<net.Socket, "remoteAddress" | "remotePort">): string =>
  `${remoteAddress} ${remotePort}`

/** Makes the gate. `isProving`: a connection has to prove its host before it counts as one. */
export const make = Effect.fnUntraced(function* (
  options: Options,
  isProving: boolean
): Effect.fn.Return<Http2Gate, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const run = yield* Background.makeRun("the log of the flow port")
  const ban = Duration.fromInputUnsafe(options.banDuration)
  const gate = Gate.make({ ...options, banMillis: Duration.toMillis(ban) })
  const sockets = new Map<Gate.Seat, net.Socket>()
  const taken = new Map<string, Taken>()
  /** Connections of which it is counted why they were closed. */
  const counted = new WeakSet<Gate.Seat>()
  const told = Told.make(pauseMillis)
  /** Bans are logged apart, so that many of them leave room for all else. */
  const bans = Told.make(pauseMillis)
  const portName = options.portSetting === "healthPort" ? "the health port" : "the flow port"
  const now = (): number => Monotonic.nowOf(clock)

  const warn = (peer: string, warning: string): void => {
    run(Effect.annotateLogs(Effect.logWarning(warning), { peer }))
  }

  const warnOnce = (reason: string, peer: string, warning: string): void => {
    if (Told.isDue(told, reason, now())) warn(peer, warning)
  }

  const sayWhy = (refusal: Gate.Refusal, peer: string): void => {
    run(Refusals.connectionRefused(refusal))
    const most = Gate.isProven(peer) ? Gate.sessionsPerPeerMax : options.sessionsPerAddressMax
    switch (refusal) {
      case "banned":
        return
      case "crowded":
        return warnOnce(refusal, peer, `${peer} has ${most} connections, and gets no more`)
      case "full":
        return warnOnce(refusal, peer, `${portName} has ${options.sessionsMax} connections, and takes no more`)
    }
  }

  const count = (seat: Gate.Seat, reason: string): void => {
    counted.add(seat)
    run(Refusals.connectionClosed(reason))
  }

  const takenBy = (seat: Gate.Seat): Taken => {
    /** Names the peer for people: strangers by their address. */
    const nameOf = (): string => (Gate.isProven(seat.peer) ? Foreign.text(seat.peer) : seat.address)
    const tell = ({ reason, why }: Why): void => {
      count(seat, reason)
      warnOnce(why, nameOf(), `a connection of ${nameOf()} was closed: ${why}`)
    }
    return {
      peer: () => seat.peer,
      prove: (hosts) => {
        const refusal = Gate.prove(gate, seat, hosts, now())
        if (refusal === undefined) return undefined
        sayWhy(refusal, hosts.length > 0 ? Foreign.text(Gate.peerOf(hosts)) : seat.address)
        return refusals[refusal]
      },
      retire: () => {
        const first = Gate.retire(gate, seat)
        if (first === undefined) return
        takenBy(first).complain(surplus)
        sockets.get(first)?.destroy()
      },
      complain: tell,
      count: (reason) => count(seat, reason),
      ban: (closed) => {
        if (!Gate.ban(gate, seat.peer, now())) return tell(closed)
        count(seat, closed.reason)
        // Each session of the peer may flood on.
        if (Told.isDue(bans, seat.peer, now()))
          warn(nameOf(), `${nameOf()} gets no new connection for ${Duration.format(ban)}: ${closed.why}`)
      }
    }
  }

  const enter = (socket: net.Socket, onSocket: (socket: net.Socket) => void): void => {
    // A connection that was reset before this has no address any more.
    const address = Gate.addressOf(socket.remoteAddress ?? "")
    const seat = Gate.arrive(gate, address, now(), isProving)
    if (typeof seat === "string") {
      socket.on("error", () => undefined).destroy()
      return sayWhy(seat, address)
    }
    const end = endOf(socket)
    sockets.set(seat, socket)
    const one = takenBy(seat)
    taken.set(end, one)
    socket.once("close", () => {
      sockets.delete(seat)
      // Another may have come from the same port meanwhile.
      if (taken.get(end) === one) taken.delete(end)
      Gate.leave(gate, seat)
      if (socket.bytesRead === 0 && !counted.has(seat)) count(seat, unused)
    })
    const overdue = Gate.overdue(gate)
    if (overdue !== undefined) {
      run(Refusals.connectionRefused("overdue"))
      counted.add(overdue)
      sockets.get(overdue)?.destroy()
      Gate.leave(gate, overdue)
    }
    onSocket(socket)
  }

  const listen: Http2Gate["listen"] = Effect.fnUntraced(function* (onSocket) {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => net.createServer((socket) => enter(socket, onSocket))),
      (made) =>
        Effect.callback<void>((resume) => {
          made.close(() => resume(Effect.void))
          // A session that was destroyed with writes pending keeps its connection; the server would wait for it.
          for (const socket of sockets.values()) socket.destroy()
        })
    )
    const port = yield* bind(server, options)
    // From here on an error of the server is one of a single connection, which is closed already.
    server.removeAllListeners("error").on("error", () => undefined)
    return port
  })

  return { listen, takenOf: (socket) => taken.get(endOf(socket)), isBound: (peer) => Gate.isBound(gate, peer) }
})
