/**
 * A whole host in one line: the default stack on Node, or the same stack on a `MemoryNetwork` for tests.
 *
 * What is not passed is read from `Config`, so from the environment: GRINTA_NAME, GRINTA_FABRIC, GRINTA_SEEDS (with commas
 * between), GRINTA_HOST, GRINTA_GOSSIP_PORT, GRINTA_FLOW_PORT, GRINTA_ADVERTISE, GRINTA_LOCALITY, GRINTA_PROFILE,
 * GRINTA_KEYS (with commas between), GRINTA_INSECURE.
 *
 * Errors: NetworkError "listen" with InvalidConfig or NameInvalid, before any socket is open; or InvalidConfig for a port
 * that is in use.
 */
import * as Os from "node:os"
import { Config, Effect, Layer } from "effect"
import { isLoopback, parseHost } from "../protocol/Address.ts"
import * as SwimConfig from "../protocol/swim/Config.ts"
import type { Fabric } from "../services/Fabric.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { GossipSocket } from "../services/GossipSocket.ts"
import type { Self } from "../services/Host.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import { Transport } from "../services/Transport.ts"
import * as FabricMesh from "./FabricMesh.ts"
import * as GossipSocketMemory from "./GossipSocketMemory.ts"
import * as GossipSocketNode from "./GossipSocketNode.ts"
import * as GossipSwim from "./GossipSwim.ts"
import type { MemoryNetwork } from "./MemoryNetwork.ts"
import * as RegistryGossip from "./RegistryGossip.ts"
import * as SelfLive from "./SelfLive.ts"
import * as TransportConnect from "./TransportConnect.ts"
import * as TransportMemory from "./TransportMemory.ts"

/** Timings of the membership plane: for one network, for many, or for one machine, where deaths are seen soonest. */
export type Profile = "lan" | "wan" | "local"

export interface Options {
  /** Unique in the fabric; the machine's name and the process id unless said otherwise. */
  readonly name?: string
  /** Hosts of another fabric are not heard; empty unless said otherwise. */
  readonly fabric?: string
  /** Members to join, each `host` or `host:port`. They need not be there yet. */
  readonly seeds?: ReadonlyArray<string>
  /** Where to listen: 127.0.0.1, 7946 and 7947 unless said otherwise. A port of 0 lets the system choose. */
  readonly listen?: { readonly host?: string; readonly gossipPort?: number; readonly flowPort?: number }
  /** IP address at which others reach this host, if it is another than where it listens. */
  readonly advertise?: string
  /** Where this host runs, from the widest place to the narrowest, such as "eu/fra/rack-7". */
  readonly locality?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly profile?: Profile
  /** Keys of the membership plane, in base64, the primary first: 16, 24 or 32 bytes each. Without any, gossip is plaintext. */
  readonly keys?: ReadonlyArray<string>
  /** Nothing on the wire is encrypted or authenticated. Needed to listen beyond loopback without keys. */
  readonly insecure?: true
}

/** The services of a host. */
export type Host = Fabric | Registry | Gossip | Transport | Self

/** How long the membership plane holds a dead host's name against a restart at another address. */
const deadReclaimMillis = 1_000

const settingsOf = (profile: Profile): SwimConfig.Settings => {
  switch (profile) {
    case "lan":
      return { ...SwimConfig.lan, deadReclaimMillis }
    case "wan":
      return { ...SwimConfig.wan, deadReclaimMillis }
    case "local":
      return { ...SwimConfig.local, deadReclaimMillis }
  }
}

const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

/** The releases that carry the HTTP/2 and TLS fixes of July 2026; faults.md, D-1. */
const floors: ReadonlyArray<readonly [major: number, minor: number, patch: number]> = [
  [22, 23, 2],
  [24, 18, 1],
  [26, 5, 1]
]

/** True for a Node release with the fixes that a host relies on. Odd lines and older ones get none. */
export const isSupportedNode = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  const floor = floors.find(([line]) => line === major)
  if (floor === undefined) return major > 26
  return minor > floor[1] || (minor === floor[1] && patch >= floor[2])
}

const defaultName = `${Os.hostname().replace(/[^A-Za-z0-9-]+/g, "-")}-${process.pid}`

const ask = <A>(given: A | undefined, config: Config.Config<A>): Effect.Effect<A, NetworkError> =>
  given !== undefined
    ? Effect.succeed(given)
    : Effect.mapError(config, (error) => invalid("environment", error.message.replaceAll(/\s+/g, " ")))

const port = (setting: string, given: number): Effect.Effect<number, NetworkError> =>
  Number.isInteger(given) && given >= 0 && given <= 65_535
    ? Effect.succeed(given)
    : Effect.fail(invalid(setting, `${given} is no port; a port is a whole number from 0 to 65535`))

const listOf = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")

