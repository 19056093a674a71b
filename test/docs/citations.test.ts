/** What comments cite is there: the document, and in it the section, the numbered item or the row of a table. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "vitest"

interface Section {
  readonly number: string
  readonly title: string
  /** Up to the next heading of the same depth or above. */
  readonly text: string
}

interface Document {
  readonly sections: ReadonlyArray<Section>
  readonly text: string
}

const heading = /^(#+) (?:(\d+(?:\.\d+)*)\.? )?(.*)$/

const documentOf = (text: string): Document => {
  const lines = text.split("\n")
  const sections = lines.flatMap((line, at) => {
    const [, marks, number, title = ""] = heading.exec(line) ?? []
    if (marks === undefined) return []
    const rest = lines.slice(at + 1)
    const end = rest.findIndex((next) => (heading.exec(next)?.[1]?.length ?? 99) <= marks.length)
    return [{ number: number ?? "", title, text: rest.slice(0, end === -1 ? undefined : end).join("\n") }]
  })
  return { sections, text }
}

const hasRow = ({ text }: Pick<Document, "text">, id: string): boolean =>
  text.split("\n").some((line) => line.startsWith(`| ${id} |`))

const hasItem = ({ text }: Pick<Section, "text">, number: string): boolean =>
  text.split("\n").some((line) => line.startsWith(`${number}. `))

/** All from one to another, which differ in their last number: "6.1" to "6.3", "D-14" to "D-17". */
const rangeOf = (first: string, last: string): ReadonlyArray<string> => {
  const [, stem = "", from = ""] = /^(.*?)(\d+)$/.exec(first) ?? []
  const [, stemLast, to = ""] = /^(.*?)(\d+)$/.exec(last) ?? []
  const count = Number(to) - Number(from)
  if (stem !== stemLast || !(count > 0)) return [first, `${first} to ${last}`]
  return Array.from({ length: count + 1 }, (_, more) => `${stem}${Number(from) + more}`)
}

const element = String.raw`[A-Z]-?\d+[a-z]?|\d+(?:\.\d+)*`
const between = String.raw`\s*(?:,\s*(?:and\s+)?|and\s+|to\s+)`
const noun = String.raw`(?:(sections?|rows?|guarantees?|laws?|traps?|findings?)\s+)`

/** One reference, with what stands before it and perhaps a note behind it in parentheses. */
const reference = new RegExp(String.raw`^(${between})${noun}?(${element})(?![\w-])(?:\s+\(([^)]*)\))?`)

const bare = new RegExp(String.raw`\b${noun}(${element})\b`, "i")

interface Cited {
  /** What is cited, or why that was not understood. */
  readonly faults: ReadonlyArray<string>
  /** How many references there are. */
  readonly count: number
  readonly rest: string
}

const sectionOf = ({ sections }: Document, number: string): Section | undefined =>
  sections.find((section) => section.number === number)

/** Of a note behind a section: rows of the document, items of the section, or a word in it. */
const noteFaults = (document: Document, section: Section, note: string): ReadonlyArray<string> => {
  const numbers = /^(?:steps? )?(\d+)(?: to (\d+))?$/.exec(note)
  if (numbers !== null) {
    const [, first = "", last] = numbers
    const items = last === undefined ? [first] : rangeOf(first, last)
    return items.filter((item) => !hasItem(section, item)).map((item) => `section ${section.number} (${item})`)
  }
  const isThere = /^[A-Z]-?\d+$/.test(note)
    ? hasRow(document, note)
    : `${section.title}\n${section.text}`.toLowerCase().includes(note.toLowerCase())
  return isThere ? [] : [`section ${section.number} (${note})`]
}

const faultsOf = (document: Document, kind: string, id: string, note: string | undefined): ReadonlyArray<string> => {
  if (/^[A-Z]/.test(id)) return hasRow(document, id) ? [] : [`row ${id}`]
  if (kind === "section") {
    const section = sectionOf(document, id)
    if (section === undefined) return [`section ${id}`]
    return note === undefined ? [] : noteFaults(document, section, note)
  }
  const section = document.sections.find(({ title }) => title.toLowerCase().startsWith(`${kind}s`))
  return section !== undefined && hasItem(section, id) ? [] : [`${kind} ${id}`]
}

/** Reads the references that follow the name of a document. */
const citedBy = (document: Document, tail: string): Cited => {
  const faults: Array<string> = []
  let rest = tail
  let kind = "section"
  let previous: string | undefined
  let count = 0
  for (let match = reference.exec(rest); match !== null; match = reference.exec(rest)) {
    const [all, link = "", said, id = "", note] = match
    if (count === 0 && !link.trim().startsWith(",")) break
    if (said !== undefined) kind = said.replace(/s$/, "")
    const isRange = link.trim().startsWith("to") && previous !== undefined
    const ids = isRange ? rangeOf(previous ?? "", id).slice(1) : [id]
    faults.push(
      ...ids.flatMap((one) => faultsOf(document, kind, one, ids.indexOf(one) === ids.length - 1 ? note : undefined))
    )
    previous = id
    count += 1
    rest = rest.slice(all.length)
  }
  return { faults, count, rest }
}

const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*(?:\n\s*\/\/[^\n]*)*/g

/** The comments of a source, each on one line. */
const commentsOf = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(comment)].map(([text]) =>
    text
      .replaceAll(/\n\s*(?:\*(?!\/)|\/\/)? ?/g, " ")
      .replace(/\s*\*\/$/, "")
      .replaceAll(/\s+/g, " ")
  )

