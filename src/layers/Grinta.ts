/**
 * Grinta: a whole host in one layer, the default stack on Node, or the same stack on a `MemoryNetwork` for tests.
 *
 * Options that are left out are read from `Config`, hence from the environment: docs/settings.md has the variables.
 * Lists are separated by commas; the variables of TLS hold paths of files, or PEM.
 *
 * Errors: NetworkError with InvalidConfig, which names the setting or the variable, with NameInvalid, or with NameTaken
 * when a process known to the seeds has this host's name.
 *
 * @module
 */
import { Effect, Layer, References } from "effect"
import type * as Directory from "../protocol/names/Directory.ts"
import type { Fabric } from "../services/Fabric.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { GossipSocket } from "../services/GossipSocket.ts"
import type { Self } from "../services/Host.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import { Transport } from "../services/Transport.ts"
import * as HostConfig from "./config/HostConfig.ts"
import type { MemoryOptions, Options } from "./config/Options.ts"
import * as Profiles from "./config/Profiles.ts"
import * as SelfLive from "./core/SelfLive.ts"
import * as FabricMesh from "./fabric/FabricMesh.ts"
import type * as Settings from "./flow/Settings.ts"
import * as GossipSwim from "./gossip/GossipSwim.ts"
import * as GossipSocketMemory from "./gossip/socket/GossipSocketMemory.ts"
import * as GossipSocketNode from "./gossip/socket/GossipSocketNode.ts"
import type { MemoryNetwork } from "./memory/MemoryNetwork.ts"
import * as RegistryGossip from "./registry/RegistryGossip.ts"
import * as TransportConnect from "./transport/TransportConnect.ts"
import * as TransportMemory from "./transport/TransportMemory.ts"

export type { MemoryOptions, Options, Profile } from "./config/Options.ts"
export { isSupportedNode } from "./config/Runtime.ts"
export type { Secret } from "./core/Sealed.ts"

/** Services that a host provides. */
export type Services = Fabric | Registry | Gossip | Transport | Self

/**
 * Former name of `Services`: a host is a process.
 *
 * @deprecated Use `Services`. The name stays for one version.
 */
export type Host = Services

/** Annotates each log line of a host with its fabric and its name. */
const annotated = (keys: { readonly fabric: string; readonly host: string }) =>
  Layer.effect(
    References.CurrentLogAnnotations,
    Effect.map(References.CurrentLogAnnotations, (outer) => ({ ...outer, ...keys }))
  )

interface Stack {
  readonly self: SelfLive.Options
  readonly fabric: string
  readonly flows: Partial<Settings.Config>
  readonly names: Partial<Directory.Limits>
  readonly gossip: Omit<GossipSwim.Config, "fabric" | "meta">
}

/** Builds the stack above a gossip socket and a transport. */
const stack = <E, R>(
  { fabric, flows, gossip, names, self }: Stack,
  carriers: Layer.Layer<GossipSocket | Transport, E, R>
): Layer.Layer<Services, E | NetworkError, R> => {
  const membership = Effect.map(Transport, ({ flowPort }) =>
    GossipSwim.layer({ ...gossip, fabric, meta: { flowPort } })
  )
  return FabricMesh.layerConfig(flows).pipe(
    Layer.provideMerge(RegistryGossip.layerLimits(names)),
    Layer.provideMerge(Layer.unwrap(membership)),
    Layer.provideMerge(SelfLive.layer(self)),
    Layer.provideMerge(carriers),
    Layer.provide(annotated({ fabric, host: self.name }))
  )
}

/** Host on this machine: gossip over UDP and TCP, flows over HTTP/2. */
export const layer = (options: Options = {}): Layer.Layer<Services, NetworkError> =>
  Layer.unwrap(
    Effect.map(HostConfig.read(options), ({ addresses, keepalive, limitsLoopback, protection, ...config }) => {
      const { fabric, gossip, self } = config
      const { flowPort, gossipPort, healthPort, host, ...advertised } = addresses
      const { encryption, tls } = protection
      // Missing keys or TLS are refused by now, unless loopback or `insecure` permits it.
      const insecure = true
      return stack(
        { ...config, gossip: { ...gossip, ...advertised, encryption, nameTimeout: "3 seconds" } },
        Layer.merge(
          GossipSocketNode.layer({ host, port: gossipPort, keys: encryption.keys, insecure }),
          TransportConnect.layer({
            ...{ host, port: flowPort, healthPort, keepalive, limitsLoopback, insecure },
            tls: tls === undefined ? undefined : { ...tls, fabric, host: self.name }
          })
        )
      )
    })
  )

/** The same host on a network inside this process, for tests: only the socket and the transport differ. */
export const layerMemory = ({
  fabric = "",
  flows = {},
  keys = [],
  names = {},
  nameTimeout = 0,
  profile = "lan",
  keepalive = Profiles.keepaliveOf(profile),
  seeds = [],
  ...self
}: MemoryOptions): Layer.Layer<Services, NetworkError, MemoryNetwork> => {
  const gossip = { seeds, nameTimeout, profile: Profiles.settingsOf(profile), encryption: { keys } }
  return stack(
    { self, fabric, flows, names, gossip },
    Layer.merge(GossipSocketMemory.layer(self.name), TransportMemory.layer(self.name, { keepalive }))
  )
}
