import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import { type ByteStream, GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "../gossip/Cluster.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array): string => new TextDecoder().decode(value)

const open = Effect.fnUntraced(function* (name: string) {
  const network = yield* MemoryNetwork
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = GossipSocketMemory.layer(name).pipe(Layer.provide(Layer.succeed(MemoryNetwork, network)))
  const socket = yield* Effect.provide(GossipSocket, yield* Layer.buildWithScope(layer, scope))
  return { socket, close: Scope.close(scope, Exit.void) }
})

/** Runs something for as long as virtual time needs to get it done. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust("100 millis")
    return yield* Fiber.join(fiber)
  })

/** A stream between two hosts, seen from both ends. */
const pair = Effect.gen(function* () {
  const [a, b] = [yield* open("a"), yield* open("b")]
  const accepted: Array<ByteStream> = []
  yield* b.socket.serve((stream) => {
    accepted.push(stream)
    return Effect.never
  })
  const near = yield* soon(a.socket.dial(b.socket.address))
  const [far] = accepted
  return { a, b, near, far: far ?? near }
})

describe("a memory network", () => {
  it.effect("gives each name an address for good", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const first = yield* Effect.scoped(network.plug("a"))
      assert.isFalse(first.isLive())
      const second = yield* network.plug("b")
      const again = yield* network.plug("a")
      assert.deepStrictEqual([...again.bytes, ...second.bytes], [10, 0, 0, 1, 10, 0, 0, 2])
      assert.strictEqual(network.nameAt("10.0.0.1"), "a")
      assert.isFalse(first.isLive())
      assert.isTrue(again.isLive())
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("cuts ways, one or both, heals them, and kills", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const plug = yield* network.plug("a")
      yield* network.plug("b")
      assert.isTrue(network.isReachable("a", "b"))
      yield* network.cutOneWay("a", "b")
      assert.isFalse(network.isReachable("a", "b"))
      assert.isTrue(network.isReachable("b", "a"))
      yield* network.cut("a", "b")
      assert.isFalse(network.isReachable("b", "a"))
      yield* network.heal
      assert.isTrue(network.isReachable("a", "b"))
      yield* network.kill("a")
      assert.isFalse(network.isReachable("a", "b"))
      assert.isFalse(plug.isLive())
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("carries datagrams after their latency, loses some, doubles some", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [a, b] = [yield* open("a"), yield* open("b")]
      const got: Array<string> = []
      yield* Effect.forkScoped(
        Effect.forever(Effect.map(b.socket.receive, (batch) => batch.map(({ payload }) => got.push(text(payload)))))
      )
      yield* a.socket.send(b.socket.address, bytes("hello"))
      yield* TestClock.adjust("9 millis")
      assert.deepStrictEqual(got, [])
      yield* TestClock.adjust("1 millis")
      assert.include(got, "hello")
      got.length = 0
      yield* network.setPath({ loss: 0.5 })
      for (let i = 0; i < 1000; i++) yield* a.socket.send(b.socket.address, bytes(String(i)))
      yield* TestClock.adjust("10 millis")
      const distinct = new Set(got).size
      assert.isTrue(distinct > 400 && distinct < 600, String(distinct))
      assert.isAbove(got.length, distinct)
    }).pipe(Effect.provide(Cluster.network("a", { latency: "10 millis", duplication: 0.2 })))
  )

  it.effect("carries a stream in order, to its end", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      for (let i = 0; i < 100; i++) yield* near.write(bytes(`${i},`))
      yield* near.end
      let heard = ""
      yield* soon(Effect.ignore(Effect.forever(Effect.map(far.read, (chunk) => (heard += text(chunk))))))
      assert.strictEqual(heard, Array.from({ length: 100 }, (_, i) => `${i},`).join(""))
      const end = yield* Effect.exit(far.read)
      assert.isTrue(
        Exit.isFailure(end) &&
          end.cause.reasons.some((reason) => Cause.isFailReason(reason) && Cause.isDone(reason.error))
      )
    }).pipe(Effect.provide(Cluster.network("a", { jitter: "20 millis" })))
  )

  it.effect("makes a writer wait for its reader", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const writing = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 10 }), () => near.write(new Uint8Array(100_000)))
      )
      yield* TestClock.adjust("1 second")
      assert.isUndefined(writing.pollUnsafe())
      let heard = 0
      yield* Effect.forkChild(Effect.ignore(Effect.forever(Effect.map(far.read, ({ length }) => (heard += length)))))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(writing)
      assert.strictEqual(heard, 1_000_000)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("stalls a stream across a cut, and goes on when it is healed", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { far, near } = yield* pair
      yield* network.cut("a", "b")
      yield* near.write(bytes("late"))
      const reading = yield* Effect.forkChild(far.read)
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(reading.pollUnsafe())
      yield* network.heal
      // What could not pass is sent again after pauses that double: the next one is up to as long as the cut was.
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(text(yield* Fiber.join(reading)), "late")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("lets dialling across a cut hang, and refuses for who is not there", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [a, b] = [yield* open("a"), yield* open("b")]
      yield* network.cut("a", "b")
      const dialling = yield* Effect.forkChild(Effect.exit(Effect.scoped(a.socket.dial(b.socket.address))))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(dialling.pollUnsafe())
      yield* b.close
      yield* network.heal
      yield* TestClock.adjust("2 minutes")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(dialling)))
      const refused = yield* soon(Effect.flip(Effect.scoped(a.socket.dial(b.socket.address))))
      assert.strictEqual(refused.how, "refused")
      const nobody = yield* Effect.flip(Effect.scoped(a.socket.dial({ bytes: Uint8Array.of(10, 9, 9, 9), port: 1 })))
      assert.strictEqual(nobody.how, "refused")
      assert.deepStrictEqual(yield* a.socket.lookup("b"), [b.socket.address.bytes])
      assert.strictEqual((yield* Effect.flip(a.socket.lookup("c"))).how, "unknown")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("breaks the streams of a killed host, at both ends", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { far, near } = yield* pair
      const reading = yield* Effect.forkChild(Effect.flip(near.read), { startImmediately: true })
      yield* network.kill("b")
      yield* TestClock.adjust("1 millis")
      const failed = yield* Fiber.join(reading)
      assert.strictEqual(failed._tag, "SocketFailed")
      assert.strictEqual((yield* Effect.flip(far.write(bytes("x")))).how, "lost")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("sends again over a stream what was lost, in order and once", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { far, near } = yield* pair
      yield* network.setPath({ loss: 0.3, jitter: "20 millis" })
      for (let i = 0; i < 50; i++) yield* near.write(bytes(`${i},`))
      let heard = ""
      yield* Effect.forkChild(Effect.ignore(Effect.forever(Effect.map(far.read, (chunk) => (heard += text(chunk))))))
      yield* TestClock.adjust("1 second")
      assert.notInclude(heard, "49,")
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(heard, Array.from({ length: 50 }, (_, i) => `${i},`).join(""))
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("says nothing of a machine without power, and refuses its streams when it is back", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { a, b, near } = yield* pair
      yield* network.kill("b", "lost")
      yield* near.write(bytes("x"))
      const dialling = yield* Effect.forkChild(Effect.exit(Effect.scoped(a.socket.dial(b.socket.address))))
      const reading = yield* Effect.forkChild(Effect.flip(near.read))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(reading.pollUnsafe())
      assert.isUndefined(dialling.pollUnsafe())
      yield* open("b")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(reading))._tag, "SocketFailed")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(dialling)))
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("cuts one protocol and leaves the other", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { a, b, far, near } = yield* pair
      const got: Array<string> = []
      yield* Effect.forkScoped(
        Effect.forever(Effect.map(b.socket.receive, (batch) => batch.map(({ payload }) => got.push(text(payload)))))
      )
      yield* network.cut("a", "b", "tcp")
      const reading = yield* Effect.forkChild(far.read)
      yield* near.write(bytes("stream"))
      yield* a.socket.send(b.socket.address, bytes("datagram"))
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(reading.pollUnsafe())
      assert.deepStrictEqual(got, ["datagram"])
      yield* network.heal
      yield* network.cut("a", "b", "udp")
      yield* a.socket.send(b.socket.address, bytes("lost"))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(text(yield* Fiber.join(reading)), "stream")
      assert.deepStrictEqual(got, ["datagram"])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("carries no more than its bandwidth, and drops datagrams above its queue", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* open("a"), yield* open("b")]
      let got = 0
      yield* Effect.forkScoped(Effect.forever(Effect.map(b.socket.receive, ({ length }) => (got += length))))
      // 1,000 bytes with their headers: 100 of them a second, and 255 in the queue.
      for (let i = 0; i < 1000; i++) yield* a.socket.send(b.socket.address, new Uint8Array(972))
      yield* TestClock.adjust("1 second")
      assert.isTrue(got >= 99 && got <= 100, String(got))
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(got > 255 && got < 270, String(got))
    }).pipe(Effect.provide(Cluster.network("a", { bitsPerSecond: 800_000 })))
  )
})
