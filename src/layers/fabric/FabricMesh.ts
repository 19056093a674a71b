/**
 * FabricMesh: the fabric of many hosts: names from the registry, members from gossip, flows over the transport.
 *
 * @module
 */
import { Effect, Layer } from "effect"
import { revision } from "../../protocol/flow/Frame.ts"
import { Fabric } from "../../services/Fabric.ts"
import { Gossip, type Member, type MemberChange } from "../../services/Gossip.ts"
import { type Host, Self } from "../../services/Host.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import { Registry } from "../../services/Registry.ts"
import { Transport } from "../../services/Transport.ts"
import * as Signal from "../core/Signal.ts"
import * as Serving from "../flow/Serving.ts"
import * as Settings from "../flow/Settings.ts"
import * as Core from "./Core.ts"
import * as Members from "./Members.ts"

export type { Limits } from "../../protocol/flow/Limits.ts"
export type { Config } from "../flow/Settings.ts"

/** Whether a member is a live host other than `self`. */
const isOther = ({ host, status }: Member, self: string): boolean =>
  host !== undefined && host.id !== self && (status === "alive" || status === "suspect")

const make = Effect.fnUntraced(function* (flows: Serving.Config) {
  const gossip = yield* Gossip
  const registry = yield* Registry
  const transport = yield* Transport
  const self = yield* Self

  /** Describes this host as the others see it. */
  const host: Effect.Effect<Host> = Effect.map(gossip.self, (member) => ({
    ...self,
    tags: member.host?.tags ?? self.tags,
    generation: member.host?.generation ?? self.generation,
    address: member.address,
    flowPort: transport.flowPort,
    revision
  }))
  const isAlone = Effect.map(gossip.members, (members) => !members.some((member) => isOther(member, self.id)))
  /** Counts the changes of members. */
  let changes = 0
  const changed = Signal.make()
  const joined = Effect.gen(function* () {
    while (true) {
      const seen = changes
      if (!(yield* isAlone)) return
      yield* Signal.until(changed, () => changes !== seen)
    }
  })
  const { answer, drain, fabric, doubtCaller, served } = yield* Core.make({
    self: host,
    selfId: self.id,
    registry,
    dial: transport.dial,
    reach: transport.reach,
    roundTripMillis: gossip.roundTripMillis,
    hostOf: yield* Members.make(gossip),
    join: gossip.join,
    isAlone,
    joined,
    lost: gossip.lost,
    leave: gossip.leave,
    mayOwn: transport.mayOwn,
    certificate: transport.certificate,
    flows,
    level: "Info"
  })
  yield* transport.serve(answer, served)
  // A program may close its host before the scopes of its endpoints: their callers get the same drain then.
  yield* Effect.addFinalizer(() => drain)

  /** Ends the flows of a dead host, opened by either side, unless it answers on their links. */
  const onChange = ({ member }: MemberChange): Effect.Effect<void> =>
    Effect.suspend(() => {
      changes += 1
      Signal.notify(changed)
      if (member.status !== "dead" || member.host === undefined) return Effect.void
      doubtCaller(member.host.id)
      return transport.doubt(member.host)
    })
  yield* gossip.onChange(onChange)
  return fabric
})

/**
 * Provides the fabric, with bounds that differ from the defaults. Errors: InvalidConfig for a bound that cannot work.
 */
export const layerConfig = (
  config: Partial<Serving.Config>
): Layer.Layer<Fabric, NetworkError, Gossip | Registry | Transport | Self> => {
  const flows = { ...Serving.defaults, ...config }
  return Layer.effect(Fabric, Effect.andThen(Settings.check(flows), make(flows)))
}

/**
 * Provides the fabric, with the default bounds. One value, which a graph of layers builds once: for two hosts in one
 * graph call `layerConfig` for each, and likewise `RegistryGossip.layerLimits`.
 */
export const layer: Layer.Layer<Fabric, never, Gossip | Registry | Transport | Self> = Layer.effect(
  Fabric,
  make(Serving.defaults)
)
