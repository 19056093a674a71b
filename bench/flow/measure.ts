/**
 * The process at the near end: starts the other one, measures one row of one candidate, and tells its parent the values.
 * Arguments: row, file and name of the candidate.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { load } from "./peers.ts"
import { rows, type Server } from "./Rows.ts"

const [rowName = "", file = "", name = ""] = process.argv.slice(2)

const measure = async (): Promise<ReadonlyArray<number>> => {
  const row = rows.find((one) => one.name === rowName)
  const candidate = (await load(file)).find((one) => one.name === name)
  if (row === undefined || candidate === undefined) throw new Error(`there is no ${rowName} of "${name}"`)
  const child = fork(new URL("./server.ts", import.meta.url), [file, name], {
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`its server ended with ${code}`)))
  const server: Server = {
    memory: async () => {
      child.send("memory")
      const [{ memory }] = await once(child, "message")
      return memory
    },
    kill: () => {
      died.catch(() => {})
      child.kill("SIGKILL")
    }
  }
  const run = async () => {
    const [{ address }] = await once(child, "message")
    return await row.measure(await candidate.connect(address), server)
  }
  const isKilled = row.name === "kill"
  return await (isKilled ? run() : Promise.race([run(), died]))
}

process.once("disconnect", () => process.exit())
const said = await measure().then(
  (values) => ({ values }),
  (error) => ({ error: error instanceof Error ? error.message : String(error) })
)
process.send?.(said, () => process.exit())
