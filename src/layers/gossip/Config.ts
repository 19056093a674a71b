/** Config of the membership layer, and the plan that its parts make of it. */
import { crc32 } from "node:zlib"
import { Duration, Effect, Option, Result } from "effect"
import type { Address } from "../../protocol/Address.ts"
import type { Framing } from "../../protocol/memberlist/Framing.ts"
import * as Label from "../../protocol/memberlist/Label.ts"
import { violation } from "../../protocol/Name.ts"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import * as Secret from "../../protocol/Secret.ts"
import * as SwimConfig from "../../protocol/swim/Config.ts"
import * as SettingsCheck from "../../protocol/swim/SettingsCheck.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import type { Self } from "../../services/Host.ts"
import { InvalidConfig, NameInvalid, NetworkError } from "../../services/NetworkError.ts"
import * as Setting from "../core/Setting.ts"
import * as AesGcm from "./AesGcm.ts"
import * as GossipKeys from "./Keys.ts"
import { isHost } from "./MemberView.ts"
import * as Protection from "./Protection.ts"

/** Config of `GossipSwim.layer`. Errors: InvalidConfig for the first field that cannot work. */
export interface Config {
  /** Name of the fabric, the label that keeps clusters apart; "" for none, at most 255 bytes. */
  readonly fabric: string
  /**
   * Members to join, as `[name/]host[:port]`; port 7946 by default, and a host `_gossip._udp.example.com` is looked up
   * as a DNS service. They need not answer at the start: a host that is alone keeps trying them.
   */
  readonly seeds: ReadonlyArray<string>
  /** Metadata of this host for other hosts, beside its generation, locality and tags. */
  readonly meta: {
    /** Port of the flow plane; 0 when this host serves no flows beyond its own process. */
    readonly flowPort: number
  }
  /** Timings that differ from the set `swift`, which suits a local network. */
  readonly profile?: Partial<SwimConfig.Settings>
  /** Rules that differ from the set `careful`: memberlist's, and a host that was busy or deaf doubts itself first. */
  readonly rules?: Partial<SwimConfig.Rules>
  /** Bounds that differ from the defaults, see `Limits`. */
  readonly limits?: Partial<SwimConfig.Limits>
  /**
   * Address at which others reach this host. By default that of the socket: the bound one, or for 0.0.0.0 one that the
   * machine has, also when that changes.
   */
  readonly advertise?: Address
  /**
   * Version of the application that the members of an existing memberlist cluster speak (memberlist's delegate protocol
   * version): from 0 to 255, 5 for Serf; 0 by default. Members of different versions do not see each other.
   */
  readonly delegateVersion?: number
  /** Returns whether a member may have this address; by default any address is admitted. */
  readonly admits?: (address: Uint8Array) => boolean
  /** Keys in place of the socket's, and how far they are enforced. Without keys of either gossip is plaintext. */
  readonly encryption?: GossipKeys.Options
  /** Compresses messages sent, as memberlist does; true by default. Compressed messages are read in any case. */
  readonly compress?: boolean
  /**
   * Time for dialling, for reading and for writing one exchange over a stream, each; 10 seconds by default. Longer than
   * a push/pull of the whole state takes on the slowest path.
   */
  readonly streamTimeout?: Duration.Input
  /** Longest time that `leave` waits until the departure is spread; 5 seconds by default, then Timeout. */
  readonly leaveTimeout?: Duration.Input
  /**
   * Longest time that the start waits for the seeds to say whether the name is free: NameTaken if it is not. 0, no
   * wait, by default; `Grinta.layer` waits 3 seconds.
   */
  readonly nameTimeout?: Duration.Input
  /**
   * Interval at which a host that is not alone tries the seeds that it does not see, each time 0.94 to 1.56 of it; 30
   * seconds by default. Shorter reunites a split fabric sooner, and asks absent seeds more often.
   */
  readonly reunionInterval?: Duration.Input
}

export interface Plan {
  readonly fabric: string
  readonly keys: GossipKeys.GossipKeys
  readonly swim: SwimConfig.Config
  readonly framing: Framing
  readonly seeds: ReadonlyArray<string>
  /** Logs how far gossip is unprotected. */
  readonly tellProtection: Effect.Effect<void>
  readonly nameTimeout: Duration.Duration
  /** Whether `advertise` fixes the address, whatever the machine has. */
  readonly isAddressFixed: boolean
  readonly streamTimeout: Duration.Input
  readonly leaveTimeout: Duration.Input
  readonly reunionInterval: Duration.Input
}

