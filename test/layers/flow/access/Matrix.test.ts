/**
 * Who may call what: every caller, under every rule, on every transport, from one table.
 */
import { createClient } from "@connectrpc/connect"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Access, type ExposeOptions, type Peer } from "../../../../src/index.ts"
import {
  Health,
  HealthCheckResponse_ServingStatus as Status
} from "../../../../src/protocol/gen/grpc/health/v1/health_pb.ts"
import { ServerReflection } from "../../../../src/protocol/gen/grpc/reflection/v1/reflection_pb.ts"
import { callersOn, endpointOf, identified, type TransportName, transportOf, type Who, world } from "./World.ts"

const hosts: ReadonlyArray<Who> = ["server", "web.1", "db"]
const clients: ReadonlyArray<Who> = ["probe", "nameless"]
const all: ReadonlyArray<Who> = [...hosts, ...clients, "plain"]

interface Row {
  readonly allow: ExposeOptions["allow"]
  /** Whom it lets in that has proven who it is. */
  readonly proven: ReadonlyArray<Who>
  /** Whether it lets in whoever has proven nothing. */
  readonly unproven: boolean
}

/** By the name of the endpoint whose rule it is. */
const table: Readonly<Record<string, Row>> = {
  unsaid: { allow: undefined, proven: hosts, unproven: true },
  members: { allow: "members", proven: hosts, unproven: true },
  anyone: { allow: "anyone", proven: all, unproven: true },
  host: { allow: { hosts: ["web.1"] }, proven: ["web.1"], unproven: false },
  "hosts.by-prefix": { allow: { hosts: ["web.*", "server"] }, proven: ["server", "web.1"], unproven: false },
  place: { allow: { localities: ["eu/*"] }, proven: ["server", "web.1"], unproven: false },
  tag: { allow: { tags: { role: ["web", "db"] } }, proven: ["web.1", "db"], unproven: false },
  "tag.and.place": { allow: { tags: { role: ["web", "db"] }, localities: ["us"] }, proven: ["db"], unproven: false },
  uri: { allow: { certificates: ["spiffe://shop/ops/*"] }, proven: ["probe"], unproven: false },
  dns: { allow: { certificates: ["probe.shop.internal"] }, proven: ["probe"], unproven: false },
  "uri.of-host": { allow: { certificates: ["grinta://shop/db"] }, proven: ["db"], unproven: false },
  "uri.of-itself": { allow: { certificates: ["grinta://shop/server"] }, proven: ["server"], unproven: false },
  two: {
    allow: [{ certificates: ["probe.*"] }, { hosts: ["db"] }],
    proven: ["probe", "db"],
    unproven: false
  },
  "function.yes": { allow: () => Effect.succeed(Access.allow), proven: all, unproven: true },
  "function.no": { allow: () => Effect.succeed(Access.deny("closed on Mondays")), proven: [], unproven: false },
  "function.some": {
    allow: ({ host, peer }) =>
      Effect.delay(
        Effect.succeed(
          host?.tags.role === "web" || peer.proven._tag === "Client" ? Access.allow : Access.deny("neither")
        ),
        "5 millis"
      ),
    proven: ["web.1", ...clients],
    unproven: false
  },
  "function.fails": { allow: () => Effect.fail("no answer from the directory"), proven: [], unproven: false },
  "function.dies": { allow: () => Effect.die("a bug"), proven: [], unproven: false },
  "function.throws": {
    allow: () => {
      throw new Error("a bug")
    },
    proven: [],
    unproven: false
  }
}

const isClient = ({ proven }: Peer): boolean => proven._tag === "Client"

/** A certificate is only where there is TLS. */
const hasCertificates = (transport: TransportName): boolean => transport === "TLS"

const isProven = (transport: TransportName): boolean => transport !== "HTTP/2"

const expected = (transport: TransportName, who: Who, name: string, { proven, unproven }: Row): boolean => {
  // A flow of the server to itself stays within the process, whatever the network.
  if (!isProven(transport) && who !== "server") return unproven
  return proven.includes(who) && (hasCertificates(transport) || !name.startsWith("uri.of-"))
}

const saying: Readonly<Record<Who, string>> = {
  server: "server: host server",
  "web.1": "web.1: host web.1",
  db: "db: host db",
  probe: ": client spiffe://shop/ops/probe probe.shop.internal",
  nameless: ": client CN=a host",
  plain: ": nothing"
}

