import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { names } from "./names.ts"

/** An empty project with the packed package in its node_modules. */
const project = mkdtempSync(join(tmpdir(), "grinta-package-"))
const installed = join(project, "node_modules", "grinta")

/** Runs a program to its end; what it printed is in the message of its failure. */
const run = (command: string, args: ReadonlyArray<string>, cwd: string): string => {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  } catch (cause) {
    const { stdout = "", stderr = "" } = cause as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause })
  }
}

/**
 * Links what installing the package brings along, by the lock file: its dependencies and theirs, no development tools.
 * So a dependency that the package forgot to declare is missing here, and nothing is downloaded.
 */
const linkDependencies = (): void => {
  const lock: { packages: Record<string, { dev?: boolean; devOptional?: boolean }> } = JSON.parse(
    readFileSync("package-lock.json", "utf8")
  )
  const wanted = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional }]) => path.lastIndexOf("node_modules/") === 0 && !dev && !devOptional
  )
  for (const [path] of wanted) {
    mkdirSync(join(project, dirname(path)), { recursive: true })
    symlinkSync(resolve(path), join(project, path))
  }
}

beforeAll(() => {
  run("npm", ["pack", "--pack-destination", project], ".")
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz")) ?? "no tarball"
  mkdirSync(installed, { recursive: true })
  run("tar", ["-xzf", join(project, tarball), "--strip-components=1", "-C", installed], ".")
  linkDependencies()
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe("the packed package", () => {
  it("holds the build, the wire contract and the texts, and no tests", () => {
    const found = readdirSync(installed).sort()
    assert.includeMembers(found, ["LICENSE", "dist", "package.json", "proto", "src"])
    assert.notIncludeMembers(found, ["test", "scripts", "scratchpad", "bench"])
    const dist = readdirSync(join(installed, "dist"))
    assert.includeMembers(dist, ["index.js", "index.d.ts", "index.js.map"])
  })

  it("is imported from plain JavaScript", () => {
    const keysOf = (entry: string): ReadonlyArray<string> => {
      const script = `import * as entry from "${entry}"\nconsole.log(JSON.stringify(Object.keys(entry)))\n`
      writeFileSync(join(project, "main.mjs"), script)
      return JSON.parse(run(process.execPath, ["main.mjs"], project))
    }
    assert.includeMembers([...keysOf("grinta")], [...names])
    assert.includeMembers([...keysOf("grinta/testing")], ["Cluster", "Network", "Scenario"])
  })

  it("type-checks in a strict TypeScript project, its own declarations included", () => {
    const uses = names.map((name) => `  grinta.${name}`).join(",\n")
    writeFileSync(
      join(project, "main.ts"),
      `import * as grinta from "grinta"\nimport * as testing from "grinta/testing"\n\nexport const used = [\n${uses},\n  testing.Network\n]\n`
    )
    const compilerOptions = {
      target: "es2024",
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"]
    }
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }))
    run(resolve("node_modules/.bin/tsc"), ["-p", "."], project)
  })
})
