/**
 * A host of which the others know a later life: its clock went back between two lives, or two processes have its name.
 *
 * It takes up a life that is later still, under which the others take its names again. Two processes of one name do that in
 * turn until the membership plane has found them, and one gives up; so that they do not flood the fabric meanwhile, only a few
 * lives are taken up at once, and then one now and then.
 */
import { Clock, Effect, Queue, type Scope } from "effect"
import * as Bucket from "../protocol/Bucket.ts"
import type { Directory, Input, Output } from "../protocol/names/Directory.ts"
import { allowance } from "../protocol/names/Renewal.ts"
import { InvalidConfig, type NetworkError, type NetworkErrorReason } from "../services/NetworkError.ts"
import * as Background from "./Background.ts"

export interface Options {
  readonly directory: Directory
  readonly feed: (input: Input) => Effect.Effect<void>
  /** Announces a life of this host to the others. */
  readonly announce: (generation: number) => Effect.Effect<void, NetworkError>
  readonly giveUp: (reason: NetworkErrorReason) => Effect.Effect<void>
}

export interface Renewal {
  /** Looks for what a step says of a later life. */
  readonly hear: (outputs: ReadonlyArray<Output>) => void
}

const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Renewal, never, Scope.Scope> {
  const { announce, directory, feed, giveUp } = options
  const { id } = directory.own
  const known = yield* Queue.sliding<number>(1)
  const allowed = allowance(yield* now)

  /** Waits until another life may be taken up. */
  const turn = Effect.gen(function* () {
    if (Bucket.level(allowed, yield* now) < 1) {
      yield* Effect.logError(
        `the fabric knows host "${id}" in a later life again and again: two processes have this name, or somebody forges`
      )
      yield* Effect.sleep(Math.max(0, Bucket.reachedAt(allowed, 1) - (yield* now)))
    }
    Bucket.level(allowed, yield* now)
    allowed.level -= 1
  })

  const takeUp = (generation: number): Effect.Effect<void> => {
    if (!Number.isSafeInteger(generation)) {
      const detail = `the fabric knows host "${id}" in the last life that there can be; give it another name`
      return giveUp(new InvalidConfig({ setting: "name", detail }))
    }
    return announce(generation).pipe(
      Effect.andThen(feed({ _tag: "Renew", generation })),
      Effect.andThen(
        Effect.logWarning(
          `the fabric knew host "${id}" in a later life; its names are claimed in a new one, ${generation}`
        )
      ),
      Effect.catch(({ reason }) => giveUp(reason))
    )
  }

  /** What came while it waited is later than what it waited for. */
  const latest = (generation: number): number => Math.max(generation, directory.generationReported)

  const run = Effect.flatMap(Queue.take(known), (generation) =>
    Effect.suspend(() =>
      generation < directory.own.claims.generation
        ? Effect.void
        : Effect.andThen(
            turn,
            Effect.suspend(() => takeUp(latest(generation) + 1))
          )
    )
  )
  yield* Background.loop("taking up later lives", run)
  return {
    hear: (outputs) => {
      for (const output of outputs)
        if (output._tag === "OwnGenerationBehind") Queue.offerUnsafe(known, output.generation)
    }
  }
})
