/** States that are too large to be taken in at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Slices from "../../../src/layers/core/Slices.ts"
import * as Merge from "../../../src/layers/gossip/Merge.ts"
import * as Seat from "../../../src/layers/gossip/Seat.ts"
import type { NodeState } from "../../../src/protocol/memberlist/Message.ts"
import type { Input } from "../../../src/protocol/swim/Input.ts"

const nodeOf = (i: number): NodeState => ({
  name: `n${i}`,
  address: Uint8Array.of(10, 200, i >> 8, i & 255),
  port: 7946,
  meta: new Uint8Array(0),
  incarnation: 1,
  state: "alive",
  versions: Uint8Array.of(1, 5, 2, 0, 0, 0)
})

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3000 }))

describe("parts", () => {
  it.prop("are all of it in order, none too large, and none of one among many", [Size], ([size]) => {
    const items = Array.from({ length: size }, (_, i) => i)
    const parts = Slices.parts(items, 256)
    assert.deepStrictEqual(parts.flat(), items)
    assert.isTrue(parts.every(({ length }) => length <= 256 && (length > 1 || size <= 1)))
  })
})

it.effect("the machine takes a large state in by parts, and goes on while the passenger takes in its own", () =>
  Effect.gen(function* () {
    const nodes = Array.from({ length: 65_536 }, (_, i) => nodeOf(i))
    const inputs: Array<Input> = []
    let isBetween = false
    let given: number | undefined
    const seat = Seat.make(() => undefined)
    yield* seat.board({
      message: () => Effect.void,
      localState: Effect.succeed(new Uint8Array(0)),
      mergeState: ({ length }) =>
        Effect.sync(() => {
          assert.isFalse(isBetween)
          given = length
        }),
      memberChanged: () => Effect.void
    })
    const merge = Merge.make({
      seat,
      complain: () => Effect.void,
      feed: (input) => Effect.sync(() => assert.isTrue(isBetween && inputs.push(input) > 0)),
      between: (effect) =>
        Effect.suspend(() => {
          isBetween = true
          return Effect.ensuring(
            effect,
            Effect.sync(() => {
              isBetween = false
            })
          )
        })
    })
    yield* merge({ _tag: "PushPull", join: true, nodes, userState: new Uint8Array(9) }, {})
    const parts = inputs.map((input) => (input._tag === "Merge" && input.join ? input.nodes : []))
    assert.deepStrictEqual(parts.flat(), nodes)
    assert.isTrue(parts.every(({ length }) => length <= 512))
    assert.strictEqual(given, 9)
  })
)
