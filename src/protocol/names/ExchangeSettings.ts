/** How often directories are exchanged, and how much of it may be under way. Source: faults.md, row R7. */

export interface Settings {
  /** Pause between two exchanges that this host begins, from the first to the longest; a quarter more or less by chance. */
  readonly pauseMinMillis: number
  readonly pauseMaxMillis: number
  /** A pause is no shorter than a digest takes at this rate. */
  readonly digestBytesPerSecond: number
  /** Hosts that wait for an answer. */
  readonly waitingMax: number
  /** Hosts that are sent something at the same time. */
  readonly sendingMax: number
  /** Messages for one host: so many at once, and so many per second from then on. An answer under way is sent to its end. */
  readonly peerMessagesMax: number
  readonly peerMessagesPerSecond: number
  /** Hosts that one round has asked for their state. */
  readonly meetingsMax: number
  /** News given to gossip: so many at once, and so many per second from then on, are left to gossip alone. */
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
