/** What is told of names and versions that do not go together: each once in a while, and none in place of another. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as Conflicts from "../../../src/layers/gossip/Conflicts.ts"
import type { Member } from "../../../src/protocol/swim/Member.ts"

const place = (last: number) => ({ bytes: Uint8Array.of(10, 0, 0, last), port: 7946 })

const member = (name: string): Member => ({
  name,
  address: place(1),
  incarnation: 1,
  meta: new Uint8Array(0),
  versions: Uint8Array.of(1, 5, 2, 0, 0, 0),
  status: "alive",
  changedAt: 0
})

const listening = () => {
  const lines: Array<string> = []
  const layer = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  let millis = 0
  const conflicts = Conflicts.make(
    () => millis,
    0,
    () => {}
  )
  const later = (by: number) => {
    millis += by
  }
  return { conflicts, later, lines, layer }
}

describe("what is told of conflicts", () => {
  it.effect("is told of this host also right after it was told of others, and of each of them", () => {
    const { conflicts, layer, lines, later } = listening()
    return Effect.gen(function* () {
      for (let turn = 0; turn < 3; turn++) {
        for (const name of ["b", "c", "d", "e", "f", "g"]) yield* conflicts.name(member(name), place(2), false)
        yield* conflicts.name(member("a"), place(2), true)
        for (const detail of ['"x" speaks version 5', '"y" speaks version 3']) yield* conflicts.version(detail)
        later(1000)
      }
      assert.deepStrictEqual(lines, [
        ...["b", "c", "d", "e"].map(
          (name) =>
            `two hosts claim the name "${name}": 10.0.0.1:7946 has it, and 10.0.0.2:7946 is not taken: name (GRINTA_NAME) there`
        ),
        'the name of this host, "a", is also known at 10.0.0.2:7946: its life before, or another process',
        'member "x" speaks version 5, and this host speaks 0: so it is not seen; delegateVersion (GRINTA_DELEGATE_VERSION) sets it, 5 is that of Serf',
        'member "y" speaks version 3, and this host speaks 0: so it is not seen; delegateVersion (GRINTA_DELEGATE_VERSION) sets it, 5 is that of Serf'
      ])
      later(60_000)
      yield* conflicts.name(member("g"), place(2), false)
      assert.lengthOf(lines, 8)
    }).pipe(Effect.provide(layer))
  })
})