/** Type byte of a user message, the two bytes of length in a compound, and two bytes of the compound itself. */
const broadcastOverheadBytes = 5

/** Returns the largest payload of a gossiped message, in bytes. */
export const broadcastBytesMax = ({ swim }: Plan): number =>
  swim.settings.packetBytesMax - swim.framingOverheadBytes - broadcastOverheadBytes

const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

/** Error for metadata of a host above the limit. */
export const metaTooLong = (
  operation: NetworkError["operation"],
  { bytes, bytesMax }: HostMeta.MetaTooLong
): NetworkError => {
  const detail = `with the locality (GRINTA_LOCALITY) they take ${bytes} bytes, and ${bytesMax} is the limit`
  return new NetworkError({ operation, reason: new InvalidConfig({ setting: "tags", detail }) })
}

/** Returns whether the start waits for the seeds to say whether the name is free. */
const isAwaited = ({ nameTimeout = 0, seeds }: Config): boolean =>
  seeds.length > 0 && Duration.isPositive(Duration.fromInputUnsafe(nameTimeout))

const delegateVersionMax = 255

/**
 * Returns the minimum, maximum and current version of the application. A host requires no version that the others do
 * not allow, so it allows all. Without a version all three are 0, as in members without an application.
 */
const delegateVersions = (current: number): ReadonlyArray<number> =>
  current === 0 ? [0, 0, 0] : [0, delegateVersionMax, current]

/** Checks the config, and makes the plan. Errors: InvalidConfig for a bad setting, NameInvalid for the host's name. */
export const plan = Effect.fnUntraced(function* (
  config: Config,
  self: Self["Service"],
  socket: GossipSocket["Service"]
): Effect.fn.Return<Plan, NetworkError> {
  const { id, generation, locality, tags } = self
  const rule = violation(id)
  if (rule !== undefined)
    return yield* new NetworkError({ operation: "listen", reason: new NameInvalid({ name: Secret.plain(id), rule }) })
  const label = Option.getOrUndefined(Label.fromString(config.fabric))
  if (label === undefined)
    return yield* invalid("fabric", `the name is longer than ${Label.labelBytesMax} bytes, which is the limit`)
  const meta = HostMeta.encode({ flowPort: config.meta.flowPort, generation, locality, tags })
  if (Result.isFailure(meta)) return yield* metaTooLong("listen", meta.failure)
  const settings = { ...SwimConfig.swift, ...config.profile }
  const limits = { ...SwimConfig.limits, ...config.limits }
  const wrong = SettingsCheck.violation(settings, limits)
  if (wrong !== undefined) return yield* invalid(wrong.setting, wrong.detail)
  const encryption = Protection.encryption(config.encryption, socket)
  const keys = yield* GossipKeys.make(encryption)
  const delegateVersion = config.delegateVersion ?? 0
  yield* Setting.check("listen", { delegateVersion: Setting.count(delegateVersion, 0, delegateVersionMax) })
  return {
    fabric: config.fabric,
    keys,
    swim: SwimConfig.make({
      name: id,
      address: config.advertise ?? (yield* socket.advertised),
      bornAtMicros: generation,
      meta: meta.success,
      lives: HostMeta.lives,
      versions: Uint8Array.of(...SwimConfig.versions.subarray(0, 3), ...delegateVersions(delegateVersion)),
      settings,
      rules: { ...SwimConfig.careful, ...config.rules },
      limits,
      // Always leaves room for encryption: a host without keys may be given one, and keeps the messages it has to send.
      framingOverheadBytes: Label.header(label).length + AesGcm.overheadBytes,
      admits: config.admits ?? (() => true),
      isHost,
      isAwaited: isAwaited(config)
    }),
    framing: {
      label,
      compress: config.compress ?? true,
      crc32,
      get cipher() {
        return keys.cipher()
      }
    },
    seeds: config.seeds,
    tellProtection: Protection.tell(encryption, socket),
    nameTimeout: Duration.fromInputUnsafe(config.nameTimeout ?? 0),
    isAddressFixed: config.advertise !== undefined,
    streamTimeout: config.streamTimeout ?? "10 seconds",
    leaveTimeout: config.leaveTimeout ?? "5 seconds",
    reunionInterval: config.reunionInterval ?? "30 seconds"
  }
})
