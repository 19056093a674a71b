/** Room of a session, on a socket that is as full as it is told. */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Http2Room, turnBytesMax, unreadBytesMax } from "../../../src/layers/Http2Room.ts"
import { Http2Socket } from "../../../src/layers/Http2Socket.ts"

/** A socket of which is told what the kernel has not taken, and what has come. */
class Told extends Http2Socket {
  waiting = 0
  read = 0
  readsOn = 0

  override get waitingBytes(): number {
    return this.waiting
  }

  override get readBytes(): number {
    return this.read
  }

  override readOn(): void {
    this.readsOn += 1
  }
}

const make = () => {
  const socket = new Told(new net.Socket())
  return { socket, room: new Http2Room(socket) }
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
      assert.isTrue(room.look())
      assert.isFalse(room.isFull)
      assert.deepStrictEqual(log, ["a", "a", "a"])
    })
  )

  it("bounds what comes while the socket is full, from when it became so", () => {
    const { room, socket } = make()
    socket.read = 5 * unreadBytesMax
    socket.waiting = 1
    assert.isTrue(room.look())
    socket.read += unreadBytesMax
    assert.isTrue(room.look())
    socket.read += 1
    assert.isFalse(room.look())
    socket.waiting = 0
    assert.isTrue(room.look())
    socket.waiting = 1
    assert.isTrue(room.look())
  })
})
