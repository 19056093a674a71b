/** What installing the package brings into a program: these packages and no other, and not more than so many bytes. */
import { globSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Project from "./Project.ts"

let project: Project.Project

beforeAll(() => {
  project = Project.make()
}, 120_000)

afterAll(() => project.remove())

/** Bytes of each package at most; docs/decisions/dependencies.md says how much they are. */
const bytesMax: Readonly<Record<string, number>> = {
  "@bufbuild/protobuf": 2_500_000,
  "@connectrpc/connect": 1_250_000,
  "@connectrpc/connect-node": 500_000,
  effect: 60_000_000,
  grinta: 6_000_000
}
const allBytesMax = 66_000_000

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly scripts?: Readonly<Record<string, string>>
}

const folderOf = (name: string): string => join(project.folder, "node_modules", name)
const manifestOf = (name: string): Manifest => JSON.parse(readFileSync(join(folderOf(name), "package.json"), "utf8"))

/** What npm puts beside a package: what it depends on, and its peers but those that may be missing. */
const neededBy = (name: string): ReadonlyArray<string> => {
  const {
    dependencies = {},
    optionalDependencies = {},
    peerDependencies = {},
    peerDependenciesMeta = {}
  } = manifestOf(name)
  const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true)
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]
}

/** All that one package brings, itself among them; fails when something is not there. */
const closure = (name: string, found = new Set<string>()): ReadonlySet<string> => {
  found.add(name)
  for (const other of neededBy(name)) if (!found.has(other)) closure(other, found)
  return found
}

/** Its files; what it has in a `node_modules` of its own would be a package that is missing above. */
const filesOf = (name: string): ReadonlyArray<string> =>
  globSync("**/*", { cwd: folderOf(name) }).filter((file) => statSync(join(folderOf(name), file)).isFile())

const bytesOf = (name: string): number =>
  filesOf(name).reduce((sum, file) => sum + statSync(join(folderOf(name), file)).size, 0)

describe("what installing the package brings", () => {
  it("are these packages, and no other", () => {
    assert.deepStrictEqual([...closure("grinta")].sort(), Object.keys(bytesMax).sort())
  })

  it("is not more than so many bytes", () => {
    const bytes = Object.keys(bytesMax).map((name) => [name, bytesOf(name)] as const)
    const all = bytes.reduce((sum, [, size]) => sum + size, 0)
    console.log(`${bytes.map(([name, size]) => `${name} ${size}`).join(", ")}; all ${all}`)
    for (const [name, size] of bytes) assert.isAtMost(size, bytesMax[name] ?? 0, name)
    assert.isAtMost(all, allBytesMax)
  })

  it("runs nothing when it is installed, and has nothing compiled in it", () => {
    for (const name of Object.keys(bytesMax)) {
      const scripts = Object.keys(manifestOf(name).scripts ?? {})
      assert.isEmpty(
        scripts.filter((script) => ["preinstall", "install", "postinstall"].includes(script)),
        name
      )
      assert.isEmpty(
        filesOf(name).filter((file) => /(^|\/)node_modules\/|\.(node|wasm|so|dylib|dll)$|binding\.gyp$/.test(file)),
        name
      )
    }
  })
})
