/**
 * Renewal: begins another life of a host whose clock went back between two lives, whose name another process has, or
 * whose records somebody forges.
 *
 * The others take its names again under the later life. Only a few lives begin at once, and then one now and then: so
 * two processes of one name do not flood the fabric until one gives up, and a forger does not make names come and go.
 */
import { Clock, Effect, Queue, type Scope } from "effect"
import * as Bucket from "../../protocol/Bucket.ts"
import type { Directory, Input, Output } from "../../protocol/names/Directory.ts"
import { allowance, next } from "../../protocol/names/Renewal.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"

export interface Options {
  readonly directory: Directory
  readonly feed: (input: Input) => Effect.Effect<void>
  /** Announces a life of this host to the others. */
  readonly announce: (generation: number) => Effect.Effect<void, NetworkError>
}

export interface Renewal {
  /** Begins a renewal when the outputs of a step report a later life. */
  readonly hear: (outputs: ReadonlyArray<Output>) => void
}

type Why = Extract<Output, { readonly _tag: "OwnGenerationBehind" }>["why"]

const reasons: Readonly<Record<Why, (id: string) => string>> = {
  later: (id) => `the fabric knew host "${id}" in a later life`,
  outrun: (id) => `name records of host "${id}" were forged beyond what its life can answer`
}

const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Renewal, never, Scope.Scope> {
  const { announce, directory, feed } = options
  const { id } = directory.own
  const known = yield* Queue.sliding<Why>(1)
  const allowed = allowance(yield* now)

  /** Waits until another life may begin. */
  const turn = Effect.gen(function* () {
    if (Bucket.level(allowed, yield* now) < 1) {
      yield* Effect.logError(
        `host "${id}" has to begin another life again and again: two processes have this name, or somebody forges its records`
      )
      yield* Effect.sleep(Math.max(0, Bucket.reachedAt(allowed, 1) - (yield* now)))
    }
    Bucket.level(allowed, yield* now)
    allowed.level -= 1
  })

  const takeUp = (why: Why, generation: number): Effect.Effect<void> =>
    announce(generation).pipe(
      Effect.andThen(feed({ _tag: "Renew", generation })),
      Effect.andThen(Effect.logWarning(`${reasons[why](id)}; its names are claimed in a new one, ${generation}`)),
      // The names go on in the present life.
      Effect.catch((error) => Effect.logError(`host "${id}" cannot begin another life: ${error.message}`))
    )

  const run = Effect.flatMap(Queue.take(known), (why) =>
    Effect.suspend(() => {
      if (next(directory) === undefined) return Effect.void
      // Reports that came during the wait may be of a later life, so the generation is read again.
      return Effect.andThen(
        turn,
        Effect.suspend(() => {
          const generation = next(directory)
          return generation === undefined ? Effect.void : takeUp(why, generation)
        })
      )
    })
  )
  yield* Background.loop("taking up later lives", run)
  return {
    hear: (outputs) => {
      for (const output of outputs) if (output._tag === "OwnGenerationBehind") Queue.offerUnsafe(known, output.why)
    }
  }
})
