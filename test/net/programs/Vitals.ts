/** What this process holds, and how late its event loop is. */
import { readdirSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { Vitals } from "../HostOrders.ts"

const resolution = 10

/** Watches the event loop from now on; each call asks for what was since the last one. */
export const watch = (): (() => Vitals) => {
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  return () => {
    const { heapUsed, rss } = process.memoryUsage()
    const lagMillis = Math.max(0, delay.max / 1e6 - resolution)
    delay.reset()
    return {
      rss,
      heap: heapUsed,
      descriptors: readdirSync("/proc/self/fd").length,
      timers: process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length,
      lagMillis
    }
  }
}
