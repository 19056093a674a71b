/**
 * The rules of src that the compiler and the linter cannot express, as functions of source text. What the linter refuses in
 * src is in biome.json and scripts/lint/src.grit.
 *
 * The text is as the formatter leaves it: an import or export starts a line, a comment of several lines has a star in each.
 * A line that ends in `// tidy: <reason>` is exempt from the one rule that it breaks.
 */
import { isBuiltin } from "node:module"
import { basename, posix } from "node:path"

/** An import, or an export with `from`. */
interface Import {
  readonly line: number
  readonly from: string
  /** Only `type` names: gone at run time. */
  readonly isType: boolean
  readonly isExport: boolean
  /** Names as the other file calls them; `*` stands for all, `default` for its default. Type names are left out. */
  readonly names: ReadonlyArray<string>
}

interface Source {
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
}

export interface Violation {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly rule: string
  readonly message: string
}

export interface Findings {
  readonly violations: ReadonlyArray<Violation>
  /** How many violations a reasoned comment excuses. */
  readonly exempted: number
}

/** Lines a source file may have; generated code excepted. */
export const linesMax = 300

/** What `src/protocol` may name of Effect: modules of data. */
export const dataModules: ReadonlySet<string> = new Set([
  ...["Array", "Brand", "Data", "Duration", "Equal", "Exit", "Hash", "HashMap", "HashSet", "Option", "Order"],
  ...["Predicate", "Record", "Result", "Schema", "Struct", "Tuple"],
  // Schemas as data, and the functions that they are compiled to.
  ...["SchemaAST", "SchemaIssue", "SchemaParser", "schema/SchemaJITCompiler"]
])

/** What `src/services` may name of Effect at run time: modules that state a contract. Fibers, queues and compilers are mechanism. */
export const contractModules: ReadonlySet<string> = new Set(["Context", "Data", "Effect", "Layer", "Result", "Schema"])

/** Imports may only go down this list, or stay where they are. */
const levels = ["protocol", "services", "layers", "index"]

/** The level of a path below src: a folder that is no level is an addition to the core, above all of it. */
const levelOf = (path: string): number => {
  const [, folder = "", rest] = path.split("/")
  const level = rest === undefined ? levels.indexOf("index") : levels.indexOf(folder)
  return level === -1 ? levels.length : level
}

/**
 * The wings of `src/layers`, and which others each may import; a file beside them may import all. The table has no circle, so that
 * the wings can be read from the core up. docs/architecture.md draws it.
 */
export const wings: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["core", []],
  ["memory", ["core"]],
  ["transport/link", ["core"]],
  ["transport/memory", ["core", "memory", "transport/link"]],
  ["transport/http2/tls", ["core"]],
  ["transport/http2", ["core", "transport/link", "transport/http2/tls"]],
  ["transport/http2/foreign", ["core", "transport/link", "transport/http2"]],
  ["transport/http2/server", ["core", "transport/http2", "transport/http2/tls", "transport/http2/foreign"]],
  [
    "transport",
    [
      "core",
      "memory",
      ...["link", "memory", "http2", "http2/tls", "http2/foreign", "http2/server"].map((room) => `transport/${room}`)
    ]
  ],
  ["flow", ["core"]],
  ["fabric", ["core", "flow", "registry", "transport/link"]],
  ["gossip", ["core"]],
  ["gossip/socket", ["core", "gossip", "memory"]],
  ["registry", ["core"]],
  ["config", ["core", "flow", "gossip", "registry", "transport", "transport/http2/tls"]]
])

const layers = "src/layers/"

/** The wing of a file in `src/layers`; undefined for one beside the wings, and for all other files. */
const wingOf = (path: string): string | undefined => {
  const folder = posix.dirname(path)
  return folder.startsWith(layers) ? folder.slice(layers.length) : undefined
}

const within = (module: string, prefixes: ReadonlyArray<string>): boolean =>
  prefixes.some((prefix) => module === prefix || module.startsWith(`${prefix}/`))
const isRelative = (module: string): boolean => module.startsWith(".")
const resolve = (path: string, module: string): string => posix.join(posix.dirname(path), module)

type Finding = Omit<Violation, "path">
type Check = (source: Source) => ReadonlyArray<Finding>

const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length

const statement =
  /^(import|export)\s+(?:(type)\s+(?=[{*]|\w+ from))?(?:([\w$]+)(?:,\s*|\s+(?=from)))?(?:(\*)(?:\s+as\s+[\w$]+)?\s+|\{([^{}]*)\}\s*)?(?:from\s*)?"([^"]+)"/gm
const dynamic = /\bimport\(\s*"([^"]+)"/g

const namesIn = (list: string): ReadonlyArray<string> =>
  list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")

