/**
 * Bounds of calls that are no flows, which come from any client that reaches the port: short questions, with little of
 * everything. A call beyond a bound is reset, except for a message too many.
 */
import type { Duration } from "effect"

export interface Bounds {
  /** Messages of a request; one more is a violation. */
  readonly messagesMax: number
  /** Bytes of a request with its envelopes. Bytes beyond are thrown away as they come, and the call is reset. */
  readonly bodyBytesMax: number
  /** Time that the call may take in all; a client that wants more calls again. */
  readonly age: Duration.Input
}

/** Time until the first message of a call is whole. */
export const requestTimeout = "5 seconds"

/** Health check: one name, answered at once. */
export const check: Bounds = { messagesMax: 1, bodyBytesMax: 1024, age: "10 seconds" }

/** Health watch: one name, told of until the client stops, or until it gives its place to others now and then. */
export const watch: Bounds = { ...check, age: "30 minutes" }

/** Reflection: a tool asks for each symbol that it meets. */
export const reflection: Bounds = { messagesMax: 256, bodyBytesMax: 64 * 1024, age: "5 minutes" }

/** Flows of foreign calls that have sent nothing yet, on a port: each costs ten times as much as a flow of a host. */
export const silentMax = 1024

/** Bounds of a port for probes: each is a connection with a call now and then, and anybody may be at the other end. */
export const healthBounds = {
  sessionsMax: 256,
  sessionsPerAddressMax: 16,
  streamsMax: 64,
  idleTimeout: "1 minute"
} as const
