/**
 * From plaintext flows to TLS and back, on real sockets: a port that takes both, hosts that dial one or the other, and what
 * becomes of sessions when a stage changes.
 */
import * as http2 from "node:http2"
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Queue, Result, Schedule, Stream } from "effect"
import * as Authorizing from "../../../../../src/layers/flow/Authorizing.ts"
import * as Serving from "../../../../../src/layers/flow/Serving.ts"
import type * as Stage from "../../../../../src/layers/transport/http2/tls/Stage.ts"
import * as Tls from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import * as Rule from "../../../../../src/protocol/flow/Rule.ts"
import * as Proof from "../../../../../src/protocol/Proof.ts"
import type { Flow } from "../../../../../src/services/Flow.ts"
import * as Caller from "../Caller.ts"
import { server } from "../Server.ts"
import * as Certificates from "./Certificates.ts"

const authority = Certificates.make("an authority")

const both: Stage.Stage = { verifyIncoming: false, verifyOutgoing: false }
const seals: Stage.Stage = { verifyIncoming: false }
const requires: Stage.Stage = {}

const as = (host: string, options: Stage.Options & Pick<Tls.Options, "sessionDrain"> = {}) => {
  const tls: Tls.Config = { ...authority.issue(host), fabric: "", host, sessionDrain: "300 millis", ...options }
  return { tls }
}

const answers = (flow: Flow<Uint8Array, Uint8Array>) =>
  Effect.gen(function* () {
    yield* flow.send(Uint8Array.of(7))
    assert.deepStrictEqual([...(yield* flow.receive)], [7])
  }).pipe(Caller.soon)

const works = (caller: Caller.Caller, port: number) =>
  Effect.scoped(Effect.flatMap(Caller.soon(caller.open(port)), answers))

const refused = (caller: Caller.Caller, port: number) =>
  Effect.map(Caller.soon(Effect.flip(Effect.scoped(caller.open(port)))), Caller.reasonOf)

/** How a connection ends that begins with these pieces, each sent a while after the one before. */
const knock = (port: number, pieces: ReadonlyArray<Uint8Array>) =>
  Effect.callback<"closed">((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", () => undefined).on("close", () => resume(Effect.succeed("closed")))
    const timers = pieces.map((piece, i) => setTimeout(() => socket.write(piece), i * 2))
    socket.resume()
    return Effect.sync(() => {
      for (const timer of timers) clearTimeout(timer)
      socket.destroy()
    })
  })

/** Whether a port greets a client in plaintext as a server of HTTP/2 does. */
const greeted = (port: number) =>
  Caller.soon(
    Effect.callback<boolean>((resume) => {
      const session = http2.connect(`http://127.0.0.1:${port}`)
      session.on("remoteSettings", () => resume(Effect.succeed(true)))
      session.on("error", () => resume(Effect.succeed(false))).on("close", () => resume(Effect.succeed(false)))
      return Effect.sync(() => session.destroy())
    })
  )

