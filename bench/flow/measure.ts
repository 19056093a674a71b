/**
 * The process at the near end: starts the other one, measures one row of one candidate, and tells its parent the values.
 * Arguments: row, file and name of the candidate, seconds to measure.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { load } from "./peers.ts"
import { effortOf, type Server } from "./Row.ts"
import { rows } from "./Rows.ts"

const [rowName = "", file = "", name = "", seconds = ""] = process.argv.slice(2)

/** How long the other process may take to end what it has started. */
const leaveMillis = 3_000

/** Ends the other process, so that nothing of this measurement runs beside the next one. */
const end = async (child: ChildProcess): Promise<void> => {
  // What a library makes of the loss of its peer is no part of the measurement.
  process.on("uncaughtException", () => {})
  const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined
  if (child.connected) child.disconnect()
  const late = setTimeout(() => child.kill("SIGKILL"), leaveMillis)
  await ended
  clearTimeout(late)
}

const measure = async (): Promise<ReadonlyArray<number>> => {
  const row = rows.find((one) => one.name === rowName)
  const candidate = (await load(file)).find((one) => one.name === name)
  if (row === undefined || candidate === undefined) throw new Error(`there is no ${rowName} of "${name}"`)
  const child = fork(new URL("./server.ts", import.meta.url), [file, name], {
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`its server ended with ${code}`)))
  died.catch(() => {})
  const ask = async (what: "memory" | "drained") => {
    child.send(what)
    const [said] = await once(child, "message")
    return said[what]
  }
  const server: Server = {
    memory: () => ask("memory"),
    drained: () => ask("drained"),
    kill: () => {
      child.kill("SIGKILL")
    }
  }
  const run = async () => {
    const [{ address }] = await once(child, "message")
    return await row.measure(await candidate.connect(address), server, effortOf(Number(seconds)))
  }
  const isKilled = row.name === "kill"
  return await (isKilled ? run() : Promise.race([run(), died])).finally(() => end(child))
}

process.once("disconnect", () => process.exit())
const said = await measure().then(
  (values) => ({ values }),
  (error) => ({ error: error instanceof Error ? error.message : String(error) })
)
process.send?.(said, () => process.exit())
