/** One measurement of one row of one candidate, in processes of its own. */
import { fork } from "node:child_process"
import type { Loaded } from "./flow/peers.ts"
import type { Row } from "./flow/Row.ts"

/** A measurement that takes longer has failed. */
const timeoutMillis = 180_000

/** A value for each figure of the row, or why there are none. */
export type Measured = { readonly values: ReadonlyArray<number> } | { readonly error: string }

/** How long it may take to end once it is told to. */
const leaveMillis = 5_000

/** Measures, and waits until both processes are gone. */
export const measure = (
  { name: row }: Row,
  { environment = {}, file, flags, name }: Loaded,
  seconds: number
): Promise<Measured> =>
  new Promise((resolve) => {
    const child = fork(new URL("./flow/measure.ts", import.meta.url), [row, file, name, String(seconds)], {
      execArgv: ["--expose-gc", ...flags],
      env: { ...process.env, ...environment },
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    let measured: Measured | undefined
    const late = setTimeout(() => {
      measured ??= { error: `no figure within ${timeoutMillis / 1000} s` }
      // Without its parent it ends, and takes its own child along.
      child.disconnect()
      setTimeout(() => child.kill("SIGKILL"), leaveMillis).unref()
    }, timeoutMillis)
    child.once("message", (said: Measured) => {
      measured ??= said
    })
    child.once("exit", (code) => {
      clearTimeout(late)
      resolve(measured ?? { error: `its process ended with ${code}` })
    })
  })
