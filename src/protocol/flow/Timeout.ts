/**
 * Timeout of a call, as its headers give it.
 *
 * Shape: Connect gives milliseconds in at most 10 digits, gRPC a number of at most 8 digits and its unit.
 * Source: the Connect protocol, "Timeout"; gRPC over HTTP/2, "Requests".
 */

export type Header = "connect-timeout-ms" | "grpc-timeout"

/** Returns the timeout header for this content-type. */
export const headerOf = (contentType: string): Header =>
  /^application\/grpc/i.test(contentType) ? "grpc-timeout" : "connect-timeout-ms"

const unitMillis: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 }

/** Parses a timeout header, in milliseconds; NaN when it is malformed. */
export const parse = (header: Header, said: string): number => {
  if (header === "connect-timeout-ms") return /^\d{1,10}$/.test(said) ? Number(said) : Number.NaN
  const [, count, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(said) ?? []
  return Number(count) * (unitMillis[unit] ?? Number.NaN)
}
