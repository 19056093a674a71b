/**
 * How long a session lasts under its certificate, on real sockets with real certificates.
 */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Logger, Queue, Schedule, type Scope, Stream } from "effect"
import type * as Tls from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import { none } from "../../../../../src/protocol/Revocation.ts"
import type { Flow } from "../../../../../src/services/Flow.ts"
import * as Caller from "../Caller.ts"
import { server } from "../Server.ts"
import * as Certificates from "./Certificates.ts"

const authority = Certificates.make("an authority")

type Tenure = Partial<Pick<Tls.Config, "renewals" | "revoked" | "revocations" | "sessionAge" | "sessionDrain">>

const tlsOf = (host: string, tenure: Tenure = {}, leaf?: Certificates.Leaf): { readonly tls: Tls.Config } => ({
  tls: { ...authority.issue(host, leaf), fabric: "", host, sessionDrain: "50 millis", ...tenure }
})

/** Shorter than whatever a session may last here without a word. */
const keepalive = { interval: "50 millis", timeout: "300 millis" } as const

const seconds = (n: number): Certificates.Leaf => ({ until: n / 86_400 })

const answers = (flow: Flow<Uint8Array, Uint8Array>) =>
  Effect.gen(function* () {
    yield* flow.send(Uint8Array.of(7))
    assert.deepStrictEqual([...(yield* flow.receive)], [7])
  }).pipe(Caller.soon)

const refused = (caller: Caller.Caller, port: number) =>
  Effect.map(Caller.soon(Effect.flip(Effect.scoped(caller.open(port)))), (error) => [
    Caller.reasonOf(error),
    String(error)
  ])

interface Way {
  readonly made: net.Server
  readonly port: number
  readonly count: () => number
  /** Passes nothing more on, and closes nothing. */
  readonly cut: () => void
}

/** Passes on to a port, and counts the connections. */
const relay = (port: number): Effect.Effect<Way, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Way>((resume) => {
      let connections = 0
      const ends: Array<net.Socket> = []
      const cut = () => {
        for (const socket of ends) socket.unpipe().pause()
      }
      const made = net.createServer((from) => {
        connections += 1
        const to = net.connect(port, "127.0.0.1")
        ends.push(from, to)
        for (const socket of [from, to]) socket.on("error", () => undefined)
        from.pipe(to).pipe(from)
      })
      made.listen(0, "127.0.0.1", () => {
        const address = made.address()
        const at = address !== null && typeof address === "object" ? address.port : 0
        resume(Effect.succeed({ made, port: at, count: () => connections, cut }))
      })
    }),
    ({ made }) => Effect.sync(() => made.close())
  )

const until = <E>(ready: Effect.Effect<boolean, E>) =>
  Caller.soon(
    Effect.retry(
      Effect.filterOrFail(ready, (isSo) => isSo),
      Schedule.spaced("20 millis")
    )
  )