const name = /(?<![\w/.:-])((?:[\w-]+\/)*[\w-]+\.md)\b/g

/** The end of a citation: of its sentence, or of what is between semicolons. */
const endOf = /;|\.(?=\s|$|\))|\)(?=[.\s]|$)(?<=^[^(]*\))/

const nothing: ReadonlyMap<string, Document> = new Map()

/** What is cited in a source and is not there. `documents` are by the names that they are cited by. */
const missing = (source: string, documents: ReadonlyMap<string, Document> = nothing): ReadonlyArray<string> =>
  commentsOf(source).flatMap((text) => {
    const faults: Array<string> = []
    let uncited = ""
    let last = 0
    for (const match of text.matchAll(name)) {
      const [, file = ""] = match
      const document = documents.get(file.replace(/^docs\//, ""))
      const from = match.index + file.length
      uncited += text.slice(last, match.index)
      last = from
      if (document === undefined) {
        faults.push(`${file} is no document`)
        const behind = text.slice(from)
        last += endOf.exec(behind)?.index ?? behind.length
        continue
      }
      const { count, faults: found, rest } = citedBy(document, text.slice(from))
      faults.push(...found.map((what) => `${file} has no ${what}`))
      last = text.length - rest.length
      const isSource = /Source:[^.]*$/.test(text.slice(0, match.index).replaceAll(/\.(?:md|proto)\b|\d\.\d/g, ""))
      if (isSource && count === 0) faults.push(`${file} is cited for nothing: "${rest.slice(0, 40)}"`)
      const behind = rest.slice(0, endOf.exec(rest)?.index)
      const stray = bare.exec(behind) ?? /(?<![\w/.-])[A-Z]-?\d+(?![\w-])/.exec(behind)
      if (count > 0 && stray !== null) faults.push(`"${behind.trim()}" is not understood`)
    }
    uncited += text.slice(last)
    const [, kind, id = ""] = bare.exec(uncited.replaceAll(/\bRFC \d+, sections? [\d., and]+/g, "")) ?? []
    if (kind !== undefined && !faultless(source, documents, kind.toLowerCase().replace(/s$/, ""), id))
      faults.push(`no document that is cited here has ${kind} ${id}`)
    return faults
  })

/** A reference without a document is to one that the same source cites. */
const faultless = (source: string, documents: ReadonlyMap<string, Document>, kind: string, id: string): boolean =>
  [...source.matchAll(name)].some(([, file = ""]) => {
    const document = documents.get(file.replace(/^docs\//, ""))
    return document !== undefined && faultsOf(document, kind, id, undefined).length === 0
  })

const documents: ReadonlyMap<string, Document> = new Map(
  [...globSync("*.md"), ...globSync("docs/**/*.md")].map((path) => [
    path.replace(/^docs\//, ""),
    documentOf(readFileSync(path, "utf8"))
  ])
)

const link = /\]\(([^)\s]+)\)/g

/** Links of comments that lead nowhere. */
const deadLinks = (path: string, source: string): ReadonlyArray<string> =>
  commentsOf(source)
    .flatMap((text) => [...text.matchAll(link)].map(([, target = ""]) => target))
    .filter((target) => /[./]/.test(target) && !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(dirname(path), target.replace(/#.*/, ""))))

/** The anchor of a heading. */
const anchorOf = ({ number, title }: Section): string =>
  `${number.replaceAll(".", "")} ${title}`
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

describe("citations", () => {
  const sources = globSync("{src,test,scripts,bench}/**/*.ts").filter(
    (path) => !/\/gen\/|node_modules|\/\.check-|citations\.test/.test(path)
  )

  it("are all there", () => {
    const faults = sources.flatMap((path) => {
      const source = readFileSync(path, "utf8")
      const found = [...missing(source, documents), ...deadLinks(path, source).map((target) => `${target} is no file`)]
      return found.map((fault) => `${path}: ${fault}`)
    })
    assert.isEmpty(faults, `\n${faults.join("\n")}\n`)
    const cited = sources.flatMap(
      (path) => readFileSync(path, "utf8").match(/\b(?:faults|design|memberlist-wire)\.md/g) ?? []
    )
    assert.isAbove(cited.length, 100)
  })

  it.each([...documents.keys()])("lead to headings from %s", (file) => {
    const { text } = documents.get(file) ?? documentOf("")
    const dead = [...text.matchAll(/\]\(([\w./-]*\.md)?#([^)]+)\)/g)].filter(([, target, anchor]) => {
      const path = file === file.toUpperCase().replace(".MD", ".md") ? "." : "docs"
      const to = target === undefined ? file : join(path, dirname(file), target).replace(/^docs\//, "")
      return !documents.get(to)?.sections.some((section) => anchorOf(section) === anchor)
    })
    assert.isEmpty(dead.map(([whole]) => whole))
  })
})

describe("a citation", () => {
  const table = "| id | what |\n|---|---|\n| R1 | one |\n| R2 | two |\n| D-1 | three |\n"
  const text = `# A\n\n## 1. Laws\n\n1. One.\n2. Two.\n\n## 2. Meta and more\n\n${table}\n### 2.1 Inside\n\n### 2.2 Too\n`
  const small = new Map([["a.md", documentOf(text)]])
  const found = (cited: string): ReadonlyArray<string> => missing(`/**\n * Source: ${cited}.\n */\n`, small)

  it.each([
    "a.md, section 2",
    "a.md, sections 1, 2.1 and 2.2",
    "docs/a.md, sections 2.1 to 2.2",
    "a.md, section 2 (meta)",
    "a.md, section 1 (1 to 2) and section 2",
    "a.md, rows R1 to R2 and D-1",
    "the paper, table VI; a.md, law 2 and row R1, for what it is",
    "a.md, rows\n * R1 and R2"
  ])("is found: %s", (cited) => assert.isEmpty(found(cited)))

  it.each([
    ["b.md, section 1", "b.md is no document"],
    ["docs/b.md", "docs/b.md is no document"],
    ["a.md, section 3", "a.md has no section 3"],
    ["a.md, sections 1 and 2.3", "a.md has no section 2.3"],
    ["a.md, sections 2.1 to 2.3", "a.md has no section 2.3"],
    ["a.md, section 1 (3)", "a.md has no section 1 (3)"],
    ["a.md, section 1 (join)", "a.md has no section 1 (join)"],
    ["a.md, rows R1 to R3", "a.md has no row R3"],
    ["a.md, R4", "a.md has no row R4"],
    ["a.md, laws 2 and 3", "a.md has no law 3"],
    ["a.md, trap 1", "a.md has no trap 1"],
    ["a.md, guarantee G9", "a.md has no row G9"],
    ["a.md, rows R2 to R1", "a.md has no row R2 to R1"],
    ["a.md, rows R1 or R9", '"or R9" is not understood'],
    ["a.md", 'a.md is cited for nothing: ""']
  ])("is missed: %s", (cited, fault) => {
    const [first = "nothing"] = found(cited)
    assert.include(first.replace(/nothing: ".*"/, 'nothing: ""'), fault)
  })

  it("without a document is to one that the file cites", () => {
    const of = (more: string) => missing(`// Source: a.md, section 1.\n\n/** ${more} */`, small)
    assert.isEmpty(of("It does what section 2 says."))
    assert.deepStrictEqual(of("It does what section 9 says."), ["no document that is cited here has section 9"])
  })

  it("by a link is of a file", () => {
    assert.deepStrictEqual(deadLinks("src/index.ts", "/** [one](../README.md) [two](../NOTHING.md) */"), [
      "../NOTHING.md"
    ])
  })
})
