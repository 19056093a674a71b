/**
 * Who is let in under TLS, on real sockets: both sides prove who they are, and each fault of that has one reason.
 */
import * as http2 from "node:http2"
import * as net from "node:net"
import * as tls from "node:tls"
import { createClient } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Schedule, Scope, Stream } from "effect"
import * as Tls from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import { FlowService } from "../../../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Caller from "../Caller.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"
import * as Certificates from "./Certificates.ts"

const authority = Certificates.make("an authority")
const stranger = Certificates.make("another authority")

const as = (host: string, leaf?: Certificates.Leaf): { readonly tls: Tls.Config } => ({
  tls: { ...authority.issue(host, leaf), fabric: "", host }
})
const client = as("client")

const secretsOf = ({ authorities, certificate, key }: Certificates.Issued): tls.SecureContextOptions => ({
  cert: certificate,
  key,
  ca: authorities
})

/** A server of TLS with these options, which says nothing; its port. */
const listening = (options: tls.TlsOptions): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<tls.Server>((resume) => {
        const made = tls.createServer(options, (socket) => socket.on("error", () => undefined).resume())
        made.on("tlsClientError", () => undefined)
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) => Effect.sync(() => made.close())
    ),
    (made) => portOf(made.address())
  )

const portOf = (address: string | net.AddressInfo | null): number =>
  address !== null && typeof address === "object" ? address.port : 0

const failed = (caller: Caller.Caller, port: number, id?: string) =>
  Effect.map(Caller.soon(Effect.flip(Effect.scoped(caller.open(port, undefined, id)))), (error) => {
    assert.isTrue(error._tag === "NetworkError", String(error))
    return [Caller.reasonOf(error), String(error)] as const
  })

const works = (caller: Caller.Caller, port: number, id?: string) =>
  Effect.gen(function* () {
    const flow = yield* caller.open(port, undefined, id)
    yield* flow.send(Uint8Array.of(7))
    assert.deepStrictEqual([...(yield* flow.receive)], [7])
    yield* flow.end
    yield* Stream.runDrain(flow.messages)
  }).pipe(Effect.scoped, Caller.soon)

/** How a connection of TLS ends that a stranger makes: the code of its error, or "closed". */
const knock = (port: number, options: tls.ConnectionOptions, watch?: (socket: tls.TLSSocket) => void) =>
  Effect.callback<unknown>((resume) => {
    const socket = tls.connect({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      ...options
    })
    socket.on("error", (cause) => resume(Effect.succeed(cause))).on("close", () => resume(Effect.succeed("closed")))
    watch?.(socket)
    socket.resume()
    return Effect.sync(() => socket.destroy())
  }).pipe(Caller.soon)

/** Opens a session as a stranger with these secrets; what the other side says as it closes it. */
const goaway = (port: number, secrets: tls.SecureContextOptions) =>
  Effect.callback<Error | undefined>((resume) => {
    const session = http2.connect(`https://127.0.0.1:${port}`, { ...secrets, checkServerIdentity: () => undefined })
    session.on("error", () => undefined)
    session.on("goaway", (code, _, said) => resume(Effect.succeed(Tls.refusalOf(code, said))))
    return Effect.sync(() => session.destroy())
  }).pipe(Caller.soon)

/** A connection that says nothing; the fiber waits until the other side has closed it. */
const silent = (port: number) =>
  Effect.callback<string>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", () => undefined).on("close", () => resume(Effect.succeed("closed")))
    socket.resume()
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.forkScoped)

