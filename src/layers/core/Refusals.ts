/**
 * What a host refuses or ends of others, as counters by reason. The names, and the reasons, stay for good.
 */
import { type Effect, Metric } from "effect"

const counter = (name: string, description: string) => {
  const made = Metric.counter(name, { description, incremental: true })
  return (reason: string): Effect.Effect<void> => Metric.update(Metric.withAttributes(made, { reason }), 1)
}

/** Connections that were closed when they came: "banned", "crowded", "full", or "overdue" while they proved themselves. */
export const connectionRefused = counter(
  "grinta_connections_refused",
  "Connections to the flow port that were not taken, by reason"
)

/** Connections that were taken, and closed for what came on them. */
export const connectionClosed = counter(
  "grinta_connections_closed",
  "Connections to the flow port that were closed for what their peers did, by reason"
)

/**
 * Flows without a handler: the reason of `Rejected` or `Fail`, or "openings" and "calls" for what was not looked at. "stalled" of
 * one that was ended since its peer had more here than it may.
 */
export const flowRefused = counter("grinta_flows_refused", "Flows that were refused, by reason")