const importsOf = (text: string): ReadonlyArray<Import> => [
  ...[...text.matchAll(statement)].map((match): Import => {
    const [, word, type, own, star, list, from = ""] = match
    const names = namesIn(list ?? "")
    const values = names.filter((name) => !/^type\s/.test(name)).map((name) => name.replace(/\s+as\s.*/s, ""))
    const all = [...(own === undefined ? [] : ["default"]), ...(star === undefined ? [] : ["*"]), ...values]
    const isType = type !== undefined || (names.length > 0 && all.length === 0)
    return { line: lineAt(text, match.index), from, isType, isExport: word === "export", names: isType ? [] : all }
  }),
  ...[...text.matchAll(dynamic)].map(
    ({ 1: from = "", index }): Import => ({
      ...{ line: lineAt(text, index), from, isType: false, isExport: false, names: ["*"] }
    })
  )
]

const finding = (line: number, rule: string, message: string): ReadonlyArray<Finding> => [{ line, rule, message }]

const direction = (path: string, { from, line }: Import): ReadonlyArray<Finding> => {
  const rule = "direction"
  if (from.split("/").includes("scratchpad"))
    return finding(line, rule, `imports ${from}: scratchpad is for probes and is never imported`)
  const self = levelOf(path)
  if (within(from, ["grinta"]) && self < levels.length)
    return finding(line, rule, `imports ${from}: name the file instead of the package`)
  if (!isRelative(from)) return []
  const target = resolve(path, from)
  if (!target.startsWith("src/")) return finding(line, rule, `imports ${target}: src imports nothing beside it`)
  if (levelOf(target) <= self) return []
  return finding(line, rule, `imports ${target} against the arrow index -> layers -> services -> protocol`)
}

const arrows = (path: string, { from, line }: Import): ReadonlyArray<Finding> => {
  const wing = wingOf(path)
  if (wing === undefined || !isRelative(from)) return []
  const allowed = wings.get(wing)
  if (allowed === undefined)
    return finding(line, "wing", `${wing} is no wing: give it a line of the table in scripts/tidy.ts, or move the file`)
  const target = resolve(path, from)
  const other = wingOf(target)
  if (!target.startsWith(layers) || other === wing || (other !== undefined && allowed.includes(other))) return []
  return finding(line, "wing", `imports ${target}: ${wing} may import ${allowed.join(", ") || "no other wing"}`)
}

const isMechanism = (module: string): boolean =>
  isBuiltin(module) || module.startsWith("node:") || within(module, ["@connectrpc", "@effect"])

/** The Effect modules that an import needs at run time. */
const effectModules = ({ from, isType, names }: Import): ReadonlyArray<string> => {
  if (isType || !within(from, ["effect"])) return []
  return from === "effect" ? names : [from.slice("effect/".length)]
}

const purity = (path: string, entry: Import): ReadonlyArray<Finding> => {
  const { from, line } = entry
  const level = levels[levelOf(path)]
  if (level === "protocol") {
    if (isMechanism(from))
      return finding(line, "protocol", `imports ${from}: protocol is pure and does no I/O; move this to src/layers`)
    const banned = effectModules(entry).filter((name) => !dataModules.has(name))
    if (banned.length > 0)
      return finding(line, "protocol", `imports ${banned.join(", ")} of Effect: protocol names only its data modules`)
  }
  if (level === "services" && (isMechanism(from) || within(from, ["effect/socket", "effect/net", "effect/Arbitrary"])))
    return finding(line, "services", `imports ${from}: services are contracts; mechanisms belong in src/layers`)
  if (level === "services") {
    const banned = effectModules(entry).filter((name) => !contractModules.has(name))
    if (banned.length > 0)
      return finding(line, "services", `imports ${banned.join(", ")} of Effect: mechanisms belong in src/layers`)
  }
  return []
}

const imports: Check = ({ path, imports }) =>
  imports.flatMap((entry) => [...direction(path, entry), ...arrows(path, entry), ...purity(path, entry)])

const length: Check = ({ text }) => {
  const lines = text.replace(/\n$/, "").split("\n").length
  if (lines <= linesMax) return []
  return finding(linesMax + 1, "length", `${lines} lines, ${linesMax} is the limit: one concept per file`)
}

const fileName: Check = ({ path }) =>
  path.split("/").some((part) => /(utils?|helpers?)$/i.test(basename(part, ".ts")))
    ? finding(1, "file name", "name the concept: utils and helpers say nothing")
    : []

/** What a package subpath such as grinta/testing gives away: `src/testing/index.ts`. */
const isSubpathEntry = (path: string): boolean =>
  /^src\/[a-z-]+\/index\.ts$/.test(path) && !/^src\/(protocol|services|layers)\//.test(path)

/** A file may pass on a name beside its own exports; a file that only passes on, or passes on all, is a barrel. */
const barrel: Check = ({ path, text, imports }) => {
  if (path === "src/index.ts" || isSubpathEntry(path)) return []
  const hasOwn = /^export (?:type )?[a-z]/m.test(text.replace(statement, ""))
  return imports
    .filter(({ isExport, names }) => isExport && (!hasOwn || names.includes("*")))
    .flatMap(({ line, from }) =>
      finding(line, "barrel", `passes ${from} on: only src/index.ts and the entry of a subpath do`)
    )
}

/** What makes a fiber, and takes what is to run in it. */
const forks: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["Effect", new Set(["forkChild", "forkDetach", "forkIn", "forkScoped"])],
  ["FiberHandle", new Set(["run"])],
  ["FiberMap", new Set(["run"])],
  ["FiberSet", new Set(["run"])]
])

