/** A slice of the delivery scenario: `npm run sim -- --scenario delivery --seeds 10000` is the night. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Delivery from "../../scripts/sim/delivery/Delivery.ts"
import * as Ledger from "../../scripts/sim/delivery/Ledger.ts"
import * as Program from "../../scripts/sim/delivery/Program.ts"
import * as Run from "../../scripts/sim/delivery/Run.ts"

/** Each is one to two tenths of a second of one processor. */
const seeds = 80

describe("random programs over whole hosts", () => {
  it.live(
    "keep order, at most once, no silent loss, each no, one handler for each connect, and all of them end",
    () =>
      Effect.gen(function* () {
        const total = yield* Delivery.run({ seeds, first: 1 })
        console.log(Delivery.summary(total))
        assert.isEmpty(total.broken, Delivery.summary(total))
        // What is judged is there.
        assert.isAbove(total.opened, 4 * seeds)
        assert.isAbove(total.messages, 50 * seeds)
        assert.isAbove(total.denials, 20)
      }),
    240_000
  )

  it.live("are the same for the same seed", () =>
    Effect.gen(function* () {
      for (const seed of ["7", "12"]) {
        const [one, other] = [yield* Run.run(Program.make(seed)), yield* Run.run(Program.make(seed))]
        assert.deepStrictEqual(other, one)
      }
    })
  )
})

describe("the judge of deliveries", () => {
  const [plan] = Program.make("1").clients[0]?.flows ?? []
  const handled: Ledger.Handled = {
    ...{ host: "h1", generation: 1, seen: [0, 1], sawEnd: true, offered: 2, accepted: 2, ended: true, over: true }
  }
  const called = (): Ledger.Called => {
    if (plan === undefined) return assert.fail()
    return {
      ...{ plan, host: "h2", connect: "opened", offered: 2, accepted: 2, ended: true, heard: [0, 1], readEnd: "Done" },
      ...{ denied: [], handled: [{ ...handled }], faults: [] }
    }
  }
  const judge = (one: Ledger.Called) => Ledger.judge({ calls: new Map([["f1", one]]), faults: [] }, () => true)

  it("finds nothing wrong with what is right", () => {
    assert.isEmpty(judge(called()))
  })

  it.each<readonly [string, Partial<Ledger.Called>, string]>([
    ["two answers the other way round", { heard: [1, 0] }, "the caller was given 1 in place of 0"],
    ["an answer twice", { heard: [0, 0, 1] }, "the caller was given 0 in place of 1"],
    ["an answer that is missing before the end", { heard: [0] }, "the end after 1 of 2 answers"],
    ["an answer that is missing before an error", { heard: [0], readEnd: "Refused" }, "refused after 1 of 2 answers"],
    [
      "messages the other way round",
      { handled: [{ ...handled, seen: [1, 0] }] },
      "the handler was given 1 in place of 0"
    ],
    [
      "a message that is missing before the end",
      { handled: [{ ...handled, seen: [0] }] },
      "the end after 1 of 2 messages"
    ],
    ["an end that nobody said", { ended: false }, "an end that the caller has not said"],
    [
      "an end that no handler said",
      { handled: [{ ...handled, ended: false }] },
      "an end that the handler has not said"
    ],
    ["a no that is none", { denied: ["send: PeerLost"] }, '"no" was said (send: PeerLost)'],
    ["two handlers", { handled: [handled, handled] }, "2 handlers were started by one connect"],
    ["a handler of a connect that failed", { connect: "failed" }, "its handler was started"],
    ["a handler that runs on", { handled: [{ ...handled, over: false }] }, 'its handler runs on at "h1"']
  ])("finds %s", (_, wrong, expected) => {
    assert.include(judge({ ...called(), ...wrong }).join("\n"), expected)
  })
})
