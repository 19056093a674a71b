/** What the documents show is true: programs compile and print what they are said to print, commands exist. */
import { execFile, spawn } from "node:child_process"
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { Effect, Exit, Layer } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { latest } from "../../scripts/released.ts"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Certificates from "../layers/transport/http2/tls/Certificates.ts"
import { blocksOf, type Program, shellFault, sort, sourceOf, startedBy, timeless, where } from "./blocks.ts"

const documents = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md").sort()]
const contents = new Map(documents.map((document) => [document, readFileSync(document, "utf8")]))
const blocks = [...contents].flatMap(([document, content]) => blocksOf(document, content))
const { programs, shells, strays } = sort(blocks)

const scripts = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).scripts)

/** Beside the sources, so that their imports resolve; git and the other checks do not look into it. */
const folder = mkdtempSync("test/docs/.check-")

const pathOf = ({ document, file }: Program): string => join(folder, basename(document), file)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (path: string, ...how: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number; readonly output: string; readonly complaints: string }>((resolve) => {
    execFile(process.execPath, [...how, path], { timeout: 15_000 }, (error, output, complaints) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resolve({ code, output, complaints })
    })
  })

/** A log without what differs from run to run. */
const steady = (printed: string): string =>
  timeless(printed)
    .replaceAll(/flows on port \d+ of/g, "flows on port 7947 of")
    .replaceAll(/gossip on port \d+ of/g, "gossip on port 7946 of")
    .replaceAll(/gossip on 127\.0\.0\.1:\d+, flows on port \d+/g, "gossip on 127.0.0.1:7946, flows on port 7947")

/** Starts a host, waits for what it is to print, and tells it to stop; how it ended. */
const runHost = (path: string, output: string) =>
  new Promise<{ readonly code: number | null; readonly output: string }>((resolve, reject) => {
    const env = { ...process.env, GRINTA_GOSSIP_PORT: "0", GRINTA_FLOW_PORT: "0" }
    const host = spawn(process.execPath, [path], { env, stdio: ["ignore", "pipe", "inherit"] })
    const late = setTimeout(() => host.kill("SIGKILL"), 15_000)
    let printed = ""
    host.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text
      if (steady(printed).startsWith(output)) host.kill("SIGINT")
    })
    host.on("error", reject)
    host.on("close", (code) => {
      clearTimeout(late)
      resolve({ code, output: steady(printed) })
    })
  })

describe("code in the documents", () => {
  it("is all of a kind that is checked here", () => {
    assert.isEmpty(strays, `\n${strays.join("\n")}\n`)
    assert.isAbove(programs.length, 0)
    assert.isAbove(shells.length, 0)
  })

  it("has files of different names in each document", () => {
    const paths = programs.map(pathOf)
    assert.deepStrictEqual([...new Set(paths)], paths)
  })

  it.each(shells.map((block) => [where(block), block] as const))("commands exist: %s", (_, { text }) => {
    const faults = text.split("\n").flatMap((line) => shellFault(line, scripts) ?? [])
    assert.isEmpty(faults, `\n${faults.join("\n")}\n`)
  })
})

describe("programs in the documents", () => {
  beforeAll(() => {
    for (const program of programs) {
      mkdirSync(dirname(pathOf(program)), { recursive: true })
      writeFileSync(pathOf(program), sourceOf(program, dirname(pathOf(program))))
    }
    const files = programs.map((program) => relative(folder, pathOf(program)))
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../../tsconfig.json", include: [], files })
    )
  })

  it("compile", async () => {
    const found = await new Promise<ReadonlyArray<string>>((resolve) => {
      execFile("node_modules/.bin/tsc", ["-p", folder, "--pretty", "false"], (_, output) => resolve(output.split("\n")))
    })
    const faults = found.filter((line) => line.trim() !== "").map((line) => inDocument(line))
    assert.isEmpty(faults, `\n${faults.join("\n")}\n`)
  })

  it("that call a host are all run by another test", () => {
    const clients = programs.filter(({ isClient }) => isClient)
    assert.deepStrictEqual([...new Set(clients.map(({ document }) => document))], ["docs/protocol.md"])
  })

  /** A caller whose host is in another terminal; `terminals.test.ts` runs it. */
  const hasTerminal = ({ document, file, isHost }: Program): boolean =>
    !isHost && shells.some((shell) => shell.document === document && startedBy(shell.text) === file)

  const alone = programs.filter((program) => !program.isClient && !hasTerminal(program))
  it.each(alone.map((program) => [`${where(program)} ${program.file}`, program] as const))(
    "run: %s",
    async (_, program) => {
      if (program.isHost) {
        const ended = await runHost(pathOf(program), program.output)
        // What it says of its end comes behind.
        assert.strictEqual(ended.output.slice(0, program.output.length), program.output)
        assert.strictEqual(ended.code, 130)
        return
      }
      const runner = program.isTest ? ["node_modules/vitest/vitest.mjs", "run", "--project", "unit"] : []
      const { code, complaints, output } = await run(pathOf(program), ...runner)
      assert.strictEqual(code, 0, `${complaints}${output}`)
      if (program.isTest) return assert.match(output, /Tests .*1 passed/)
      assert.strictEqual(output.trimEnd(), program.output)
    }
  )
})

