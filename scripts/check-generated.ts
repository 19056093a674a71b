/** Generates the protobuf code into a temporary folder and fails unless src/protocol/gen and bench/flow/gen hold exactly that. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const filesOf = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    : []

const differences = (wanted: string, found: string): ReadonlyArray<string> =>
  [...new Set([...filesOf(wanted), ...filesOf(found)])].sort().filter((name) => {
    const [a, b] = [join(wanted, name), join(found, name)]
    return !(existsSync(a) && existsSync(b) && readFileSync(a).equals(readFileSync(b)))
  })

/** Files that are not as they would be generated; undefined when generating failed. */
const staleIn = (generated: string, options: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "grinta-gen-"))
  const { status } = spawnSync("buf", ["generate", ...options, "--output", folder], { stdio: "inherit" })
  const names = status === 0 ? differences(join(folder, generated), generated) : undefined
  rmSync(folder, { recursive: true })
  return names?.map((name) => join(generated, name))
}

const all = [
  staleIn(join("src", "protocol", "gen"), []),
  staleIn(join("bench", "flow", "gen"), ["--template", join("bench", "buf.gen.yaml")])
]
const hasFailed = all.includes(undefined)
const stale = all.flatMap((names) => names ?? [])

if (hasFailed) console.error("check:generated: buf generate failed")
else if (stale.length > 0) console.error(`check:generated: not current, run "npm run generate": ${stale.join(", ")}`)
process.exit(hasFailed || stale.length > 0 ? 1 : 0)
