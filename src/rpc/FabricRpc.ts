/**
 * Effect Rpc over flows: an `RpcGroup` under a name of the fabric, and its clients wherever they are.
 *
 * Calls share one flow for each owner of the name; streams have a flow each. What a client fails with beside what its Rpcs
 * declare is an `RpcClientError` that tells by `deliveredOf` whether the handler may have been started.
 *
 * @example
 * class Users extends RpcGroup.make(Rpc.make("get", { payload: { id: Schema.String }, success: User, error: NoUser })) {}
 *
 * const UsersLive = FabricRpc.layerServer("users", Users).pipe(Layer.provide(Users.toLayer({ get: ({ id }) => find(id) })))
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* FabricRpc.client("users", Users)
 *   return yield* users.get({ id: "1" })
 * })
 */
import { Effect, Layer, type Scope } from "effect"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Background from "../layers/core/Background.ts"
import * as Setting from "../layers/core/Setting.ts"
import type { Ownership } from "../services/Contract.ts"
import type * as Endpoint from "../services/Endpoint.ts"
import type { Fabric } from "../services/Fabric.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import * as ClientProtocol from "./ClientProtocol.ts"
import * as ServerProtocol from "./ServerProtocol.ts"
import * as Wire from "./Wire.ts"

export { deliveredOf, of as callErrorOf } from "./CallError.ts"
export { CurrentCall } from "./ClientProtocol.ts"
export { Caller } from "./ServerProtocol.ts"

/** How a group is served: as an endpoint is, and as the server of Effect does. `L` is what `onLost` needs. */
export interface ServerOptions<L = never> extends Endpoint.LayerOptions<L> {
  /** "unique" unless said otherwise. */
  readonly ownership?: Ownership
  /** Calls in flight on one flow, at least 1; 16,384 unless said otherwise. One more is refused with CallsExceeded. */
  readonly callsMax?: number
  /** Handlers that run at a time, of all flows; any number unless said otherwise. The others wait. */
  readonly handlers?: number
  /** Before the tag in the name of a handler's span; none unless said otherwise. */
  readonly spanPrefix?: string
  /** Handlers have no spans. Off unless said otherwise. */
  readonly disableTracing?: boolean
}

const callsMaxDefault = 16_384

/**
 * Serves a group under a name as long as the layer lives. The services are the handlers of the group, by its `toLayer`.
 * A defect of a handler is that call's exit.
 * Errors: those of exposing an endpoint.
 */
export const layerServer = <Rpcs extends Rpc.Any, L = never>(
  name: string,
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ServerOptions<L> = {}
): Layer.Layer<
  never,
  NetworkError,
  Fabric | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs> | L
> => {
  const { callsMax = callsMaxDefault, disableTracing = false, handlers, ownership, spanPrefix, ...exposing } = options
  const endpoint = Wire.endpoint(name, ownership)
  const serving = Effect.gen(function* () {
    yield* Setting.check("expose", {
      callsMax: Setting.count(callsMax, 1),
      handlers: Setting.count(handlers ?? 1, 1)
    })
    const { protocol, serve } = yield* ServerProtocol.make({ group, callsMax })
    const server = RpcServer.make(group, {
      disableFatalDefects: true,
      disableTracing,
      concurrency: handlers ?? "unbounded",
      ...(spanPrefix === undefined ? {} : { spanPrefix })
    })
    yield* Background.run(`the server of "${name}"`, Effect.provideService(server, RpcServer.Protocol, protocol))
    return endpoint.toLayer(serve, exposing)
  })
  return Layer.fresh(Layer.unwrap(serving))
}

/**
 * The protocol of clients of a group under a name, for `RpcClient.make` of that group and no other: each name has a layer of its own,
 * provided to its client alone. `client` is both in one.
 */
export const layerClient = <Rpcs extends Rpc.Any>(
  name: string,
  group: RpcGroup.RpcGroup<Rpcs>,
  options?: ClientProtocol.Options
): Layer.Layer<RpcClient.Protocol, never, Fabric | Registry> =>
  Layer.fresh(Layer.effect(RpcClient.Protocol, ClientProtocol.make(name, group, options)))

/** A client of a group under a name, as long as the scope lives. It connects with its first call. */
export const client = Effect.fnUntraced(function* <Rpcs extends Rpc.Any>(
  name: string,
  group: RpcGroup.RpcGroup<Rpcs>,
  options?: ClientProtocol.Options
): Effect.fn.Return<
  RpcClient.RpcClient<Rpcs, RpcClientError>,
  never,
  Fabric | Registry | Rpc.MiddlewareClient<Rpcs> | Scope.Scope
> {
  const protocol = yield* ClientProtocol.make(name, group, options)
  return yield* Effect.provideService(RpcClient.make(group), RpcClient.Protocol, protocol)
})

/** Makes the calls of an effect with these options. Of a stream by `Stream.provideService(FabricRpc.CurrentCall, ..)`. */
export const withCall =
  (options: ClientProtocol.CallOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(effect, ClientProtocol.CurrentCall, (outer) => ({ ...outer, ...options }))
