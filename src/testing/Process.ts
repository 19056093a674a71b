/** A process of a world: its clock, its scheduler, and what is done to it. */
import { Clock, Context, Duration, Effect, Scheduler } from "effect"
import type { Event, Runnable, World } from "./World.ts"

/** The wall clocks begin at the same time of day: 2026-01-01T00:00:00Z, in milliseconds. */
export const epochMillis = 1_767_225_600_000
/** Datagrams that a kernel holds for a process that does not read, in bytes. */
const heldBytesMax = 208 * 1024

/** The shortest sleep, in milliseconds: whoever waits for a time that rounding keeps away must not stop the world. */
const sleepMillisMin = 0.001

interface Bucket {
  readonly priority: number
  readonly tasks: Array<() => void>
}

/** States: running <-> paused; both -> dead, for good. */
export class Process implements Runnable {
  readonly name: string
  private readonly world: World
  private state: "running" | "paused" | "dead" = "running"
  private buckets: Array<Bucket> = []
  private isWaking = false
  /** What came while it was paused. */
  private held: Array<() => void> = []
  private heldBytes = 0
  /** Its clock runs at this rate, and showed so much at that time. */
  private rate = 1
  private shownMillis = 0
  private sinceMillis: number
  private wallMillis: number
  private readonly endings = new Set<() => void>()
  /** Timers that it waits for. */
  timers = 0
  /** When it last did something. */
  activeMillis = 0
  readonly scheduler: Scheduler.Scheduler
  readonly clock: Clock.Clock

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.sinceMillis = world.nowMillis
    this.wallMillis = epochMillis + world.nowMillis
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task, priority) => this.schedule(task, priority),
      flush: () => this.runTasks()
    }
    this.scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
      makeDispatcher: () => dispatcher
    }
    this.clock = this.makeClock()
  }

  /** Clock and scheduler as fibers want them. */
  get context(): Context.Context<never> {
    return Context.empty().pipe(Context.add(Clock.Clock, this.clock), Context.add(Scheduler.Scheduler, this.scheduler))
  }

  get isDead(): boolean {
    return this.state === "dead"
  }

  get isPaused(): boolean {
    return this.state === "paused"
  }

  private schedule(task: () => void, priority: number): void {
    if (this.state === "dead") return
    const at = this.buckets.findIndex((bucket) => bucket.priority >= priority)
    const bucket = this.buckets[at]
    if (bucket?.priority === priority) bucket.tasks.push(task)
    else this.buckets.splice(at === -1 ? this.buckets.length : at, 0, { priority, tasks: [task] })
    this.wake()
  }

  private wake(): void {
    if (this.isWaking || this.state !== "running" || this.buckets.length === 0) return
    this.isWaking = true
    this.world.wake(this)
  }

  runTasks(): void {
    this.isWaking = false
    if (this.state !== "running") return
    this.activeMillis = this.world.nowMillis
    const { buckets } = this
    this.buckets = []
    for (const { tasks } of buckets) for (const task of tasks) if (!this.isDead) task()
  }

  /** Has something come to it: now, or once it goes on. `bytes` are those of a datagram, which a full kernel drops. */
  enter(bytes: number, come: () => void): void {
    if (this.state === "running") {
      this.activeMillis = this.world.nowMillis
      return come()
    }
    if (this.state === "dead" || (bytes > 0 && this.heldBytes + bytes > heldBytesMax)) return
    this.heldBytes += bytes
    this.held.push(come)
  }

  /** Runs something in its turn. */
  post(task: () => void): void {
    this.schedule(task, 0)
  }

  pause(): void {
    if (this.state === "running") this.state = "paused"
  }

  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    const { held } = this
    this.held = []
    this.heldBytes = 0
    for (const come of held) this.enter(0, come)
    this.wake()
  }

  /** Nothing of it runs any more, finalizers neither. */
  kill(): void {
    if (this.state === "dead") return
    this.state = "dead"
    this.buckets = []
    this.held = []
    for (const ending of [...this.endings]) ending()
    this.endings.clear()
  }

  /** Calls back when it dies; gives what takes that back. */
  onDeath(ending: () => void): () => void {
    this.endings.add(ending)
    return () => this.endings.delete(ending)
  }

  /** On its own clock, which nobody sets. */
  get monotonicMillis(): number {
    return this.shownMillis + (this.world.nowMillis - this.sinceMillis) * this.rate
  }

  /** Has its clock run at another rate; what waits already is not moved. */
  skew(rate: number): void {
    this.shownMillis = this.monotonicMillis
    this.sinceMillis = this.world.nowMillis
    this.rate = rate
  }

  /** Sets its wall clock forward or back. What tells intervals goes on as it was. */
  jump(millis: number): void {
    this.wallMillis += millis
  }

  private sleep(millis: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.timers += 1
      let event: Event | undefined
      const over = (): void => {
        if (event?.happen === undefined) return
        event.happen = undefined
        this.timers -= 1
      }
      event = this.world.after(millis / this.rate, () => {
        over()
        this.enter(0, () => resume(Effect.void))
      })
      return Effect.sync(over)
    })
  }

  private makeClock(): Clock.Clock {
    const wallMillis = (): number => this.wallMillis + this.monotonicMillis
    const nanos = (millis: number): bigint => BigInt(Math.round(millis * 1e6))
    const wallNanos = (): bigint => {
      const millis = wallMillis()
      const whole = Math.floor(millis)
      return BigInt(whole) * 1_000_000n + nanos(millis - whole)
    }
    return {
      currentTimeMillisUnsafe: wallMillis,
      currentTimeMillis: Effect.sync(wallMillis),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: () => nanos(this.monotonicMillis),
      monotonicTimeNanos: Effect.sync(() => nanos(this.monotonicMillis)),
      sleep: (duration) => {
        const millis = Duration.toMillis(duration)
        return Number.isFinite(millis) ? this.sleep(Math.max(sleepMillisMin, millis)) : Effect.never
      }
    }
  }
}
