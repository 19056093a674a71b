/**
 * The types that a user sees, above all how things may fail. Nothing here runs: `tsc -p .` checks it, and so does the
 * test beside it.
 */
import { type Duration, Effect, Layer, type Redacted, Schema, type Scope, Stream } from "effect"
import { Rpc, type RpcClient, type RpcClientError, RpcGroup } from "effect/rpc"
import { expectTypeOf } from "vitest"
import {
  Access,
  type Audience,
  type Certificate,
  type Claim,
  Codec,
  type ConnectEachOptions,
  type ConnectOptions,
  type DeadlineExceeded,
  type EachFlow,
  Endpoint,
  type EndpointBusy,
  type EndpointNotFound,
  type Entry,
  type Evidence,
  type ExposeOptions,
  type Exposure,
  Fabric,
  type FabricClosed,
  FabricLocal,
  type FabricMesh,
  type Flow,
  type FlowClosed,
  type FlowError,
  type FlowErrorReason,
  type FlowReset,
  type FrameListener,
  type Gossip,
  type GossipSocketNode,
  type GossipSwim,
  Grinta,
  type Host,
  type HostUnreachable,
  type Identity,
  type Incompatible,
  type InvalidConfig,
  type JoinFailed,
  type Link,
  type MalformedMessage,
  MemoryNetwork,
  type MessageTooLarge,
  type Metadata,
  type MetadataInput,
  type NameInvalid,
  type NameTaken,
  type NetworkError,
  type NetworkErrorReason,
  type NothingProven,
  type Peer,
  type PeerLost,
  type ProtocolViolation,
  type ProvenClient,
  type ProvenHost,
  type QuotaExceeded,
  Registry,
  type RegistryEvent,
  type RegistryGossip,
  type Rule,
  type Select,
  type Self,
  type Timeout,
  type Transport,
  type TransportConnect,
  type Unauthorized
} from "../../src/index.ts"
import { type CallErrorReason, FabricRpc } from "../../src/rpc/index.ts"
import { Simulation } from "../../src/testing/index.ts"
import { it } from "../../src/testing/vitest.ts"

class Banned extends Schema.TaggedError<Banned>()("Banned", { until: Schema.String }) {}
class Undeclared extends Schema.TaggedError<Undeclared>()("Undeclared", {}) {}

const Chat = Endpoint.make("chat.lobby", {
  input: Schema.Struct({ text: Schema.String }),
  output: Schema.Struct({ from: Schema.String, text: Schema.String }),
  error: Banned
})
const Plain = Endpoint.make("plain", { input: Schema.String, output: Schema.String })

interface Said {
  readonly from: string
  readonly text: string
}

// Endpoints: what goes in, what comes out, how they fail

expectTypeOf(Chat).toEqualTypeOf<Endpoint.Endpoint<{ readonly text: string }, Said, Banned>>()
expectTypeOf(Plain).toEqualTypeOf<Endpoint.Endpoint<string, string, never>>()

const Coded = Endpoint.make("coded", { input: Codec.bytes, output: Codec.json, error: Banned, ownership: "group" })
expectTypeOf(Coded).toEqualTypeOf<Endpoint.Endpoint<Uint8Array, Schema.Json, Banned>>()

const Replaced = Endpoint.make("chat.lobby", {
  input: Codec.json,
  output: Schema.String,
  compatibleWith: [Chat, Plain]
})
expectTypeOf(Replaced).toEqualTypeOf<Endpoint.Endpoint<Schema.Json, string, never>>()

// @ts-expect-error a contract is declared compatible by itself, not by its name
Endpoint.make("plain", { input: Schema.String, output: Schema.String, compatibleWith: ["chat.lobby"] })
// @ts-expect-error there is no such ownership
Endpoint.make("plain", { input: Schema.String, output: Schema.String, ownership: "shared" })

// Handlers

const serve = Effect.fn("Chat.serve")(function* (flow: Flow<Said, { readonly text: string }>) {
  yield* Stream.runForEach(
    flow.messages,
    Effect.fnUntraced(function* ({ text }) {
      if (text === "spam") return yield* new Banned({ until: "tomorrow" })
      yield* flow.send({ from: flow.peer.id, text })
    })
  )
})

expectTypeOf(Chat.toLayer(serve)).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric>>()

