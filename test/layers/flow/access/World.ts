/**
 * The same hosts and callers on each transport, and what comes of a call: who the handler was told the caller is, or why there was
 * no flow.
 */
import { createClient } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node"
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Schedule, Schema, type Scope, Stream } from "effect"
import {
  Codec,
  type ConnectOptions,
  Endpoint,
  type ExposeOptions,
  type Exposure,
  Fabric,
  FabricLocal,
  Gossip,
  Grinta,
  MemoryNetwork,
  type NetworkError,
  type Peer,
  Registry,
  Transport
} from "../../../../src/index.ts"
import { FlowService, RejectReason } from "../../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Certificates from "../../transport/http2/tls/Certificates.ts"

const authority = Certificates.make("an authority")

export type TransportName = "queue" | "memory" | "HTTP/2" | "TLS"

/** Whoever calls. `server` is the host that exposes, and calls itself. */
export type Who = "server" | "web.1" | "db" | "probe" | "nameless" | "plain"

/** What is said of hosts, and what clients have in their certificates; a plain client has none. */
const hosts = {
  server: { locality: "eu/zrh", tags: {} },
  "web.1": { locality: "eu/fra/rack-7", tags: { role: "web" } },
  db: { locality: "us", tags: { role: "db" } }
} as const
const clients = {
  probe: { uris: ["spiffe://shop/ops/probe"], dns: ["Probe.Shop.Internal"] },
  nameless: { uris: [], dns: [] }
} as const

/** Who there is on each transport. */
export const callersOn: Readonly<Record<TransportName, ReadonlyArray<Who>>> = {
  queue: ["server"],
  memory: ["server", "web.1", "db"],
  "HTTP/2": ["server", "web.1", "db", "plain"],
  TLS: ["server", "web.1", "db", "probe", "nameless"]
}

export const endpointOf = (name: string) =>
  Endpoint.make(name, { input: Codec.bytes, output: Schema.String, ownership: "group" })

/** Who a peer is, in one line. */
export const identified = ({ id, metadata, path, proven }: Peer): string => {
  const said = metadata.keys.map((key) => ` ${key}=${metadata.get(key)}`).join("")
  const passed = path.length === 0 ? "" : ` by ${path.join(",")}`
  const who =
    proven._tag === "Nothing"
      ? "nothing"
      : proven._tag === "Host"
        ? `host ${proven.id}${proven.certificate === undefined ? "" : " certified"}`
        : `client ${[...proven.certificate.uris, ...proven.certificate.dnsNames].join(" ") || proven.certificate.subject}`
  return `${id}: ${who}${passed}${said}`
}

export interface World {
  readonly server: Fabric["Service"]
  readonly fabricOf: (who: Who) => Fabric["Service"]
  readonly gossipOf: (who: Who) => Gossip["Service"]
  readonly flowPort: number
  /** Exposes an endpoint on the server; how often its handler was started, and a way to change the rule. */
  readonly expose: (
    name: string,
    options: ExposeOptions
  ) => Effect.Effect<{ readonly started: () => number; readonly exposure: Exposure }, NetworkError, Scope.Scope>
  /** Opens a flow, and what the handler says of its peer; else the reason of the error. */
  readonly call: (who: Who, name: string, options?: ConnectOptions) => Effect.Effect<string>
}

const seedOf = (gossipPort: number) => [`127.0.0.1:${gossipPort}`]

/** One host with its services, in the scope of the test. */
const build = <R>(layer: Layer.Layer<Grinta.Services, NetworkError, R>) => Layer.build(Layer.fresh(layer))

const hostsOn = Effect.fnUntraced(function* (transport: TransportName, access: Layer.Layer<never, NetworkError>) {
  const others = Object.keys(hosts).filter((name) => name !== "server")
  if (transport === "queue")
    return {
      server: yield* Layer.build(FabricLocal.layer({ name: "server", ...hosts.server }).pipe(Layer.provide(access)))
    }
  if (transport === "memory") {
    const network = yield* Layer.build(MemoryNetwork.layer())
    const at = (name: keyof typeof hosts, seeds: ReadonlyArray<string>) =>
      build(
        Grinta.layerMemory({ name, seeds, ...hosts[name] }).pipe(
          Layer.provide(Layer.succeedContext(network)),
          Layer.provide(name === "server" ? access : Layer.empty)
        )
      )
    return { server: yield* at("server", []), "web.1": yield* at("web.1", ["server"]), db: yield* at("db", ["server"]) }
  }
  const at = (name: keyof typeof hosts, seeds: ReadonlyArray<string>) =>
    build(
      Grinta.layer({
        ...{ name, seeds, fabric: "shop", profile: "local", listen: { gossipPort: 0, flowPort: 0 } },
        ...hosts[name],
        ...(transport === "TLS" ? { tls: authority.issue(name, { fabric: "shop" }) } : {})
      }).pipe(Layer.provide(name === "server" ? access : Layer.empty))
    )
  const server = yield* at("server", [])
  const { port } = yield* Context.get(server, Gossip).self
  assert.lengthOf(others, 2)
  return { server, "web.1": yield* at("web.1", seedOf(port)), db: yield* at("db", seedOf(port)) }
})

