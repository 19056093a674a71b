/** An empty project with the packed package in its node_modules, as a user has it. */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"

export interface Project {
  readonly folder: string
  /** Where the package is. */
  readonly installed: string
  /** Runs a program in the project to its end; what it printed is in the message of its failure. */
  readonly run: (command: string, ...args: ReadonlyArray<string>) => string
  readonly write: (file: string, text: string) => void
  readonly remove: () => void
}

const run =
  (cwd: string) =>
  (command: string, ...args: ReadonlyArray<string>): string => {
    try {
      return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 })
    } catch (cause) {
      const { stdout = "", stderr = "" } = cause as { readonly stdout?: string; readonly stderr?: string }
      throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause })
    }
  }

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** What comes along with a package: what it depends on, and its peers but those that may be missing. */
const companions = ({ dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }: Manifest) => [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)
]

/**
 * Links what installing the package brings along, of the packages that are here: so one that it forgot to declare is missing,
 * and nothing is downloaded.
 */
const linkCompanions = (folder: string, manifest: Manifest, linked = new Set<string>()): void => {
  for (const name of companions(manifest)) {
    const from = resolve("node_modules", name)
    if (linked.has(name) || !existsSync(from)) continue
    linked.add(name)
    const to = join(folder, "node_modules", name)
    mkdirSync(dirname(to), { recursive: true })
    symlinkSync(from, to)
    linkCompanions(folder, JSON.parse(readFileSync(join(from, "package.json"), "utf8")), linked)
  }
}

/** Packs the package as it is, and makes a project that has it. */
export const make = (): Project => {
  const folder = mkdtempSync(join(tmpdir(), "grinta-package-"))
  const installed = join(folder, "node_modules", "grinta")
  run(".")("npm", "pack", "--pack-destination", folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "no tarball"
  mkdirSync(installed, { recursive: true })
  run(".")("tar", "-xzf", join(folder, tarball), "--strip-components=1", "-C", installed)
  linkCompanions(folder, JSON.parse(readFileSync(join(installed, "package.json"), "utf8")))
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }))
  return { folder, installed, run: run(folder), write, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
