/** Metadata: changes what the metadata of this host says while it runs: its tags, and which of its lives goes on. */
import { Effect, Option, Result } from "effect"
import { equalBytes } from "../../protocol/Address.ts"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import type { Gossip } from "../../services/Gossip.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"
import { metaTooLong } from "./Config.ts"
import type { Driver } from "./Driver.ts"

/** Makes `setTags`, which replaces the tags. */
export const makeTags = (driver: Driver): Gossip["Service"]["setTags"] => {
  const self = () => driver.state.self.member
  const closed = Effect.mapError(driver.twins.gone, ({ reason }) => new NetworkError({ operation: "tags", reason }))

  const apply = (tags: Readonly<Record<string, string>>): Effect.Effect<void, NetworkError> => {
    const before = HostMeta.decode(self().meta)
    if (driver.isLeft() || Option.isNone(before)) return closed
    const after = HostMeta.encode({ ...before.value, tags })
    if (Result.isFailure(after)) return Effect.fail(metaTooLong("tags", after.failure))
    if (equalBytes(after.success, self().meta)) return Effect.void
    return driver.feed({ _tag: "UpdateMeta", meta: after.success })
  }

  return (tags) => {
    const copy = { ...tags }
    return driver.between(
      Effect.suspend(() => apply(copy)),
      closed
    )
  }
}

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

/** Makes `renew`, which begins another life. */
export const makeRenew = ({ feed, later, state }: Driver): Gossip["Service"]["renew"] => {
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