describe("an open session", () => {
  it.live("ends when the certificate of its caller expires, and its neighbour's goes on", () =>
    Effect.gen(function* () {
      const { port } = yield* server(tlsOf("server"))
      const short = yield* Caller.make(tlsOf("client", {}, seconds(2)))
      const flow = yield* Caller.soon(short.open(port))
      const neighbour = yield* Caller.soon((yield* Caller.make(tlsOf("other"), "other")).open(port))
      yield* answers(flow)
      Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
      const [reason, text] = yield* refused(short, port)
      assert.strictEqual(reason, "Unauthorized", text)
      yield* answers(neighbour)
    })
  )

  it.live("ends when the certificate of the host that was dialled expires", () =>
    Effect.gen(function* () {
      const { port } = yield* server(tlsOf("server", {}, seconds(2)))
      const caller = yield* Caller.make(tlsOf("client"))
      const flow = yield* Caller.soon(caller.open(port))
      yield* answers(flow)
      Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
      const [reason, text] = yield* refused(caller, port)
      assert.deepStrictEqual([reason, /expired/.test(String(text))], ["HostUnreachable", true], text)
    })
  )

  it.live(
    "ends when its caller is revoked, by its certificate or as a host, and is not made again until it is not",
    () =>
      Effect.gen(function* () {
        const revocations = yield* Queue.unbounded<typeof none>()
        const { port } = yield* server(tlsOf("server", { revocations: Stream.fromQueue(revocations) }))
        const caller = yield* Caller.make(tlsOf("client"))
        const neighbour = yield* Caller.soon((yield* Caller.make(tlsOf("other"), "other")).open(port))
        const first = yield* Caller.soon(caller.open(port))
        yield* answers(first)
        // What is no list changes nothing.
        yield* Queue.offer(revocations, { certificates: ["nonsense"], hosts: ["other"] })
        yield* Queue.offer(revocations, { certificates: [], hosts: ["client"] })
        Caller.assertReason(yield* Caller.ending(first), "PeerLost")
        const [reason, text] = yield* refused(caller, port)
        assert.deepStrictEqual([reason, /"client" is revoked/.test(String(text))], ["Unauthorized", true], text)
        yield* Queue.offer(revocations, none)
        yield* until(Effect.map(Effect.exit(Effect.scoped(caller.open(port))), Exit.isSuccess))
        yield* answers(neighbour)
      })
  )

  it.live("ends when the host that was dialled is revoked, where its caller knows it", () =>
    Effect.gen(function* () {
      const secured = tlsOf("server")
      const { port } = yield* server(secured)
      const revocations = yield* Queue.unbounded<typeof none>()
      const caller = yield* Caller.make(tlsOf("client", { revocations: Stream.fromQueue(revocations) }))
      const flow = yield* Caller.soon(caller.open(port))
      yield* answers(flow)
      const certificates = [Certificates.fingerprintOf(secured.tls)]
      yield* Queue.offer(revocations, { certificates, hosts: [] })
      Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
      const told = yield* refused(caller, port)
      assert.deepStrictEqual([told[0], /certificate is revoked/.test(String(told[1]))], ["HostUnreachable", true])
      const knowing = yield* Caller.make(tlsOf("client", { revoked: { certificates, hosts: [] } }))
      assert.strictEqual((yield* refused(knowing, port))[0], "HostUnreachable")
    })
  )

  for (const side of ["server", "client"] as const) {
    /** Its certificate is vouched for by another, which ends after so many seconds. */
    const vouched = (n: number) => {
      const between = Certificates.make("between", authority, [-1, n / 86_400])
      const issued = between.issue(side)
      const material = { ...issued, certificate: issued.certificate + between.certificate }
      const tls = { ...tlsOf(side).tls, ...material, authorities: authority.certificate }
      /** The other side. Node shows a server nothing of its client but the first certificate. */
      const judge = (host: string, tenure?: Tenure) => {
        const judging = tlsOf(host, tenure)
        return {
          tls: { ...judging.tls, authorities: authority.certificate + (side === "client" ? between.certificate : "") }
        }
      }
      return { between, judge, tls }
    }

    it.live(`ends when a certificate expires that vouches for that of the ${side}`, () =>
      Effect.gen(function* () {
        const { judge, tls } = vouched(3)
        const { port } = yield* server(side === "server" ? { tls } : judge("server"))
        const flow = yield* Caller.soon((yield* Caller.make(side === "client" ? { tls } : judge("client"))).open(port))
        yield* answers(flow)
        Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
      })
    )

    it.live(`ends when a certificate is revoked that vouches for that of the ${side}`, () =>
      Effect.gen(function* () {
        const { between, judge, tls } = vouched(600)
        for (const { certificate } of [between, authority]) {
          const revocations = yield* Queue.unbounded<typeof none>()
          const tenure = { revocations: Stream.fromQueue(revocations) }
          const { port } = yield* server(side === "server" ? { tls } : judge("server", tenure))
          const caller = yield* Caller.make(side === "client" ? { tls } : judge("client", tenure))
          const flow = yield* Caller.soon(caller.open(port))
          yield* answers(flow)
          yield* Queue.offer(revocations, { certificates: [Certificates.fingerprintOf({ certificate })], hosts: [] })
          Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
          const [, text] = yield* refused(caller, port)
          assert.include(text, "a certificate that vouches for its own is revoked")
        }
      })
    )
  }

  for (const side of ["server", "client"] as const)
    it.live(
      `takes no new flows once it is old, by the word of the ${side}, and its flows have the drain to end`,
      () => {
        const said: Array<string> = []
        return Effect.gen(function* () {
          const old: Tenure = { sessionAge: "300 millis", sessionDrain: "1 second" }
          const host = yield* server({ keepalive, ...tlsOf("server", side === "server" ? old : {}) })
          const way = yield* relay(host.port)
          const caller = yield* Caller.make({ keepalive, ...tlsOf("client", side === "client" ? old : {}) })
          const flow = yield* Caller.soon(caller.open(way.port))
          yield* until(Effect.map(Effect.scoped(caller.open(way.port)), () => way.count() > 1))
          yield* answers(flow)
          Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
          assert.isTrue(
            said.some((line) => line.endsWith("it is as old as a session may be")),
            said.join()
          )
          assert.notInclude(said.join(), "no sign of life")
        }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])))
      }
    )

  /** A flow by a way, on a session that takes no more since a host has renewed its certificate. */
  const retiredBy = (side: string) =>
    Effect.gen(function* () {
      const renewals = yield* Queue.unbounded<Tls.Material>()
      const configOf = (host: string) => ({
        keepalive,
        ...tlsOf(host, host === side ? { renewals: Stream.fromQueue(renewals) } : {})
      })
      const host = yield* server(configOf("server"))
      const way = yield* relay(host.port)
      const caller = yield* Caller.make(configOf("client"))
      const flow = yield* Caller.soon(caller.open(way.port))
      yield* answers(flow)
      yield* Queue.offer(renewals, authority.issue(side))
      yield* until(Effect.map(Effect.scoped(caller.open(way.port)), () => way.count() > 1))
      return { flow, way, ended: host.ended }
    })

  for (const side of ["server", "client"]) {
    it.live(`keeps its flows when the ${side} renews its certificate, however idle, and new ones are on another`, () =>
      Effect.gen(function* () {
        const { flow } = yield* retiredBy(side)
        yield* Effect.sleep("1 second")
        yield* answers(flow)
      })
    )

    it.live(`that takes no more since the ${side} has renewed its certificate ends with a peer that goes silent`, () =>
      Effect.gen(function* () {
        const { ended, flow, way } = yield* retiredBy(side)
        way.cut()
        Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
        // Others that were opened to see whether it takes any are over by now.
        yield* until(Effect.map(Queue.take(ended), (why) => why === "PeerLost"))
      })
    )
  }
})

