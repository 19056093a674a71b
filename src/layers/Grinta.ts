/**
 * Grinta: a whole host in one layer, the default stack on Node, or the same stack on a `MemoryNetwork` for tests.
 *
 * Options that are left out are read from `Config`, hence from the environment, by the names in `GrintaVariables`.
 * Lists are separated by commas; the variables of TLS hold paths of files, or PEM.
 *
 * Errors: NetworkError with InvalidConfig, which names the setting or the variable, with NameInvalid, or with NameTaken
 * when a process known to the seeds has this host's name.
 */
import { type Duration, Effect, Layer, References } from "effect"
import { parseHost } from "../protocol/Address.ts"
import type * as Directory from "../protocol/names/Directory.ts"
import * as DirectoryLimits from "../protocol/names/DirectoryLimits.ts"
import { shown } from "../protocol/Secret.ts"
import * as Seed from "../protocol/Seed.ts"
import * as SwimConfig from "../protocol/swim/Config.ts"
import type { Fabric } from "../services/Fabric.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { GossipSocket } from "../services/GossipSocket.ts"
import type { Self } from "../services/Host.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import { Transport } from "../services/Transport.ts"
import * as Exposure from "./core/Exposure.ts"
import type { Secret } from "./core/Sealed.ts"
import * as SelfLive from "./core/SelfLive.ts"
import * as Setting from "./core/Setting.ts"
import * as FabricMesh from "./fabric/FabricMesh.ts"
import * as Serving from "./flow/Serving.ts"
import * as Settings from "./flow/Settings.ts"
import { ask, askPort, askPublic, askTls, flag, invalid, listOf, oneOf, text, time, whole } from "./GrintaAsk.ts"
import * as Encryption from "./GrintaEncryption.ts"
import * as Variables from "./GrintaVariables.ts"
import * as GossipSwim from "./gossip/GossipSwim.ts"
import * as GossipSocketMemory from "./gossip/socket/GossipSocketMemory.ts"
import * as GossipSocketNode from "./gossip/socket/GossipSocketNode.ts"
import * as HostName from "./HostName.ts"
import type { MemoryNetwork } from "./memory/MemoryNetwork.ts"
import * as Runtime from "./Runtime.ts"
import * as Driver from "./registry/Driver.ts"
import * as RegistryGossip from "./registry/RegistryGossip.ts"
import type * as Tls from "./transport/http2/tls/Tls.ts"
import * as TransportConnect from "./transport/TransportConnect.ts"
import * as TransportMemory from "./transport/TransportMemory.ts"

export { isSupportedNode } from "./Runtime.ts"

/** Membership timings: `lan` for one network, `wan` for several, `local` for one machine, which sees deaths soonest. */
export type Profile = "lan" | "wan" | "local"

export interface Options {
  /** Name of the host, unique in the fabric; by default the machine's name and a suffix. A new name is a new host. */
  readonly name?: string
  /** Path of a file that keeps the suffix of an unnamed host across restarts; created if missing. */
  readonly stateFile?: string
  /** Name of the fabric, empty by default. Hosts of another fabric are not heard. */
  readonly fabric?: string
  /** Members to join, each `host` or `host:port`. They need not be up yet. */
  readonly seeds?: ReadonlyArray<string>
  /** Address and ports to listen on, by default 127.0.0.1, 7946 and 7947. Port 0 lets the system choose. */
  readonly listen?: { readonly host?: string; readonly gossipPort?: number; readonly flowPort?: number }
  /** Plaintext port for health alone, for probes without TLS. The flow port serves health anyway. */
  readonly healthPort?: number
  /** IP address at which others reach this host, if it is not the address it listens on. */
  readonly advertise?: string
  /** Place of this host, the widest part first, such as "eu/fra/rack-7". */
  readonly locality?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly profile?: Profile
  /** Application version of another program's cluster to be a member of, 5 for Serf; 0 by default. */
  readonly delegateVersion?: number
  /** Keys of gossip, in base64, the primary first: 16, 24 or 32 bytes each. Without keys gossip is plaintext. */
  readonly keys?: ReadonlyArray<Secret>
  /**
   * Path of a file of such keys, one a line, in place of `keys`. Its lines `verifyIncoming=false` and
   * `verifyOutgoing=false` accept and send plaintext during a migration. Changes of the file take effect.
   */
  readonly keysFile?: string
  /** Interval at which the files of keys and certificates are read again: one minute by default. */
  readonly filesInterval?: Duration.Input
  /**
   * Certificate, key and authorities, in PEM: they encrypt flows and prove hosts' names to each other. The certificate
   * names the host by the URI `grinta://<fabric>/<name>`. Without `tls` flows are plaintext. All hosts of a fabric have
   * it, or none, except hosts that still accept plaintext (`verifyIncoming`). Files are read again, and renewals used.
   */
  readonly tls?: Tls.Options
  /** Bounds of the flows served here. */
  readonly flows?: Partial<Serving.Config>
  /**
   * Bounds of the names. `ownBytesMax` bounds the names exposed here, 512 KiB by default; `recordsBytesMax` bounds the
   * names of all other hosts kept here, 12 MiB by default.
   */
  readonly names?: Partial<Directory.Limits>
  /**
   * Keepalive of sessions: by default a PING leaves after 1 second without a sign of life, and the peer counts as lost
   * 4.4 seconds later. With the profile `wan`, 2 and 10 seconds.
   */
  readonly keepalive?: TransportConnect.Config["keepalive"]
  /** Applies the bounds per address to loopback too, whose processes have none otherwise. */
  readonly limitsLoopback?: true
  /**
   * Permits traffic that is not encrypted or authenticated. Required to listen beyond loopback without `keys` and
   * `tls`, or while plaintext is accepted beside them.
   */
  readonly insecure?: true
  /** Runs on unsupported runtimes too: a Node without the fixes of July 2026, Bun, Deno. */
  readonly anyRuntime?: true
}