const reasonNames: Readonly<Record<number, string>> = {
  [RejectReason.UNAUTHORIZED]: "Unauthorized",
  [RejectReason.ENDPOINT_NOT_FOUND]: "EndpointNotFound",
  [RejectReason.INCOMPATIBLE]: "Incompatible"
}

type Outside = "probe" | "nameless" | "plain"
type Protocol = "Connect" | "gRPC"

/** How a client from outside reaches a host. */
export const transportOf = (port: number, who: Outside, protocol: Protocol) => {
  const material = who === "plain" ? undefined : authority.issue("", clients[who])
  const made = protocol === "Connect" ? createConnectTransport : createGrpcTransport
  return made({
    httpVersion: "2",
    baseUrl: `${material === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    nodeOptions:
      material === undefined
        ? {}
        : {
            ca: material.authorities,
            cert: material.certificate,
            key: material.key,
            checkServerIdentity: () => undefined
          }
  })
}

/** A client from outside: one call, and the first message of the answer, or why there is none. */
export const callFrom = (
  port: number,
  who: Outside,
  open: {
    readonly endpoint: string
    readonly caller?: string
    readonly contract?: bigint
    readonly metadata?: { readonly [key: string]: string }
  },
  options: { readonly headers?: Readonly<Record<string, string>>; readonly protocol?: Protocol } = {}
): Effect.Effect<string> =>
  Effect.promise(async () => {
    const { headers = {}, protocol = "Connect" } = options
    const client = createClient(FlowService, transportOf(port, who, protocol))
    const frames = async function* () {
      yield { kind: { case: "open" as const, value: { wireVersion: 1, ...open } } }
      yield { kind: { case: "end" as const, value: { count: 0n } } }
    }
    let said = "nothing"
    for await (const { kind } of client.open(frames(), { headers: { ...headers }, timeoutMs: 10_000 })) {
      if (kind.case === "rejected") said = reasonNames[kind.value.reason] ?? "another reason"
      if (kind.case === "fail") said = kind.value.detail
      if (kind.case === "data") said = JSON.parse(new TextDecoder().decode(kind.value.messages[0]))
    }
    return said
  })

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("20 millis")).pipe(Effect.timeout("20 seconds"), Effect.orDie)

const isHost = (who: Who): who is keyof typeof hosts => Object.hasOwn(hosts, who)

/** The hosts of a transport, once they know each other. `access` is the rule of the whole server. */
export const world = Effect.fnUntraced(function* (
  transport: TransportName,
  access: Layer.Layer<never, NetworkError> = Layer.empty
): Effect.fn.Return<World, NetworkError, Scope.Scope> {
  const built: Partial<Record<Who, Context.Context<Fabric | Registry>>> = yield* hostsOn(transport, access)
  const fabricOf = (who: Who) => Context.get(built[who] ?? assert.fail(`there is no ${who}`), Fabric)
  const gossipOf = (who: Who) =>
    Context.getOrUndefined(built[who] ?? Context.empty(), Gossip) ?? assert.fail(`${who} has no gossip`)
  const server = fabricOf("server")
  const count = Object.keys(built).length
  for (const services of Object.values(built))
    yield* eventually(
      Effect.filterOrFail(
        Context.get(services, Registry).hosts,
        ({ length }) => length === count,
        () => "alone"
      )
    )
  const flowPort = Context.getOrUndefined(built.server ?? Context.empty(), Transport)?.flowPort ?? 0

  const expose: World["expose"] = Effect.fnUntraced(function* (name, options) {
    let started = 0
    const exposure = yield* server.expose(
      endpointOf(name),
      (flow) => {
        started += 1
        return Effect.andThen(flow.send(identified(flow.peer)), Stream.runDrain(flow.messages))
      },
      options
    )
    for (const services of Object.values(built))
      yield* eventually(
        Effect.filterOrFail(
          Context.get(services, Registry).resolve(name),
          ({ length }) => length === 1,
          () => "not yet"
        )
      )
    return { started: () => started, exposure }
  })

  const call: World["call"] = (who, name, options) => {
    if (!isHost(who)) return callFrom(flowPort, who, { endpoint: name })
    return Effect.gen(function* () {
      const flow = yield* fabricOf(who).connect(endpointOf(name), options)
      const said = yield* flow.receive
      yield* flow.end
      return said
    }).pipe(
      Effect.scoped,
      Effect.catch((error) => Effect.succeed("reason" in error ? error.reason._tag : String(error)))
    )
  }
  return { server, fabricOf, gossipOf, flowPort, expose, call }
})
