/** The process at the other end: serves one candidate until its parent is gone. Arguments: file and name of the candidate. */
import { drained } from "./Duplex.ts"
import { load } from "./peers.ts"
import { memoryNow } from "./Row.ts"

const [file = "", name = ""] = process.argv.slice(2)
const candidate = (await load(file)).find((one) => one.name === name)
if (candidate === undefined) throw new Error(`there is no candidate "${name}" in ${file}`)
const { address, stop } = await candidate.serve()

process.on("message", (asked) => process.send?.(asked === "memory" ? { memory: memoryNow() } : { drained: drained() }))
process.once("exit", () => stop?.())
process.once("disconnect", () => process.exit())
process.send?.({ address })