/** Services of a host. */
export type Host = Fabric | Registry | Gossip | Transport | Self

/** Time for which the membership plane holds a dead host's name against a restart at another address. */
const deadReclaimMillis = 1_000

const timings = { lan: SwimConfig.swift, wan: SwimConfig.wan, local: SwimConfig.local }

const settingsOf = (profile: Profile): SwimConfig.Settings => ({ ...timings[profile], deadReclaimMillis })

/** Returns the keepalive of a profile. A path over several networks has longer pauses than one network. */
const keepaliveOf = (profile: Profile): TransportConnect.Config["keepalive"] =>
  profile === "wan" ? { interval: "2 seconds", timeout: "10 seconds" } : TransportConnect.defaults.keepalive

const resolve = Effect.fnUntraced(function* (options: Options) {
  const doubt = Runtime.doubt(process.versions)
  if (doubt !== undefined && !(yield* ask<boolean, boolean>(options.anyRuntime, "GRINTA_ANY_RUNTIME", flag, false)))
    return yield* invalid("runtime", `${doubt}. anyRuntime: true (GRINTA_ANY_RUNTIME) runs one here all the same`)
  const listen = options.listen ?? {}
  const host = yield* ask(listen.host, "GRINTA_HOST", text, "127.0.0.1")
  const insecure = yield* ask<boolean, boolean>(options.insecure, "GRINTA_INSECURE", flag, false)
  if (host !== "localhost" && parseHost(host) === undefined)
    return yield* invalid("host", `${shown(host)} is no IP address`)
  const every = yield* ask<Duration.Input, Duration.Input>(
    options.filesInterval,
    "GRINTA_FILES_INTERVAL",
    time,
    "1 minute"
  )
  yield* Setting.check("listen", { filesInterval: Setting.span(every) })
  const encryption = yield* Encryption.askKeys(options, every)
  const tls = yield* askTls(options.tls, every)
  const hasKeys = encryption.keys.length > 0
  const missing = [...(hasKeys ? [] : (["keys"] as const)), ...(tls === undefined ? (["tls"] as const) : [])]
  yield* Exposure.check(host, missing, insecure)
  yield* Encryption.checkOpenness(host, encryption, tls, insecure)
  const advertise = yield* ask(options.advertise, "GRINTA_ADVERTISE", text, "")
  const advertised = advertise === "" ? undefined : parseHost(advertise)
  if (advertise !== "" && advertised === undefined)
    return yield* invalid("advertise", `${shown(advertise)} is no IP address`)
  const gossipPort = yield* askPort("gossipPort", listen.gossipPort, "GRINTA_GOSSIP_PORT", Seed.portDefault)
  if (advertised !== undefined && gossipPort === 0)
    return yield* invalid("gossipPort", "with advertise the port must be said, since others dial it")
  const { ownBytesMax, recordsBytesMax } = DirectoryLimits.defaults
  const names = {
    ownBytesMax: yield* ask(undefined, "GRINTA_NAMES_BYTES", whole, ownBytesMax),
    recordsBytesMax: yield* ask(undefined, "GRINTA_FABRIC_NAMES_BYTES", whole, recordsBytesMax),
    ...options.names
  }
  yield* Driver.checkLimits(names)
  yield* Settings.check({ ...Serving.defaults, ...options.flows })
  const stateFile = yield* askPublic(options.stateFile, "stateFile", "GRINTA_STATE_FILE", "")
  const profile = yield* ask<Profile, Profile>(options.profile, "GRINTA_PROFILE", oneOf("lan", "wan", "local"), "lan")
  const keepalive = options.keepalive ?? keepaliveOf(profile)
  yield* TransportConnect.check({ ...TransportConnect.defaults, keepalive })
  const named = yield* askPublic(options.name, "name", "GRINTA_NAME", "")
  const name = options.name ?? (yield* HostName.orMade(named, stateFile))
  const fabric = yield* askPublic(options.fabric, "fabric", "GRINTA_FABRIC", "")
  const warned = doubt === undefined ? Variables.warn : Effect.andThen(Effect.logWarning(doubt), Variables.warn)
  yield* Effect.annotateLogs(warned, { fabric, host: name })
  return {
    name,
    fabric,
    seeds: options.seeds ?? listOf(yield* ask(undefined, "GRINTA_SEEDS", text, "")),
    encryption,
    tls,
    host,
    gossipPort,
    flowPort: yield* askPort("flowPort", listen.flowPort, "GRINTA_FLOW_PORT", 7947),
    healthPort: yield* askPort("healthPort", options.healthPort, "GRINTA_HEALTH_PORT", undefined),
    delegateVersion: yield* ask(options.delegateVersion, "GRINTA_DELEGATE_VERSION", whole, 0),
    advertised,
    names,
    locality: yield* askPublic(options.locality, "locality", "GRINTA_LOCALITY", ""),
    tags: options.tags ?? {},
    settings: settingsOf(profile),
    keepalive
  }
})

