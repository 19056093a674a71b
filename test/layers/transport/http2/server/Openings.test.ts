/** Streams that begin at once, and those that wait for them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { PerTurn } from "../../../../../src/layers/core/PerTurn.ts"
import { openingsPerTurn } from "../../../../../src/layers/transport/http2/server/Server.ts"
import * as Caller from "../Caller.ts"
import { asked, open, request, sayFrom } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

const { code, data, headers, reset } = RawPeer

const enter = (openings: PerTurn<string>, session: string, cost: number, serve: () => void): void => {
  if (openings.take(cost)) serve()
  else openings.later(session, serve, cost)
}

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

describe("streams that begin", () => {
  it.effect.prop(
    "are served once each, those of a session in order, and so many in a turn",
    [Schema.Array(Schema.Literals(["a", "b", "c"])), Schema.Array(Schema.Literals([1, 3]))],
    ([sessions, costs]) =>
      Effect.gen(function* () {
        const openings = new PerTurn<string>(openingsPerTurn)
        const all = Array.from({ length: 20 }, () => sessions).flat()
        const served: Array<string> = []
        let spent = 0
        let ticking = true
        const tick = (): void => {
          spent = 0
          if (ticking) setImmediate(tick)
        }
        tick()
        all.forEach((session, index) => {
          const cost = costs[index % Math.max(1, costs.length)] ?? 1
          enter(openings, session, cost, () => {
            spent += cost
            assert.isAtMost(spent, 2 * (openingsPerTurn + 3))
            served.push(`${session}${index}`)
          })
        })
        yield* Effect.repeat(turn, { until: () => served.length === all.length })
        yield* turn
        ticking = false
        const expected = (of: string) => all.flatMap((session, index) => (session === of ? [`${session}${index}`] : []))
        for (const session of ["a", "b", "c"])
          assert.deepStrictEqual(
            served.filter((one) => one.startsWith(session)),
            expected(session)
          )
      })
  )

  it.effect("of a session with few are not behind those of one with many", () =>
    Effect.gen(function* () {
      const openings = new PerTurn<string>(openingsPerTurn)
      const served: Array<string> = []
      for (let i = 0; i < 1000; i++) enter(openings, "many", 1, () => void served.push("many"))
      enter(openings, "few", 1, () => void served.push("few"))
      yield* Effect.repeat(turn, { until: () => served.length === 1001 })
      assert.isAtMost(served.indexOf("few"), openingsPerTurn + 2)
    })
  )

  it.live("all in one packet are all answered, but those that were reset meanwhile", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ streamsMax: 1000 })
      const ids = Array.from({ length: 250 }, (_, index) => 2 * index + 3)
      const isReset = (id: number): boolean => id % 5 === 0
      const opened = ids.flatMap((id) => [headers(id, request), data(id, open)])
      const resets = ids.filter(isReset).map((id) => reset(id, code.cancel))
      const client = yield* sayFrom("127.0.0.1", port, asked, data(1, open), ...opened, ...resets)
      const length = Caller.accepted.byteLength
      const those = [1, ...ids.filter((id) => !isReset(id))]
      yield* client.until(() => those.every((id) => client.answer(id).length >= length) || client.socket.closed)
      assert.isFalse(client.socket.closed)
      client.socket.write(data(1, Buffer.from(Caller.message)))
      yield* client.until(() => client.answer(1).length >= length + Caller.message.byteLength || client.socket.closed)
      assert.isFalse(client.socket.closed)
    })
  )
})