/** Passes on to a port byte by byte at first, and says what the first byte of each connection was. */
const slowRelay = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly made: net.Server; readonly port: number; readonly first: Array<number> }>((resume) => {
      const first: Array<number> = []
      const made = net.createServer((from) => {
        const to = net.connect({ port, host: "127.0.0.1", noDelay: true })
        for (const socket of [from, to]) socket.on("error", () => undefined).on("close", () => from.destroy())
        from.once("data", (chunk: Buffer) => {
          from.pause()
          first.push(chunk[0] ?? 0)
          const pieces = [...chunk.subarray(0, 12)].map((byte) => Uint8Array.of(byte))
          const say = (): void => {
            const piece = pieces.shift()
            if (piece !== undefined) return void to.write(piece, () => setTimeout(say, 1))
            to.write(chunk.subarray(12))
            from.pipe(to)
          }
          say()
        })
        to.pipe(from)
      })
      made.listen(0, "127.0.0.1", () => {
        const address = made.address()
        resume(
          Effect.succeed({ made, first, port: address !== null && typeof address === "object" ? address.port : 0 })
        )
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

describe("a port that takes plaintext and TLS", () => {
  it.live("serves both, whole or byte by byte, and believes of plaintext whom it names, of TLS whom it proves", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server", both))
      const slow = yield* slowRelay(port)
      const plain = yield* Caller.make()
      const proven = yield* Caller.make(as("client"))
      const liar = yield* Caller.make(as("client"), "another")
      for (const at of [port, slow.port]) {
        yield* works(plain, at)
        yield* works(proven, at)
      }
      assert.deepStrictEqual(slow.first, ["P".charCodeAt(0), 0x16])
      assert.strictEqual(yield* refused(liar, port), "Unauthorized")
      yield* works(yield* Caller.make({}, "another"), port)
    })
  )

  it.live("loses nothing of a first piece that fills its buffers", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server", both))
      const bytes = 1_000_000
      for (const config of [{}, as("client")]) {
        const caller = yield* Caller.make(config)
        const flow = yield* Caller.soon(caller.open(port))
        yield* Effect.forkScoped(flow.send(new Uint8Array(bytes)))
        assert.strictEqual((yield* Caller.soon(flow.receive)).length, bytes)
      }
      // All at once: the preface, settings, and more than a socket buffers before anybody has looked at it.
      const raw = yield* Effect.acquireRelease(
        Effect.sync(() => net.connect(port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy())
      )
      const settings = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0)
      /** Of a type that nobody knows, so that it is read, and that is all: 16 KiB. */
      const filling = new Uint8Array(9 + 16_384)
      filling.set([0, 0x40, 0, 0xfa])
      const ping = Uint8Array.of(0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
      const all = Array.from({ length: 100 }, () => filling)
      const answered = Effect.callback<void>((resume) => {
        let heard = Buffer.alloc(0)
        raw.on("error", () => undefined)
        raw.on("data", (chunk) => {
          heard = Buffer.concat([heard, chunk])
          if (heard.includes(Buffer.from([0, 0, 8, 6, 1]))) resume(Effect.void)
        })
        raw.write(
          Buffer.concat(["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", settings, ...all, ping].map((part) => Buffer.from(part)))
        )
      })
      yield* Caller.soon(answered)
    })
  )

  it.live("closes who says nothing in time, and survives whoever hangs up or sends garbage", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server", both))
      const hello = Uint8Array.of(0x16, 3, 1)
      const garbage = [Uint8Array.of(0x16), Uint8Array.from({ length: 500 }, (_, i) => (i * 7) & 255)]
      for (let i = 0; i < 20; i++)
        net.connect(port, "127.0.0.1", function (this: net.Socket) {
          this.resetAndDestroy()
        })
      for (let i = 0; i < 20; i++)
        net
          .connect(port, "127.0.0.1")
          .on("error", () => undefined)
          .end()
      const ends = yield* Effect.all([knock(port, []), knock(port, [hello]), knock(port, garbage)], {
        concurrency: "unbounded"
      }).pipe(Effect.timeout("12 seconds"))
      assert.deepStrictEqual(ends, ["closed", "closed", "closed"])
      yield* works(yield* Caller.make(), port)
    })
  )

  it.live("says so at its start, and nothing when TLS is all", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const log = Logger.layer([
        Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
      ])
      yield* Effect.provide(server(as("server", requires)), log)
      assert.deepStrictEqual(lines, [])
      yield* Effect.provide(server(as("server", both)), log)
      assert.deepStrictEqual(lines, [
        "the flow port still takes plaintext (tls.verifyIncoming), and flows are dialled in plaintext (tls.verifyOutgoing)"
      ])
    })
  )
})

describe("stages of TLS", () => {
  const stages = [
    ["no TLS", undefined],
    ["both, dials plaintext", both],
    ["both, dials TLS", seals],
    ["TLS alone", requires]
  ] as const
  const pairs = stages.flatMap((a, i) =>
    stages.slice(Math.max(0, i - 1), i + 2).map((b) => [a[0], b[0], a[1], b[1]] as const)
  )

  it.live.each(pairs)("that are the same or follow each other understand each other: %s to %s", ([, , from, to]) =>
    Effect.gen(function* () {
      const { port } = yield* server(to === undefined ? {} : as("server", to))
      yield* works(yield* Caller.make(from === undefined ? {} : as("client", from)), port)
    })
  )

  it.live("that do not follow each other do not, and nobody falls back to plaintext", () =>
    Effect.gen(function* () {
      const plain = yield* server()
      assert.strictEqual(yield* refused(yield* Caller.make(as("client", seals)), plain.port), "HostUnreachable")
      const { port } = yield* server(as("server", requires))
      assert.strictEqual(yield* refused(yield* Caller.make(as("client", both)), port), "HostUnreachable")
      assert.strictEqual(yield* refused(yield* Caller.make(), port), "HostUnreachable")
    })
  )

  it.live("of a caller: once it dials TLS a new flow proves itself, and the old ones have the drain to end", () =>
    Effect.gen(function* () {
      const moves = yield* Queue.unbounded<Stage.Stage>()
      const { port } = yield* server(as("server", both))
      const way = yield* slowRelay(port)
      const caller = yield* Caller.make(
        as("client", { ...both, stages: Stream.fromQueue(moves), sessionDrain: "2 seconds" })
      )
      const old = yield* Caller.soon(caller.open(way.port))
      yield* answers(old)
      yield* Queue.offer(moves, seals)
      yield* until(Effect.map(works(caller, way.port), () => way.first.length > 1))
      assert.deepStrictEqual(way.first, ["P".charCodeAt(0), 0x16])
      yield* answers(old)
      Caller.assertReason(yield* Caller.ending(old), "PeerLost")
      // Back again: what is encrypted stays so.
      const flow = yield* Caller.soon(caller.open(way.port))
      yield* Queue.offer(moves, both)
      yield* Effect.sleep("2500 millis")
      yield* answers(flow)
    })
  )

  it.live("of a port: once TLS is all, plaintext is refused, its flows have the drain to end, and TLS goes on", () =>
    Effect.gen(function* () {
      const moves = yield* Queue.unbounded<Stage.Stage>()
      const moving = { ...both, stages: Stream.fromQueue(moves), sessionDrain: "2 seconds" } as const
      const { port, served } = yield* server(as("server", moving))
      const plain = yield* Caller.make()
      const proven = yield* Caller.make(as("other"), "other")
      const [old, kept] = [yield* Caller.soon(plain.open(port)), yield* Caller.soon(proven.open(port))]
      yield* answers(old)
      // A stage that there is none of changes nothing.
      yield* Queue.offer(moves, { verifyOutgoing: false })
      yield* Effect.sleep("50 millis")
      yield* works(yield* Caller.make(), port)
      const before = served.flows
      yield* Queue.offer(moves, requires)
      yield* until(Effect.map(greeted(port), (isGreeted) => !isGreeted))
      assert.strictEqual(yield* refused(plain, port), "HostUnreachable")
      assert.strictEqual(yield* refused(yield* Caller.make(), port), "HostUnreachable")
      assert.strictEqual(served.flows, before)
      yield* answers(old)
      const [elapsed] = yield* Effect.timed(
        Effect.map(Caller.ending(old), (error) => Caller.assertReason(error, "PeerLost"))
      )
      assert.isBelow(Duration.toMillis(elapsed), 4000)
      yield* answers(kept)
      yield* Queue.offer(moves, both)
      yield* until(Effect.map(Effect.exit(works(plain, port)), ({ _tag }) => _tag === "Success"))
      yield* answers(kept)
    })
  )

  it.live("that there is none of is refused before a socket is opened", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Caller.make(as("client", { verifyOutgoing: false })))
      Caller.assertReason(error, "InvalidConfig")
      assert.include(String(error), "tls.verifyIncoming: a host that takes nothing but TLS has to dial with it")
    })
  )
})