/** A finding of the compiler, at its place in the document. */
const inDocument = (finding: string): string => {
  const [, path, line, rest] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(finding) ?? []
  const program = programs.find((candidate) => pathOf(candidate) === path)
  if (program === undefined || line === undefined) return finding
  return `${where({ document: program.document, line: program.line + Number(line) })} ${rest}`
}

describe("the README", () => {
  const readme = contents.get("README.md") ?? ""

  it("says its three nouns and its two commands on the first screen", () => {
    const screen = readme.split("\n").slice(0, 20).join("\n")
    for (const word of ["**endpoint**", "**fabric**", "**flow**", "npm ci && npm run demo", "npm ci && npm test"])
      assert.include(screen, word)
  })

  const keys = ["AAECAwQFBgcICQoLDA0ODw=="]
  const tls = Certificates.make("an authority").issue("server")
  const listen = { host: "0.0.0.0", gossipPort: 0, flowPort: 0 }
  const start = (options: Grinta.Options) =>
    Effect.runPromise(Effect.exit(Effect.scoped(Layer.build(Grinta.layer({ name: "server", listen, ...options })))))

  it.each([
    ["keys and tls", {}],
    ["tls", { keys }],
    ["keys", { tls }]
  ])("is right that a host beyond loopback needs %s, or says that it goes without", async (missing, more) => {
    const detail = `host: 0.0.0.0 is reached from other machines; give ${missing}, say insecure: true`
    assert.include(String(await start(more)), detail)
    assert.isTrue(Exit.isSuccess(await start({ ...more, insecure: true })))
  })

  it("is right that one with both needs no word", async () => {
    assert.isTrue(Exit.isSuccess(await start({ keys, tls })))
  })

  it("says on which releases of Node it runs", () => {
    assert.include(readme, JSON.parse(readFileSync("package.json", "utf8")).engines.node)
  })
})

describe("the changelog", () => {
  it("has what is not released yet, and each version from the latest on", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"))
    const headings = [...(contents.get("CHANGELOG.md") ?? "").matchAll(/^## ([^\s,]+)/gm)].map(([, heading]) => heading)
    assert.deepStrictEqual(headings.slice(0, 2), ["Unreleased", latest])
    assert.include(headings, `v${version}`)
  })
})

describe("links in the documents", () => {
  it.each([...contents])("lead somewhere: %s", (document, content) => {
    const targets = [...content.matchAll(/\]\(([^)#]+)[^)]*\)/g)].flatMap(([, target]) => target ?? [])
    const missing = targets.filter(
      (target) => !/^https?:/.test(target) && globSync(join(dirname(document), target)).length === 0
    )
    assert.isEmpty(missing)
  })
})

describe("files that the documents name", () => {
  const files = globSync("{src,test,scripts,bench,examples,proto}/**/*.ts", { exclude: ["**/node_modules/**"] })

  it.each([...contents])("exist: %s", (document, content) => {
    const own = programs.filter((program) => program.document === document).map(({ file }) => file)
    const named = [...content.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path = ""]) => path)
    const missing = named.filter(
      (path) => !own.includes(path) && !files.some((file) => `/${file}`.endsWith(`/${path}`))
    )
    assert.isEmpty(missing)
  })
})

describe("a block that nothing would check", () => {
  const found = (content: string): ReadonlyArray<string> => sort(blocksOf("a.md", content)).strays
  const block = (language: string): string => `\`\`\`${language}\nx\n\`\`\`\n`

  it.each(["", "js", "json", "typescript", "ts ignore"])("is refused: %s", (language) => {
    assert.lengthOf(found(block(language)), 1)
  })

  it("is output without a program, or a fence that is not closed", () => {
    assert.lengthOf(found(block("text")), 1)
    assert.lengthOf(found(block("ts") + block("text") + block("text")), 1)
    assert.lengthOf(found("```ts\nx\n"), 1)
    assert.isEmpty(found(block("ts") + block("text")))
  })

  it("is a command that does not exist", () => {
    const fault = (line: string): string | undefined => shellFault(line, ["demo"])
    for (const line of ["npm run nothing", "npm ci && npm run nothing", "npx node examples/nothing.ts", "rm x", ""])
      assert.isString(fault(line), line)
    for (const line of ["npm ci && npm run demo", "npm test", "npx node examples/chat.ts"])
      assert.isUndefined(fault(line), line)
  })
})