/** What gives a function that makes fibers: of what that is given it knows nothing. */
const forkers: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["Effect", new Set(["runFork", "runForkWith"])],
  ["FiberHandle", new Set(["makeRuntime", "runtime"])],
  ["FiberMap", new Set(["makeRuntime", "runtime"])],
  ["FiberSet", new Set(["makeRuntime", "runtime"])]
])

/** Where the parenthesis that opens a text closes; 0 for a text that starts with none. */
const closing = (text: string): number => {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "(") depth += 1
    if (text[at] === ")") depth -= 1
    if (depth === 0) return at
  }
  return text.length
}

const comments = /^[ \t]*(?:\/?\*|\/\/).*$|[ \t]\/\/ .*$/gm

/** A fiber that fails prints nothing. What simulates hosts makes none. */
const heardFibers: Check = ({ path, text }) => {
  if (path === "src/layers/core/Background.ts") return []
  const code = text.replace(comments, "")
  return [...code.matchAll(/\b(\w+)\s*\.\s*(\w+)\b(?:<[^()]*?>)?/g)].flatMap((match) => {
    const [whole, module = "", name = ""] = match
    const rest = code.slice(match.index + whole.length)
    const isHeard = /\b(?:Background|tapCause)\b/.test(rest.slice(0, closing(rest)))
    const isSilent = forkers.get(module)?.has(name) === true || (forks.get(module)?.has(name) === true && !isHeard)
    const message = `\`${module}.${name}\` starts a fiber that stops in silence: use Background, or tapCause what it runs`
    return isSilent ? finding(lineAt(code, match.index), "fork", message) : []
  })
}

/** Functions of `Effect` that run, wait or repeat. */
const running = /\bEffect\s*\.\s*((?:fork|race|repeat|retry|forever|sleep|timeout)\w*)/g

const loops: Check = ({ path, text }) => {
  if (levels[levelOf(path)] !== "services") return []
  const code = text.replace(comments, "")
  return [...code.matchAll(running)].flatMap(({ 1: name, index }) =>
    finding(lineAt(code, index), "services", `\`Effect.${name}\` is a mechanism, which belongs in src/layers`)
  )
}

const riddle = /(?:^|\s)(?:\/\*\*?|\/\/)[\s*]*(What is|What was|The one that|Those of|One that)\b/gm

/** A comment starts with the name of its subject. */
const riddles: Check = ({ text }) =>
  [...text.matchAll(riddle)].flatMap(({ 0: whole, 1: words, index }) =>
    finding(
      lineAt(text, index + whole.length),
      "riddle",
      `"${words}" starts a comment: start with the name of the thing`
    )
  )

const checks: ReadonlyArray<Check> = [imports, length, fileName, barrel, heardFibers, loops, riddles]

/** Judges one source file; `path` is relative to the project and starts with `src/`. Generated code has no faults. */
export const inspect = (path: string, text: string): Findings => {
  if (path.startsWith("src/protocol/gen/")) return { violations: [], exempted: 0 }
  const source: Source = { path, text, imports: importsOf(text) }
  const found = checks.flatMap((check) => check(source))
  const excused = new Set<Finding>()
  const wrong: Array<Finding> = []
  for (const { 1: said = "", index } of text.matchAll(/\/\/\s*tidy:(.*)$/gm)) {
    const reason = said.trim()
    const line = lineAt(text, index)
    const here = found.filter((violation) => violation.line === line)
    const rules = new Set(here.map(({ rule }) => rule))
    if (reason === "") wrong.push({ line, rule: "exemption", message: "a tidy comment gives its reason" })
    else if (rules.size === 0)
      wrong.push({ line, rule: "exemption", message: "this line breaks no rule: remove the comment" })
    else if (rules.size > 1)
      wrong.push({ line, rule: "exemption", message: "one rule can be exempted on a line, not more" })
    else for (const violation of here) excused.add(violation)
  }
  const violations = [...found.filter((violation) => !excused.has(violation)), ...wrong]
  return { violations: violations.map((violation) => ({ path, ...violation })), exempted: excused.size }
}

export const violations = (path: string, text: string): ReadonlyArray<Violation> => inspect(path, text).violations

/** The import cycles among files, given by path and text; type imports count, since a cycle is a matter of design. */
export const cycles = (files: ReadonlyMap<string, string>): ReadonlyArray<Violation> => {
  const targets = (path: string): ReadonlyArray<string> =>
    importsOf(files.get(path) ?? "")
      .filter(({ from }) => isRelative(from))
      .map(({ from }) => resolve(path, from))
      .filter((target) => files.has(target))
  const found: Array<Violation> = []
  const done = new Set<string>()
  const visit = (path: string, trail: ReadonlyArray<string>): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const message = `imports itself: ${[...trail.slice(start), path].join(" -> ")}`
      found.push({ path, line: 1, rule: "cycle", message })
      return
    }
    if (done.has(path)) return
    for (const target of targets(path)) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of files.keys()) visit(path, [])
  return found
}

export const format = ({ path, line, rule, message }: Violation): string => `${path}:${line} [${rule}] ${message}`
