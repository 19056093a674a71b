/** What docs/architecture.md says of the folders, files and names of `src` is so. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { assert, describe, it } from "vitest"
import { wings as tidy } from "../../scripts/tidy.ts"

const content = readFileSync("docs/architecture.md", "utf8")

const section = (title: string): string => content.split(`\n## ${title}`)[1]?.split("\n## ")[0] ?? ""

/** What is in backticks. */
const quoted = (text: string): Array<string> => [...text.matchAll(/`([^`]+)`/g)].map(([, inner = ""]) => inner)

/** The rows of a table, each cell as what it has in backticks. */
const rowsOf = (title: string): ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>> =>
  section(title)
    .split("\n")
    .filter((line) => /^\| .*`/.test(line))
    .map((line) => line.slice(1, -1).split("|").map(quoted))

const foldersOf = (path: string, recursive: boolean): Array<string> =>
  readdirSync(path, { recursive, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .sort()

const textOf = (path: string): string => readFileSync(path, "utf8")

/** Whether a source declares a name: as a constant, a type, a method, or a property. */
const declares = (source: string, name: string): boolean => {
  const modifiers = "(?:(?:export|private|protected|readonly|static|abstract|get) )*"
  return [
    `\\b(?:const|let|class|interface|type|function|function\\*) ${name}\\b`,
    `^ +${modifiers}${name}(?:<[^>]*>)?\\(.*\\{$`,
    `^ +${modifiers}${name}\\??: `
  ].some((pattern) => new RegExp(pattern, "m").test(source))
}

/** The names that a line says of each file: those behind its path, up to the next one. */
const namedIn = (line: string): ReadonlyArray<readonly [path: string, names: ReadonlyArray<string>]> => {
  const found: Array<readonly [string, Array<string>]> = []
  for (const text of quoted(line))
    if (/^src\/.*\.ts$/.test(text)) found.push([text, []])
    else if (/^\w+$/.test(text)) found.at(-1)?.[1].push(text)
  return found
}

/** No files, and errors that users see. */
const isOther = (name: string): boolean => ["PeerLost", "delivered", "Up", "Lookout"].includes(name)

describe("docs/architecture.md", () => {
  it("names files and folders that exist", () => {
    const paths = quoted(content).filter((text) => /^(?:src|test|proto)\b/.test(text))
    assert.isAbove(paths.length, 60)
    assert.isEmpty(paths.filter((path) => !existsSync(path)))
  })

  it.each([
    "One message, from send to receive",
    "One death, from the missed probe to the error of a flow",
    "One name, from expose to a remote watch"
  ])("names what its files declare: %s", (title) => {
    const steps = section(title).split("\n").flatMap(namedIn)
    assert.isAbove(steps.length, 15)
    const missing = steps.flatMap(([path, names]) =>
      names.filter((name) => !isOther(name) && !declares(textOf(path), name)).map((name) => `${path}: ${name}`)
    )
    assert.isEmpty(missing)
  })

  it("has the folders of src/protocol, all of them", () => {
    const rows = rowsOf("The folders of src/protocol").map(([[folder = ""] = []]) => folder)
    assert.deepStrictEqual([...rows].sort(), foldersOf("src/protocol", false))
  })

  const wings = rowsOf("The wings of src/layers").map(([[wing = ""] = [], , imported = []]) => ({ wing, imported }))

  it("has the wings of src/layers, all of them", () => {
    assert.deepStrictEqual(wings.map(({ wing }) => wing).sort(), foldersOf("src/layers", true))
  })

  it("has each wing import wings above it in the table alone", () => {
    const above = new Set<string>()
    for (const { imported, wing } of wings) {
      for (const other of imported) assert.isTrue(above.has(other), `${wing} imports ${other}`)
      above.add(wing)
    }
  })

  it("says what each wing may import as the tidy test holds it", () => {
    for (const { imported, wing } of wings)
      assert.deepStrictEqual([...imported].sort(), [...(tidy.get(wing) ?? ["no wing"])].sort(), wing)
  })

  it("answers ten questions, each with a folder, a file and a name", () => {
    const rows = rowsOf("Ten questions of a newcomer")
    assert.lengthOf(rows, 10)
    for (const [, [folder = ""] = [], [file = ""] = [], [name = ""] = []] of rows)
      assert.isTrue(declares(textOf(join(folder, file)), name), `${folder}/${file}: ${name}`)
  })
})
