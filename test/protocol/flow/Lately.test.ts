import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Lately from "../../../src/protocol/flow/Lately.ts"

const Host = Schema.Literals(["a", "b", "c", "d"])
const Event = Schema.Struct({
  host: Host,
  what: Schema.Literals(["unreached", "reached"]),
  afterMillis: Schema.Literals([0, 1, Lately.memoryMillis / 2, Lately.memoryMillis])
})

const hosts: ReadonlyArray<string> = ["a", "b", "c", "d"]

describe("Lately", () => {
  it.prop("has those last whose last word is younger than the memory, in order", [Schema.Array(Event)], ([events]) => {
    const lately = Lately.make()
    const until = new Map<string, number>()
    let now = 0
    for (const { afterMillis, host, what } of events) {
      now += afterMillis
      if (what === "reached") {
        Lately.forget(lately, host)
        until.delete(host)
      } else {
        Lately.note(lately, host, now)
        until.set(host, now + Lately.memoryMillis)
      }
      const isLast = (one: string) => (until.get(one) ?? 0) > now
      const expected = [...hosts.filter((one) => !isLast(one)), ...hosts.filter(isLast)]
      assert.deepStrictEqual(
        Lately.order(lately, hosts, (one) => one, now),
        expected
      )
    }
  })

  it("remembers so many and no more, the oldest goes first", () => {
    const lately = Lately.make()
    for (let i = 0; i <= Lately.hostsMax; i++) Lately.note(lately, `${i}`, i)
    assert.strictEqual(lately.untilMillis.size, Lately.hostsMax)
    assert.isFalse(lately.untilMillis.has("0"))
  })
})
