/** Servers that break HTTP/2, or say of it what nobody needs, and what becomes of the host that calls them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conduct from "../../../../src/protocol/flow/Conduct.ts"
import * as Caller from "./Caller.ts"
import * as RawPeer from "./RawPeer.ts"

const { type } = RawPeer

describe("a server that asks for answers without end", () => {
  const frames = {
    PING: RawPeer.frame(type.ping, 0, 0, Buffer.alloc(8)),
    SETTINGS: RawPeer.frame(type.settings, 0, 0)
  }
  for (const [what, frame] of Object.entries(frames)) {
    it.live(`is given up, its flows are lost, and a new one has another session: ${what}`, () =>
      Effect.gen(function* () {
        let flood: (() => void) | undefined
        const peer = yield* RawPeer.serve({
          onFrame: ({ kind, stream }, { write }) => {
            if (kind !== type.headers) return
            write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted))
            flood = () => write(...Array.from({ length: 3 * Conduct.controlBurst }, () => frame))
          }
        })
        const { open } = yield* Caller.make()
        const flow = yield* Caller.soon(open(peer.port))
        flood?.()
        Caller.assertReason(yield* Caller.ending(flow), "PeerLost")
        yield* Caller.soon(open(peer.port))
        assert.strictEqual(peer.connections(), 2)
      })
    )
  }
})

describe("a server that does not acknowledge the settings of its caller", () => {
  it.live("gets no call, whose headers and pushes nothing would bind", () =>
    Effect.gen(function* () {
      const calls: Array<number> = []
      const peer = yield* RawPeer.serve({
        isUnbound: true,
        onFrame: ({ kind, stream }) => {
          if (kind === type.headers) calls.push(stream)
        }
      })
      const { open } = yield* Caller.make({ connectTimeout: "500 millis" })
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => Caller.soon(Effect.flip(Effect.scoped(open(peer.port))))),
        { concurrency: "unbounded" }
      )
      for (const error of all) Caller.assertReason(error, "HostUnreachable")
      assert.deepStrictEqual(calls, [])
    })
  )
})
