/** One end of a session on its connection: performs what its machine asks for, and keeps its links. */
import { Effect } from "effect"
import * as Liveness from "../../../protocol/flow/Liveness.ts"
import * as Signal from "../../core/Signal.ts"
import type { Connection } from "../../memory/Connection.ts"
import { type Carrier, MemoryLink } from "./MemoryLink.ts"
import * as Session from "./Session.ts"

/** What the ends of a transport have in common. */
export interface Options {
  readonly now: () => number
  /** Runs something in the background, for the life of the transport. */
  readonly run: (effect: Effect.Effect<void>) => void
  /** Takes a link that the other side has opened. */
  readonly onLink: (link: MemoryLink) => void
  /** Hears that the session is over, or takes no more streams. */
  readonly onChange: (peer: Peer) => void
}

/** A peer that was heard no longer ago than this is there, in milliseconds. */
const freshMillis = 20

/** The ends, by connection: what one sends the other receives. */
const peers = new WeakMap<Connection, Peer>()

export class Peer implements Carrier {
  readonly name: string
  readonly connection: Connection
  readonly session: Session.Session
  private readonly options: Options
  private readonly links = new Map<number, MemoryLink>()
  private readonly waiting = new Set<MemoryLink>()
  private readonly written = new Set<MemoryLink>()
  private readonly changed = Signal.make()
  private readonly liveness: Liveness.Liveness
  private readonly pings = new Map<number, (isThere: boolean) => void>()
  private token = 0
  private askedMillis = Number.NEGATIVE_INFINITY
  private askedBytes = 0
  private isDoubted = false
  /** Flows that it has here, how many there were, and since when there is none. */
  flows = 0
  everBegun = 0
  idleSinceMillis: number

  constructor(connection: Connection, role: Session.Session["role"], options: Options) {
    const [session, outputs] = Session.make(role)
    this.name = connection.peerName
    this.connection = connection
    this.session = session
    this.options = options
    this.idleSinceMillis = options.now()
    this.liveness = Liveness.make(options.now())
    peers.set(connection, this)
    connection.usedBy({
      onEnd: () => this.close(),
      onLost: () => this.lose(),
      onRoom: () => this.wakeAll()
    })
    this.perform(outputs)
  }

  isOpen(): boolean {
    return this.session.phase === "open"
  }

  isLost(): boolean {
    return this.session.phase === "lost"
  }

  private send(message: Session.Message): void {
    const [near, far] = this.connection.both()
    near.send(Session.bytesOf(message), () => {
      const there = peers.get(far)
      there?.perform(Session.receive(there.session, message))
    })
  }

  perform(outputs: Session.Outputs): void {
    for (const output of outputs) this.performOne(output)
  }

  private performOne(output: Session.Output): void {
    switch (output._tag) {
      case "Send":
        return this.send(output.message)
      case "Opened":
        return this.options.onLink(this.begin(output.stream))
      case "Came":
        return this.links.get(output.stream.id)?.come(output.frame, output.bytes)
      case "Ended":
        return this.links.get(output.stream.id)?.onEnd()
      case "Broke":
        return this.links.get(output.stream.id)?.onBroke()
      case "Stopped":
        return this.links.get(output.stream.id)?.onRoom()
      case "Room":
        return output.stream === undefined ? this.wakeAll() : this.wake(output.stream)
      case "Answered": {
        const told = this.pings.get(output.token)
        this.pings.delete(output.token)
        return told?.(true)
      }
      case "Agreed":
        return Signal.notify(this.changed)
      case "Retired":
        this.options.onChange(this)
        return Signal.notify(this.changed)
    }
  }

  private begin(stream: Session.Stream): MemoryLink {
    const link = new MemoryLink(this, stream)
    this.links.set(stream.id, link)
    this.flows += 1
    this.everBegun += 1
    return link
  }

