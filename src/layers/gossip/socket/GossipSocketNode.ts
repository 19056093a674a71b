/**
 * GossipSocketNode: a gossip port on Node, UDP and TCP on the same port number.
 *
 * With port 0, TCP picks a port and UDP takes the same number; if UDP finds it taken, both try again with another one.
 *
 * @module
 */
import * as Dns from "node:dns"
import * as Os from "node:os"
import { Effect, Exit, Layer, Scope } from "effect"
import { type Address, equalBytes, isUnspecified, parseHost } from "../../../protocol/Address.ts"
import { plain } from "../../../protocol/Secret.ts"
import { GossipSocket, SocketFailed } from "../../../services/GossipSocket.ts"
import { InvalidConfig, NetworkError } from "../../../services/NetworkError.ts"
import * as Exposure from "../../core/Exposure.ts"
import { type Secret, seal } from "../../core/Sealed.ts"
import * as Counters from "../Counters.ts"
import * as GossipKeys from "../Keys.ts"
import * as Tcp from "./Tcp.ts"
import * as Udp from "./Udp.ts"

/** Settings of a gossip port. Errors: InvalidConfig for a setting that cannot work, or a port in use. */
export interface Settings {
  /** Address to bind, such as "127.0.0.1", or "0.0.0.0" for all addresses of this machine. */
  readonly host: string
  /**
   * Keys in base64, the primary first, each of 16, 24 or 32 bytes, at most 8; none by default. `GossipSwim` encrypts
   * gossip over the port with them, unless it has others.
   */
  readonly keys?: ReadonlyArray<Secret> | undefined
  /** Permits plaintext gossip on a port that other machines reach. Required there without `keys`. */
  readonly insecure?: true | undefined
  /** Port to bind, UDP and TCP, from 0 to 65,535; 0 lets the system choose. 7946 is memberlist's default. */
  readonly port: number
  /**
   * Incoming streams that may be open at a time; one more is closed at once. 512 by default, more than the 127 that
   * `GossipSwim` serves and the 256 that wait, so that it refuses by address.
   */
  readonly streamsMax?: number
  /** DNS servers to ask for SRV records, each `address` or `address:port`; by default those of the system. */
  readonly dnsServers?: ReadonlyArray<string>
}

/** Settings in which an address that other machines reach has `keys` or `insecure: true`. */
export type Options = Settings &
  (
    | {
        /** Only programs of this machine reach the port. */
        readonly host: Exposure.Loopback
      }
    | {
        /** Gossip is encrypted. */
        readonly keys: readonly [Secret, ...ReadonlyArray<Secret>]
      }
    | {
        /** Gossip is plaintext, and whoever reaches the port may join. */
        readonly insecure: true
      }
  )

/** More than `StreamSeats` serves and lets wait together, so that it refuses streams by their address. */
const streamsMaxDefault = 512

/** Most attempts to find a port that is free on TCP and on UDP. */
const attemptsMax = 10

const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

interface Refusal {
  readonly protocol: "TCP" | "UDP"
  readonly isTaken: boolean
  readonly code: string
}

const toError = ({ host: given, port }: Settings, { code, isTaken, protocol }: Refusal): NetworkError => {
  const host = plain(given)
  if (isTaken)
    return invalid(
      "gossipPort",
      `${protocol} port ${port} on ${host} is in use by another program: stop that one, or choose another port (0 lets the system choose)`
    )
  if (code === "EACCES" || code === "EPERM")
    return invalid("gossipPort", `this process may not bind ${protocol} port ${port} on ${host}: choose one above 1023`)
  if (["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN"].includes(code))
    return invalid("host", `${host} is no address of this machine`)
  return invalid("gossipPort", `${protocol} port ${port} on ${host} cannot be bound: ${code}`)
}

/** Binds both sides once, for the life of the scope. */
const bindOnce = Effect.fnUntraced(function* (options: Settings, count: (reason: string) => void) {
  const { host, port, streamsMax = streamsMaxDefault } = options
  const tcp = yield* Effect.mapError(
    Tcp.listen(host, port, streamsMax, count),
    ({ code }): Refusal => ({ protocol: "TCP", isTaken: code === "EADDRINUSE", code })
  )
  const udp = yield* Effect.mapError(
    Udp.open(tcp.host, tcp.port, count),
    ({ code }): Refusal => ({ protocol: "UDP", isTaken: code === "EADDRINUSE", code })
  )
  return { tcp, udp }
})

