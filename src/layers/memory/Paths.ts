/**
 * What lies between two hosts of a memory network: how long a packet takes, whether it arrives, which ways are cut.
 *
 * A way from one host to another has settings of its own, or else those of the network.
 */
import { Duration } from "effect"

/** Faults of a path from one host to another. */
export interface Options {
  /** One-way delay; 1 millisecond by default. */
  readonly latency?: Duration.Input
  /** Longest delay on top of `latency`, uniformly random for each packet, so that datagrams overtake; 0 by default. */
  readonly jitter?: Duration.Input
  /**
   * Share of the packets that are lost, from 0 to 1; 0 by default. A connection sends again after 200 ms, then after twice as
   * long, and so on.
   */
  readonly loss?: number
  /** Share of the datagrams that arrive twice, from 0 to 1; 0 by default. */
  readonly duplication?: number
  /** Share of the datagrams that take four times `latency`, so that later ones overtake, from 0 to 1; 0 by default. */
  readonly reordering?: number
  /** Bandwidth in bits per second; unbounded by default. Datagrams beyond a queue of 256 KiB are dropped. */
  readonly bitsPerSecond?: number
}

/** Protocols that may be cut alone: datagrams of gossip; connections of gossip and of flows. */
export type Protocol = "udp" | "tcp"

interface Settings {
  readonly latencyMillis: number
  readonly jitterMillis: number
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly bytesPerMilli: number
}

/** What waits for a way, in bytes; a datagram beyond it is dropped. */
const queueBytesMax = 256 * 1024
/** How much longer a datagram takes that is overtaken. */
const lateFactor = 4

const settle = (options: Options, before: Settings): Settings => ({
  latencyMillis: options.latency === undefined ? before.latencyMillis : Duration.toMillis(options.latency),
  jitterMillis: options.jitter === undefined ? before.jitterMillis : Duration.toMillis(options.jitter),
  loss: options.loss ?? before.loss,
  duplication: options.duplication ?? before.duplication,
  reordering: options.reordering ?? before.reordering,
  bytesPerMilli: options.bitsPerSecond === undefined ? before.bytesPerMilli : options.bitsPerSecond / 8000
})

const ideal: Settings = {
  latencyMillis: 1,
  jitterMillis: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerMilli: Number.POSITIVE_INFINITY
}

const keyOf = (from: string, to: string): string => `${from}\n${to}`

export class Paths {
  private readonly now: () => number
  private readonly random: () => number
  private usual: Settings
  private readonly own = new Map<string, Settings>()
  private readonly cuts = { udp: new Set<string>(), tcp: new Set<string>() }
  /** When a way with a bound has carried what waits for it. */
  private readonly freeAt = new Map<string, number>()

  constructor(options: Options, now: () => number, random: () => number) {
    this.usual = settle(options, ideal)
    this.now = now
    this.random = random
  }

  private of(from: string, to: string): Settings {
    return this.own.size === 0 ? this.usual : (this.own.get(keyOf(from, to)) ?? this.usual)
  }

  /** Changes the settings that are given, of all ways or of one. */
  set(options: Options, way?: { readonly from: string; readonly to: string }): void {
    if (way !== undefined) {
      this.own.set(keyOf(way.from, way.to), settle(options, this.of(way.from, way.to)))
      return
    }
    this.usual = settle(options, this.usual)
    for (const [key, settings] of this.own) this.own.set(key, settle(options, settings))
  }

  cut(from: string, to: string, protocol?: Protocol): void {
    for (const one of protocol === undefined ? (["udp", "tcp"] as const) : [protocol])
      this.cuts[one].add(keyOf(from, to))
  }

  heal(): void {
    this.cuts.udp.clear()
    this.cuts.tcp.clear()
  }

  isCut(from: string, to: string, protocol: Protocol): boolean {
    const cuts = this.cuts[protocol]
    return cuts.size > 0 && cuts.has(keyOf(from, to))
  }

  private happens(share: number): boolean {
    return share > 0 && this.random() < share
  }

  /** Whether a packet that leaves now gets through. */
  passes(from: string, to: string, protocol: Protocol): boolean {
    return !this.isCut(from, to, protocol) && !this.happens(this.of(from, to).loss)
  }

  /** How long the last byte of a packet takes that leaves now, in milliseconds. */
  private queued(from: string, to: string, bytes: number, { bytesPerMilli }: Settings): number {
    if (bytesPerMilli === Number.POSITIVE_INFINITY) return 0
    const key = keyOf(from, to)
    const now = this.now()
    const free = Math.max(now, this.freeAt.get(key) ?? 0) + bytes / bytesPerMilli
    this.freeAt.set(key, free)
    return free - now
  }

  delay(from: string, to: string, bytes: number): number {
    const settings = this.of(from, to)
    const { jitterMillis, latencyMillis } = settings
    const jitter = jitterMillis === 0 ? 0 : jitterMillis * this.random()
    return latencyMillis + jitter + this.queued(from, to, bytes, settings)
  }

  /** How long the copies of a datagram take that arrive: none, one or two of them. */
  copies(from: string, to: string, bytes: number): ReadonlyArray<number> {
    const { bytesPerMilli, duplication, latencyMillis, reordering } = this.of(from, to)
    if (!this.passes(from, to, "udp")) return []
    const waiting = (this.freeAt.get(keyOf(from, to)) ?? 0) - this.now()
    if (waiting > 0 && waiting * bytesPerMilli > queueBytesMax) return []
    const late = this.happens(reordering) ? (lateFactor - 1) * latencyMillis : 0
    const first = this.delay(from, to, bytes) + late
    return this.happens(duplication) ? [first, this.delay(from, to, bytes)] : [first]
  }
}
