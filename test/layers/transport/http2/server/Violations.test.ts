/**
 * Flows that fail by what their caller says, on every way in which a call is served: now and then that is a flow that fails, and
 * no other notices; again and again it is a flood, as are connections that break HTTP/2. `limitsLoopback` holds loopback to the
 * rules of any network.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Serving from "../../../../../src/layers/flow/Serving.ts"
import * as Conduct from "../../../../../src/protocol/flow/Conduct.ts"
import * as Envelope from "../../../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Caller from "../Caller.ts"
import { asked, open, openAs, paths, sayFrom } from "../RawClient.ts"
import { data } from "../RawPeer.ts"
import { limited as world } from "../Server.ts"

const flooder = "127.0.0.2"

const banned = `${flooder} gets no new connection for 1m: a flood of flows that break the rules`

const piece = (bytes: Uint8Array, partial: boolean) => FrameBytes.encode({ _tag: "Data", messages: [bytes], partial })
const text = (said: string) => new TextEncoder().encode(said)
const emptyPiece = piece(new Uint8Array(), true)

/** What a caller says, and no caller may. */
const violations: ReadonlyArray<readonly [string, Uint8Array]> = [
  ["what is no frame", Envelope.wrap(Uint8Array.of(0x0a, 0xff, 0xff))],
  ["a flow that does not begin with Open", FrameBytes.encode(Frame.accepted)],
  ["a second Open", Buffer.concat([open, open])],
  ["an empty piece of a message", Buffer.concat([open, emptyPiece])],
  ["an end of more messages than came", Buffer.concat([open, Caller.end(7)])],
  ["a message that does not fit its contract", Buffer.concat([openAs("", "json"), piece(text("["), false)])]
]

describe.each(paths)("%s", (_, asking) => {
  it.live.each(violations)("may fail now and then by %s, and not again and again", ([, said]) =>
    Effect.gen(function* () {
      const { log, port } = yield* world()
      const client = yield* sayFrom(flooder, port, asked, data(1, open))
      const ids = Array.from({ length: Conduct.faultsBurst }, (_, at) => 2 * at + 3)
      client.socket.write(Buffer.concat(ids.flatMap((id) => [asking(id), data(id, said)])))
      yield* client.until(() => ids.every((id) => client.isEnded(id)))
      // A neighbour on the same session.
      const before = client.answer(1).length
      client.socket.write(data(1, Caller.message))
      yield* client.until(() => client.answer(1).length > before)
      assert.deepStrictEqual(log, [])
      let next = 2 * Conduct.faultsBurst + 3
      while (!client.socket.closed) {
        if (!client.socket.destroyed) client.socket.write(Buffer.concat([asking(next), data(next, said)]))
        next += 2
        yield* Effect.sleep("5 millis")
      }
      assert.deepStrictEqual(log, [banned])
    })
  )

  it.live("is at fault again as it goes on after its flow has failed", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world()
      const client = yield* sayFrom(flooder, port, asking(1), data(1, Buffer.concat([open, emptyPiece])))
      const more = Buffer.concat(Array.from({ length: 4 }, () => data(1, piece(new Uint8Array(15_000), true))))
      while (!client.socket.closed) {
        if (!client.socket.destroyed) client.socket.write(more)
        yield* Effect.sleep("1 millis")
      }
      assert.deepStrictEqual(log, [banned])
    })
  )

  it.live("is not at fault where it says more than this side takes, or says it slowly", () =>
    Effect.gen(function* () {
      const limits = { ...Serving.defaults.limits, messageBytesMax: 1000 }
      const { log, port } = yield* world({ frameTimeout: "100 millis" }, { ...Serving.defaults, limits })
      const large = Buffer.concat([open, piece(new Uint8Array(1001), false)])
      const begun = Buffer.concat([open, Uint8Array.of(0, 0, 0, 1, 0, 1)])
      const client = yield* sayFrom(flooder, port)
      const ids = Array.from({ length: 2 * Conduct.faultsBurst + 40 }, (_, at) => 2 * at + 1)
      for (const id of ids) client.socket.write(Buffer.concat([asking(id), data(id, id % 4 === 1 ? large : begun)]))
      yield* client.until(() => ids.every((id) => client.answer(id).length > Caller.accepted.byteLength))
      assert.deepStrictEqual(log, [])
      assert.isFalse(client.socket.closed)
    })
  )
})
