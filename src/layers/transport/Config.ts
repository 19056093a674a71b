/** Config of the HTTP/2 transport, and its check. */
import type { Duration, Effect } from "effect"
import * as Limits from "../../protocol/flow/Limits.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import type * as Exposure from "../core/Exposure.ts"
import * as Setting from "../core/Setting.ts"
import type * as Lookout from "./http2/Lookout.ts"
import type * as Tls from "./http2/tls/Tls.ts"

/**
 * Config of `TransportConnect`. A connection carries the flows of one direction between two hosts; its bounds are per
 * connection, per peer or for the whole port, see docs/limits.md. Errors: InvalidConfig for the first field that cannot
 * work.
 */
export interface Config {
  /**
   * IP address to bind, "0.0.0.0" for all of this machine; "127.0.0.1" by default. An address that other machines reach
   * needs `tls` or `insecure`.
   */
  readonly host: string
  /** TCP port of flows, from 0 to 65,535; 0 lets the system choose. 7947 by default. */
  readonly port: number
  /**
   * Port for health probes that speak no TLS, from 1 to 65,535; none by default. It tells the health of this host in
   * plaintext, whatever `tls` says, and serves nothing else.
   */
  readonly healthPort?: number | undefined
  /** How soon a silent peer is lost; given as a whole. */
  readonly keepalive: Lookout.Keepalive
  /** Bytes that this host holds for one peer; given as a whole. */
  readonly share: Lookout.Share
  /**
   * Time for a connection with its TLS handshake, and then for the settings of the other side; beyond it
   * HostUnreachable. Above 0, up to 24 days; 5 seconds by default. Below the `timeout` of a connect, which leaves it
   * time for another owner.
   */
  readonly connectTimeout: Duration.Input
  /**
   * Time that a connection without flows is kept. Above 0, up to 24 days; 5 minutes by default. Longer spares
   * handshakes between hosts that talk now and then; an idle connection takes about 30 KiB.
   */
  readonly idleTimeout: Duration.Input
  /**
   * Time of a new connection until its first stream, then it is closed. Above 0, up to 24 days; 10 seconds by default.
   */
  readonly firstStreamTimeout: Duration.Input
  /**
   * Time that a frame may take once it has begun, while nothing else comes on its connection. Above 0, up to 24 days;
   * 30 seconds by default.
   */
  readonly frameTimeout: Duration.Input
  /**
   * Connections of the port; one more is closed at once. At least 1; 4,096 by default, of which the last eighth is for
   * peers that have few. Each host that opens flows here has one, and a second while a certificate is renewed.
   */
  readonly sessionsMax: number
  /**
   * Connections of one remote address at a time, of those that prove no host; one more is closed at once. At least 1;
   * 64 by default. Raise it for many hosts behind one address; with `tls` they are told apart.
   */
  readonly sessionsPerAddressMax: number
  /** Time that a peer gets no new connection after a flood. From 0 for none to 24 days; 60 seconds by default. */
  readonly banDuration: Duration.Input
  /** Applies the two bounds above to loopback too, which all processes of a machine share; false by default. */
  readonly limitsLoopback: boolean
  /**
   * Streams of one connection at a time, one for each flow; one more is refused. From 1 to 2^31 - 1; 16,384 by default.
   * At least the flows that one host opens to another.
   */
  readonly streamsMax: number
  /**
   * Largest frame on the wire that is read, in bytes. From 131,072, which any peer may send, to 2^30; 131,072 by
   * default. There is no need for more today.
   */
  readonly frameWireBytesMax: number
  /** Encrypts flows, and has both sides prove their names. Undefined for plaintext, in which nothing is proven. */
  readonly tls?: Tls.Config | undefined
  /** Permits flows in plaintext although other machines reach the port. */
  readonly insecure?: true | undefined
}

/** Options of `TransportConnect.layer`, in which an address that other machines reach has `tls` or `insecure: true`. */
export type Options = Partial<Omit<Config, "host" | "tls" | "insecure">> & Exposure.Protected<"tls", Tls.Config>

/** Defaults of `layer`. */
export const defaults: Config = {
  host: "127.0.0.1",
  port: 7947,
  keepalive: { interval: "1 second", timeout: "4400 millis" },
  share: { bytesMax: 64 * 1024 * 1024, timeout: "30 seconds" },
  connectTimeout: "5 seconds",
  idleTimeout: "5 minutes",
  firstStreamTimeout: "10 seconds",
  frameTimeout: "30 seconds",
  sessionsMax: 4096,
  sessionsPerAddressMax: 64,
  banDuration: "60 seconds",
  limitsLoopback: false,
  streamsMax: 16_384,
  frameWireBytesMax: Limits.frameWireBytesMax
}

/** Bounds `frameWireBytesMax`: a stream's window and a frame that is read share one array. */
const frameWireBytesCeiling = 2 ** 30

/** Largest stream count of HTTP/2. */
const streamsCeiling = 2 ** 31 - 1

/** Checks all settings. Errors: InvalidConfig for the first that cannot work. */
export const check = (config: Config): Effect.Effect<void, NetworkError> =>
  Setting.check("listen", {
    flowPort: Setting.port(config.port),
    healthPort: config.healthPort === undefined ? undefined : Setting.count(config.healthPort, 1, 65_535),
    "keepalive.interval": Setting.span(config.keepalive.interval),
    "keepalive.timeout": Setting.span(config.keepalive.timeout),
    "share.bytesMax": Setting.count(config.share.bytesMax, 1),
    "share.timeout": Setting.span(config.share.timeout),
    connectTimeout: Setting.span(config.connectTimeout),
    idleTimeout: Setting.span(config.idleTimeout),
    firstStreamTimeout: Setting.span(config.firstStreamTimeout),
    frameTimeout: Setting.span(config.frameTimeout),
    sessionsMax: Setting.count(config.sessionsMax, 1),
    sessionsPerAddressMax: Setting.count(config.sessionsPerAddressMax, 1),
    banDuration: Setting.time(config.banDuration),
    streamsMax: Setting.count(config.streamsMax, 1, streamsCeiling),
    frameWireBytesMax: Setting.count(config.frameWireBytesMax, Limits.frameWireBytesMax, frameWireBytesCeiling)
  })
