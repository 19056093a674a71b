/** A process that is asked in lines and answers in lines: its start, its end, and whoever waits for a line. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"

export interface Lines {
  readonly pid: number
  readonly write: (line: string) => void
  readonly isRunning: () => boolean
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  /** Ends it at once, and waits until it has ended. */
  readonly kill: () => Promise<void>
  /** Closes its standard input and waits for its end; it is killed when that takes longer than so. */
  readonly close: (patienceMillis: number) => Promise<void>
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** The promise, or a rejection that says what was waited for, after so long. */
export const within = async <A>(millis: number, what: string, promise: Promise<A>): Promise<A> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what}: not within ${millis} ms`)), millis)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until something is so, and looks for it now and then. */
export const until = async (
  what: string,
  millis: number,
  isSo: () => boolean | Promise<boolean>,
  pauseMillis = 100
): Promise<void> => {
  const end = performance.now() + millis
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${millis} ms`)
    await sleep(pauseMillis)
  }
}

export const start = (command: ReadonlyArray<string>, onLine: (line: string) => void): Lines => {
  const [file = "", ...args] = command
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })
  const { promise: ended, resolve } = Promise.withResolvers<number | NodeJS.Signals | null>()
  let isRunning = true
  const end = (how: number | NodeJS.Signals | null) => {
    isRunning = false
    resolve(how)
  }
  child.once("exit", (code, signal) => end(code ?? signal)).once("error", () => end(null))
  child.stdin.on("error", () => undefined)
  createInterface({ input: child.stdout }).on("line", onLine)
  const kill = async () => {
    if (isRunning) child.kill("SIGKILL")
    await ended
  }
  return {
    pid: child.pid ?? 0,
    write: (line) => child.stdin.write(`${line}\n`),
    isRunning: () => isRunning,
    ended,
    kill,
    close: async (patienceMillis) => {
      child.stdin.end()
      await within(patienceMillis, "the end of a process", ended).catch(kill)
    }
  }
}
