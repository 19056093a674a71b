/** Counters of the connections and flows that a host refuses or ends, by reason. Names and reasons never change. */
import { type Effect, Metric } from "effect"

const counter = (name: string, description: string) => {
  const made = Metric.counter(name, { description, incremental: true })
  return (reason: string): Effect.Effect<void> => Metric.update(Metric.withAttributes(made, { reason }), 1)
}

/** Connections refused on arrival: "banned", "crowded", "full"; and "overdue" when one proved itself too slowly. */
export const connectionRefused = counter(
  "grinta_connections_refused",
  "Connections to the flow port that were not taken, by reason"
)

/** Connections that were accepted, and closed for what came on them; "unused" when that was nothing. */
export const connectionClosed = counter(
  "grinta_connections_closed",
  "Connections to the flow port that were closed for what their peers did, by reason"
)

/**
 * Flows that got no handler, by the reason of `Rejected` or `Fail`, or "openings" and "calls" for streams that were not
 * read. "stalled": flows that were ended because their peer had more here than its share.
 */
export const flowRefused = counter("grinta_flows_refused", "Flows that were refused, by reason")