describe("an owner of a name", () => {
  const bound = (host: string, ...patterns: ReadonlyArray<string>): { readonly tls: Tls.Config } => {
    const uris = [`grinta:///${host}`, ...patterns.map((pattern) => `grinta-names:///${pattern}`)]
    const { tls } = tlsOf(host, {}, { uris })
    return { tls: { ...tls, boundNames: true } }
  }

  it.live("whose certificate does not grant it gets no flow, where names are bound", () =>
    Effect.gen(function* () {
      const caller = yield* Caller.make(bound("client"))
      for (const patterns of [[], ["echo.*"], ["other", "ech"]]) {
        const { port, served } = yield* server(bound("server", ...patterns))
        const [reason, text] = yield* refused(caller, port)
        assert.strictEqual(reason, "HostUnreachable", text)
        assert.include(text, 'its certificate does not let it own "echo"')
        assert.strictEqual(served.flows, 0)
      }
      for (const pattern of ["echo", "*"])
        yield* answers(yield* Caller.soon(caller.open((yield* server(bound("server", pattern))).port)))
      const careless = yield* Caller.make(tlsOf("client"))
      yield* answers(yield* Caller.soon(careless.open((yield* server(bound("server"))).port)))
    })
  )

  it.live("is told at start what its certificate has in place of a name", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Caller.make(bound("client", "orders.", "a.*")))
      Caller.assertReason(error, "InvalidConfig")
      assert.include(String(error), 'grants "orders.", which has')
    })
  )
})

describe("a tenure that cannot work", () => {
  const cases: ReadonlyArray<readonly [string, Tenure, string]> = [
    ["a host that is no name", { revoked: { certificates: [], hosts: ["a/b"] } }, "tls.revoked"],
    ["a fingerprint that is none", { revoked: { certificates: ["ab"], hosts: [] } }, "tls.revoked"],
    ["the host itself", { revoked: { certificates: [], hosts: ["client"] } }, "tls.revoked"],
    [
      "what vouches for it",
      { revoked: { certificates: [Certificates.fingerprintOf(authority)], hosts: [] } },
      "tls.revoked"
    ],
    ["an age of nothing", { sessionAge: 0 }, "tls.sessionAge"],
    ["a drain without an end", { sessionDrain: "Infinity" }, "tls.sessionDrain"]
  ]
  it.live.each(cases)("is refused before a socket is opened: %s", ([, tenure, setting]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Caller.make(tlsOf("client", tenure))))
      Caller.assertReason(error, "InvalidConfig")
      assert.include(String(error), setting)
    })
  )

  it.live("is told of when a later list has the host itself", () => {
    const said: Array<string> = []
    return Effect.gen(function* () {
      const revocations = Stream.make({ certificates: [], hosts: ["client"] })
      // Where the list comes after the certificate is known.
      const later = Stream.concat(Stream.fromEffectDrain(Effect.sleep("1 second")), revocations)
      yield* Caller.make(tlsOf("client", { revocations: later }))
      yield* until(Effect.sync(() => said.some((line) => line.endsWith('this host itself: host "client" is revoked'))))
    }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])))
  })
})
