/**
 * Both directions busy: on each of so many flows both sides send messages of 20,000 bytes as fast as the flow takes them,
 * and both read what comes. What is counted is what comes, on both sides, by the clock of each.
 *
 * Of a flow the caller ends its direction first. Its other side then sends no more, and tells last of all what it has sent
 * and received. So both sides know that nothing was lost, doubled or swapped.
 */
import type { RowName } from "./Candidate.ts"
import { type Receipt, Tally } from "./Load.ts"
import { type Drained, need, type Row, type Server } from "./Row.ts"
import { unlessStuck } from "./Stuck.ts"

export const messageBytes = 20_000

/** What one side of all flows sends. */
export const message: Uint8Array = Uint8Array.from({ length: messageBytes }, (_, index) => index % 251)

let bytes = 0

/** What has come to this process so far, on all flows. */
export const drained = (): Drained => ({ bytes, atMillis: performance.now() })

/** What one side of a flow says of it at the end. */
export interface Account {
  readonly sent: Receipt
  readonly received: Receipt
}

/** One side of a flow. */
export class Side {
  readonly sent = new Tally()
  readonly received = new Tally()
  /** It sends no more. */
  isOver = false

  take(message: Uint8Array): void {
    bytes += message.byteLength
    this.received.add(message)
  }

  /** A piece of messages back to back, wherever it was cut. */
  takePiece(piece: Uint8Array): void {
    bytes += piece.byteLength
    this.received.addStream(piece, messageBytes)
  }

  get account(): Account {
    return { sent: this.sent.receipt, received: this.received.receipt }
  }

  /** Fails unless this side has received what the other one has sent, and the other way round. */
  settle(other: Account | undefined): void {
    if (other === undefined) throw new Error("the other side of a flow ended without its account")
    const { received, sent } = this.account
    if (!isSame(sent, other.received)) throw new Error(unlike("sent", sent, other.received))
    if (!isSame(other.sent, received)) throw new Error(unlike("sent back", other.sent, received))
  }
}

const isSame = (a: Receipt, b: Receipt): boolean => a.count === b.count && a.bytes === b.bytes && a.sum === b.sum

const unlike = (how: string, sent: Receipt, arrived: Receipt): string =>
  `incomplete: ${sent.count} messages (sum ${sent.sum}) were ${how}, ${arrived.count} (${arrived.sum}) arrived`

/** Flows that are busy. `failed` never comes to a good end. `stop` ends them, and fails unless all that was sent has come. */
export interface Busy {
  readonly failed: Promise<never>
  readonly stop: () => Promise<void>
}

/** Keeps so many flows busy, each by a program that runs until the side that it is given is over, and then to the flow's end. */
export const busy = (flows: number, run: (side: Side) => Promise<void>): Busy => {
  const sides = Array.from({ length: flows }, () => new Side())
  const all = Promise.all(sides.map(run))
  const failed = new Promise<never>((_, reject) => {
    all.catch(reject)
  })
  // Somebody may wait for both, or for one of them.
  failed.catch(() => {})
  return {
    failed,
    stop: async () => {
      for (const side of sides) side.isOver = true
      await all
    }
  }
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

const megabytesPerSecond = (from: Drained, to: Drained): number =>
  (to.bytes - from.bytes) / 1000 / (to.atMillis - from.atMillis)

const both = async (server: Server) => ({ here: drained(), there: await server.drained() })

const row = (name: RowName, flows: number): Row => ({
  name,
  figures: [
    {
      name,
      title: `20,000-byte messages both ways on ${flows} ${flows === 1 ? "flow" : "flows"}, sum of both ways`,
      unit: "MB/s",
      better: "higher"
    }
  ],
  measure: async ({ duplex }, server, { measuredSeconds, warmUpSeconds }) => {
    const run = async () => {
      const { failed, stop } = await need(duplex, "duplex")(flows)
      const measured = async () => {
        await pause(warmUpSeconds)
        const before = await both(server)
        await pause(measuredSeconds)
        return { before, after: await both(server) }
      }
      const { after, before } = await Promise.race([measured(), failed])
      await stop()
      return [megabytesPerSecond(before.here, after.here) + megabytesPerSecond(before.there, after.there)]
    }
    return await Promise.race([run(), unlessStuck(() => bytes, `of ${flows} flows with both directions busy`)])
  }
})

export const rows: ReadonlyArray<Row> = [row("duplex-1", 1), row("duplex-16", 16), row("duplex-60", 60)]
