/**
 * A world of processes in virtual time, on one thread: time goes to the next event once no process has anything to do.
 *
 * Each process has a clock and a scheduler of its own, so that one can be stopped, or die, while the others go on: nothing of
 * it runs then. Whatever happens comes in one order, which nothing outside the world has a part in.
 */
import * as Agenda from "./Agenda.ts"

/** Something that is to happen, unless it is cancelled. */
export interface Event {
  happen: (() => void) | undefined
}

/** Somebody who has tasks to run. */
export interface Runnable {
  readonly runTasks: () => void
}

/** Steps after which the event loop of Node has a turn: a test runner wants to tell the time. */
const stepsPerTurn = 1024
/** Steps at one instant: more of them do not end. */
const stepsMax = 1_000_000

export class World {
  private readonly agenda = Agenda.make<Event>()
  private ready: Array<Runnable> = []
  private running: Array<Runnable> = []
  private steps = 0
  private stepsHere = 0
  /** In milliseconds since the world began. */
  nowMillis = 0

  /** Has something happen after so many milliseconds. */
  after(millis: number, happen: () => void): Event {
    const event: Event = { happen }
    Agenda.put(this.agenda, this.nowMillis + Math.max(0, millis), event)
    return event
  }

  /** Has somebody run its tasks, at this instant. */
  wake(runnable: Runnable): void {
    this.ready.push(runnable)
  }

  /**
   * Runs until it is over. `halt` hears why time cannot go on: no process has anything to do and nothing is to come, or one
   * runs on without waiting. `look` is called before time goes on, and may end it all.
   */
  run(options: {
    readonly isOver: () => boolean
    readonly look: () => void
    readonly halt: (why: string) => void
  }): void {
    const { halt, isOver, look } = options
    const turn = (): void => {
      if (isOver()) return
      if (this.running.length === 0 && this.ready.length === 0) look()
      if (isOver()) return
      if (!this.step()) halt("no host has anything to do, and nothing is to come")
      else if (this.stepsHere > stepsMax) {
        this.stepsHere = 0
        halt("time stands still: a host runs on without waiting")
      }
      this.steps += 1
      // Microtasks of a turn run before the next one.
      if (this.steps % stepsPerTurn === 0) setImmediate(turn)
      else queueMicrotask(turn)
    }
    queueMicrotask(turn)
  }

  /** Runs the tasks of one process, or else the next event; false when there is neither. */
  private step(): boolean {
    this.stepsHere += 1
    if (this.running.length === 0) {
      this.running = this.ready.reverse()
      this.ready = []
    }
    const runnable = this.running.pop()
    if (runnable !== undefined) {
      runnable.runTasks()
      return true
    }
    const at = Agenda.next(this.agenda)
    const event = Agenda.take(this.agenda)
    if (event === undefined) return false
    if (at > this.nowMillis) {
      this.nowMillis = at
      this.stepsHere = 0
    }
    event.happen?.()
    return true
  }
}
