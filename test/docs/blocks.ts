/** The fenced code blocks of the documents, and what each must be. */
import { existsSync } from "node:fs"
import { relative } from "node:path"

export interface Block {
  /** Path of the document. */
  readonly document: string
  /** Line of its opening fence, from 1. */
  readonly line: number
  /** What follows the fence, such as "ts". */
  readonly language: string
  readonly text: string
}

export const where = ({ document, line }: Pick<Block, "document" | "line">): string => `${document}:${line}`

const fence = /^\s*(?:```|~~~)/

/** All blocks of a document, in order. A fence that is not closed is a block to its end, of a language of its own. */
export const blocksOf = (document: string, content: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  const lines = content.split("\n")
  let at = 0
  while (at < lines.length) {
    const opening = lines[at] ?? ""
    at += 1
    if (!fence.test(opening)) continue
    const start = at
    while (at < lines.length && !fence.test(lines[at] ?? "")) at += 1
    const language = at === lines.length ? "a fence that is not closed" : opening.replace(fence, "").trim()
    blocks.push({ document, line: start, language, text: lines.slice(start, at).join("\n") })
    at += 1
  }
  return blocks
}

/** A TypeScript block with the output that is shown below it. */
export interface Program extends Block {
  /** The block says it in its first line, `// name.ts`; others of the document may import it. */
  readonly file: string
  readonly output: string
  /** It serves until it is told to stop. */
  readonly isHost: boolean
  /** A test, which its runner runs. */
  readonly isTest: boolean
  /** It calls a host that is there already, at this port. */
  readonly isClient: boolean
}

export interface Sorted {
  readonly programs: ReadonlyArray<Program>
  readonly shells: ReadonlyArray<Block & { readonly output: string }>
  /** Lives of a flow, drawn frame by frame. */
  readonly flows: ReadonlyArray<Block>
  /** Blocks that nothing would check, and why. */
  readonly strays: ReadonlyArray<string>
}

/** Where the documents say that a host is. */
export const hostPort = "127.0.0.1:7947"

/** A program of a document as a file of a folder: the package by its sources, and generated code by ours. */
export const sourceOf = (program: Program, folder: string): string =>
  program.text
    .replaceAll('from "grinta"', `from "${relative(folder, "src/index.ts")}"`)
    .replaceAll('from "grinta/testing"', `from "${relative(folder, "src/testing/index.ts")}"`)
    .replaceAll('from "grinta/rpc"', `from "${relative(folder, "src/rpc/index.ts")}"`)
    .replaceAll('from "grinta/testing/vitest"', `from "${relative(folder, "src/testing/vitest.ts")}"`)
    .replaceAll('from "./gen/', `from "${relative(folder, "src/protocol/gen")}/`)

const named = /^\/\/ ([\w-]+(?:\.test)?\.ts)$/m

/** Sorts blocks by what is to be done with them. Whatever cannot be checked is a stray. */
export const sort = (blocks: ReadonlyArray<Block>): Sorted => {
  const strays: Array<string> = []
  const outputOf = (block: Block): string => {
    const next = blocks[blocks.indexOf(block) + 1]
    return next?.document === block.document && next.language === "text" ? next.text : ""
  }
  for (const [at, block] of blocks.entries()) {
    const before = blocks[at - 1]
    if (block.language === "text") {
      if (before?.document !== block.document || !["ts", "sh"].includes(before.language))
        strays.push(`${where(block)} shows output, but the block before it is no program: put it below a ts block`)
    } else if (!["ts", "sh", "flow"].includes(block.language)) {
      const language = block.language === "" ? "no language" : `"${block.language}"`
      strays.push(
        `${where(block)} is a block of ${language}, which nothing checks: use ts (compiled and run), text (its output), ` +
          "sh (commands), flow (frames of a flow), or no block at all"
      )
    }
  }
  const of = (language: string) => blocks.filter((block) => block.language === language)
  return {
    programs: of("ts").map((block) => ({
      ...block,
      file: named.exec(block.text.split("\n")[0] ?? "")?.[1] ?? `line-${block.line}.ts`,
      output: outputOf(block),
      isHost: block.text.includes("Layer.launch"),
      isTest: block.text.includes("@effect/vitest"),
      isClient: block.text.includes(hostPort)
    })),
    shells: of("sh").map((block) => ({ ...block, output: outputOf(block) })),
    flows: of("flow"),
    strays
  }
}

/** A command that runs a program of the document in a terminal of its own: a host, or a caller that ends by itself. */
const starting = /^(?:GRINTA_\w+=\S+ )+node ([\w-]+\.ts)$/

/** The file of the program that a command runs, if it does. */
export const startedBy = (command: string): string | undefined => starting.exec(command)?.[1]

/** A log without its times, and without the fibers that wrote it. */
export const timeless = (printed: string): string =>
  printed.replaceAll(/^\[[\d:.]+\] (\w+) \(#\d+\)/gm, "[12:00:00.000] $1 (#1)")

const known: ReadonlyArray<RegExp> = [
  /^npm ci(?: --prefix reference)?$/,
  /^npm --prefix reference run build$/,
  /^npm install grinta effect @effect\/platform-node$/,
  /^npm pack$/,
  /^npm test$/,
  /^(?:npx )?buf curl /,
  /^openssl req -x509 /,
  /^openssl verify -CAfile /,
  /^openssl rand -base64 32 > /,
  /^(?:cat|echo|grep|mv) [\w./ =>-]+$/,
  starting
]

/** Why a command line would not work; undefined when it would. */
export const shellFault = (line: string, scripts: ReadonlyArray<string>): string | undefined => {
  for (const command of line.split("&&").map((part) => part.trim())) {
    const script = /^npm run ([\w:-]+)(?: --.*)?$/.exec(command)?.[1]
    const file = /^(?:npx (?:node|vitest run) |\.\/)?([\w./-]+)$/.exec(command)?.[1]
    if (script !== undefined) {
      if (!scripts.includes(script)) return `"${command}": package.json has no script "${script}"`
    } else if (file?.includes("/")) {
      if (!existsSync(file)) return `"${command}": there is no file ${file}`
    } else if (!known.some((pattern) => pattern.test(command)))
      return `"${command}" is neither an npm script nor a file, nor one of the commands that the test knows`
  }
  return undefined
}
