/**
 * What no input may do, whatever it is: throw, take long, or hold much memory.
 *
 * Time is the process's own, not the wall's, and an input that took long is run again: of a machine that is busy, or of a
 * collection of garbage that came just then, it is not to blame.
 */
import v8 from "node:v8"
import vm from "node:vm"

export interface Bounds {
  /** Milliseconds of processor time for one input. */
  readonly millis: number
  /** Bytes that one input may have a process hold for a moment: so many for each of its own, and so many at all. */
  readonly heapPerByte: number
  readonly heapBase: number
}

export const defaults: Bounds = { millis: 5, heapPerByte: 64, heapBase: 2 * 1024 * 1024 }

export interface Finding {
  readonly kind: "threw" | "slow" | "heavy"
  readonly detail: string
}

v8.setFlagsFromString("--expose-gc")
const gc: () => void = vm.runInNewContext("gc")

/** Bytes in use on the heap. */
const used = (): number => v8.getHeapStatistics().used_heap_size

/**
 * Bytes asked for by a length, since the start: arrays are not on the heap, and when they are given back is V8's secret, so
 * whoever makes one is watched.
 */
let asked = 0
globalThis.Uint8Array = new Proxy(Uint8Array, {
  construct: (target, given, made) => {
    if (typeof given[0] === "number") asked += given[0]
    return Reflect.construct(target, given, made)
  }
})

/** All that is held after a collection. */
export const held = (): number => {
  gc()
  const { external_memory, used_heap_size } = v8.getHeapStatistics()
  return used_heap_size + external_memory
}

const cpuMillis = (run: () => void): number => {
  const before = process.threadCpuUsage()
  run()
  const { system, user } = process.threadCpuUsage(before)
  return (system + user) / 1000
}

const textOf = (cause: unknown): string => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))

const triesMax = 3

/** Whether it is slow each time. */
const slowness = (run: () => void, { millis }: Bounds): Finding | undefined => {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < triesMax && least > millis; i++) {
    if (i > 1) gc()
    least = Math.min(least, cpuMillis(run))
  }
  return least > millis ? { kind: "slow", detail: `${least.toFixed(1)} ms of processor time, each time` } : undefined
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** What it had the process hold for a moment, at most: all that it asked for, and its garbage on the heap. */
const heaviness = (run: () => void, length: number, { heapBase, heapPerByte }: Bounds): Finding | undefined => {
  const allowed = heapBase + heapPerByte * length
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < triesMax && least > allowed; i++) {
    gc()
    const [heapBefore, askedBefore] = [used(), asked]
    run()
    least = Math.min(least, used() - heapBefore + (asked - askedBefore))
  }
  return least > allowed
    ? { kind: "heavy", detail: `it holds ${megabytes(least)}, and ${megabytes(allowed)} are allowed` }
    : undefined
}

/** Whether there is something of this kind wrong with how an input is taken. */
export const is = (kind: Finding["kind"], run: () => void, length: number, bounds: Bounds): boolean => {
  if (kind === "threw") return judge(run, length, bounds)?.kind === kind
  // biome-ignore format: one line
  try { run() } catch { return false }
  return (kind === "slow" ? slowness(run, bounds) : heaviness(run, length, bounds)) !== undefined
}

/** What is wrong with how an input is taken; undefined when nothing is. `isSuspect`: all is measured, not just looked at. */
export const judge = (run: () => void, length: number, bounds: Bounds, isSuspect = false): Finding | undefined => {
  const [heapBefore, askedBefore] = [used(), asked]
  const before = performance.now()
  // biome-ignore format: one line
  try { run() } catch (cause) { return { kind: "threw", detail: textOf(cause) } }
  const isSlow = performance.now() - before > bounds.millis
  const isHeavy = used() - heapBefore + (asked - askedBefore) > bounds.heapBase + bounds.heapPerByte * length
  if (!isSuspect && !isSlow && !isHeavy) return undefined
  return slowness(run, bounds) ?? heaviness(run, length, bounds)
}