/** Annotates each log line of a host with its fabric and its name. */
const annotated = (keys: { readonly fabric: string; readonly host: string }) =>
  Layer.effect(
    References.CurrentLogAnnotations,
    Effect.map(References.CurrentLogAnnotations, (outer) => ({ ...outer, ...keys }))
  )

/** Builds the stack above a gossip socket and a transport. */
const stack = <E, R>(
  self: SelfLive.Options,
  fabric: string,
  flows: Partial<Serving.Config>,
  names: Partial<Directory.Limits>,
  gossip: (flowPort: number) => GossipSwim.Config,
  carriers: Layer.Layer<GossipSocket | Transport, E, R>
): Layer.Layer<Host, E | NetworkError, R> =>
  FabricMesh.layerConfig(flows).pipe(
    Layer.provideMerge(RegistryGossip.layerLimits(names)),
    Layer.provideMerge(Layer.unwrap(Effect.map(Transport, ({ flowPort }) => GossipSwim.layer(gossip(flowPort))))),
    Layer.provideMerge(SelfLive.layer(self)),
    Layer.provideMerge(carriers),
    Layer.provide(annotated({ fabric, host: self.name }))
  )

/** Host on this machine: gossip over UDP and TCP, flows over HTTP/2. */
export const layer = (options: Options = {}): Layer.Layer<Host, NetworkError> =>
  Layer.unwrap(
    Effect.map(
      resolve(options),
      ({ delegateVersion, flowPort, healthPort, keepalive, names, settings, tls, ...rest }) => {
        const { advertised, encryption, fabric, gossipPort, host, seeds, ...self } = rest
        return stack(
          self,
          fabric,
          options.flows ?? {},
          names,
          (flowPort) => ({
            fabric,
            seeds,
            delegateVersion,
            nameTimeout: "3 seconds",
            meta: { flowPort },
            profile: settings,
            encryption,
            ...(advertised === undefined ? {} : { advertise: { bytes: advertised, port: gossipPort } })
          }),
          Layer.merge(
            GossipSocketNode.layer({ host, port: gossipPort, keys: encryption.keys, insecure: true }),
            TransportConnect.layer({
              host,
              port: flowPort,
              healthPort,
              keepalive,
              limitsLoopback: options.limitsLoopback ?? false,
              tls: tls === undefined ? undefined : { ...tls, fabric, host: self.name },
              // `resolve` has already refused missing keys or TLS, unless loopback or `insecure` permits it.
              insecure: true
            })
          )
        )
      }
    )
  )

export interface MemoryOptions extends SelfLive.Options {
  readonly fabric?: string
  /** Names of other hosts of the network to join. */
  readonly seeds?: ReadonlyArray<string>
  readonly profile?: Profile
  readonly keys?: ReadonlyArray<Secret>
  readonly flows?: Partial<Serving.Config>
  readonly names?: Partial<Directory.Limits>
}

/** The same host on a network inside this process, for tests: only the socket and the transport differ. */
export const layerMemory = ({
  fabric = "",
  flows = {},
  keys = [],
  names = {},
  profile = "local",
  seeds = [],
  ...self
}: MemoryOptions): Layer.Layer<Host, NetworkError, MemoryNetwork> =>
  stack(
    self,
    fabric,
    flows,
    names,
    (flowPort) => ({ fabric, seeds, meta: { flowPort }, profile: settingsOf(profile), encryption: { keys } }),
    Layer.merge(GossipSocketMemory.layer(self.name), TransportMemory.layer(self.name))
  )
