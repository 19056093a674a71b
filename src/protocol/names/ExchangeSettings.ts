/** Pace and bounds of the exchange of directories. Source: faults.md, row R7. */

export interface Settings {
  /** Pause between two exchanges that this host begins, the first and the longest, with a jitter of a quarter. */
  readonly pauseMinMillis: number
  readonly pauseMaxMillis: number
  /** Rate of digests: a pause is no shorter than a digest takes at it. */
  readonly digestBytesPerSecond: number
  /** Hosts that wait for an answer. */
  readonly waitingMax: number
  /** Hosts that are sent messages at the same time. */
  readonly sendingMax: number
  /** Messages to one host, as a burst and per second. An answer that has begun is sent to its end. */
  readonly peerMessagesMax: number
  readonly peerMessagesPerSecond: number
  /** Hosts that one round asks for their state. */
  readonly meetingsMax: number
  /** News, as a burst and per second, that is left to gossip alone. */
  readonly newsMax: number
  readonly newsPerSecond: number
}

export const defaults: Settings = {
  pauseMinMillis: 1000,
  pauseMaxMillis: 60_000,
  digestBytesPerSecond: 4096,
  waitingMax: 64,
  sendingMax: 8,
  peerMessagesMax: 256,
  peerMessagesPerSecond: 8,
  meetingsMax: 4,
  newsMax: 256,
  newsPerSecond: 64
}
