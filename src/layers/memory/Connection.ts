/**
 * A TCP connection of a memory network: in order, reliable as long as both ends live, however long the way is cut.
 *
 * What is lost or cannot pass is sent again, after pauses that double; what is behind it waits. A way that is cut for long
 * stalls a connection and does not break it: whoever uses it decides when to give it up. It breaks when a process dies, as
 * its kernel says so, and when the machine at the other end no longer knows it.
 *
 * ```text
 *   open ──> over    reset by either end, or an end died: the other one hears it, unless the way is cut just then
 * ```
 */
import type { Paths } from "./Paths.ts"

/** Clock, chance and processes under a network. */
export interface Surroundings {
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
  /** Runs a callback after a delay in milliseconds. */
  readonly after: (millis: number, happen: () => void) => void
  /** Draws a number in [0, 1). */
  readonly random: () => number
  /** Hands a packet to the process of a host. `bytes` above 0 are those of a datagram, which a full kernel drops. */
  readonly enter: (name: string, bytes: number, come: () => void) => void
  /** Observes each packet that arrives. */
  readonly note: (from: string, to: string, bytes: number) => void
}

/** Process that has connections. */
export interface Owner {
  readonly name: string
  readonly connections: Set<Connection>
}

/** Network under its connections. */
export interface Ground extends Surroundings {
  readonly paths: Paths
  /** Returns whether the machine of this name answers; one that lost its power does not. */
  readonly isUp: (name: string) => boolean
}

/** Callbacks of one end of a connection. */
export interface User {
  /** Called once the other end has finished and all that it sent has come. */
  readonly onEnd: () => void
  /** Called when the connection breaks. */
  readonly onLost: (detail: string) => void
  /** Called when a full buffer has room again. */
  readonly onRoom: () => void
}

/** The pauses after which something is sent again, from the first to the longest, in milliseconds. */
export const againMillis = { min: 200, max: 60_000 } as const
/** What may wait in an end for its way, in bytes: one with more is full. */
export const bufferBytesMax = 256 * 1024
/** A packet without data. */
export const bareBytes = 60

interface Segment {
  readonly bytes: number
  /** What happens at the other end; undefined for the end of what is sent. */
  readonly arrive: (() => void) | undefined
}

export const ignored: User = { onEnd: () => {}, onLost: () => {}, onRoom: () => {} }

/** One end of a connection, drawn above. */
export class Connection {
  private readonly ground: Ground
  private readonly life: Owner
  private readonly other: Connection
  private user: User = ignored
  private waiting: Array<Segment> = []
  private onWay: Array<Segment> = []
  /** Counts how often what was on its way was taken back. */
  private trip = 0
  private arrivesAt = 0
  private pauseMillis: number = againMillis.min
  private isPausing = false
  private isFinished = false
  /** Nobody reads here any more. */
  private isClosed = false
  /** The other end has finished. */
  private isEnded = false
  private isOver = false
  /** Bytes that were sent and have not arrived. */
  waitingBytes = 0
  /** Bytes that have arrived at the other end. */
  takenBytes = 0
  /** Bytes that have come to this end. */
  cameBytes = 0

  constructor(ground: Ground, life: Owner, otherLife: Owner, other?: Connection) {
    this.ground = ground
    this.life = life
    this.other = other ?? new Connection(ground, otherLife, life, this)
    life.connections.add(this)
  }

  /** Returns both ends, this one first. */
  both(): readonly [Connection, Connection] {
    return [this, this.other]
  }

  /** Finishes, and resets the connection when more comes than its end. */
  close(): void {
    this.isClosed = true
    this.finish()
  }

  /** Both sides have finished, and what they said has come. */
  private settle(): void {
    if (this.isFinished && this.isEnded && this.waitingBytes === 0) this.stop()
  }

  /** Name of the host at the other end. */
  get peerName(): string {
    return this.other.life.name
  }

  /** Whether more waits than the buffer takes. */
  get isFull(): boolean {
    return this.waitingBytes > bufferBytesMax
  }

  /** Whether the connection is not over. */
  get isOpen(): boolean {
    return !this.isOver
  }