  /** Opens a link; there is none once the session takes no more. */
  open(): MemoryLink | undefined {
    const opened = Session.open(this.session)
    if (opened === undefined) return undefined
    const [stream, outputs] = opened
    this.perform(outputs)
    return this.begin(stream)
  }

  /** A flow is over here. */
  forget(link: MemoryLink): void {
    for (const [id, known] of this.links) if (known === link) this.links.delete(id)
    this.waiting.delete(link)
    this.flows -= 1
    this.idleSinceMillis = this.options.now()
    if (this.flows === 0 && !this.isOpen()) this.close()
  }

  mayWrite(stream: Session.Stream): boolean {
    return !this.connection.isFull && Session.mayWrite(this.session, stream)
  }

  wait({ id }: Session.Stream): void {
    const link = this.links.get(id)
    if (link !== undefined) this.waiting.add(link)
  }

  private wake({ id }: Session.Stream): void {
    const link = this.links.get(id)
    if (link !== undefined && this.waiting.delete(link)) link.onRoom()
  }

  private wakeAll(): void {
    for (const link of [...this.waiting]) {
      this.waiting.delete(link)
      link.onRoom()
    }
  }

  later(link: MemoryLink): void {
    this.written.add(link)
    if (this.written.size > 1) return
    const turn = Effect.sync(() => {
      const all = [...this.written]
      this.written.clear()
      for (const one of all) one.onTurn()
    })
    this.options.run(Effect.andThen(Effect.yieldNow, turn))
  }

  /** Waits until the other side is bound by the settings of this one, or the session is lost. */
  get agreed(): Effect.Effect<void> {
    return Signal.until(this.changed, () => this.session.isAgreed || this.isLost())
  }

  private ping(told: (isThere: boolean) => void): number {
    this.token += 1
    this.pings.set(this.token, told)
    this.send({ _tag: "Ping", token: this.token, isAnswer: false })
    return this.token
  }

  /** Whether the other side is there; waits for as long as the session is not given up. */
  get heard(): Effect.Effect<boolean> {
    return Effect.callback((resume) => {
      const { askedBytes, askedMillis, connection } = this
      this.askedBytes = connection.cameBytes
      this.askedMillis = this.options.now()
      const isFresh = connection.cameBytes !== askedBytes && this.askedMillis - askedMillis <= freshMillis
      if (!this.isOpen() || isFresh) return resume(Effect.succeed(this.isOpen()))
      const token = this.ping((isThere) => resume(Effect.succeed(isThere)))
      return Effect.sync(() => this.pings.delete(token))
    })
  }

  doubt(): void {
    this.isDoubted = true
  }

  private ask(): void {
    const leftMillis = this.options.now()
    this.ping((isThere) => {
      if (isThere) Liveness.answer(this.liveness, this.options.now() - leftMillis)
    })
  }

  /** Looks whether the peer lives; one that does not loses the session. */
  look(bounds: Liveness.Bounds): void {
    const { connection, liveness } = this
    const nowMillis = this.options.now()
    if (this.isDoubted && Liveness.doubt(liveness, nowMillis)) this.ask()
    this.isDoubted = false
    const verdict = Liveness.look(liveness, bounds, {
      nowMillis,
      readBytes: connection.cameBytes,
      takenBytes: connection.takenBytes,
      isFull: connection.isFull
    })
    if (verdict === "ask") this.ask()
    if (verdict === "dead") this.abandon()
  }

  /** Closes the session and its connection at once, with nobody at the other end. */
  abandon(): void {
    this.connection.reset()
    this.lose()
  }

  retire(): void {
    this.perform(Session.retire(this.session))
    if (this.flows === 0) this.close()
  }

  /** Closes the session in good order: what was sent still arrives. */
  close(): void {
    this.connection.finish()
    this.lose()
  }

  private lose(): void {
    this.perform(Session.lose(this.session))
    this.waiting.clear()
    for (const told of this.pings.values()) told(false)
    this.pings.clear()
  }
}