describe("a host that is dialled", () => {
  const peers: ReadonlyArray<readonly [string, tls.TlsOptions, RegExp]> = [
    ["whose authority is unknown", secretsOf(stranger.issue("server")), /self-signed certificate in certificate chain/],
    ["whose certificate has expired", secretsOf(authority.issue("server", { until: -1 })), /expired/],
    ["whose certificate is not valid yet", secretsOf(authority.issue("server", { from: 1 })), /not yet valid/],
    [
      "whose certificate is that of another host",
      secretsOf(authority.issue("other")),
      /that of "other", not of "server"/
    ],
    [
      "whose certificate is of another fabric",
      secretsOf(authority.issue("server", { fabric: "prod" })),
      /that of no host, not of "server"/
    ],
    [
      "whose certificate names machines only",
      secretsOf(authority.issue("server", { uris: [], dns: ["localhost"] })),
      /that of no host/
    ],
    ["whose certificate is for callers only", secretsOf(authority.issue("server", { use: "clientAuth" })), /purpose/],
    [
      "that offers no HTTP/2",
      { ...secretsOf(authority.issue("server")), ALPNProtocols: ["http/1.1"] },
      /application protocol/
    ],
    [
      "that does not say what it speaks",
      { ...secretsOf(authority.issue("server")), ALPNProtocols: undefined },
      /does not offer HTTP\/2/
    ],
    ["that speaks an older TLS", { ...secretsOf(authority.issue("server")), maxVersion: "TLSv1.2" }, /version/]
  ]
  for (const [what, options, detail] of peers) {
    it.live(`${what}: HostUnreachable`, () =>
      Effect.gen(function* () {
        const port = yield* listening({ ALPNProtocols: ["h2"], ...options })
        const [reason, text] = yield* failed(yield* Caller.make(client), port)
        assert.strictEqual(reason, "HostUnreachable", text)
        assert.match(text, detail)
      })
    )
  }

  it.live("that speaks no TLS, and one of TLS that is dialled without: HostUnreachable", () =>
    Effect.gen(function* () {
      const plain = yield* server()
      const [reason, text] = yield* failed(yield* Caller.make(client), plain.port)
      assert.strictEqual(reason, "HostUnreachable")
      assert.match(
        text,
        /cannot be reached: Error: it speaks no TLS, and this host does: tls \(GRINTA_TLS_CERTIFICATE\)$/
      )
      const secured = yield* server(as("server"))
      assert.strictEqual((yield* failed(yield* Caller.make(), secured.port))[0], "HostUnreachable")
      assert.strictEqual(plain.served.flows + secured.served.flows, 0)
    })
  )

  it.live("that never answers the handshake: HostUnreachable", () =>
    Effect.gen(function* () {
      const peer = yield* RawPeer.serve({ isSilent: true })
      const caller = yield* Caller.make({ ...client, connectTimeout: "200 millis" })
      assert.strictEqual((yield* failed(caller, peer.port))[0], "HostUnreachable")
      assert.strictEqual(peer.connections(), 1)
    })
  )

  it.live("at an address where another was must prove that it is the one that is meant", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server"))
      const caller = yield* Caller.make(client)
      yield* works(caller, port)
      const [reason, text] = yield* failed(caller, port, "follower")
      assert.strictEqual(reason, "HostUnreachable")
      assert.match(text, /that of "server", not of "follower"/)
      yield* works(caller, port)
    })
  )
})

