/** What is measured, as the rows see it: one file of `peers` for each library. */
import type { Asked } from "./Asks.ts"
import type { Busy } from "./Duplex.ts"
import type { Load, Receipt } from "./Load.ts"
import type { Effort } from "./Row.ts"

/**
 * The caller's end of a candidate, in the state in which a program has it: connected, for as long as the process lives.
 * Each function is there if the candidate has rows that need it.
 */
export interface Client {
  /** Sends a load message by message, waiting for room the way the library tells it, and says what the receiver counted. */
  readonly send?: (load: Load) => Promise<Receipt>
  /** The same in batches, as the library packs them. */
  readonly sendAll?: (load: Load) => Promise<Receipt>
  /** Sends what was said, message by message. */
  readonly sendTyped?: (load: Load) => Promise<Receipt>
  /** Sends one message back and forth; microseconds of each round trip. */
  readonly pingPong?: (load: Load, trips: number) => Promise<ReadonlyArray<number>>
  /** Opens a flow, or makes the shortest call, again and again; microseconds of each. */
  readonly open?: (times: number) => Promise<ReadonlyArray<number>>
  /** Opens flows, on one session unless the candidate's name says otherwise, of which both sides send all the time. */
  readonly duplex?: (flows: number) => Promise<Busy>
  /** Opens a flow, or makes a call, with a body there and the same one back. Callers have numbers from 0. */
  readonly call?: (body: Uint8Array, caller: number) => Promise<Uint8Array>
  /** Makes small typed calls, so many in flight at a time. */
  readonly asks?: (inFlight: number, effort: Effort) => Promise<Asked>
  /** Opens flows on one session and leaves them idle. */
  readonly hold?: (flows: number) => Promise<void>
  /** Opens flows on one session to a receiver that does not read, sends until none takes more; bytes that were taken. */
  readonly stall?: (flows: number) => Promise<number>
  /** Kills the other process while a flow is open; milliseconds until the flow says that its peer is lost. */
  readonly lost?: (kill: () => void) => Promise<number>
}

export type RowName =
  | "send"
  | "sendAll"
  | "large"
  | "typed"
  | "ping-pong"
  | "open"
  | "duplex-1"
  | "duplex-16"
  | "duplex-60"
  | "calls"
  | "asks-1"
  | "asks-16"
  | "asks-256"
  | "local-send"
  | "local-sendAll"
  | "idle"
  | "stalled"
  | "kill"

/** Those that keep both directions of a session busy. */
export const bothWays = ["duplex-1", "duplex-16", "duplex-60", "calls"] as const

/** Small calls, so many in flight at a time. */
export const asks = ["asks-1", "asks-16", "asks-256"] as const

/** A server that runs. `stop` ends what would outlive its process. */
export interface Served {
  readonly address: string
  readonly stop?: () => void
}

export interface Candidate {
  readonly name: string
  readonly rows: ReadonlyArray<RowName>
  /** Why it cannot run on this machine, if so. */
  readonly missing?: () => string | undefined
  readonly serve: () => Promise<Served>
  readonly connect: (address: string) => Promise<Client>
}

/** Runs round trips one after the other; microseconds of each. */
export const timed = async (trips: number, trip: () => Promise<unknown>): Promise<ReadonlyArray<number>> => {
  const micros: Array<number> = []
  for (let i = 0; i < trips; i++) {
    const began = performance.now()
    await trip()
    micros.push((performance.now() - began) * 1000)
  }
  return micros
}

/** Waits until a count has stood still for half a second. */
export const settled = async (count: () => number): Promise<number> => {
  for (let still = 0, last = -1; still < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    still = count() === last ? still + 1 : 0
    last = count()
  }
  return count()
}
