/** Options of a whole host, as `Grinta.layer` takes them. */
import type { Duration } from "effect"
import type { Limits } from "../../protocol/names/DirectoryLimits.ts"
import type { Secret } from "../core/Sealed.ts"
import type * as SelfLive from "../core/SelfLive.ts"
import type * as Serving from "../flow/Serving.ts"
import type * as Tls from "../transport/http2/tls/Tls.ts"
import type * as TransportConnect from "../transport/TransportConnect.ts"

/** Membership timings: `lan` for one network, `wan` for several, `local` for one machine, which sees deaths soonest. */
export type Profile = "lan" | "wan" | "local"

/**
 * Options of `layer`. An option left out is read from its variable, then has its default. Errors: InvalidConfig for the
 * first that cannot work, before any socket is opened.
 */
export interface Options {
  /**
   * Name of the host, unique in the fabric: 1 to 128 letters, digits, "-" and single dots between them. `GRINTA_NAME`;
   * by default the machine's name and a random suffix. A new name is a new host; a certificate binds one, so give it
   * with `tls`.
   */
  readonly name?: string
  /**
   * Path of a file that keeps the suffix of a host without `name` across restarts; created if missing.
   * `GRINTA_STATE_FILE`; none by default.
   */
  readonly stateFile?: string
  /** Name of the fabric, at most 255 bytes. `GRINTA_FABRIC`; "" by default. Hosts of another fabric are not heard. */
  readonly fabric?: string
  /**
   * Members to join, each `host` or `host:port`, port 7946 by default, or a DNS service such as
   * `_gossip._udp.example.com`. `GRINTA_SEEDS`, separated by commas; none by default. They need not be up yet, and a
   * few are enough: they tell of the others.
   */
  readonly seeds?: ReadonlyArray<string>
  /** Address and ports to listen on. */
  readonly listen?: {
    /**
     * IP address to bind, 0.0.0.0 for all of this machine. `GRINTA_HOST`; 127.0.0.1 by default. An address that other
     * machines reach requires `keys` and `tls`, or `insecure`.
     */
    readonly host?: string
    /** Port of gossip, UDP and TCP, 0 to let the system choose. `GRINTA_GOSSIP_PORT`; 7946 by default. */
    readonly gossipPort?: number
    /** Port of flows, TCP, 0 to let the system choose. `GRINTA_FLOW_PORT`; 7947 by default. */
    readonly flowPort?: number
  }
  /**
   * Plaintext port for health alone, from 1 to 65,535, for probes without TLS. `GRINTA_HEALTH_PORT`; none by default,
   * since the flow port serves health anyway.
   */
  readonly healthPort?: number
  /**
   * IP address at which others reach this host, on the ports of `listen`. `GRINTA_ADVERTISE`; by default the bound
   * address, or for 0.0.0.0 one that the machine has, also when that changes. Requires a gossip port other than 0.
   */
  readonly advertise?: string
  /** Place of this host, the widest part first, such as "eu/fra/rack-7". `GRINTA_LOCALITY`; "" by default. */
  readonly locality?: string
  /** Tags at the start; none by default. Tags and locality have to fit 512 bytes. `Gossip.setTags` replaces them. */
  readonly tags?: Readonly<Record<string, string>>
  /**
   * Timings of membership, the same on all hosts. `GRINTA_PROFILE`; "lan" by default. "wan" also lengthens `keepalive`.
   */
  readonly profile?: Profile
  /**
   * Application version of another program's cluster to be a member of, from 0 to 255, 5 for Serf.
   * `GRINTA_DELEGATE_VERSION`; 0 by default. Members of different versions do not see each other.
   */
  readonly delegateVersion?: number
  /**
   * Keys of gossip, in base64, the primary first: 16, 24 or 32 bytes each, at most 8. `GRINTA_KEYS`, separated by
   * commas; none by default, and gossip is plaintext. `Gossip.keyring` changes them.
   */
  readonly keys?: ReadonlyArray<Secret>
  /**
   * Path of a file of such keys, one a line, in place of `keys`. `GRINTA_KEYS_FILE`. Its lines `verifyIncoming=false`
   * and `verifyOutgoing=false` accept and send plaintext during a migration. Changes of the file take effect within
   * `filesInterval`.
   */
  readonly keysFile?: string
  /**
   * Interval at which the files of keys, certificates and revocations are read again; above 0, at most 24 days.
   * `GRINTA_FILES_INTERVAL`; one minute by default.
   */
  readonly filesInterval?: Duration.Input
  /**
   * Certificate, key and authorities, in PEM: they encrypt flows and prove hosts' names to each other. The certificate
   * names the host by the URI `grinta://<fabric>/<name>`. Without `tls` flows are plaintext. All hosts of a fabric have
   * it, or none, except hosts that still accept plaintext (`verifyIncoming`). `GRINTA_TLS_CERTIFICATE`,
   * `GRINTA_TLS_KEY` and `GRINTA_TLS_AUTHORITIES`, paths or PEM: files are read again, and renewals used.
   */
  readonly tls?: Tls.Options
  /** Bounds of the flows opened and served here that differ from the defaults. */
  readonly flows?: Partial<Serving.Config>
  /**
   * Bounds of the names that differ from the defaults. `ownBytesMax` bounds the names exposed here
   * (`GRINTA_NAMES_BYTES`, 512 KiB by default); `recordsBytesMax` bounds the names of all other hosts kept here
   * (`GRINTA_FABRIC_NAMES_BYTES`, 12 MiB by default).
   */
  readonly names?: Partial<Limits>
  /**
   * Keepalive of sessions: by default a PING leaves after 1 second without a sign of life, and the peer counts as lost
   * 4.4 seconds later. With the profile `wan`, 2 and 10 seconds. Given as a whole.
   */
  readonly keepalive?: TransportConnect.Config["keepalive"]
  /** Applies the bounds per address to loopback too, which all processes of a machine share. Off by default. */
  readonly limitsLoopback?: true
  /**
   * Permits traffic that is not encrypted or authenticated. Required to listen beyond loopback without `keys` and
   * `tls`, or while plaintext is accepted beside them. `GRINTA_INSECURE`; off by default.
   */
  readonly insecure?: true
  /**
   * Runs on unsupported runtimes too: a Node without the fixes of July 2026, Bun, Deno. `GRINTA_ANY_RUNTIME`; off by
   * default.
   */
  readonly anyRuntime?: true
}

/** Options of `layerMemory`. No variable is read. */
export interface MemoryOptions extends SelfLive.Options {
  /** Name of the fabric; "" by default. */
  readonly fabric?: string
  /** Names of other hosts of the network to join; none by default. */
  readonly seeds?: ReadonlyArray<string>
  /** Timings of membership and of sessions; "lan" by default, as on a real network. */
  readonly profile?: Profile
  /** Keepalive of sessions, as in `Options`; that of the profile by default. */
  readonly keepalive?: TransportConnect.Config["keepalive"]
  /** Time that the start waits for the word of the seeds on whether the name is free; by default it does not wait. */
  readonly nameTimeout?: Duration.Input
  /** Keys of gossip, as in `Options`; none by default. */
  readonly keys?: ReadonlyArray<Secret>
  /** Bounds of flows that differ from the defaults. */
  readonly flows?: Partial<Serving.Config>
  /** Bounds of names that differ from the defaults. */
  readonly names?: Partial<Limits>
}