const inferred = Chat.toLayer(
  Effect.fn("Chat.serve")(function* (flow) {
    expectTypeOf(flow).toEqualTypeOf<Flow<Said, { readonly text: string }, never>>()
    yield* flow.send({ from: flow.peer.id, text: "welcome" })
    return yield* new Banned({ until: "tomorrow" })
  })
)
expectTypeOf(inferred).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric>>()

// What a handler needs is needed by its layer, but for the scope, which each flow has.
const needy = Plain.toLayer(() =>
  Effect.andThen(
    Registry,
    Effect.addFinalizer(() => Effect.void)
  )
)
expectTypeOf(needy).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric | Registry>>()

// @ts-expect-error the handler fails with an error that the endpoint does not declare
Chat.toLayer(() => Effect.fail(new Undeclared()))
// @ts-expect-error the endpoint declares no error
Plain.toLayer(() => Effect.fail(new Banned({ until: "tomorrow" })))
// @ts-expect-error an endpoint sends its output, not its input
Chat.toLayer((flow) => flow.send({ text: "hello" }))

// A handler that runs until its caller has ended needs no word for it.
const until = Plain.toLayer((flow) => Effect.forever(Effect.flatMap(flow.receive, flow.send)))
expectTypeOf(until).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric>>()

// What `onLost` needs is needed by the layer too, and it must not fail.
const onLost = (error: NetworkError) => Effect.asVoid(Effect.andThen(Registry, Effect.logError(error.message)))
expectTypeOf(Chat.toLayer(serve, { standby: true, onLost })).toEqualTypeOf<
  Layer.Layer<never, NetworkError, Fabric | Registry>
>()
// @ts-expect-error a handler of losses has nobody to fail to
Chat.toLayer(serve, { onLost: (error) => Effect.fail(error) })

// Who may call is changed from within a layer; what that needs is needed by the layer, and its errors are logged.
const onExposed = ({ allow }: Exposure) => Effect.andThen(Registry, allow("anyone", { openFlows: "end" }))
expectTypeOf(Chat.toLayer(serve, { onExposed })).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric | Registry>>()

// Flows

const session = Effect.gen(function* () {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(Chat)
  expectTypeOf(flow).toEqualTypeOf<Flow<{ readonly text: string }, Said, Banned>>()
  yield* flow.sendAll([{ text: "hello" }, { text: "again" }])
  yield* Stream.run(Stream.make({ text: "and" }, { text: "so on" }), flow.sink)
  yield* flow.end
  return yield* Stream.runCollect(flow.messages)
}).pipe(Effect.scoped)

expectTypeOf(session).toEqualTypeOf<Effect.Effect<Array<Said>, NetworkError | FlowError | Banned, Fabric>>()

const exchanged = (flow: Flow<string, Said, Banned>, asked: Stream.Stream<string, Undeclared, Registry>) =>
  flow.exchange(asked)
expectTypeOf<ReturnType<typeof exchanged>>().toEqualTypeOf<
  Stream.Stream<Said, FlowError | Banned | Undeclared, Registry>
>()
// @ts-expect-error an exchange sends what the endpoint takes
const mixed = (flow: Flow<string, Said>) => flow.exchange(Stream.make(1))
expectTypeOf(mixed).toBeFunction()

const connect = Effect.flatMap(Fabric, (fabric) => fabric.connect(Plain))
expectTypeOf(connect).toEqualTypeOf<Effect.Effect<Flow<string, string, never>, NetworkError, Fabric | Scope.Scope>>()

const plain = Effect.flatMap(connect, (flow) => Stream.runCollect(flow.messages))
expectTypeOf<Effect.Error<typeof plain>>().toEqualTypeOf<NetworkError | FlowError>()

const each = (fabric: Fabric["Service"]) => fabric.connectEach(Chat)
expectTypeOf<ReturnType<typeof each>>().toEqualTypeOf<
  Stream.Stream<EachFlow<{ readonly text: string }, Said, Banned>, NetworkError>
>()
expectTypeOf<EachFlow<string, number, Banned>>().toEqualTypeOf<
  | { readonly _tag: "Opened"; readonly host: Host; readonly flow: Flow<string, number, Banned> }
  | { readonly _tag: "Failed"; readonly host: Host; readonly error: NetworkError }
>()
expectTypeOf<Required<ConnectEachOptions>>().toEqualTypeOf<{
  readonly timeout: Duration.Input
  readonly metadata: MetadataInput
}>()

