/** Calls while hosts are killed and cut off from each other: each settles, runs at most once, and not at all if it says "no". */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Cluster from "../layers/gossip/Cluster.ts"
import { broken, quiet, run } from "./Cuts.ts"

/** More of them: `CALLS_SEEDS=10000`. */
const seeds = Number(process.env.CALLS_SEEDS ?? 25)

describe("calls under kills and cuts", () => {
  it.effect(
    "settle, and run as often as they say",
    () =>
      Effect.gen(function* () {
        const ends = new Map<string, number>()
        for (let seed = 0; seed < seeds; seed++) {
          const network = Cluster.network(`calls ${seed}`, { latency: "5 millis", jitter: "5 millis" })
          const outcomes = yield* Effect.provide(run(60), network)
          assert.deepStrictEqual(broken(outcomes), [], `seed ${seed}`)
          for (const { end } of outcomes) ends.set(end, (ends.get(end) ?? 0) + 1)
        }
        for (const end of ["ok", "no", "maybe"]) assert.isAbove(ends.get(end) ?? 0, 0, `${[...ends]}`)
        console.log(`calls in ${seeds} runs: ${[...ends].map(([end, count]) => `${count} ${end}`).join(", ")}`)
      }).pipe(quiet),
    Math.max(60_000, seeds * 4_000)
  )
})