/** What the handler is told of a caller. */
const told = (transport: TransportName, who: Who): string => {
  if (transport === "HTTP/2" && who !== "server") return `${who === "plain" ? "" : who}: nothing`
  return transport === "TLS" && hosts.includes(who) ? `${saying[who]} certified` : saying[who]
}

const transports: ReadonlyArray<TransportName> = ["queue", "memory", "HTTP/2", "TLS"]

describe("who may call what", () => {
  for (const transport of transports)
    it.live(
      `over ${transport}`,
      () =>
        Effect.gen(function* () {
          const { call, expose } = yield* world(transport)
          const found: Record<string, string> = {}
          const wanted: Record<string, string> = {}
          for (const [name, row] of Object.entries(table)) {
            const { started } = yield* expose(name, row.allow === undefined ? {} : { allow: row.allow })
            for (const who of callersOn[transport]) {
              const before = started()
              const key = `${who} -> ${name}`
              const said = yield* call(who, name)
              found[key] = `${said}, ${started() - before} started`
              wanted[key] = expected(transport, who, name, row)
                ? `${told(transport, who)}, 1 started`
                : "Unauthorized, 0 started"
            }
          }
          assert.deepStrictEqual(found, wanted)
        }).pipe(Effect.scoped),
      60_000
    )

  const seen: ReadonlyArray<readonly [TransportName, Who, string]> = [
    ["queue", "server", "server: host server"],
    ["memory", "db", "server: host server"],
    ["HTTP/2", "db", "server: nothing"],
    ["TLS", "db", "server: host server certified"]
  ]
  it.live.each(seen)("and a caller over %s sees what the owner has proven", ([transport, who, said]) =>
    Effect.gen(function* () {
      const { expose, fabricOf } = yield* world(transport)
      yield* expose("seen", {})
      const flow = yield* fabricOf(who).connect(endpointOf("seen"))
      assert.strictEqual(identified(flow.peer), said)
    }).pipe(Effect.scoped)
  )

  const policies: ReadonlyArray<readonly [string, Access.Allow, ReadonlyArray<Who>]> = [
    ["members", "members", hosts],
    ["a rule", { tags: { role: "web" } }, ["web.1"]],
    [
      "a function that lets some in",
      ({ peer }) => Effect.succeed(isClient(peer) ? Access.allow : Access.deny("")),
      clients
    ],
    ["a function", ({ endpoint }) => Effect.succeed(endpoint === "anyone" ? Access.allow : Access.deny("")), all]
  ]
  it.live.each(policies)("is bounded by the rule of the whole host as well: %s", ([, policy, those]) =>
    Effect.gen(function* () {
      const { call, expose } = yield* world("TLS", Access.layer(policy))
      const open = yield* expose("anyone", { allow: "anyone" })
      for (const who of callersOn.TLS)
        assert.strictEqual(yield* call(who, "anyone"), those.includes(who) ? told("TLS", who) : "Unauthorized", who)
      assert.strictEqual(open.started(), callersOn.TLS.filter((who) => those.includes(who)).length)
      const closed = yield* expose("closed", { allow: { hosts: ["nobody"] } })
      for (const who of callersOn.TLS) assert.strictEqual(yield* call(who, "closed"), "Unauthorized", who)
      assert.strictEqual(closed.started(), 0)
    }).pipe(Effect.scoped)
  )

  it.live("is no question for the health of a host and its reflection", () =>
    Effect.gen(function* () {
      const { call, expose, flowPort } = yield* world("TLS", Access.layer({ hosts: ["nobody"] }))
      yield* expose("closed", { allow: { hosts: ["nobody"] } })
      assert.strictEqual(yield* call("nameless", "closed"), "Unauthorized")
      const transport = transportOf(flowPort, "nameless", "gRPC")
      const health = createClient(Health, transport)
      const status = (service: string) => Effect.promise(() => health.check({ service }, { timeoutMs: 10_000 }))
      assert.strictEqual((yield* status("")).status, Status.SERVING)
      assert.strictEqual((yield* status("closed")).status, Status.SERVING)
      const reflected = yield* Effect.promise(async () => {
        const asking = async function* () {
          yield { host: "", messageRequest: { case: "listServices" as const, value: "" } }
        }
        const reflection = createClient(ServerReflection, transport)
        for await (const { messageResponse } of reflection.serverReflectionInfo(asking(), { timeoutMs: 10_000 }))
          return messageResponse.case
        return undefined
      })
      assert.strictEqual(reflected, "listServicesResponse")
    }).pipe(Effect.scoped)
  )
})
