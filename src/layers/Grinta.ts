/**
 * Grinta: a whole host in one layer, the default stack on Node, or the same stack on a `MemoryNetwork` for tests.
 *
 * Options that are left out are read from `Config`, hence from the environment, by the names in `GrintaVariables`.
 * Lists are separated by commas; the variables of TLS hold paths of files, or PEM.
 *
 * Errors: NetworkError with InvalidConfig, which names the setting or the variable, with NameInvalid, or with NameTaken
 * when a process known to the seeds has this host's name.
 *
 * @module
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
import * as SelfLive from "./core/SelfLive.ts"
import * as Setting from "./core/Setting.ts"
import * as FabricMesh from "./fabric/FabricMesh.ts"
import * as Serving from "./flow/Serving.ts"
import * as Settings from "./flow/Settings.ts"
import { ask, askPort, askPublic, askTls, flag, invalid, listOf, oneOf, text, time, whole } from "./GrintaAsk.ts"
import * as Encryption from "./GrintaEncryption.ts"
import type { MemoryOptions, Options, Profile } from "./GrintaOptions.ts"
import * as Variables from "./GrintaVariables.ts"
import * as GossipSwim from "./gossip/GossipSwim.ts"
import * as GossipSocketMemory from "./gossip/socket/GossipSocketMemory.ts"
import * as GossipSocketNode from "./gossip/socket/GossipSocketNode.ts"
import * as HostName from "./HostName.ts"
import type { MemoryNetwork } from "./memory/MemoryNetwork.ts"
import * as Runtime from "./Runtime.ts"
import * as Driver from "./registry/Driver.ts"
import * as RegistryGossip from "./registry/RegistryGossip.ts"
import * as TransportConnect from "./transport/TransportConnect.ts"
import * as TransportMemory from "./transport/TransportMemory.ts"

export type { Secret } from "./core/Sealed.ts"
export type { MemoryOptions, Options, Profile } from "./GrintaOptions.ts"
export { isSupportedNode } from "./Runtime.ts"

/** Services that a host provides. */
export type Services = Fabric | Registry | Gossip | Transport | Self

/**
 * Former name of `Services`: a host is a process.
 *
 * @deprecated Use `Services`. The name stays for one version.
 */
export type Host = Services

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
): Layer.Layer<Services, E | NetworkError, R> =>
  FabricMesh.layerConfig(flows).pipe(
    Layer.provideMerge(RegistryGossip.layerLimits(names)),
    Layer.provideMerge(Layer.unwrap(Effect.map(Transport, ({ flowPort }) => GossipSwim.layer(gossip(flowPort))))),
    Layer.provideMerge(SelfLive.layer(self)),
    Layer.provideMerge(carriers),
    Layer.provide(annotated({ fabric, host: self.name }))
  )

/** Host on this machine: gossip over UDP and TCP, flows over HTTP/2. */
export const layer = (options: Options = {}): Layer.Layer<Services, NetworkError> =>
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

/** The same host on a network inside this process, for tests: only the socket and the transport differ. */
export const layerMemory = ({
  fabric = "",
  flows = {},
  keys = [],
  names = {},
  profile = "local",
  seeds = [],
  ...self
}: MemoryOptions): Layer.Layer<Services, NetworkError, MemoryNetwork> =>
  stack(
    self,
    fabric,
    flows,
    names,
    (flowPort) => ({ fabric, seeds, meta: { flowPort }, profile: settingsOf(profile), encryption: { keys } }),
    Layer.merge(GossipSocketMemory.layer(self.name), TransportMemory.layer(self.name))
  )
