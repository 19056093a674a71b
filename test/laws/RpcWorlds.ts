/** What carries calls from a client to a server: Effect's own ways, and flows over each wire. */
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { RpcClient, type RpcClientError, RpcSerialization, RpcServer, RpcTest } from "effect/rpc"
import { SocketServer } from "effect/socket"
import * as Core from "../../src/layers/fabric/Core.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as RegistryLocal from "../../src/layers/registry/RegistryLocal.ts"
import * as FabricRpc from "../../src/rpc/FabricRpc.ts"
import * as Wire from "../../src/rpc/Wire.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { type Host, Self } from "../../src/services/Host.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import { Registry } from "../../src/services/Registry.ts"
import { cable } from "./Cable.ts"
import type { Wire as Transported } from "./flow.ts"
import type * as Groups from "./RpcGroups.ts"
import { Laws, Strangers } from "./RpcGroups.ts"

type ClientOf<Group> = RpcClient.FromGroup<Group, RpcClientError.RpcClientError>

/** A client and its server, as long as the scope lives. */
export interface World {
  readonly client: ClientOf<typeof Laws>
  /** A client of another version of the group; none where nothing is encoded. */
  readonly stranger: ClientOf<typeof Strangers> | undefined
  /** The client is given up. */
  readonly leave: Effect.Effect<void>
  /** The server is gone, without a word. */
  readonly kill: Effect.Effect<void>
}

export type Kind = "RpcTest" | "socket" | "flows"

export interface Carrier {
  readonly name: string
  readonly kind: Kind
  readonly connect: (handlers: ReturnType<typeof Groups.handlers>) => Effect.Effect<World, unknown, Scope.Scope>
}

/** Makes a client in a scope of its own. */
const leaving = Effect.fnUntraced(function* <A, R>(client: Effect.Effect<A, never, R | Scope.Scope>) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return { client: yield* Scope.provide(client, scope), leave: Scope.close(scope, Exit.void) }
})

/** Effect's own, over TCP. */
export const socket: Carrier = {
  name: "Effect's socket protocol",
  kind: "socket",
  connect: Effect.fnUntraced(function* (handlers) {
    const server = yield* Layer.build(
      RpcServer.layer(Laws).pipe(
        Layer.provide(handlers),
        Layer.provide(RpcServer.layerProtocolSocketServer),
        Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })),
        Layer.provide(RpcSerialization.layerNdjson)
      )
    )
    const { address } = Context.get(server, SocketServer.SocketServer)
    const { cut, port } = yield* cable("port" in address ? address.port : 0)
    const protocol = yield* Layer.build(
      RpcClient.layerProtocolSocket().pipe(
        Layer.provide(NodeSocket.layerNet({ host: "127.0.0.1", port })),
        Layer.provide(RpcSerialization.layerNdjson)
      )
    )
    const stranger = yield* Effect.provideContext(RpcClient.make(Strangers), protocol)
    return { ...(yield* leaving(Effect.provideContext(RpcClient.make(Laws), protocol))), stranger, kill: cut }
  })
}

/** Effect's own, without anything between. It has one group. */
export const inMemory: Carrier = {
  name: "RpcTest",
  kind: "RpcTest",
  connect: Effect.fnUntraced(function* (handlers) {
    const context = yield* Layer.build(handlers)
    const made = yield* leaving(Effect.provideContext(RpcTest.makeClient(Laws), context))
    return { ...made, stranger: undefined, kill: Effect.die("nothing is between") }
  })
}

const core = (options: Pick<Core.Options, "dial" | "registry" | "selfId">) => {
  const host: Host = { id: options.selfId, generation: 1, address: "127.0.0.1", flowPort: 1, locality: "", tags: {} }
  return Core.make({
    ...options,
    self: Effect.succeed(host),
    reach: () => Effect.void,
    roundTripMillis: () => Effect.undefined,
    hostOf: () => undefined,
    join: () => Effect.succeed(0),
    isAlone: Effect.succeed(false),
    joined: Effect.void,
    lost: Effect.never,
    leave: Effect.void,
    flows: { ...Serving.defaults, drain: 0 },
    level: "Debug"
  })
}

const name = "laws"

/** Flows over a wire, on which the client knows the server's name by heart. */
export const flows = (
  title: string,
  makeWire: Effect.Effect<Transported, NetworkError, Scope.Scope>,
  revision?: number
): Carrier => ({
  name: title,
  kind: "flows",
  connect: Effect.fnUntraced(function* (handlers) {
    const wire = yield* makeWire
    const there: Host = { ...wire.host, ...(revision === undefined ? {} : { revision }) }
    const self = Layer.succeed(Self, { id: "server", generation: 1, locality: "", tags: {} })
    const registry = Context.get(
      yield* Layer.build(Layer.fresh(RegistryLocal.layer).pipe(Layer.provide(self))),
      Registry
    )
    const far = yield* core({ selfId: "server", registry, dial: () => Effect.die("it dials nobody") })
    yield* wire.serve(far.answer)
    const entry = { name, ownership: "unique" as const, contract: Wire.endpoint(name).fingerprint, host: there }
    const known: Registry["Service"] = { ...registry, resolve: () => Effect.succeed([entry]) }
    const near = yield* core({ selfId: "client", registry: known, dial: () => wire.dial })
    yield* Layer.build(
      FabricRpc.layerServer(name, Laws, { drain: 0 }).pipe(
        Layer.provide(handlers),
        Layer.provide(Layer.succeed(Fabric, far.fabric))
      )
    )
    const around = Context.make(Fabric, near.fabric).pipe(Context.add(Registry, known))
    const stranger = yield* Effect.provideContext(FabricRpc.client(name, Strangers), around)
    const made = yield* leaving(Effect.provideContext(FabricRpc.client(name, Laws), around))
    return { ...made, stranger, kill: wire.kill }
  })
})
