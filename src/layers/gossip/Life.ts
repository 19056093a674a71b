/** Life: begins another life of this host while it runs. */
import { Effect, Option, Result } from "effect"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import type { Gossip } from "../../services/Gossip.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"
import type { Driver } from "./Driver.ts"

const invalid = (detail: string): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation: "expose", reason: new InvalidConfig({ setting: "generation", detail }) }))

/** Returns a host's metadata with another generation, or why it cannot be made. */
const renewed = (meta: Uint8Array, generation: number): Result.Result<Uint8Array, string> => {
  const before = HostMeta.decode(meta)
  if (Option.isNone(before)) return Result.fail("this host has no metadata to say it in")
  return Result.mapError(
    HostMeta.encode({ ...before.value, generation }),
    ({ bytes }) => `with it the metadata takes ${bytes} bytes`
  )
}

export const make = ({ feed, later, state }: Driver): Gossip["Service"]["renew"] => {
  const next = (generation: number) => renewed(state.self.member.meta, generation)
  return (generation) =>
    Effect.suspend(() => {
      if (!Number.isSafeInteger(generation) || generation < 1)
        return invalid(`${generation} is no whole number of microseconds from 1`)
      const now = next(generation)
      if (Result.isFailure(now)) return invalid(now.failure)
      // Reads the metadata again in its turn: the tags may have changed.
      return later(
        Effect.suspend(() =>
          Result.match(next(generation), {
            onFailure: () => Effect.void,
            onSuccess: (meta) => feed({ _tag: "UpdateMeta", meta })
          })
        )
      )
    })
}
