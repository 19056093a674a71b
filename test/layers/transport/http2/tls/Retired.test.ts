/**
 * Sessions that take no more flows, of a peer that renews its certificate, or is renewed upon, again and again.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Queue, Stream } from "effect"
import * as DirectCall from "../../../../../src/layers/transport/http2/DirectCall.ts"
import type * as Tls from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import * as Gate from "../../../../../src/protocol/flow/Gate.ts"
import type { Flow } from "../../../../../src/services/Flow.ts"
import * as Caller from "../Caller.ts"
import { server } from "../Server.ts"
import * as Certificates from "./Certificates.ts"

const authority = Certificates.make("an authority")
const issued = { server: authority.issue("server"), client: authority.issue("client") }
const most = Gate.retiredTimes * Gate.sessionsPerPeerMax

const answers = (flow: Flow<Uint8Array, Uint8Array>) =>
  Caller.soon(Effect.andThen(flow.send(Uint8Array.of(7)), flow.receive))

describe("a peer with flows on sessions that take no more", () => {
  for (const side of ["server", "client"] as const)
    it.live(
      `has places for others, and loses the first once they are too many, when the ${side} renews its certificate`,
      () => {
        const log: Array<string> = []
        const renewals = Effect.runSync(Queue.unbounded<Tls.Material>())
        const tlsOf = (host: "server" | "client") => {
          const own = { ...issued[host], fabric: "", host }
          return { tls: host === side ? { ...own, renewals: Stream.fromQueue(renewals) } : own }
        }
        const renewed = () => log.filter((line) => line.includes("is another one by now")).length
        return Effect.gen(function* () {
          const { port } = yield* server(tlsOf("server"))
          const caller = yield* Caller.make(tlsOf("client"))
          const flows: Array<Flow<Uint8Array, Uint8Array>> = []
          const open = Effect.gen(function* () {
            const flow = yield* Caller.soon(caller.open(port))
            yield* answers(flow)
            flows.push(flow)
          })
          for (let times = 1; times <= most; times++) {
            yield* open
            yield* Queue.offer(renewals, issued[side])
            yield* Caller.soon(Effect.repeat(Effect.sleep("10 millis"), { until: () => renewed() === times }))
          }
          yield* open
          for (const flow of flows) yield* answers(flow)
          yield* Queue.offer(renewals, issued[side])
          const [first, ...others] = flows
          if (first === undefined) return assert.fail()
          Caller.assertReason(yield* Caller.ending(first), "PeerLost")
          for (const flow of others) yield* answers(flow)
          yield* open
          assert.include(
            log,
            "a connection of host client was closed: too many others that take no more flows were there"
          )
        }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void log.push(String(message)))])))
      },
      60_000
    )

  it.live("and no name has places, too, when the server renews its certificate", () =>
    Effect.gen(function* () {
      const renewals = yield* Queue.unbounded<Tls.Material>()
      const tls = { ...issued.server, fabric: "", host: "server", renewals: Stream.fromQueue(renewals) }
      const { port } = yield* server({ tls, limitsLoopback: true, sessionsPerAddressMax: 1 })
      const { authorities: ca, certificate: cert, key } = authority.issue("client", { uris: [], dns: ["a"] })
      const connect = Effect.acquireRelease(
        Effect.sync(() => {
          const secrets = { ca, cert, key, checkServerIdentity: () => undefined }
          const session = http2.connect(`https://127.0.0.1:${port}`, secrets).on("error", () => undefined)
          session.request({ ":method": "POST", ":path": DirectCall.path }).on("error", () => undefined)
          return session
        }),
        (session) => Effect.sync(() => session.destroy())
      )
      const ended = (session: http2.Http2Session, event: "goaway" | "remoteSettings") =>
        Caller.soon(
          Effect.callback<string>((resume) => {
            session.once("close", () => resume(Effect.succeed("close")))
            session.once(event, () => resume(Effect.succeed(event)))
          })
        )
      const first = yield* connect
      assert.strictEqual(yield* ended(first, "remoteSettings"), "remoteSettings")
      assert.strictEqual(yield* ended(yield* connect, "remoteSettings"), "close")
      yield* Queue.offer(renewals, issued.server)
      assert.strictEqual(yield* ended(first, "goaway"), "goaway")
      assert.strictEqual(yield* ended(yield* connect, "remoteSettings"), "remoteSettings")
      assert.isFalse(first.destroyed)
    })
  )
})

describe("a host that turns every session away", () => {
  it.live("is asked twice at most, and its caller is told why", () =>
    Effect.gen(function* () {
      let sessions = 0
      const { authorities: ca, certificate: cert, key } = issued.server
      const port = yield* Effect.acquireRelease(
        Effect.callback<{ readonly at: number; readonly close: () => void }>((resume) => {
          const made = http2.createSecureServer({ ca, cert, key, requestCert: true })
          made.on("session", (session) => {
            sessions += 1
            session.on("error", () => undefined)
            session.destroy(new Error("no"), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
          })
          made.listen(0, "127.0.0.1", () => {
            const address = made.address()
            const at = address !== null && typeof address === "object" ? address.port : 0
            resume(Effect.succeed({ at, close: () => made.close() }))
          })
        }),
        ({ close }) => Effect.sync(close)
      )
      const caller = yield* Caller.make({ tls: { ...issued.client, fabric: "", host: "client" } })
      const error = yield* Effect.flip(Caller.soon(Effect.scoped(caller.open(port.at))))
      assert.strictEqual(Caller.reasonOf(error), "HostUnreachable", String(error))
      assert.include(String(error), "error code 11")
      assert.isAtMost(sessions, 2)
    })
  )
})
