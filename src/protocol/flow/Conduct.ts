/**
 * Conduct of a client on one session: rates of actions that are legal once and abuse when repeated.
 *
 * Control frames are PING and SETTINGS, which this side has to answer: ten a second, with a burst of a hundred. A PING
 * that follows anything else sent to the client is free, as with gRPC: clients in Go and Rust estimate the path (BDP)
 * by one PING for each round trip in which they receive, which with grpc-go 1.85 on loopback were 310 a second, and Go
 * sends one with a cancelled call. The rest are keepalives, and nobody needs ten of them a second.
 *
 * Node bounds resets itself, and closes the session as for any error: here they are counted to recognise that end.
 * Source: faults.md, rows H3 and H5; gRPC proposal A8, "Server enforcement".
 */
import * as Bucket from "../Bucket.ts"

export const controlPerSecond = 10
export const controlBurst = 100

export const resetsPerSecond = 1_000
export const resetsBurst = 10_000

/** Burst of streams that a peer resets, or leaves without a frame of a flow, over all its sessions. */
export const peerResetsBurst = 20_000

/** Streams that a peer opens over all its sessions, per second and as a burst: above the rate of serving them. */
export const openingsPerSecond = 8_000
export const openingsBurst = 20_000

/** Size of a PING frame, and of its answer. */
const pingBytes = 17

export interface Conduct {
  /** Start of the session, in milliseconds of a monotonic clock. */
  readonly sinceMillis: number
  readonly control: Bucket.Bucket
  readonly resets: Bucket.Bucket
  /** PINGs received. */
  pings: number
  /** Bytes sent, without answers to PINGs, at the last free PING. */
  otherBytes: number
}

export const make = (nowMillis: number): Conduct => ({
  sinceMillis: nowMillis,
  control: Bucket.make(controlBurst, controlPerSecond, nowMillis),
  resets: Bucket.make(resetsBurst, resetsPerSecond, nowMillis),
  pings: 0,
  otherBytes: 0
})

/** Counts a PING, received after `sentBytes` were sent on the session. Returns false when it exceeds the rate. */
export const ping = (conduct: Conduct, sentBytes: number, nowMillis: number): boolean => {
  // Queued answers count as sent; sent bytes that they hide show once those answers have left.
  const otherBytes = sentBytes - pingBytes * conduct.pings
  conduct.pings += 1
  if (otherBytes <= conduct.otherBytes) return Bucket.take(conduct.control, nowMillis)
  conduct.otherBytes = otherBytes
  return true
}

/** Counts a SETTINGS frame. Returns false when it exceeds the rate. */
export const settings = (conduct: Conduct, nowMillis: number): boolean => Bucket.take(conduct.control, nowMillis)

/** Counts a stream that was reset. */
export const reset = (conduct: Conduct, nowMillis: number): void => {
  Bucket.take(conduct.resets, nowMillis)
}

/** Returns true when recent resets make an error of the session the end of a flood. */
const isResetting = (conduct: Conduct, nowMillis: number): boolean =>
  Bucket.level(conduct.resets, nowMillis) < resetsBurst / 2

/** Why Node closed a session. */
export interface Closing {
  readonly code?: string | undefined
  /** Error number of nghttp2. */
  readonly errno?: number | undefined
}

/** NGHTTP2_ERR_BAD_CLIENT_MAGIC. */
const badMagic = -903
/** NGHTTP2_ERR_FLOODED: a thousand answers to PING or SETTINGS could not be sent. */
const flooded = -904
/** NGHTTP2_ERR_TOO_MANY_CONTINUATIONS. */
const tooManyContinuations = -905

/** Node closes a session at its thousandth invalid frame, over any time: above one a second they are a flood. */
const invalidFramesMillis = 1_000_000

/** Reason for closing a session: a word for a counter, and a sentence for people. */
export interface Fault {
  readonly reason: string
  readonly why: string
}

/**
 * Rate and burst of a peer's faults: connections that end with an invalid HTTP/2 frame, and flows that fail by its
 * violation. An honest client has few, and a buggy one keeps its other flows for a while.
 */
export const faultsPerSecond = 0.5
export const faultsBurst = 30

export const breaking: Fault = { reason: "protocol", why: "a flood of connections that break HTTP/2" }

export const violating: Fault = { reason: "violations", why: "a flood of flows that break the rules" }

export const resetting: Fault = { reason: "resets", why: "a flood of streams that were reset" }

/**
 * Returns the flood that ended a session; undefined for any other end. A single invalid frame is no flood, nor is a
 * protocol other than HTTP/2, nor a broken connection: a port gets those from honest clients too.
 */
export const floodOf = (conduct: Conduct, { code, errno }: Closing, nowMillis: number): Fault | undefined => {
  if (errno === flooded) return { reason: "unread", why: "a flood of frames whose answers were not read" }
  if (errno === tooManyContinuations) return { reason: "continuation", why: "a flood of CONTINUATION" }
  if (code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES" && nowMillis - conduct.sinceMillis < invalidFramesMillis)
    return { reason: "invalid", why: "a flood of invalid frames, or of streams beyond the limit" }
  return code === "ERR_HTTP2_ERROR" && isResetting(conduct, nowMillis) ? resetting : undefined
}

/** Returns true when a session ended because its client speaks another protocol than HTTP/2. */
export const isStranger = ({ errno }: Closing): boolean => errno === badMagic
