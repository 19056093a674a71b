/** Checks the bounds of flows, of a whole host or of one endpoint. */
import { type Effect, Record } from "effect"
import * as Limits from "../../protocol/flow/Limits.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Setting from "../core/Setting.ts"
import type * as Serving from "./Serving.ts"

type Own = Pick<Serving.Config, "backlog" | "concurrency" | "drain">

const endpoint = ({ backlog, concurrency, drain }: Own) => ({
  concurrency: Setting.count(concurrency, 1),
  backlog: Setting.count(backlog, 0),
  drain: Setting.time(drain)
})

/** Checks the bounds of an endpoint. Errors: InvalidConfig for the first that cannot work. */
export const checkEndpoint = (config: Own): Effect.Effect<void, NetworkError> =>
  Setting.check("expose", endpoint(config))

/** Checks the bounds of a host. Errors: InvalidConfig for the first that cannot work. */
export const check = (config: Serving.Config): Effect.Effect<void, NetworkError> => {
  const wrong = Limits.violation(config.limits)
  const settings = {
    ...(wrong && { [`limits.${wrong.limit}`]: wrong.detail }),
    ...endpoint(config),
    openTimeout: Setting.span(config.openTimeout),
    handlerGrace: Setting.time(config.handlerGrace),
    drainTimeout: Setting.time(config.drainTimeout)
  }
  return Setting.check(
    "listen",
    Record.mapKeys(settings, (setting) => `flows.${setting}`)
  )
}