const expose = (fabric: Fabric["Service"]) => fabric.expose(Chat, serve)
expectTypeOf<ReturnType<typeof expose>>().toEqualTypeOf<Effect.Effect<Exposure, NetworkError, Scope.Scope>>()
expectTypeOf<Exposure["lost"]>().toEqualTypeOf<Effect.Effect<never, NetworkError>>()

const keep = (fabric: Fabric["Service"]) => fabric.keep(Chat, serve, { standby: true, onLost })
expectTypeOf<ReturnType<typeof keep>>().toEqualTypeOf<Effect.Effect<void, NetworkError, Registry | Scope.Scope>>()

expectTypeOf<Fabric["Service"]["joined"]>().toEqualTypeOf<Effect.Effect<void, NetworkError>>()
expectTypeOf<Select>().toEqualTypeOf<
  "nearest" | "leastBusy" | "random" | { readonly key: string } | { readonly host: string }
>()
expectTypeOf<Required<ConnectOptions>>().toEqualTypeOf<{
  readonly select: Select
  readonly wait: boolean
  readonly timeout: Duration.Input
  readonly deadline: Duration.Input
  readonly path: ReadonlyArray<string>
  readonly metadata: MetadataInput
}>()
expectTypeOf<MetadataInput>().toEqualTypeOf<Readonly<Record<string, string | Redacted.Redacted<string>>> | Metadata>()
expectTypeOf<Required<ExposeOptions>>().toEqualTypeOf<{
  readonly concurrency: number
  readonly backlog: number
  readonly drain: Duration.Input
  readonly allow: Access.Allow
  readonly ownersDiffer: boolean
}>()

// Access: what is proven, and who may call

expectTypeOf<Peer>().toEqualTypeOf<{
  readonly id: string
  readonly proven: Identity
  readonly path: ReadonlyArray<string>
  readonly metadata: Metadata
}>()
expectTypeOf<Identity>().toEqualTypeOf<
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Host"; readonly id: string; readonly certificate: Certificate | undefined }
  | { readonly _tag: "Client"; readonly certificate: Certificate }
>()
expectTypeOf<Access.Allow>().toEqualTypeOf<
  | "members"
  | "anyone"
  | Rule
  | ReadonlyArray<Rule>
  | ((request: Access.Request) => Effect.Effect<Access.Decision, unknown>)
>()
expectTypeOf(Access.layer("anyone")).toEqualTypeOf<Layer.Layer<never, NetworkError>>()
expectTypeOf<ReturnType<Exposure["allow"]>>().toEqualTypeOf<Effect.Effect<number, NetworkError>>()

// Errors: the reasons are closed sets

expectTypeOf<NetworkErrorReason>().toEqualTypeOf<
  | EndpointNotFound
  | EndpointBusy
  | HostUnreachable
  | Unauthorized
  | Incompatible
  | NameInvalid
  | NameTaken
  | JoinFailed
  | QuotaExceeded
  | Timeout
  | FabricClosed
  | InvalidConfig
>()
expectTypeOf<NetworkErrorReason["_tag"]>().toEqualTypeOf<
  | "EndpointNotFound"
  | "EndpointBusy"
  | "HostUnreachable"
  | "Unauthorized"
  | "Incompatible"
  | "NameInvalid"
  | "NameTaken"
  | "JoinFailed"
  | "QuotaExceeded"
  | "Timeout"
  | "FabricClosed"
  | "InvalidConfig"
>()
expectTypeOf<NetworkError["reason"]>().toEqualTypeOf<NetworkErrorReason>()
expectTypeOf<NetworkError["operation"]>().toEqualTypeOf<
  "listen" | "join" | "leave" | "send" | "tags" | "keyring" | "expose" | "resolve" | "connect"
>()

expectTypeOf<FlowErrorReason>().toEqualTypeOf<
  PeerLost | FlowReset | FlowClosed | MessageTooLarge | MalformedMessage | ProtocolViolation | DeadlineExceeded
>()
expectTypeOf<FlowErrorReason["_tag"]>().toEqualTypeOf<
  | "PeerLost"
  | "FlowReset"
  | "FlowClosed"
  | "MessageTooLarge"
  | "MalformedMessage"
  | "ProtocolViolation"
  | "DeadlineExceeded"
>()
expectTypeOf<FlowError["reason"]>().toEqualTypeOf<FlowErrorReason>()
expectTypeOf<FlowError["delivered"]>().toEqualTypeOf<"no" | "maybe">()

