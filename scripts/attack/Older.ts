/** The hosts of an older commit: what an attack did before its cure, measured on the same machine as what it does now. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = new URL("../..", import.meta.url).pathname

export interface Older {
  /** A folder with the sources of then and the programs of now. */
  readonly folder: string
  readonly remove: () => void
}

/** Fails with one line when there is no such commit. */
export const take = (commit: string): Older => {
  const folder = mkdtempSync(join(tmpdir(), "grinta-older-"))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const archive = execFileSync("git", ["archive", commit, "src", "package.json"], {
      ...{ cwd: root, maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "ignore"] }
    })
    execFileSync("tar", ["-x", "-C", folder], { input: archive })
    for (const part of ["scripts/attack", "test/net"]) cpSync(join(root, part), join(folder, part), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    return { folder, remove }
  } catch {
    remove()
    throw new Error(`--of takes a commit of this repository, not "${commit}"`)
  }
}