  /** Sets the callbacks, in place of those before. */
  usedBy(user: User): void {
    this.user = user
  }

  /** Has something arrive at the other end after all that was sent before. */
  send(bytes: number, arrive: () => void): void {
    if (this.isOver || this.isFinished) return
    this.put({ bytes: bytes + bareBytes, arrive })
  }

  /** Nothing more is sent. */
  finish(): void {
    if (this.isOver || this.isFinished) return
    this.isFinished = true
    this.put({ bytes: bareBytes, arrive: undefined })
    this.settle()
  }

  /** Breaks the connection; what has not arrived is lost. */
  reset(): void {
    if (this.isOver) return
    this.stop()
    this.tellOver("it was reset")
  }

  /** The process of this end has left in good order: what it has said and finished still arrives. */
  leave(detail: string): void {
    if (!this.isFinished) this.die(detail, false)
  }

  /** The process of this end is gone; a machine that still has power says so. */
  die(detail: string, isSilent: boolean): void {
    if (this.isOver) return
    this.stop()
    this.tellUser(detail)
    if (!isSilent) this.tellOver(detail)
  }

  private put(segment: Segment): void {
    this.waitingBytes += segment.bytes
    this.waiting.push(segment)
    this.pump()
  }

  private stop(): void {
    this.isOver = true
    this.trip += 1
    this.waiting = []
    this.onWay = []
    this.life.connections.delete(this)
  }

  private tellOver(detail: string): void {
    const { ground, life, other } = this
    const [from, to] = [life.name, other.life.name]
    if (!ground.paths.passes(from, to, "tcp")) return
    ground.after(ground.paths.delay(from, to, bareBytes), () => other.lose(detail))
  }

  private lose(detail: string): void {
    if (this.isOver) return
    this.stop()
    this.tellUser(detail)
  }

  private tellUser(detail: string): void {
    this.ground.enter(this.life.name, 0, () => this.user.onLost(detail))
  }

  private pump(): void {
    const { ground, life, other } = this
    const [from, to] = [life.name, other.life.name]
    while (!this.isOver && !this.isPausing) {
      const [next] = this.waiting
      if (next === undefined) return
      if (!ground.paths.passes(from, to, "tcp") || !ground.isUp(to)) return this.pause()
      this.waiting.shift()
      this.onWay.push(next)
      const { trip } = this
      this.arrivesAt = Math.max(this.arrivesAt, ground.now() + ground.paths.delay(from, to, next.bytes))
      ground.after(this.arrivesAt - ground.now(), () => this.arrive(trip))
    }
  }

  private pause(): void {
    this.isPausing = true
    const millis = this.pauseMillis
    this.pauseMillis = Math.min(2 * millis, againMillis.max)
    this.ground.after(millis, () => {
      this.isPausing = false
      this.pump()
    })
  }

  private arrive(trip: number): void {
    if (trip !== this.trip) return
    const { ground, life, other } = this
    if (!ground.isUp(other.life.name)) return this.takeBack()
    const next = this.onWay.shift()
    if (next === undefined) return
    ground.note(life.name, other.life.name, next.bytes)
    const wasFull = this.isFull
    this.waitingBytes -= next.bytes
    this.takenBytes += next.bytes
    this.pauseMillis = againMillis.min
    if (other.isOver) return other.answerReset()
    ground.enter(other.life.name, 0, () => other.come(next))
    this.settle()
    if (wasFull && !this.isFull) ground.enter(life.name, 0, () => this.user.onRoom())
  }

  /** Segments on their way to a machine without power are sent again later. */
  private takeBack(): void {
    this.waiting = [...this.onWay, ...this.waiting]
    this.onWay = []
    this.trip += 1
    if (!this.isPausing) this.pause()
  }

  /** A kernel that does not know a connection resets it. */
  private answerReset(): void {
    this.tellOver("the other side does not know it")
  }

  private come({ arrive, bytes }: Segment): void {
    if (this.isOver) return
    this.cameBytes += bytes
    if (arrive === undefined) {
      this.isEnded = true
      this.user.onEnd()
      this.settle()
    } else if (this.isClosed) this.reset()
    else arrive()
  }
}
