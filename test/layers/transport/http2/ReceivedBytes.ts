/**
 * A program that receives a gigabyte in large messages and drops each of them, balanced by garbage or not: how often all of
 * the heap was marked, as JSON.
 */
import { constants, PerformanceObserver } from "node:perf_hooks"
import { setImmediate, setTimeout } from "node:timers/promises"
import * as ReceivedMemory from "../../../../src/layers/transport/http2/ReceivedMemory.ts"

const messageBytes = 64 * 1024
const messages = 16 * 1024
const isBalanced = process.argv[2] === "balanced"

/** A message in the buffer in which it was put together; the last one can be seen, so that V8 makes each. */
const received: { last: Uint8Array } = { last: new Uint8Array(0) }

const isMark = (detail: unknown): boolean =>
  detail !== null &&
  typeof detail === "object" &&
  "kind" in detail &&
  detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR

let marked = 0
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if ("detail" in entry && isMark(entry.detail)) marked += 1
}).observe({ entryTypes: ["gc"] })

for (let i = 0; i < messages; i++) {
  received.last = new Uint8Array(messageBytes)
  if (isBalanced) ReceivedMemory.balance(messageBytes, 1)
  if (i % 64 === 0) await setImmediate()
}
await setTimeout(50)
process.stdout.write(JSON.stringify({ marked }))
