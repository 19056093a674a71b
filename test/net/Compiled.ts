/** The switch as a program. It is compiled when its sources have changed, and kept beside the packages. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs"
import { join } from "node:path"

const folder = import.meta.dirname
const cache = join(folder, "../../node_modules/.cache/grinta-net")
const flags = ["-O2", "-Wall", "-Wextra", "-Werror"] as const

const sources = (): ReadonlyArray<string> => [
  "switch.c",
  ...readdirSync(join(folder, "switch")).map((name) => join("switch", name))
]

/** The path of the program. */
export const compiled = (): string => {
  const hash = createHash("sha256").update(flags.join(" "))
  for (const source of sources()) hash.update(readFileSync(join(folder, source)))
  const program = join(cache, `switch-${hash.digest("hex").slice(0, 16)}`)
  if (existsSync(program)) return program
  mkdirSync(cache, { recursive: true })
  const made = `${program}.${process.pid}`
  execFileSync("gcc", [...flags, "-o", made, join(folder, "switch.c")], { stdio: "pipe" })
  renameSync(made, program)
  return program
}
