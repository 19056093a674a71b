/**
 * Connecting alone, over entries, links and round trips as a test says.
 */
import { Effect, type Scope, Stream } from "effect"
import * as Timeouts from "../../../src/layers/core/Timeouts.ts"
import * as FabricConnect from "../../../src/layers/fabric/Connecting.ts"
import type { OpenFlow } from "../../../src/layers/fabric/Dialling.ts"
import * as Each from "../../../src/layers/fabric/Each.ts"
import * as Owners from "../../../src/layers/fabric/Owners.ts"
import * as Reach from "../../../src/layers/fabric/Reach.ts"
import type { Fabric } from "../../../src/services/Fabric.ts"
import type { Host } from "../../../src/services/Host.ts"
import type { NetworkError } from "../../../src/services/NetworkError.ts"
import type { Entry, Registry, RegistryEvent } from "../../../src/services/Registry.ts"

export const hostOf = (id: string, locality = "eu"): Host => ({
  id,
  generation: 1,
  address: "192.0.2.1",
  flowPort: 7947,
  locality,
  tags: {}
})

export const registryOf = (
  entries: ReadonlyArray<Entry>,
  events: Stream.Stream<RegistryEvent> = Stream.make({ _tag: "Snapshot", entries })
): Registry["Service"] => ({
  claim: () => Effect.die("no claims here"),
  resolve: () => Effect.succeed(entries),
  scan: () => Effect.succeed(entries),
  watch: () => events,
  hosts: Effect.succeed([])
})

/** The fabric of host "me", as far as it connects; every owner is there unless `reach` says otherwise. */
export const connectingBy = Effect.fnUntraced(function* (options: {
  readonly registry: Registry["Service"]
  readonly open: OpenFlow
  readonly reach?: (host: Host) => Effect.Effect<void, NetworkError>
  readonly roundTrips?: Readonly<Record<string, number>>
}): Effect.fn.Return<Pick<Fabric["Service"], "connect" | "connectEach">, never, Scope.Scope> {
  const { open, registry, roundTrips = {} } = options
  const self = Effect.succeed(hostOf("me"))
  const check = () => Effect.void
  const reach = yield* Reach.make({ selfId: "me", reach: options.reach ?? (() => Effect.void) })
  const roundTripMillis = (id: string) => Effect.succeed(roundTrips[id])
  const owners = yield* Owners.make({ self, open, reach, roundTripMillis })
  const timeouts = yield* Timeouts.make(FabricConnect.connectTimeout)
  const connect = yield* FabricConnect.make({ self, registry, owners, timeouts, check })
  return { connect, connectEach: Each.make({ registry, owners, timeouts, check, lost: () => undefined }) }
})
