/** Room of a session, on a socket that is as full as it is told. */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Http2Room, stuckMillisMax, turnBytesMax, unreadBytesMax } from "../../../../src/layers/transport/http2/Room.ts"
import { Http2Socket } from "../../../../src/layers/transport/http2/Socket.ts"

/** A socket of which is told what the kernel has not taken, and what has come. */
class Told extends Http2Socket {
  waiting = 0
  read = 0
  taken = 0
  readsOn = 0
  rests = 0

  override get waitingBytes(): number {
    return this.waiting
  }

  override get readBytes(): number {
    return this.read
  }

  override get takenBytes(): number {
    return this.taken
  }

  override readOn(): void {
    this.readsOn += 1
  }

  override rest(): void {
    this.rests += 1
  }
}

const make = () => {
  const socket = new Told(new net.Socket())
  const window = { bytes: 1 }
  return { socket, window, room: new Http2Room(socket, () => window.bytes) }
}

const frame = 64 * 1024

/** A flow that hands over a frame whenever there is room, and waits otherwise. */
const flowOn = (room: Http2Room, log: Array<string>, name: string, frames: number) => {
  let left = frames
  const waiter = {
    onTurn: (): void => {
      if (left === 0) return
      if (!room.isOpen()) return room.wait(waiter)
      left -= 1
      log.push(name)
      room.take(frame)
      room.wait(waiter)
    }
  }
  return waiter
}

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

describe("the room of a session", () => {
  it.live("is what one turn may hand over, and flows take it in turn", () =>
    Effect.gen(function* () {
      const { room } = make()
      const log: Array<string> = []
      for (const name of ["a", "b", "c"]) flowOn(room, log, name, 8).onTurn()
      assert.deepStrictEqual(log, ["a", "b", "c"])
      yield* turn
      assert.strictEqual(log.join(""), "abcabca")
      yield* turn
      assert.strictEqual(log.join(""), "abcabcabcab")
      assert.strictEqual(turnBytesMax, 4 * frame)
      for (let i = 0; i < 6; i++) yield* turn
      assert.strictEqual(log.join(""), "abc".repeat(8))
    })
  )

  it.live("is none while the socket is full, which reads on, and comes back with the end of a write", () =>
    Effect.gen(function* () {
      const { room, socket } = make()
      const log: Array<string> = []
      const flow = flowOn(room, log, "a", 3)
      flow.onTurn()
      socket.waiting = 1
      yield* turn
      assert.isTrue(room.isFull)
      assert.isAtLeast(socket.readsOn, 1)
      yield* turn
      assert.deepStrictEqual(log, ["a"])
      socket.waiting = 0
      room.look()
      assert.isFalse(room.isFull)
      assert.deepStrictEqual(log, ["a", "a", "a"])
    })
  )

  it.live("is none while the window of the session is used up, and comes back with it", () =>
    Effect.gen(function* () {
      const { room, window } = make()
      const log: Array<string> = []
      const flow = flowOn(room, log, "a", 3)
      flow.onTurn()
      window.bytes = 0
      yield* turn
      assert.isTrue(room.isShut)
      assert.isFalse(room.isFull)
      flow.onTurn()
      assert.deepStrictEqual(log, ["a"])
      window.bytes = 1
      room.look()
      assert.deepStrictEqual(log, ["a", "a", "a"])
    })
  )

  it("bounds what comes while the socket is full, from when it became so", () => {
    const { room, socket } = make()
    socket.read = 5 * unreadBytesMax
    socket.waiting = 1
    assert.isUndefined(room.check(0))
    socket.read += unreadBytesMax
    assert.isUndefined(room.check(1))
    socket.read += 1
    assert.strictEqual(room.check(2), "it sends, and does not read")
    socket.waiting = 0
    assert.isUndefined(room.check(3))
    socket.waiting = 1
    assert.isUndefined(room.check(4))
  })

  it("bounds how long a peer may take nothing", () => {
    const { room, socket } = make()
    socket.waiting = 1
    assert.isUndefined(room.check(0))
    assert.isUndefined(room.check(stuckMillisMax))
    socket.taken += 1
    assert.isUndefined(room.check(stuckMillisMax + 1))
    assert.isUndefined(room.check(2 * stuckMillisMax + 1))
    assert.strictEqual(room.check(2 * stuckMillisMax + 2), "it sends, and does not read")
  })

  it("reads the more seldom the more waits, each time of which copies all of it", () => {
    const { room, socket } = make()
    socket.waiting = 1
    room.check(0)
    const readsIn = (unreadBytes: number): number => {
      socket.read = unreadBytes
      room.check(0)
      const from = socket.readsOn
      for (let i = 0; i < 200; i++) room.check(0)
      return socket.readsOn - from
    }
    assert.strictEqual(readsIn(1000), 200)
    assert.strictEqual(readsIn(20 * 1024 * 1024), 10)
  })
})
