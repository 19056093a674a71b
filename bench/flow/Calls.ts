/** Large requests and replies: 300 callers at once, and each makes one call after the other. */
import { percentile } from "../stats.ts"
import { need, type Row } from "./Row.ts"
import { unlessStuck } from "./Stuck.ts"

export const callers = 300

export const bodyBytes = 256 * 1024

/** A body for each caller, told apart by its first and its last bytes. */
const bodyOf = (caller: number): Uint8Array => {
  const body = new Uint8Array(bodyBytes).fill(caller % 256)
  new DataView(body.buffer).setUint32(0, caller)
  new DataView(body.buffer).setUint32(bodyBytes - 4, caller)
  return body
}

const isSame = (reply: Uint8Array, body: Uint8Array): boolean =>
  reply.byteLength === body.byteLength &&
  [0, 1, 2, 3, 4].every((at) => reply.at(at) === body.at(at) && reply.at(-1 - at) === body.at(-1 - at))

interface Call {
  readonly began: number
  readonly ended: number
}

/**
 * How much of a call was between two times. Callers of one session tend to end all at once, so whole calls would be many
 * or few by where the times fall.
 */
const shareOf = ({ began, ended }: Call, from: number, to: number): number =>
  Math.max(0, Math.min(ended, to) - Math.max(began, from)) / (ended - began)

export const row: Row = {
  name: "calls",
  figures: [
    {
      name: "calls",
      title: "Calls with 256 KiB there and 256 KiB back, 300 callers at once",
      unit: "calls/s",
      better: "higher"
    },
    { name: "calls p50", title: "Such a call, median", unit: "ms", better: "lower" },
    { name: "calls p99", title: "Such a call, 99th percentile", unit: "ms", better: "lower" }
  ],
  measure: async ({ call }, _, { measuredSeconds, warmUpSeconds }) => {
    const calling = need(call, "call")
    const calls: Array<Call> = []
    const from = performance.now() + warmUpSeconds * 1000
    const to = from + measuredSeconds * 1000
    const loop = async (caller: number): Promise<void> => {
      const body = bodyOf(caller)
      while (performance.now() < to) {
        const began = performance.now()
        const reply = await calling(body, caller)
        if (!isSame(reply, body)) throw new Error(`caller ${caller} got another body back than its own`)
        calls.push({ began, ended: performance.now() })
      }
    }
    const all = Promise.all(Array.from({ length: callers }, (_, caller) => loop(caller)))
    await Promise.race([all, unlessStuck(() => calls.length, `to ${callers} callers`)])
    const took = calls.filter(({ ended }) => ended >= from).map(({ began, ended }) => ended - began)
    const made = calls.reduce((sum, one) => sum + shareOf(one, from, to), 0)
    return [made / measuredSeconds, percentile(took, 0.5), percentile(took, 0.99)]
  }
}