// `catchReason` handles one reason; the other reasons keep the error in the type.
const caught = Effect.catchReason(session, "FlowError", "PeerLost", (reason) => Effect.succeed(reason.detail))
expectTypeOf(caught).toEqualTypeOf<Effect.Effect<Array<Said> | string, NetworkError | FlowError | Banned, Fabric>>()

const unwrapped = Effect.unwrapReason(session, "NetworkError")
expectTypeOf<Effect.Error<typeof unwrapped>>().toEqualTypeOf<NetworkErrorReason | FlowError | Banned>()

const bare = session.pipe(Effect.unwrapReason("NetworkError"), Effect.unwrapReason("FlowError"))
expectTypeOf<Effect.Error<typeof bare>>().toEqualTypeOf<NetworkErrorReason | FlowErrorReason | Banned>()

const handled = bare.pipe(Effect.catchTag(["EndpointNotFound", "PeerLost"], () => Effect.succeed([])))
expectTypeOf<Effect.Error<typeof handled>>().toEqualTypeOf<
  Exclude<NetworkErrorReason | FlowErrorReason, EndpointNotFound | PeerLost> | Banned
>()

// @ts-expect-error there is no such reason
Effect.catchReason(session, "FlowError", "Timeout", () => Effect.void)

// Registry

const watched = (registry: Registry["Service"]) => registry.watch("chat.")
expectTypeOf<ReturnType<typeof watched>>().toEqualTypeOf<Stream.Stream<RegistryEvent>>()
expectTypeOf<RegistryEvent>().toEqualTypeOf<
  | { readonly _tag: "Snapshot"; readonly entries: ReadonlyArray<Entry> }
  | { readonly _tag: "Up"; readonly entry: Entry }
  | {
      readonly _tag: "Down"
      readonly entry: Entry
      readonly cause: "withdrawn" | "left" | "dead" | "restarted" | "conflict"
      readonly evidence: ReadonlyArray<Evidence>
    }
>()
expectTypeOf<Entry>().toExtend<Claim>()
expectTypeOf<Entry["host"]>().toEqualTypeOf<Host>()

// Layers

expectTypeOf<Grinta.Services>().toEqualTypeOf<Fabric | Registry | Gossip | Transport | Self>()
expectTypeOf<Grinta.Host>().toEqualTypeOf<Grinta.Services>()
expectTypeOf(Grinta.layer()).toEqualTypeOf<Layer.Layer<Grinta.Services, NetworkError>>()
expectTypeOf(Grinta.layerMemory({ name: "a" })).toEqualTypeOf<
  Layer.Layer<Grinta.Services, NetworkError, MemoryNetwork.MemoryNetwork>
>()
expectTypeOf(MemoryNetwork.layer()).toEqualTypeOf<Layer.Layer<MemoryNetwork.MemoryNetwork>>()
expectTypeOf(FabricLocal.layer()).toEqualTypeOf<Layer.Layer<Fabric | Registry | Self>>()

// @ts-expect-error secure is what needs no word, so there is no `insecure: false`
Grinta.layer({ insecure: false })

// The types that options and results refer to have names

expectTypeOf<Identity>().toEqualTypeOf<NothingProven | ProvenHost | ProvenClient>()
expectTypeOf<Parameters<Gossip["Service"]["broadcast"]>[2]>().toEqualTypeOf<Audience | undefined>()
expectTypeOf<Parameters<Link["attach"]>>().toEqualTypeOf<[listener: FrameListener]>()
expectTypeOf<Parameters<typeof Endpoint.make<string, number>>[1]>().toEqualTypeOf<Endpoint.Options<string, number>>()
expectTypeOf(Plain).toExtend<Endpoint.Signature>()
expectTypeOf<GossipSocketNode.Options>().toExtend<GossipSocketNode.Settings>()
expectTypeOf<GossipSwim.Config["profile"]>().toEqualTypeOf<Partial<GossipSwim.Settings> | undefined>()
expectTypeOf<GossipSwim.Config["rules"]>().toEqualTypeOf<Partial<GossipSwim.Rules> | undefined>()
expectTypeOf<GossipSwim.Config["limits"]>().toEqualTypeOf<Partial<GossipSwim.Limits> | undefined>()
expectTypeOf<GossipSwim.Config["encryption"]>().toEqualTypeOf<GossipSwim.Encryption | undefined>()
expectTypeOf<GossipSwim.Encryption>().toExtend<GossipSwim.Keys>()
expectTypeOf<Grinta.Options["flows"]>().toEqualTypeOf<Partial<FabricMesh.Config> | undefined>()
expectTypeOf<FabricMesh.Config["limits"]>().toEqualTypeOf<FabricMesh.Limits>()
expectTypeOf<Grinta.Options["keys"]>().toEqualTypeOf<ReadonlyArray<Grinta.Secret> | undefined>()
expectTypeOf<Grinta.Options["names"]>().toEqualTypeOf<Partial<RegistryGossip.Limits> | undefined>()
expectTypeOf<Grinta.Options["keepalive"]>().toEqualTypeOf<TransportConnect.Keepalive | undefined>()
expectTypeOf<Grinta.Options["tls"]>().toEqualTypeOf<TransportConnect.TlsOptions | undefined>()
expectTypeOf<TransportConnect.Config["tls"]>().toEqualTypeOf<TransportConnect.TlsConfig | undefined>()
expectTypeOf<TransportConnect.Config["share"]>().toEqualTypeOf<TransportConnect.Share>()
expectTypeOf<TransportConnect.TlsOptions>().toExtend<TransportConnect.TlsMaterial>()
expectTypeOf<TransportConnect.TlsOptions>().toExtend<TransportConnect.TlsStage>()
expectTypeOf<TransportConnect.TlsOptions["revoked"]>().toEqualTypeOf<TransportConnect.TlsRevocation | undefined>()

