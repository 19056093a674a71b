/** Generates the protobuf code into a temporary folder and fails unless src/protocol/gen holds exactly that. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const generated = join("src", "protocol", "gen")

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

const folder = mkdtempSync(join(tmpdir(), "grinta-gen-"))
const run = spawnSync("buf", ["generate", "--output", folder], { stdio: "inherit" })
const stale = run.status === 0 ? differences(join(folder, generated), generated) : []
rmSync(folder, { recursive: true })

if (run.status !== 0) console.error("check:generated: buf generate failed")
else if (stale.length > 0)
  console.error(
    `check:generated: not current, run "npm run generate": ${stale.map((name) => join(generated, name)).join(", ")}`
  )
process.exit(run.status === 0 && stale.length === 0 ? 0 : 1)
