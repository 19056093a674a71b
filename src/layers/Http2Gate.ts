/**
 * The port under the flow server: takes connections as long as `Gate` does, closes all others at once, and says so in the
 * log, of each reason once in a while.
 */
import * as net from "node:net"
import { Clock, Duration, Effect, type Scope } from "effect"
import * as Gate from "../protocol/flow/Gate.ts"
import { plain } from "../protocol/Secret.ts"
import * as Told from "../protocol/Told.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import * as Background from "./Background.ts"
import * as FlowDeadline from "./FlowDeadline.ts"

export interface Options {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** The setting that says so. */
  readonly portSetting: "flowPort" | "healthPort"
  /** Connections at a time; one more is closed at once. */
  readonly sessionsMax: number
  /** Connections of one remote address at a time; one more is closed at once. */
  readonly sessionsPerAddressMax: number
  /** How long an address gets no new connection once a session of it was a flood; those that it has stay. */
  readonly banDuration: Duration.Input
  /** Whether the two bounds of an address hold for loopback too, which all processes of a machine share. */
  readonly limitsLoopback: boolean
}

export interface Http2Gate {
  /** Listens until the scope ends, which closes every connection; the port. `onSocket` gets each one that is taken. */
  readonly listen: (onSocket: (socket: net.Socket) => void) => Effect.Effect<number, NetworkError, Scope.Scope>
  /** A session of this address was a flood: it gets no new connection for a while. */
  readonly ban: (address: string, why: string) => void
  /** A session of this address was closed, and that is all. */
  readonly complain: (address: string, why: string) => void
}

/** How long a reason that was logged goes without saying. */
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

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Http2Gate, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const run = yield* Background.makeRun("the log of the flow port")
  const ban = Duration.fromInputUnsafe(options.banDuration)
  const gate = Gate.make({ ...options, banMillis: Duration.toMillis(ban) })
  const sockets = new Set<net.Socket>()
  const told = Told.make(pauseMillis)

  const warn = (address: string, warning: string): void => {
    run(Effect.annotateLogs(Effect.logWarning(warning), { peer: address }))
  }

  const warnOnce = (reason: string, address: string, warning: string): void => {
    if (Told.isDue(told, reason, FlowDeadline.nowOf(clock))) warn(address, warning)
  }

  const sayWhy = (refusal: Gate.Refusal, address: string): void => {
    switch (refusal) {
      case "banned":
        return
      case "crowded":
        return warnOnce(
          refusal,
          address,
          `${address} has ${options.sessionsPerAddressMax} connections, and gets no more`
        )
      case "full":
        return warnOnce(refusal, address, `the flow port has ${options.sessionsMax} connections, and takes no more`)
    }
  }

  const enter = (socket: net.Socket, onSocket: (socket: net.Socket) => void): void => {
    // One that was reset before it was looked at has no address any more.
    const address = Gate.addressOf(socket.remoteAddress ?? "")
    const refusal = Gate.enter(gate, address, FlowDeadline.nowOf(clock))
    if (refusal !== undefined) {
      socket.on("error", () => undefined).destroy()
      return sayWhy(refusal, address)
    }
    sockets.add(socket)
    socket.once("close", () => {
      sockets.delete(socket)
      Gate.leave(gate, address)
    })
    onSocket(socket)
  }

  const listen: Http2Gate["listen"] = Effect.fnUntraced(function* (onSocket) {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => net.createServer((socket) => enter(socket, onSocket))),
      (made) =>
        Effect.callback<void>((resume) => {
          made.close(() => resume(Effect.void))
          // A session that was destroyed while it had writes pending keeps its connection; the server would wait for it.
          for (const socket of sockets) socket.destroy()
        })
    )
    const port = yield* bind(server, options)
    // From here on an error of the server is one of a single connection, which is closed already.
    server.removeAllListeners("error").on("error", () => undefined)
    return port
  })

  const complain = (address: string, why: string): void =>
    warnOnce(why, address, `a connection of ${address} was closed: ${why}`)

  return {
    listen,
    complain,
    ban: (text, why) => {
      const address = Gate.addressOf(text)
      if (!Gate.ban(gate, address, FlowDeadline.nowOf(clock))) return complain(address, why)
      warn(address, `${address} gets no new connection for ${Duration.format(ban)}: ${why}`)
    }
  }
})
