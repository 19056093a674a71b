/** What the log tells of many members at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as Log from "../../../src/layers/gossip/Log.ts"
import type { MemberChange, MemberStatus } from "../../../src/services/Gossip.ts"

const change = (id: string, status: MemberStatus, from?: MemberStatus): MemberChange => ({
  member: { id, status, incarnation: 1, address: "10.0.0.9", port: 7946, meta: new Uint8Array(0), host: undefined },
  from,
  evidence: []
})

describe("the log of members", () => {
  it.effect("tells a burst one by one, counts what is beyond, and goes on", () => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    let millis = 0
    const log = Log.make({ self: "a", fabric: "", now: () => millis, isAlone: () => false })
    return Effect.gen(function* () {
      for (let at = 0; at < 5000; at++) yield* log.changed(change(`m${at}`, "alive"))
      assert.strictEqual(lines.length, 1 + 256)
      assert.deepStrictEqual(lines.slice(0, 2), [
        'host "a" of the fabric without a name has joined others',
        'member "m0" at 10.0.0.9:7946 is alive'
      ])
      millis = 60_000
      yield* log.changed(change("m0", "left", "alive"))
      assert.deepStrictEqual(lines.slice(257), [
        "4744 changes of members are not told one by one",
        'member "m0" at 10.0.0.9:7946 has left'
      ])
    }).pipe(Effect.provide(logger))
  })

  it.effect("says nothing of what is no change of status, nor of the host itself", () => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    const log = Log.make({ self: "a", fabric: "", now: () => 0, isAlone: () => true })
    return Effect.gen(function* () {
      yield* log.changed(change("b", "alive", "alive"))
      yield* log.changed(change("a", "left", "alive"))
      assert.isEmpty(lines)
    }).pipe(Effect.provide(logger))
  })
})