describe("a caller", () => {
  it.live("that says it is another host than it has proven to be: Unauthorized", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server(as("server"))
      const [reason, text] = yield* failed(yield* Caller.make(client, "victim"), port)
      assert.strictEqual(reason, "Unauthorized")
      assert.match(text, /not that of host "victim"/)
      assert.strictEqual(served.flows, 0)
      yield* works(yield* Caller.make(client), port)
    })
  )

  it.live("whose certificate is not believed: Unauthorized", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server(as("server"))
      const both = `${authority.certificate}${stranger.certificate}`
      const bad: ReadonlyArray<Tls.Config> = [
        { ...stranger.issue("client"), authorities: both, fabric: "", host: "client" },
        { ...authority.issue("client", { fabric: "prod" }), fabric: "prod", host: "client" }
      ]
      for (const tls of bad) {
        // One of another fabric does not believe the server either, and says so first.
        const meant = tls.fabric === "" ? "Unauthorized" : "HostUnreachable"
        const [reason, text] = yield* failed(yield* Caller.make({ tls }), port)
        assert.strictEqual(reason, meant, text)
        assert.match(text, /certificate/)
      }
      assert.strictEqual(served.flows, 0)
    })
  )

  const unbelieved: ReadonlyArray<readonly [string, Certificates.Leaf, string]> = [
    ["has expired", { until: -1 }, "CERT_HAS_EXPIRED"],
    ["is not valid yet", { from: 1 }, "CERT_NOT_YET_VALID"],
    ["is for servers only", { use: "serverAuth" }, "INVALID_PURPOSE"]
  ]
  for (const [what, leaf, code] of unbelieved)
    it.live(`whose certificate ${what} is told so`, () =>
      Effect.gen(function* () {
        const { port } = yield* server(as("server"))
        const refused = yield* goaway(port, secretsOf(authority.issue("client", leaf)))
        assert.include(String(refused), `(${code})`)
      })
    )

  it.live("is told by an alert, too", () =>
    Effect.gen(function* () {
      const demanding = { ...secretsOf(authority.issue("server")), requestCert: true, rejectUnauthorized: true }
      const cause = yield* knock(yield* listening({ ...demanding, ALPNProtocols: ["h2"] }), {})
      const refused = Tls.explain(cause)
      assert.isTrue(refused instanceof Tls.Refused, String(cause))
      assert.include(String(refused), "certificate required")
    })
  )

  it.live("without a certificate, or with an older TLS, is not let in", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server"))
      assert.strictEqual(yield* knock(port, {}), "closed")
      assert.include(String(yield* goaway(port, { ca: authority.certificate })), "(NO_CERTIFICATE)")
      const old = yield* knock(port, { ...secretsOf(authority.issue("client")), maxVersion: "TLSv1.2" })
      assert.match(String(old), /protocol version/)
      const noHttp2 = yield* knock(port, { ...secretsOf(authority.issue("client")), ALPNProtocols: ["http/1.1"] })
      assert.match(String(noHttp2), /application protocol/)
      const without2 = yield* knock(port, { ...secretsOf(authority.issue("client")), ALPNProtocols: [] })
      assert.strictEqual(without2, "closed")
    })
  )

  it.live("shows its certificate each time: no session of TLS is resumed", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server"))
      for (const known of [{}, secretsOf(authority.issue("client"))]) {
        let ticket: Buffer | undefined
        const keep = (socket: tls.TLSSocket) => {
          socket.on("session", (session: Buffer) => {
            ticket = session
          })
          // One that is let in stays until it is too long without a stream.
          setTimeout(() => socket.destroy(), 100)
        }
        yield* knock(port, known, keep)
        let isResumed: boolean | undefined
        const again = (socket: tls.TLSSocket) => {
          socket.on("secureConnect", () => {
            isResumed = socket.isSessionReused()
            socket.destroy()
          })
        }
        yield* knock(port, { ...known, ...(ticket !== undefined && { session: ticket }) }, again)
        assert.isFalse(isResumed)
      }
    })
  )

  it.live("that fails, or is not believed, gives its place back", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ ...as("server"), sessionsMax: 1 })
      const known = secretsOf(authority.issue("client"))
      const vain: ReadonlyArray<tls.ConnectionOptions> = [
        {},
        { maxVersion: "TLSv1.2" },
        { ...known, ALPNProtocols: [] }
      ]
      for (const options of [...vain, ...vain]) yield* knock(port, options)
      const caller = yield* Caller.make(client)
      yield* Effect.retry(works(caller, port), { times: 50, schedule: Schedule.spaced("20 millis") })
    })
  )

  it.live("that never finishes the handshake keeps no host from closing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const { port } = yield* Scope.provide(server(as("server")), scope)
      const closed = yield* silent(port)
      yield* works(yield* Caller.make(client), port)
      yield* Caller.soon(Scope.close(scope, Exit.void))
      assert.strictEqual(yield* Caller.soon(Fiber.join(closed)), "closed")
    })
  )

  it.live("that never finishes the handshake is let go, and nobody waits for it", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server"))
      const waiting = yield* silent(port)
      yield* works(yield* Caller.make(client), port)
      assert.strictEqual(yield* Caller.soon(Fiber.join(waiting)), "closed")
    })
  )

  for (const [protocol, make] of Object.entries({ Connect: createConnectTransport, gRPC: createGrpcTransport }))
    it.live(`from outside, with a certificate that names no host, talks ${protocol}, and not as a host`, () =>
      Effect.gen(function* () {
        const { port, served } = yield* server(as("server"))
        const { authorities, certificate, key } = authority.issue("", { uris: [], dns: ["a client"] })
        const transport = make({
          httpVersion: "2",
          baseUrl: `https://127.0.0.1:${port}`,
          nodeOptions: { ca: authorities, cert: certificate, key, checkServerIdentity: () => undefined }
        })
        const answers = (caller: string) =>
          Effect.promise(async () => {
            const said: Array<string | undefined> = []
            const frames = async function* () {
              yield { kind: { case: "open" as const, value: { endpoint: "echo", wireVersion: 1, caller } } }
              yield { kind: { case: "data" as const, value: { messages: [Uint8Array.of(7)] } } }
              yield { kind: { case: "end" as const, value: { count: 1n } } }
            }
            for await (const frame of createClient(FlowService, transport).open(frames())) said.push(frame.kind.case)
            return said
          }).pipe(Caller.soon)
        assert.deepStrictEqual(yield* answers(""), ["accepted", "data", "end"])
        assert.deepStrictEqual(yield* answers("server"), ["rejected"])
        assert.strictEqual(served.flows, 1)
      })
    )
})

