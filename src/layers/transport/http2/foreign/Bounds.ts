/**
 * What a call may take that is no flow: it comes from whoever reaches the port, asks a short question, and gets little of
 * everything. What ends it says so by a reset, but for a message too many.
 */
import type { Duration } from "effect"

export interface Bounds {
  /** Messages of its request; one more is a violation. */
  readonly messagesMax: number
  /** Bytes of its request, envelopes among them. What is beyond is thrown away as it comes, and the call is reset. */
  readonly bodyBytesMax: number
  /** How long the call may take in all; a client that wants more calls again. */
  readonly age: Duration.Input
}

/** How long a call may take until its first message is whole. */
export const requestTimeout = "5 seconds"

/** Asks for one name once, and is answered at once. */
export const check: Bounds = { messagesMax: 1, bodyBytesMax: 1024, age: "10 seconds" }

/** Asks once, and hears for as long as it wants, but for giving others its place now and then. */
export const watch: Bounds = { ...check, age: "30 minutes" }

/** A tool asks for each symbol that it meets. */
export const reflection: Bounds = { messagesMax: 256, bodyBytesMax: 64 * 1024, age: "5 minutes" }

/** Flows of foreign calls that have said nothing yet, on a port: each of them is ten times what one of a host is. */
export const silentMax = 1024

/** What a port for probes takes: each is a connection with a call now and then, and anybody may be at the other end. */
export const healthBounds = {
  sessionsMax: 256,
  sessionsPerAddressMax: 16,
  streamsMax: 64,
  idleTimeout: "1 minute"
} as const
