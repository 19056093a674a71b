/**
 * The package as it was released, installed from the history of this repository: a peer for the code of today, and what
 * it is measured against.
 *
 * Usage: node scripts/released.ts [VERSION]. Prints the folder of that release, of the latest one unless told otherwise.
 *
 * A release is known by its commit, so a tag need not be there, but all of the history must. It is kept in a folder that
 * git ignores, which appears at once and whole: any number may ask for it at the same time. The folder is in this checkout,
 * so that it finds the packages that it depends on, and not in `node_modules`, where Node runs no TypeScript.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/** From the first to the latest. */
const commits: ReadonlyMap<string, string> = new Map([["v0.1.0", "fae03d8ce23d3270b2601a3ee56ee2533666b6df"]])

/**
 * The last commit before revision 1 of the frames. It was never released: between it and `v0.1.0` lies all that hosts of
 * revision 0 have learned, and beside it the code of today speaks to them in another way than to each other.
 */
export const lastOfRevision0 = "431da6e5a279f20497e1ffe6b0a31c9021764be0"

export const latest = [...commits.keys()].at(-1) ?? ""

/** What of the repository makes the package. */
const parts = ["package.json", "proto", "src"]

export interface Released {
  readonly version: string
  /** Where it is installed. It has the layout of the repository: `src`, `package.json`. */
  readonly folder: string
  /** Its `src/index.ts`, to import. */
  readonly entry: URL
}

const git = (...args: ReadonlyArray<string>) => spawnSync("git", args, { cwd: root, encoding: "utf8" })

/** Puts the parts of a commit into a folder. */
const unpack = (commit: string, folder: string): void => {
  const archive = join(folder, "package.tar")
  const packed = git("archive", "--format=tar", "-o", archive, commit, "--", ...parts)
  if (packed.status !== 0) throw new Error(`git archive failed: ${packed.stderr.trim()}`)
  const unpacked = spawnSync("tar", ["-xf", archive, "-C", folder], { encoding: "utf8" })
  if (unpacked.status !== 0) throw new Error(`tar failed: ${unpacked.error?.message ?? unpacked.stderr.trim()}`)
  rmSync(archive)
}

/** Installs a commit as a folder, unless it is there. Of several at once the first one wins, and the others take it. */
const install = (commit: string, folder: string): void => {
  if (existsSync(folder)) return
  const parent = join(root, ".released")
  mkdirSync(parent, { recursive: true })
  const unfinished = mkdtempSync(join(parent, ".unfinished-"))
  try {
    unpack(commit, unfinished)
    renameSync(unfinished, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** What a release was made with: what it depends on, and its peers as they were at hand. */
const madeWith = ({ dependencies, devDependencies = {}, peerDependencies = {} }: Manifest) => [
  ...Object.entries(dependencies),
  ...Object.keys(peerDependencies).map((name) => [name, devDependencies[name] ?? ""] as const)
]

/** Dependencies of the release that are of another version in this checkout, which it would run with. */
const strangers = (folder: string): ReadonlyArray<string> =>
  madeWith(manifestOf(folder)).flatMap(([name, wanted]) => {
    const place = join(root, "node_modules", name)
    const found = existsSync(place) ? manifestOf(place).version : "nothing"
    return found === wanted ? [] : [`${name} ${wanted} (here is ${found})`]
  })

/** A release, or one line on why there is none and what to do. */
export const released = (version = latest): Released | string => {
  const commit = commits.get(version)
  return commit === undefined
    ? `there is no release "${version}"; there are ${[...commits.keys()].join(", ")}`
    : committed(commit, version)
}

/** Any commit as if it were a release. */
export const committed = (commit: string, version = commit.slice(0, 12)): Released | string => {
  if (!/^[0-9a-f]{40}$/.test(commit)) {
    const named = git("rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{commit}`)
    return named.status === 0 ? committed(named.stdout.trim()) : `there is no commit "${commit}"`
  }
  const found = git("cat-file", "-e", `${commit}^{commit}`)
  if (found.error !== undefined)
    return `${version} is taken from the history, and git does not run: ${found.error.message}`
  const short = commit.slice(0, 12)
  if (found.status !== 0)
    return `${version} is commit ${short}, which this clone does not have: git fetch --unshallow brings the history of a shallow clone`
  const folder = join(root, ".released", `${version}-${short}`)
  install(commit, folder)
  const strange = strangers(folder)
  if (strange.length > 0)
    return `${version} depends on ${strange.join(", ")}: give it an installation of its own in scripts/released.ts`
  return { version, folder, entry: pathToFileURL(join(folder, "src", "index.ts")) }
}

if (import.meta.filename === process.argv[1]) {
  const found = released(process.argv[2])
  if (typeof found === "string") process.stderr.write(`released: ${found}\n`)
  else process.stdout.write(`${found.folder}\n`)
  process.exitCode = typeof found === "string" ? 1 : 0
}
