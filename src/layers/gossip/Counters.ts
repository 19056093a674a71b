/**
 * Counters of the membership plane: for `Gossip.counters`, and as metrics under the same reasons.
 *
 * `grinta_gossip_dropped` counts input without effect: datagrams, streams, messages and inputs of the machine.
 * `grinta_gossip_failed` counts actions of this host without success: probes, exchanges, packets that could not be
 * sent, and steps that failed.
 */
import { Effect, Metric } from "effect"

export interface Counters {
  readonly count: (reason: string, times?: number) => void
  readonly read: Effect.Effect<Readonly<Record<string, number>>>
}

/** Prefixes of the reasons that are about input. */
const incoming = /^(packet|queue|stream|swim|socket\.(receive|stream))/

const dropped = Metric.counter("grinta_gossip_dropped", {
  description: "What came over gossip and had no effect, by reason",
  incremental: true
})

const failed = Metric.counter("grinta_gossip_failed", {
  description: "What a host began in gossip and nothing came of, by reason",
  incremental: true
})

/** Makes counters. `prefix` precedes the reasons in metrics. Reasons must be bounded in number: each is a metric. */
export const make = (prefix = ""): Effect.Effect<Counters> =>
  Effect.contextWith((context) => {
    const counts = new Map<string, number>()
    const metrics = new Map<string, typeof dropped>()

    const metricOf = (reason: string): typeof dropped => {
      const known = metrics.get(reason)
      if (known !== undefined) return known
      const whole = `${prefix}${reason}`
      const metric = Metric.withAttributes(incoming.test(whole) ? dropped : failed, { reason: whole })
      metrics.set(reason, metric)
      return metric
    }

    return Effect.succeed({
      count: (reason, times = 1) => {
        counts.set(reason, (counts.get(reason) ?? 0) + times)
        metricOf(reason).updateUnsafe(times, context)
      },
      read: Effect.sync(() => Object.fromEntries(counts))
    })
  })
