/**
 * Sessions between hosts, on real sockets: one for each peer and direction, opened when needed and closed when not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope, Stream } from "effect"
import * as Caller from "./Caller.ts"
import { openAs, paths, say } from "./RawClient.ts"
import * as RawPeer from "./RawPeer.ts"
import { server } from "./Server.ts"

const { data, type } = RawPeer

const ask = (caller: Caller.Caller, port: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const flow = yield* caller.open(port)
      yield* flow.send(Uint8Array.of(1))
      assert.deepStrictEqual([...(yield* flow.receive)], [1])
      yield* flow.end
      assert.deepStrictEqual(yield* Stream.runCollect(flow.messages), [])
    })
  ).pipe(Caller.soon)

/** A peer that accepts every flow and ends it at once; it counts its connections, and those that are still open. */
const counting = Effect.gen(function* () {
  let open = 0
  const peer = yield* RawPeer.serve({
    onConnection: ({ socket }) => {
      open += 1
      socket.on("close", () => {
        open -= 1
      })
    },
    onFrame: ({ kind, stream }, { write }) => {
      if (kind !== type.headers) return
      const answer = Buffer.concat([Caller.accepted, Caller.end(0), Caller.goodEnd])
      write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, answer, true))
    }
  })
  return { ...peer, open: () => open }
})

const until = (holds: () => boolean) => Caller.soon(Effect.repeat(Effect.sleep("5 millis"), { until: holds }))

describe("a session", () => {
  it.live("is opened with the first flow, once for all that ask meanwhile, and shared by all flows", () =>
    Effect.gen(function* () {
      const peer = yield* counting
      const { open } = yield* Caller.make()
      assert.strictEqual(peer.connections(), 0)
      yield* Effect.forEach(Array.from({ length: 50 }), () => Caller.soon(open(peer.port)), {
        concurrency: "unbounded"
      })
      yield* Caller.soon(open(peer.port))
      assert.strictEqual(peer.connections(), 1)
    })
  )

  it.live("is closed when it has had no flow for a while, and opened again with the next", () =>
    Effect.gen(function* () {
      const peer = yield* counting
      const { open } = yield* Caller.make({ idleTimeout: "100 millis" })
      for (let turn = 1; turn <= 2; turn++) {
        yield* Effect.scoped(Caller.soon(open(peer.port)))
        assert.strictEqual(peer.connections(), turn)
        yield* until(() => peer.open() === 0)
      }
    })
  )

  it.live("that ended is opened again with the next flow", () =>
    Effect.gen(function* () {
      const peer = yield* RawPeer.serve({
        onFrame: ({ kind, stream }, { write, number, socket }) => {
          if (kind !== type.headers) return
          write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted))
          if (number === 0) socket.end()
        }
      })
      const { open } = yield* Caller.make()
      Caller.assertReason(yield* Caller.ending(yield* open(peer.port)), "PeerLost")
      yield* Caller.soon(open(peer.port))
      assert.strictEqual(peer.connections(), 2)
    })
  )

  it.live("that the server closes as idle costs no flow that is opened at the same moment", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server({ idleTimeout: "10 millis" })
      const caller = yield* Caller.make()
      const count = 200
      for (let i = 0; i < count; i++) {
        yield* ask(caller, port)
        yield* Effect.sleep(6 + (i % 8))
      }
      assert.strictEqual(served.flows, count)
    })
  )

  it.live("never has more streams than the server allows: one more waits until another has gone", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server({ streamsMax: 2 })
      const caller = yield* Caller.make()
      yield* ask(caller, port)
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(caller.open(port), scope)
      yield* caller.open(port)
      const third = yield* Effect.forkChild(ask(caller, port))
      yield* Effect.sleep("50 millis")
      assert.strictEqual(served.flows, 3)
      yield* Scope.close(scope, Exit.void)
      yield* Caller.soon(Fiber.join(third))
      assert.strictEqual(served.flows, 4)
    })
  )

  it.live("to a peer that has stopped reading is closed, whatever is still to be written", () =>
    Effect.gen(function* () {
      let isClosed = false
      const window = Buffer.from([0, 4, 0x3f, 0, 0, 0])
      const peer = yield* RawPeer.serve({
        isDeaf: true,
        onFrame: ({ kind, stream }, { socket, write }) => {
          if (kind !== type.headers) return
          write(RawPeer.frame(type.settings, 0, 0, window))
          write(RawPeer.frame(type.windowUpdate, 0, 0, window.subarray(2)))
          write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted))
          socket.pause()
          socket.on("close", () => {
            isClosed = true
          })
          // Who does not read learns of a reset when it writes; what it writes before would be a sign of life.
          setTimeout(() => {
            const knock = setInterval(
              () => (isClosed ? clearInterval(knock) : write(RawPeer.frame(type.ping, 0, 0, Buffer.alloc(8)))),
              50
            )
          }, 4000)
        }
      })
      const { open } = yield* Caller.make({ keepalive: { interval: "300 millis", timeout: "300 millis" } })
      const flow = yield* Caller.soon(open(peer.port))
      const sending = yield* Caller.soon(Effect.flip(Effect.forever(flow.send(new Uint8Array(60_000)))))
      Caller.assertReason(sending, "PeerLost")
      yield* until(() => isClosed)
    })
  )

  it.live("with a flow is never idle", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ idleTimeout: "20 millis" })
      const { open } = yield* Caller.make({ idleTimeout: "20 millis" })
      const flow = yield* open(port)
      for (let i = 0; i < 5; i++) {
        yield* Effect.sleep("50 millis")
        yield* flow.send(Uint8Array.of(i))
        assert.deepStrictEqual([...(yield* Caller.soon(flow.receive))], [i])
      }
    })
  )
})

const never = { interval: "1 hour", timeout: "1 hour" } as const

describe("a host that is declared dead", () => {
  it.live("and silent loses the flows that were opened to it, also those on a session that takes no more", () =>
    Effect.gen(function* () {
      const peer = yield* RawPeer.serve({
        isDeaf: true,
        onFrame: ({ kind, stream }, { write }) => {
          if (kind !== type.headers) return
          const leave = RawPeer.goaway(stream, RawPeer.code.none)
          write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted), leave)
        }
      })
      const { open, transport } = yield* Caller.make({ keepalive: never })
      const flows = [yield* open(peer.port), yield* open(peer.port)]
      assert.strictEqual(peer.connections(), 2)
      yield* transport.doubt(Caller.hostAt(peer.port))
      for (const flow of flows) Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
    })
  )

  for (const [how, headersOf] of paths)
    it.live(`and silent loses the flows that it has opened: ${how}`, () =>
      Effect.gen(function* () {
        const { callers, ended, port } = yield* server({ keepalive: never })
        const client = yield* say(port, headersOf(1), data(1, openAs("silent")), data(1, Buffer.from(Caller.message)))
        const answered = Caller.accepted.byteLength + Caller.message.byteLength
        yield* client.until(() => client.answer(1).length >= answered)
        callers.doubt("silent")
        assert.strictEqual(yield* Caller.soon(Queue.take(ended)), "PeerLost")
        yield* client.until(() => client.socket.closed)
      })
    )

  it.live("keeps its flows where it answers, both ways", () =>
    Effect.gen(function* () {
      const { callers, port } = yield* server()
      const caller = yield* Caller.make()
      const flow = yield* caller.open(port)
      yield* caller.transport.doubt(Caller.hostAt(port))
      callers.doubt("client")
      yield* Effect.sleep("6 seconds")
      yield* flow.send(Uint8Array.of(2))
      yield* Caller.soon(flow.receive)
    })
  )
})
