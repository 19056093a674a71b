/**
 * A host of which the others know a later life: its clock went back between two lives, or two processes have its name.
 *
 * It takes up a life that is later still, under which the others take its names again. Two processes of one name would go on
 * like that for ever, so the one that has done it too often gives up.
 */
import { Effect, Queue, type Scope } from "effect"
import type { Directory, Input, Output } from "../protocol/names/Directory.ts"
import { InvalidConfig, type NetworkError, type NetworkErrorReason } from "../services/NetworkError.ts"
import * as Background from "./Background.ts"

export interface Options {
  readonly directory: Directory
  readonly feed: (input: Input) => Effect.Effect<void>
  /** Announces a life of this host to the others. */
  readonly announce: (generation: number) => Effect.Effect<void, NetworkError>
  readonly giveUp: (reason: NetworkErrorReason) => Effect.Effect<void>
}

/** Lives taken up in one process. */
const renewalsMax = 3

export interface Renewal {
  /** Looks for what a step says of a later life. */
  readonly hear: (outputs: ReadonlyArray<Output>) => void
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Renewal, never, Scope.Scope> {
  const { announce, directory, feed, giveUp } = options
  const { id } = directory.own
  const known = yield* Queue.sliding<number>(1)
  let renewals = 0

  const takeUp = (generation: number): Effect.Effect<void> => {
    if (renewals >= renewalsMax || !Number.isSafeInteger(generation)) {
      const detail = `the fabric knows host "${id}" in a later life: its clock went back, or two processes have this name`
      return giveUp(new InvalidConfig({ setting: "name", detail }))
    }
    renewals += 1
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

  const run = Effect.flatMap(Queue.take(known), (generation) =>
    Effect.suspend(() => (generation < directory.own.claims.generation ? Effect.void : takeUp(generation + 1)))
  )
  yield* Background.loop("taking up later lives", run)
  return {
    hear: (outputs) => {
      for (const output of outputs)
        if (output._tag === "OwnGenerationBehind") Queue.offerUnsafe(known, output.generation)
    }
  }
})