describe("who may call while plaintext is taken", () => {
  const stages = [
    ["dials plaintext", both],
    ["dials TLS", seals]
  ] as const

  it.live.each(stages)("members: whoever comes in plaintext, too, since hosts do; of a host that %s", ([, stage]) =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server", stage), Serving.defaults, Effect.void, Authorizing.membersOnly)
      yield* works(yield* Caller.make(), port)
      yield* works(yield* Caller.make(as("client")), port)
    })
  )

  it.live.each(stages)("by a rule: who has proven to be meant, and nobody else; of a host that %s", ([, stage]) =>
    Effect.gen(function* () {
      for (const rule of [{ hosts: ["client"] }, { certificates: ["grinta:///client"] }]) {
        const access = Authorizing.fixed(Result.getOrThrow(Rule.parse(rule, "allow")))
        const { port, served } = yield* server(as("server", stage), Serving.defaults, Effect.void, access)
        assert.strictEqual(yield* refused(yield* Caller.make(), port), "Unauthorized")
        assert.strictEqual(served.flows, 0)
        yield* works(yield* Caller.make(as("client")), port)
      }
    })
  )

  it.live("nobody who has shown no certificate over TLS", () =>
    Effect.gen(function* () {
      const { proofOf } = yield* Tls.make(as("server", both).tls)
      const { proven } = proofOf({ authorized: false, getPeerX509Certificate: () => undefined })
      for (const id of ["", "server", "client"]) assert.isUndefined(Proof.identityOf(proven, id))
    })
  )
})

describe("the places of a port that takes both", () => {
  it.live("are taken by sessions in plaintext as by those of TLS, and free once they have closed", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ ...as("server", both), sessionsMax: 1 })
      const plain = yield* Caller.make()
      for (const config of [{}, as("other")])
        yield* Effect.scoped(
          Effect.gen(function* () {
            const holder = yield* Caller.make(config, "other")
            yield* until(Effect.map(Effect.exit(works(holder, port)), ({ _tag }) => _tag === "Success"))
            // What this one has sent is dropped with it, and ends no process.
            assert.strictEqual(yield* refused(plain, port), "HostUnreachable")
            yield* works(holder, port)
          })
        )
    })
  )
})

describe("a client from outside", () => {
  it.live("may speak either at a port that takes both", () =>
    Effect.gen(function* () {
      const { port } = yield* server(as("server", both))
      const status = (session: http2.ClientHttp2Session) =>
        Caller.soon(
          Effect.callback<number>((resume) => {
            const call = session.request({ ":method": "POST", ":path": "/none", "content-type": "application/grpc" })
            call.on("response", (headers) => resume(Effect.succeed(Number(headers[":status"]))))
            call.on("error", () => resume(Effect.succeed(0))).end()
          })
        ).pipe(Effect.ensuring(Effect.sync(() => session.destroy())))
      const { authorities: ca, certificate: cert, key } = authority.issue("", { uris: [] })
      const secured = tls.connect({
        host: "127.0.0.1",
        port,
        ca,
        cert,
        key,
        ALPNProtocols: ["h2"],
        checkServerIdentity: () => undefined
      })
      const first = yield* status(http2.connect(`http://127.0.0.1:${port}`))
      const second = yield* status(http2.connect(`https://127.0.0.1:${port}`, { createConnection: () => secured }))
      assert.deepStrictEqual([first > 0, first], [true, second])
    })
  )
})