const resolve = Effect.fnUntraced(function* (options: Options) {
  if (!isSupportedNode(process.versions.node)) {
    const releases = floors.map((floor) => floor.join(".")).join(", ")
    return yield* invalid("node", `this is ${process.versions.node}; the oldest that serve are ${releases}`)
  }
  const listen = options.listen ?? {}
  const host = yield* ask(listen.host, Config.String("GRINTA_HOST").pipe(Config.withDefault("127.0.0.1")))
  const insecure = yield* ask(options.insecure, Config.Boolean("GRINTA_INSECURE").pipe(Config.withDefault(false)))
  const bytes = host === "localhost" ? Uint8Array.of(127, 0, 0, 1) : parseHost(host)
  if (bytes === undefined) return yield* invalid("listen.host", `"${host}" is no IP address`)
  if (!insecure && !isLoopback(bytes)) {
    const detail = `${host} is reached from other machines and nothing is encrypted; say insecure: true, or listen on 127.0.0.1`
    return yield* invalid("listen.host", detail)
  }
  const text = yield* ask(options.advertise, Config.String("GRINTA_ADVERTISE").pipe(Config.withDefault("")))
  const advertised = text === "" ? undefined : parseHost(text)
  if (text !== "" && advertised === undefined) return yield* invalid("advertise", `"${text}" is no IP address`)
  const gossipPort = yield* Effect.flatMap(
    ask(listen.gossipPort, Config.Int("GRINTA_GOSSIP_PORT").pipe(Config.withDefault(7946))),
    (given) => port("listen.gossipPort", given)
  )
  if (advertised !== undefined && gossipPort === 0)
    return yield* invalid("listen.gossipPort", "with advertise the port must be said, since others dial it")
  const profiles = Config.Literals(["lan", "wan", "local"], "GRINTA_PROFILE")
  return {
    name: yield* ask(options.name, Config.String("GRINTA_NAME").pipe(Config.withDefault(defaultName))),
    fabric: yield* ask(options.fabric, Config.String("GRINTA_FABRIC").pipe(Config.withDefault(""))),
    seeds: options.seeds ?? listOf(yield* ask(undefined, Config.String("GRINTA_SEEDS").pipe(Config.withDefault("")))),
    keys: options.keys ?? listOf(yield* ask(undefined, Config.String("GRINTA_KEYS").pipe(Config.withDefault("")))),
    host,
    gossipPort,
    flowPort: yield* Effect.flatMap(
      ask(listen.flowPort, Config.Int("GRINTA_FLOW_PORT").pipe(Config.withDefault(7947))),
      (given) => port("listen.flowPort", given)
    ),
    advertised,
    locality: yield* ask(options.locality, Config.String("GRINTA_LOCALITY").pipe(Config.withDefault(""))),
    tags: options.tags ?? {},
    settings: settingsOf(yield* ask(options.profile, profiles.pipe(Config.withDefault("lan"))))
  }
})

/** The stack above a gossip socket and a transport. */
const stack = <E, R>(
  self: SelfLive.Options,
  gossip: (flowPort: number) => GossipSwim.Config,
  carriers: Layer.Layer<GossipSocket | Transport, E, R>
): Layer.Layer<Host, E | NetworkError, R> =>
  Layer.fresh(FabricMesh.layer).pipe(
    Layer.provideMerge(Layer.fresh(RegistryGossip.layer)),
    Layer.provideMerge(Layer.unwrap(Effect.map(Transport, ({ flowPort }) => GossipSwim.layer(gossip(flowPort))))),
    Layer.provideMerge(SelfLive.layer(self)),
    Layer.provideMerge(carriers)
  )

/** A host on this machine: gossip over UDP and TCP, flows over HTTP/2. */
export const layer = (options: Options = {}): Layer.Layer<Host, NetworkError> =>
  Layer.unwrap(
    Effect.map(resolve(options), ({ advertised, fabric, flowPort, gossipPort, host, keys, seeds, settings, ...self }) =>
      stack(
        self,
        (flowPort) => ({
          fabric,
          seeds,
          meta: { flowPort },
          profile: settings,
          encryption: { keys },
          ...(advertised === undefined ? {} : { advertise: { bytes: advertised, port: gossipPort } })
        }),
        Layer.merge(
          GossipSocketNode.layer({ host, port: gossipPort }),
          TransportConnect.layer({ host, port: flowPort })
        )
      )
    )
  )

export interface MemoryOptions extends SelfLive.Options {
  readonly fabric?: string
  /** Names of other hosts of the network. */
  readonly seeds?: ReadonlyArray<string>
  readonly profile?: Profile
  readonly keys?: ReadonlyArray<string>
}

/** The same host on a network inside this process, for tests: swap the carriers, keep everything above them. */
export const layerMemory = ({
  fabric = "",
  keys = [],
  profile = "local",
  seeds = [],
  ...self
}: MemoryOptions): Layer.Layer<Host, NetworkError, MemoryNetwork> =>
  stack(
    self,
    (flowPort) => ({ fabric, seeds, meta: { flowPort }, profile: settingsOf(profile), encryption: { keys } }),
    Layer.merge(GossipSocketMemory.layer(self.name), TransportMemory.layer(self.name))
  )
