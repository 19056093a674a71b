// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the fixtures are source text

/** What the linter refuses in src, by a run of it over small files in a folder of their own. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const any = "lint/suspicious/noExplicitAny"
const nonNull = "lint/style/noNonNullAssertion"
const timer = "lint/style/noRestrictedGlobals"
const timerImport = "lint/style/noRestrictedImports"
const log = "lint/suspicious/noConsole"
const defaultExport = "lint/style/noDefaultExport"

/** The rule that refuses each text, or the word by which the plugin of src names what it refuses. */
const refused: ReadonlyArray<readonly [rule: string, text: string]> = [
  ["try", "try { f() } catch { g() }"],
  ["try", "try { f() } finally { g() }"],
  ["throw", `throw new Error("x")`],
  ["async", "const f = async () => 1"],
  ["async", "const f = async x => x"],
  ["async", "async function f() {}"],
  ["async", "const f = async function () {}"],
  ["async", "run(1, async (x) => x)"],
  ["async", "const x = { async f() {} }"],
  ["async", "const x = { async *f() {} }"],
  ["async", "class X { async f() {} }"],
  ["async", "class X { private static async f() {} }"],
  ["await", "const x = await f()"],
  ["await", "for await (const x of xs) f(x)"],
  ["await", "await using x = f()"],
  ["Date", "const now = Date.now()"],
  ["Date", "const now = Date()"],
  ["Date", "const now = new Date()"],
  ["Date", "const now = new Date(2020, 1)"],
  ["Math.random", "const now = globalThis.Date.now()"],
  ["Math.random", "const now = new globalThis.Date()"],
  ["Math.random", "const x = Math.random()"],
  ["Math.random", "const random = Math.random"],
  ["Math.random", "const x = globalThis.Math.random()"],
  [timer, "setTimeout(f, 1)"],
  [timer, "run(setInterval)"],
  ["Math.random", "globalThis.setInterval(f, 1)"],
  [timerImport, `import { setTimeout } from "node:timers/promises"`],
  [timerImport, `import { setTimeout as wait } from "node:timers/promises"`],
  [log, `console.log("x")`],
  [log, `globalThis.console.log("x")`],
  [any, "const x: any = 1"],
  [any, "type X = Array<any>"],
  [nonNull, "const x = y!.z"],
  [nonNull, "const x = f()!"],
  [nonNull, "const x = a[0]!"],
  ["!", "let x!: string"],
  ["!", "class X { x!: string }"],
  ["as", "const x = y as Z"],
  ["as", "const x = <Z>y"],
  ["as", "const x = { a: [f(y) as Z] }"],
  ["as", "const x = `${y as Z}`"],
  ["as", "const x = f(y as const) as Z"],
  [defaultExport, "export default 1"],
  [defaultExport, "const a = 1\nexport { a as default }"]
]

const allowed: ReadonlyArray<string> = [
  "// try { throw await async Date.now() } as any",
  "/* setTimeout(f)\n * console.log(x!) */",
  `const x = "try { throw x as any }"`,
  "const x = `console.log() ${y} Date.now() ${{ a: 1 }.a} x as any`",
  "const x = /setTimeout|console.log|a!b/.test(y)",
  "const x = Effect.try({ try: () => 1, catch: () => 2 })",
  "const x = Deferred.await(y)",
  "const x = Effect.as(y, 1)",
  "const x = { async(y) {}, async: (y) => 1, await: 1 }",
  "async(1)",
  "interface X {\n  any: string\n  await?: string\n  setTimeout(): void\n}",
  "const x = [1] as const",
  `import { a as b } from "effect"`,
  "const a = 1\nexport { a as b }",
  "type X<T> = { readonly [K in keyof T as `get${K}`]: T[K] }",
  "const x = !y && !z !== !w",
  "const x: Date = y",
  "const x = Schema.Date",
  "request.setTimeout(1)",
  "// biome-ignore lint/plugin: the library types it as unknown\nconst x = y as Z"
]

interface Report {
  readonly diagnostics: ReadonlyArray<{
    readonly category: string
    readonly message: string
    readonly location: { readonly path: string }
  }>
}

const ours = new Set([any, nonNull, timer, timerImport, log, defaultExport])

const folder = mkdtempSync(join(tmpdir(), "grinta-lint-"))

const write = (path: string, text: string): void => {
  mkdirSync(join(folder, dirname(path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const lint = (): Promise<Report> =>
  new Promise((done) => {
    const flags = ["lint", "--reporter=json", "--max-diagnostics=none", "src"]
    const options = { cwd: folder, maxBuffer: 2 ** 26 }
    execFile(resolve("node_modules/.bin/biome"), flags, options, (_, output) => done(JSON.parse(output)))
  })

describe("the linter in src", () => {
  const found = new Map<string, Array<string>>()

  beforeAll(async () => {
    const config = JSON.parse(readFileSync("biome.json", "utf8"))
    for (const override of config.overrides)
      override.plugins = override.plugins?.map((plugin: string) => resolve(plugin))
    write("biome.json", JSON.stringify({ ...config, vcs: { enabled: false } }))
    refused.forEach(([, text], at) => {
      write(`src/layers/refused/${at}.ts`, `${text}\n`)
    })
    allowed.forEach((text, at) => {
      write(`src/layers/allowed/${at}.ts`, `${text}\n`)
    })
    write("src/protocol/gen/a.ts", "export default x as any\n")
    for (const { category, location, message } of (await lint()).diagnostics) {
      const rule = category === "plugin" ? (/`(.*?)`/.exec(message)?.[1] ?? "") : category
      if (category !== "plugin" && !ours.has(category)) continue
      found.set(location.path, [...(found.get(location.path) ?? []), rule])
    }
  }, 120_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(refused.map(([rule, text], at) => [rule, text, at] as const))("refuses %s: %s", (rule, _, at) => {
    assert.include(found.get(`src/layers/refused/${at}.ts`) ?? [], rule)
  })

  it.each(allowed.map((text, at) => [text, at] as const))("allows %s", (_, at) => {
    assert.isUndefined(found.get(`src/layers/allowed/${at}.ts`))
  })

  it("leaves generated code alone", () => {
    assert.isUndefined(found.get("src/protocol/gen/a.ts"))
  })
})
