/**
 * What a client does too often on one session, though it may do it once.
 *
 * Control frames are PING and SETTINGS, each of which this side has to answer: ten a second, and a hundred at once. A PING
 * that follows anything else that was sent to the client is free, as it is with gRPC: clients in Go and Rust measure the
 * path by one PING for each round trip in which they receive (BDP), which with grpc-go 1.85 on loopback were 310 a second,
 * and Go sends one with a cancelled call. What is left are those of keepalives, and nobody needs ten of them a second.
 *
 * Resets have their bound in Node, which closes the session as if for any error: they are followed here only to tell such
 * an end from another.
 * Source: faults.md, rows H3 and H5; gRPC proposal A8, "Server enforcement".
 */
import * as Bucket from "../Bucket.ts"

export const controlPerSecond = 10
export const controlBurst = 100

export const resetsPerSecond = 1_000
export const resetsBurst = 10_000

/** Streams that a peer resets, or leaves without a frame of a flow, on all of its sessions. */
export const peerResetsBurst = 20_000

/** Streams that a peer opens, on all of its sessions: more than are served in that time. */
export const openingsPerSecond = 8_000
export const openingsBurst = 20_000

/** Size of a PING frame, and so of its answer. */
const pingBytes = 17

export interface Conduct {
  /** When the session began, in milliseconds of a clock that nobody sets. */
  readonly sinceMillis: number
  readonly control: Bucket.Bucket
  readonly resets: Bucket.Bucket
  /** PINGs that came. */
  pings: number
  /** What was sent other than answers to PINGs, when the last free PING came. */
  otherBytes: number
}

export const make = (nowMillis: number): Conduct => ({
  sinceMillis: nowMillis,
  control: Bucket.make(controlBurst, controlPerSecond, nowMillis),
  resets: Bucket.make(resetsBurst, resetsPerSecond, nowMillis),
  pings: 0,
  otherBytes: 0
})

/** A PING has come, after `sentBytes` were sent on the session; false when it is one too many. */
export const ping = (conduct: Conduct, sentBytes: number, nowMillis: number): boolean => {
  // Answers that have not left yet are taken for sent, so what they hide shows once they have.
  const otherBytes = sentBytes - pingBytes * conduct.pings
  conduct.pings += 1
  if (otherBytes <= conduct.otherBytes) return Bucket.take(conduct.control, nowMillis)
  conduct.otherBytes = otherBytes
  return true
}

/** SETTINGS have come; false when they are one too many. */
export const settings = (conduct: Conduct, nowMillis: number): boolean => Bucket.take(conduct.control, nowMillis)

/** A stream was reset. */
export const reset = (conduct: Conduct, nowMillis: number): void => {
  Bucket.take(conduct.resets, nowMillis)
}

/** Whether so many streams were reset of late that an error of the session is the end of a flood. */
const isResetting = (conduct: Conduct, nowMillis: number): boolean =>
  Bucket.level(conduct.resets, nowMillis) < resetsBurst / 2

/** How Node says why it has closed a session. */
export interface Closing {
  readonly code?: string | undefined
  /** A number of nghttp2. */
  readonly errno?: number | undefined
}

/** NGHTTP2_ERR_BAD_CLIENT_MAGIC. */
const badMagic = -903
/** NGHTTP2_ERR_FLOODED: a thousand answers to PING or SETTINGS that could not be sent. */
const flooded = -904
/** NGHTTP2_ERR_TOO_MANY_CONTINUATIONS. */
const tooManyContinuations = -905

/** Node closes a session at its thousandth invalid frame, however long that took: beyond one a second it is a flood. */
const invalidFramesMillis = 1_000_000

/** Why a session is closed: a word for a counter, and a sentence for people. */
export interface Fault {
  readonly reason: string
  readonly why: string
}

/**
 * Connections of a peer that end with a frame of HTTP/2 that is wrong, and its flows that fail by what it said: a client that
 * means no harm has few, and one that has a fault keeps its other flows for a while.
 */
export const faultsPerSecond = 0.5
export const faultsBurst = 30

export const breaking: Fault = { reason: "protocol", why: "a flood of connections that break HTTP/2" }

export const violating: Fault = { reason: "violations", why: "a flood of flows that break the rules" }

export const resetting: Fault = { reason: "resets", why: "a flood of streams that were reset" }

/**
 * Why the end of a session was the end of a flood; undefined of any other. A single frame that is wrong is none, nor is
 * another protocol than HTTP/2, nor a connection that breaks: a port gets those from clients that mean no harm.
 */
export const floodOf = (conduct: Conduct, { code, errno }: Closing, nowMillis: number): Fault | undefined => {
  if (errno === flooded) return { reason: "unread", why: "a flood of frames whose answers were not read" }
  if (errno === tooManyContinuations) return { reason: "continuation", why: "a flood of CONTINUATION" }
  if (code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES" && nowMillis - conduct.sinceMillis < invalidFramesMillis)
    return { reason: "invalid", why: "a flood of invalid frames, or of streams beyond the limit" }
  return code === "ERR_HTTP2_ERROR" && isResetting(conduct, nowMillis) ? resetting : undefined
}

/** Whether a session ended since its client speaks something else than HTTP/2. */
export const isStranger = ({ errno }: Closing): boolean => errno === badMagic
