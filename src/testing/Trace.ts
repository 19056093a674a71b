/** What happened in a simulation, line by line, and a number over all packets: both are equal for equal runs. */
import { hashText } from "./Random.ts"

/** Lines that are kept; the first of more are forgotten. */
const linesMax = 10_000

export class Trace {
  private readonly now: () => number
  private all: Array<string> = []
  hash = 0

  constructor(now: () => number) {
    this.now = now
  }

  add(who: string, text: string): void {
    const line = `${(this.now() / 1000).toFixed(3).padStart(10)} ${who}: ${text}`
    this.hash = hashText(line, this.hash)
    this.all.push(line)
    if (this.all.length > 2 * linesMax) this.all = this.all.slice(-linesMax)
  }

  /** Counts a packet that has arrived. */
  packet(from: string, to: string, bytes: number): void {
    this.hash = Math.imul(hashText(from, hashText(to, this.hash)) ^ bytes, 0x01000193) ^ Math.round(this.now() * 1000)
  }

  get lines(): ReadonlyArray<string> {
    return this.all.slice(-linesMax)
  }
}
