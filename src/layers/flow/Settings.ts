/** Settings: the bounds of flows, of a whole host or of one endpoint, and their check. */
import { type Duration, type Effect, Record } from "effect"
import * as Limits from "../../protocol/flow/Limits.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Setting from "../core/Setting.ts"

/**
 * Bounds of the flows that a host serves. `concurrency`, `backlog` and `drain` hold for each endpoint that has none of
 * its own. Errors: InvalidConfig for the first that cannot work.
 */
export interface Config {
  /** Bounds of each flow, served or opened; given as a whole. */
  readonly limits: Limits.Limits
  /**
   * Flows that one endpoint serves at a time, each with a handler of its own. At least 1; 12,000 by default. The last
   * eighth is for peers that hold few. As many as the memory holds: 25 KiB for an idle flow, 0.3 MiB for one that
   * nobody reads.
   */
  readonly concurrency: number
  /**
   * Flows that wait for their turn at one endpoint; one more is rejected with EndpointBusy at once. From 0 for none; 64
   * by default. More smooths bursts, and lets callers wait longer for an endpoint that cannot keep up.
   */
  readonly backlog: number
  /**
   * Time that the flows of a withdrawn endpoint have to finish, before they are ended. From 0 to 24 days; 5 seconds by
   * default. It bounds how long a host takes to stop: below what kills the process, such as the grace of a container.
   */
  readonly drain: Duration.Input
  /**
   * Time that a link may stay without its Open, then ProtocolViolation. Above 0, up to 24 days; 5 seconds by default.
   */
  readonly openTimeout: Duration.Input
  /**
   * Time that a handler has to finish after its flow has failed, before it is interrupted. From 0 to 24 days; 5 seconds
   * by default.
   */
  readonly handlerGrace: Duration.Input
  /**
   * Time that a finished flow waits for its caller to read everything, and to finish too. From 0 to 24 days; 30 seconds
   * by default. Longer than the buffers of a flow take on the slowest path.
   */
  readonly drainTimeout: Duration.Input
}

/** Defaults of a host. */
export const defaults: Config = {
  limits: Limits.defaults,
  concurrency: 12_000,
  backlog: 64,
  drain: "5 seconds",
  openTimeout: "5 seconds",
  handlerGrace: "5 seconds",
  drainTimeout: "30 seconds"
}

type Own = Pick<Config, "backlog" | "concurrency" | "drain">

const endpoint = ({ backlog, concurrency, drain }: Own) => ({
  concurrency: Setting.count(concurrency, 1),
  backlog: Setting.count(backlog, 0),
  drain: Setting.time(drain)
})

/** Checks the bounds of an endpoint. Errors: InvalidConfig for the first that cannot work. */
export const checkEndpoint = (config: Own): Effect.Effect<void, NetworkError> =>
  Setting.check("expose", endpoint(config))

/** Checks the bounds of a host. Errors: InvalidConfig for the first that cannot work. */
export const check = (config: Config): Effect.Effect<void, NetworkError> => {
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