describe("a renewal", () => {
  const next = Certificates.make("the next authority")
  const both = `${authority.certificate}\n${next.certificate}`

  it.live("of a certificate and its authority is used from the next session on, and breaks none", () =>
    Effect.gen(function* () {
      const renewals = yield* Queue.unbounded<Tls.Material>()
      const { port } = yield* server({ tls: { ...as("server").tls, renewals: Stream.fromQueue(renewals) } })
      const soon = <A, E>(effect: Effect.Effect<A, E>) =>
        Caller.soon(Effect.retry(effect, Schedule.spaced("20 millis")))
      const old = yield* Caller.make({ tls: { ...as("client").tls, authorities: both } })
      const flow = yield* Caller.soon(old.open(port))
      const newOne = yield* Caller.make({ tls: { ...next.issue("client"), fabric: "", host: "client" } })
      const isRefused = Effect.flatMap(failed(newOne, port), ([reason]) =>
        reason === "HostUnreachable" ? Effect.void : Effect.fail("it is taken")
      )
      yield* isRefused
      yield* Queue.offer(renewals, { ...authority.issue("server"), authorities: both })
      yield* Queue.offer(renewals, { ...next.issue("server"), authorities: both })
      yield* soon(works(newOne, port))
      // What cannot be used is not, and what is there stays.
      yield* Queue.offer(renewals, { ...next.issue("other"), authorities: both })
      yield* Queue.offer(renewals, { ...next.issue("server"), key: "nonsense", authorities: both })
      yield* soon(
        Effect.filterOrFail(
          Queue.size(renewals),
          (left) => left === 0,
          () => "not yet"
        )
      )
      yield* works(yield* Caller.make({ tls: { ...next.issue("later"), fabric: "", host: "later" } }, "later"), port)
      yield* flow.send(Uint8Array.of(7))
      assert.deepStrictEqual([...(yield* Caller.soon(flow.receive))], [7])
    })
  )

  it.live("of a caller's own certificate is used from its next session on", () =>
    Effect.gen(function* () {
      const renewals = yield* Queue.unbounded<Tls.Material>()
      const { port } = yield* server({ tls: { ...next.issue("server"), fabric: "", host: "server" } })
      const caller = yield* Caller.make({ tls: { ...client.tls, renewals: Stream.fromQueue(renewals) } })
      assert.strictEqual((yield* failed(caller, port))[0], "HostUnreachable")
      yield* Queue.offer(renewals, next.issue("client"))
      yield* Caller.soon(Effect.retry(works(caller, port), Schedule.spaced("20 millis")))
    })
  )
})

it.live("a bit that is wrong on its way breaks the session, and is never a message", () =>
  Effect.gen(function* () {
    const { port } = yield* server(as("server"))
    let spoil = false
    const sockets = new Set<net.Socket>()
    const way = net.createServer((from) => {
      const to = net.connect(port, "127.0.0.1")
      for (const socket of [from, to]) sockets.add(socket.on("error", () => undefined))
      from.on("data", (chunk) => {
        if (spoil) chunk[chunk.length - 1] = (chunk[chunk.length - 1] ?? 0) ^ 1
        to.write(chunk)
      })
      to.on("data", (chunk) => from.write(chunk))
      from.on("close", () => to.destroy())
      to.on("close", () => from.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        way.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          way.close()
        })
    )
    const caller = yield* Caller.make(client)
    const flow = yield* Caller.soon(caller.open(portOf(way.address())))
    yield* flow.send(Uint8Array.of(7))
    assert.deepStrictEqual([...(yield* Caller.soon(flow.receive))], [7])
    spoil = true
    yield* flow.send(Uint8Array.of(8))
    Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
  })
)
