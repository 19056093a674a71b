import { globSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { names, rpcNames, testingNames } from "./names.ts"
import * as Project from "./Project.ts"

let project: Project.Project

beforeAll(() => {
  project = Project.make()
}, 120_000)

afterAll(() => project.remove())

describe("the packed package", () => {
  it("holds the build, the wire contract and the texts, and no tests", () => {
    const found = readdirSync(project.installed).sort()
    assert.includeMembers(found, [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
      "dist",
      "docs",
      "examples",
      "package.json",
      "proto",
      "src"
    ])
    assert.notIncludeMembers(found, ["test", "scripts", "scratchpad", "bench"])
    const dist = readdirSync(join(project.installed, "dist"))
    assert.includeMembers(dist, ["index.js", "index.d.ts", "index.js.map"])
  })

  it("has texts whose links lead to what it holds", () => {
    const texts = globSync("{README.md,CHANGELOG.md,SECURITY.md,docs/**/*.md}", { cwd: project.installed })
    assert.include(texts, "README.md")
    const lost = texts.flatMap((text) => {
      const content = readFileSync(join(project.installed, text), "utf8")
      return [...content.matchAll(/\]\(([^)#]+)[^)]*\)/g)].flatMap(([, target = ""]) => {
        const path = join(dirname(text), target)
        return /^https?:/.test(target) || globSync(path, { cwd: project.installed }).length > 0
          ? []
          : `${text}: ${target}`
      })
    })
    assert.isEmpty(lost)
  })

  it("brings no Effect of its own: it uses the one of the program, of any release that is compatible", () => {
    const manifest = JSON.parse(readFileSync(join(project.installed, "package.json"), "utf8"))
    assert.notProperty(manifest.dependencies, "effect")
    assert.deepInclude(manifest.peerDependencies, { effect: "^4.1.0" })
    // What examples and programs start with is theirs to choose, and brings much along.
    assert.notProperty(manifest.dependencies, "@effect/platform-node")
    assert.isTrue(manifest.peerDependenciesMeta["@effect/platform-node"].optional)
    assert.notInclude(readdirSync(join(project.folder, "node_modules")), "@effect")
    for (const [name, range] of Object.entries<string>(manifest.peerDependencies))
      assert.strictEqual(
        range,
        `^${manifest.devDependencies[name]}`,
        "what it is tested with is the oldest that it takes"
      )
  })

  it("is imported from plain JavaScript", () => {
    const keysOf = (entry: string): ReadonlyArray<string> => {
      project.write("main.mjs", `import * as entry from "${entry}"\nconsole.log(JSON.stringify(Object.keys(entry)))\n`)
      return JSON.parse(project.run(process.execPath, "main.mjs"))
    }
    assert.includeMembers([...keysOf("grinta")], [...names])
    assert.includeMembers([...keysOf("grinta/rpc")], [...rpcNames])
    assert.deepStrictEqual(keysOf("grinta/testing"), [...testingNames])
  })

  it("type-checks in a strict TypeScript project, its own declarations included", () => {
    const uses = [...names.map((name) => `  grinta.${name}`), ...rpcNames.map((name) => `  rpc.${name}`)].join(",\n")
    project.write(
      "main.ts",
      `import * as grinta from "grinta"\nimport * as rpc from "grinta/rpc"\nimport * as testing from "grinta/testing"\n\nexport const used = [\n${uses},\n  testing.Simulation\n]\n`
    )
    const compilerOptions = {
      target: "es2024",
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"],
      typeRoots: [resolve("node_modules/@types")]
    }
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["main.ts"] }))
    project.run(resolve("node_modules/.bin/tsc"), "-p", ".")
  })
})
