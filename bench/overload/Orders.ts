/** What the processes of the overload are told, and what they answer. */
import { Schema } from "effect"
import { Vitals } from "../../test/net/HostOrders.ts"

/** A program gets it as its one argument, in JSON. */
export const Config = Schema.Struct({ name: Schema.String, seeds: Schema.Array(Schema.String) })

export const Order = Schema.Union([
  /** Where it is. */
  Schema.Struct({ do: Schema.tag("where") }),
  /** Asks the server now and then, on a flow that stays open and on one that it opens for that, from now on. */
  Schema.Struct({ do: Schema.tag("meter") }),
  /** What came of that, and ends it. */
  Schema.Struct({ do: Schema.tag("metered") }),
  /** Opens flows that stay open and do nothing. */
  Schema.Struct({ do: Schema.tag("hold"), flows: Schema.Number }),
  /** Opens and closes flows, so many a second. */
  Schema.Struct({ do: Schema.tag("churn"), perSecond: Schema.Number }),
  /** Opens flows to an endpoint that takes few of them, with so many fibers, each again as soon as it is refused. */
  Schema.Struct({ do: Schema.tag("retry"), fibers: Schema.Number }),
  /** Ends what it does, and says how often it went well and how it failed. */
  Schema.Struct({ do: Schema.tag("stop") }),
  Schema.Struct({ do: Schema.tag("vitals") })
])
export type Order = typeof Order.Type

export const Where = Schema.Struct({ gossip: Schema.String })

export const Done = Schema.Struct({})

/** Failures by their words. */
const Failures = Schema.Record(Schema.String, Schema.Number)

/** Latencies in milliseconds. */
export const Metered = Schema.Struct({
  echoes: Schema.Array(Schema.Number),
  connects: Schema.Array(Schema.Number),
  failures: Failures
})
export type Metered = typeof Metered.Type

export const Tally = Schema.Struct({ well: Schema.Number, failures: Failures })
export type Tally = typeof Tally.Type

export { Vitals }