// Calls

class Users extends RpcGroup.make(
  Rpc.make("get", { payload: { id: Schema.String }, success: Schema.Date, error: Banned }),
  Rpc.make("all", { success: Schema.String, stream: true })
) {}

const usersLive = FabricRpc.layerServer("users", Users).pipe(
  Layer.provide(Users.toLayer({ get: () => Effect.succeed(new Date(0)), all: () => Stream.make("a") }))
)
expectTypeOf(usersLive).toEqualTypeOf<Layer.Layer<never, NetworkError, Fabric>>()
expectTypeOf(FabricRpc.layerClient("users", Users)).toEqualTypeOf<
  Layer.Layer<RpcClient.Protocol, never, Fabric | Registry>
>()

const users = FabricRpc.client("users", Users, { select: "leastBusy" })
expectTypeOf<Effect.Services<typeof users>>().toEqualTypeOf<Fabric | Registry | Scope.Scope>()
expectTypeOf<Effect.Error<typeof users>>().toEqualTypeOf<never>()

const user = Effect.flatMap(users, ({ get }) => get({ id: "1" }))
expectTypeOf<Effect.Success<typeof user>>().toEqualTypeOf<Date>()
expectTypeOf<Effect.Error<typeof user>>().toEqualTypeOf<Banned | RpcClientError.RpcClientError>()
expectTypeOf(FabricRpc.deliveredOf).toEqualTypeOf<(error: RpcClientError.RpcClientError) => "no" | "maybe">()
expectTypeOf<CallErrorReason["_tag"]>().toEqualTypeOf<
  "NetworkError" | "FlowError" | "RpcUnknown" | "RpcDiffers" | "CallsExceeded" | "PayloadMisfit" | "ReplyUnsendable"
>()
expectTypeOf<NonNullable<Effect.Success<typeof FabricRpc.Caller>>>().toEqualTypeOf<Peer>()

// @ts-expect-error there is no such owner
FabricRpc.withCall({ select: "farthest" })
// Simulations: what runs on a host has its services, and a scope; what else it needs, the test has.

declare const simulated: Effect.Effect<number, Banned, Fabric | Registry | Scope.Scope>
declare const wanting: Effect.Effect<number, Banned, Fabric | Banned>
const simulation = Simulation.run({ hosts: 3 }, (sim) => sim.on("h1", simulated))
expectTypeOf(simulation).toEqualTypeOf<Effect.Effect<number, Banned | Simulation.SimulationFailed>>()
const left = Simulation.run({ hosts: ["a", "b"] }, (sim) => sim.on("a", wanting))
expectTypeOf(left).toEqualTypeOf<Effect.Effect<number, Banned | Simulation.SimulationFailed, Banned>>()
Simulation.run({ hosts: 1 }, (sim) => sim.inject({ do: "crash", host: "h1", power: "lost" }))
// @ts-expect-error there is no such fault
Simulation.run({ hosts: 1 }, (sim) => sim.inject({ do: "explode", host: "h1" }))
// @ts-expect-error a test that needs more than a scope cannot be run by itself
it.fabric(1, "needs more", () => wanting)
