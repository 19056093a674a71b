/** What goes wrong with a simulation itself, or with what a test asks of it. */
import { Data } from "effect"

/**
 * "unknown": there is no host of that name. "down": the host does not run, or died meanwhile. "start": it could not start.
 * "time": time would run backwards. "stuck": the test waits for what does not happen. "unsettled": the hosts do not agree.
 */
export class SimulationFailed extends Data.TaggedError("SimulationFailed")<{
  readonly how: "unknown" | "down" | "start" | "time" | "stuck" | "unsettled"
  readonly detail: string
  /** The simulation with the same seed and the same program does the same. */
  readonly seed: string
  /** When, in milliseconds of virtual time. */
  readonly atMillis: number
}> {
  override get message() {
    return `${this.detail} (at ${(this.atMillis / 1000).toFixed(3)} s, seed "${this.seed}")`
  }
}