const bind = Effect.fnUntraced(function* (options: Settings, count: (reason: string) => void) {
  const owner = yield* Effect.scope
  const attempt = Effect.gen(function* () {
    const scope = yield* Scope.fork(owner)
    return yield* bindOnce(options, count).pipe(
      Scope.provide(scope),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
  })
  return yield* attempt.pipe(
    Effect.retry({
      times: attemptsMax - 1,
      while: ({ isTaken, protocol }) => options.port === 0 && isTaken && protocol === "UDP"
    }),
    Effect.mapError((refusal) => toError(options, refusal))
  )
})

const isPrivate = ([a = 0, b = 0]: Uint8Array): boolean =>
  a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128)

/**
 * Returns the address for others. For a port bound to all addresses: the former address while this machine has it, else
 * the first private IPv4 address of the machine, else any. A machine without one keeps the former, or loopback.
 */
const advertised = (bound: Address, before: Address | undefined): Address => {
  if (!isUnspecified(bound.bytes)) return bound
  const candidates = Object.values(Os.networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .flatMap(({ address }) => parseHost(address) ?? [])
    .filter(({ length }) => length <= bound.bytes.length)
  if (before !== undefined && candidates.some((bytes) => equalBytes(bytes, before.bytes))) return before
  const ipv4 = candidates.filter(({ length }) => length === 4)
  const bytes = ipv4.find(isPrivate) ?? ipv4[0] ?? candidates[0]
  if (bytes === undefined && before !== undefined) return before
  return { bytes: bytes ?? Uint8Array.of(127, 0, 0, 1), port: bound.port }
}

const lookup = (host: string): Effect.Effect<ReadonlyArray<Uint8Array>, SocketFailed> =>
  Effect.callback((resume) => {
    Dns.lookup(host, { all: true }, (error, found) => {
      const addresses = error ? [] : found.flatMap(({ address }) => parseHost(address) ?? [])
      resume(
        addresses.length > 0
          ? Effect.succeed(addresses)
          : Effect.fail(
              new SocketFailed({ how: "unknown", detail: `it has no address: ${error?.code ?? "none is known"}` })
            )
      )
    })
  })

/** Makes a DNS resolver. Throws when a server is no address. */
const resolverOf = (servers: ReadonlyArray<string> | undefined): Dns.Resolver => {
  const resolver = new Dns.Resolver()
  if (servers !== undefined) resolver.setServers(servers)
  return resolver
}

const lookupService =
  (servers: ReadonlyArray<string> | undefined) =>
  (name: string): Effect.Effect<ReadonlyArray<Dns.SrvRecord & { readonly host: string }>, SocketFailed> =>
    Effect.callback((resume) => {
      const resolver = resolverOf(servers)
      resolver.resolveSrv(name, (error, records) => {
        const found = error ? [] : records.map((record) => ({ ...record, host: record.name }))
        resume(
          found.length > 0
            ? Effect.succeed(found.sort((a, b) => a.priority - b.priority || b.weight - a.weight))
            : Effect.fail(
                new SocketFailed({ how: "unknown", detail: `it has no SRV record: ${error?.code ?? "none is known"}` })
              )
        )
      })
      return Effect.sync(() => resolver.cancel())
    })

const make = Effect.fnUntraced(function* (options: Settings) {
  const { dnsServers, host, insecure = false, keys = [] } = options
  yield* Exposure.check(host, keys.length === 0 ? ["keys"] : [], insecure)
  yield* GossipKeys.make({ keys })
  yield* Effect.try({
    try: () => resolverOf(dnsServers),
    catch: () => invalid("dnsServers", "one of them is no address")
  })
  const { count, read } = yield* Counters.make("socket.")
  const { tcp, udp } = yield* bind(options, count)
  const bytes = parseHost(tcp.host)
  if (bytes === undefined)
    return yield* invalid("host", `${plain(host)} is bound to ${tcp.host}, which is no IP address`)
  const address: Address = { bytes, port: tcp.port }
  let reachedAt = advertised(address, undefined)
  return GossipSocket.of({
    address,
    keys: keys.map(seal),
    reach: Exposure.isLocal(host) ? "machine" : "network",
    advertised: Effect.sync(() => {
      reachedAt = advertised(address, reachedAt)
      return reachedAt
    }),
    receive: udp.receive,
    send: udp.send,
    dial: tcp.dial,
    serve: tcp.serve,
    lookup,
    lookupService: lookupService(dnsServers),
    counters: read
  })
})

/**
 * Provides a gossip port of this machine. Errors: InvalidConfig, which tells the fault of host, port, keys or DNS
 * servers.
 */
export const layer = (options: Options): Layer.Layer<GossipSocket, NetworkError> =>
  Layer.effect(GossipSocket, make(options))
