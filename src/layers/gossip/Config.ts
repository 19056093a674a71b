/** What the membership layer is told, and what the parts of it make of that. */
import { Duration, Effect, Option, Result } from "effect"
import type { Address } from "../../protocol/Address.ts"
import type { Framing } from "../../protocol/memberlist/Framing.ts"
import * as Label from "../../protocol/memberlist/Label.ts"
import { violation } from "../../protocol/Name.ts"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import * as Secret from "../../protocol/Secret.ts"
import * as Check from "../../protocol/swim/Check.ts"
import * as SwimConfig from "../../protocol/swim/Config.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import type { Self } from "../../services/Host.ts"
import { InvalidConfig, NameInvalid, NetworkError } from "../../services/NetworkError.ts"
import * as Setting from "../core/Setting.ts"
import * as AesGcm from "./AesGcm.ts"
import * as GossipKeys from "./Keys.ts"
import { isHost } from "./MemberView.ts"
import * as Protection from "./Protection.ts"

export interface Config {
  /** Name of the fabric: the label that keeps clusters apart; empty for none. */
  readonly fabric: string
  /** Members to join, as `[name/]host[:port]`. They need not answer at the start. */
  readonly seeds: ReadonlyArray<string>
  readonly meta: {
    /** Port of the flow plane; 0 when this host serves no flows beyond its own process. */
    readonly flowPort: number
  }
  /** Timings; what is not said is that of a local network, as `swift` has it. */
  readonly profile?: Partial<SwimConfig.Settings>
  /** Rules; what is not said is `careful`: the reference's, and a host that was busy or deaf doubts itself first. */
  readonly rules?: Partial<SwimConfig.Rules>
  readonly limits?: Partial<SwimConfig.Limits>
  /** Where others reach this host, if not where its port is bound. */
  readonly advertise?: Address
  /**
   * Version of the application that the members of an existing memberlist cluster speak, as memberlist calls it the delegate
   * protocol version: from 0 to 255, 5 for Serf. Members that do not speak it are not seen, nor do they see this host.
   */
  readonly delegateVersion?: number
  /** Whether a member may have this address; the default admits all. */
  readonly admits?: (address: Uint8Array) => boolean
  /** Keys under which everything is encrypted, as far as they say so, in place of those of the socket; without any, nothing is. */
  readonly encryption?: GossipKeys.Options
  /** Compress what is sent, as peers do by default. */
  readonly compress?: boolean
  /** For dialling, for reading and for writing one exchange over a stream, each. */
  readonly streamTimeout?: Duration.Input
  /** How long `leave` waits until the word is spread. */
  readonly leaveTimeout?: Duration.Input
  /** How long the start waits for the word of the seeds on whether the name is free; it does not wait unless this is given. */
  readonly nameTimeout?: Duration.Input
  /** How often a host that is not alone looks for members that it lost, each time up to twice as long. */
  readonly reunionInterval?: Duration.Input
}

export interface Plan {
  readonly fabric: string
  readonly keys: GossipKeys.GossipKeys
  readonly swim: SwimConfig.Config
  readonly framing: Framing
  readonly seeds: ReadonlyArray<string>
  /** Says in the log what gossip is not protected from. */
  readonly tellProtection: Effect.Effect<void>
  readonly nameTimeout: Duration.Duration
  /** The address is as configured, whatever the machine has. */
  readonly isAddressFixed: boolean
  readonly streamTimeout: Duration.Input
  readonly leaveTimeout: Duration.Input
  readonly reunionInterval: Duration.Input
}

/** Type byte of a user message, and the two bytes of length that a compound adds; the compound itself takes two more. */
const broadcastOverheadBytes = 5

/** Largest payload of a gossiped message, in bytes. */
export const broadcastBytesMax = ({ swim }: Plan): number =>
  swim.settings.packetBytesMax - swim.framingOverheadBytes - broadcastOverheadBytes

const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

/** The metadata of a host does not fit. */
export const metaTooLong = (
  operation: NetworkError["operation"],
  { bytes, bytesMax }: HostMeta.MetaTooLong
): NetworkError => {
  const detail = `with the locality (GRINTA_LOCALITY) they take ${bytes} bytes, and ${bytesMax} is the limit`
  return new NetworkError({ operation, reason: new InvalidConfig({ setting: "tags", detail }) })
}

/** Whether the start waits for the word of seeds on the name. */
const isAwaited = ({ nameTimeout = 0, seeds }: Config): boolean =>
  seeds.length > 0 && Duration.isPositive(Duration.fromInputUnsafe(nameTimeout))

const delegateVersionMax = 255

/**
 * What is said of the application: minimum, maximum and current version. A host asks for no other version than those of the
 * others allow, so it allows all. One without a version says as little as members without an application do.
 */
const delegateVersions = (current: number): ReadonlyArray<number> =>
  current === 0 ? [0, 0, 0] : [0, delegateVersionMax, current]

/** Errors: InvalidConfig for what cannot work, NameInvalid for the host's own name. */
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
  const wrong = Check.violation(settings, limits)
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
      // There is room for encryption always: a host without keys may be given one, and keeps what it has to say.
      framingOverheadBytes: Label.header(label).length + AesGcm.overheadBytes,
      admits: config.admits ?? (() => true),
      isHost,
      isAwaited: isAwaited(config)
    }),
    framing: {
      label,
      compress: config.compress ?? true,
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
