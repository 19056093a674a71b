/**
 * Lints the wire contract in proto/ and refuses changes that break it.
 *
 * The contract to keep is the released one, proto/released.binpb, once that file exists (write it with
 * `buf build -o proto/released.binpb`); until then it is the one of the last commit. Nothing is downloaded.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const released = "proto/released.binpb"
const buf = (...args: ReadonlyArray<string>) => spawnSync("buf", args, { stdio: "inherit" }).status === 0

/** Writes the files of the last commit that make up the contract into `folder`; false where there is none. */
const checkOutLast = (folder: string): boolean => {
  const archive = spawnSync("git", ["archive", "HEAD", "proto", "buf.yaml"], { maxBuffer: 64 * 1024 * 1024 })
  if (archive.status !== 0) return false
  const file = join(folder, "last.tar")
  writeFileSync(file, archive.stdout)
  return spawnSync("tar", ["-xf", file, "-C", folder], { stdio: "inherit" }).status === 0
}

const breaking = (): boolean => {
  if (existsSync(released)) return buf("breaking", "--against", released)
  const folder = mkdtempSync(join(tmpdir(), "grinta-proto-"))
  const last = checkOutLast(folder)
  if (!last) console.log("lint:proto: neither a release nor a commit to compare with, so only the lint rules ran")
  const kept = !last || buf("breaking", "--against", folder)
  rmSync(folder, { recursive: true })
  return kept
}

const clean = buf("lint")
if (!clean) console.error("lint:proto: proto/ breaks the lint rules of buf.yaml")
const kept = breaking()
if (!kept) console.error("lint:proto: proto/ breaks programs that speak the contract as it was")
process.exit(clean && kept ? 0 : 1)
