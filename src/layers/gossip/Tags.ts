/** Tags: replaces the tags of this host while it runs. */
import { Effect, Option, Result } from "effect"
import { equalBytes } from "../../protocol/Address.ts"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import type { Gossip } from "../../services/Gossip.ts"
import { NetworkError } from "../../services/NetworkError.ts"
import { metaTooLong } from "./Config.ts"
import type { Driver } from "./Driver.ts"

export const make = (driver: Driver): Gossip["Service"]["setTags"] => {
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
