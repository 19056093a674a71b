/** The fuzzer on the command line: `npm run fuzz -- --help`. */
import "../stdout.ts"
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { parse, usage } from "./Arguments.ts"
import * as Engine from "./Engine.ts"
import { targets } from "./targets.ts"

/** Ends with one line for whoever typed it. */
const refuse = (message: string): never => {
  process.stderr.write(`fuzz: ${message} (--help says more)\n`)
  process.exit(2)
}

const corpus = new URL("../../test/fuzz/corpus/", import.meta.url)

/** Keeps an input that a test replays from now on; its path in the repository. */
const keep = (target: string, input: Uint8Array): string => {
  const name = createHash("sha256").update(input).digest("hex").slice(0, 16)
  mkdirSync(new URL(`${target}/`, corpus), { recursive: true })
  writeFileSync(new URL(`${target}/${name}`, corpus), input)
  return `test/fuzz/corpus/${target}/${name}`
}

const asked = parse(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32), targets)
if (asked === "help") {
  process.stdout.write(
    `${usage}\nTargets:\n${targets.map(({ name, says }) => `  ${name.padEnd(20)}${says}`).join("\n")}\n`
  )
  process.exit()
}
if ("wrong" in asked) refuse(asked.wrong)
else {
  const seconds = asked.seconds / asked.targets.length
  let found = 0
  if (!asked.json)
    process.stdout.write(`seed ${asked.seed}, ${seconds.toFixed(1)} s for each of ${asked.targets.length} targets\n`)
  for (const target of asked.targets) {
    const report = await Engine.fuzz(target, { seconds, seed: String(asked.seed), isGuided: asked.isGuided })
    const { blocks, findings, inputs, kept } = report
    if (asked.json)
      process.stdout.write(
        `${JSON.stringify({ ...report, findings: findings.map(({ input, ...rest }) => ({ ...rest, input: Buffer.from(input).toString("hex") })) })}\n`
      )
    else {
      const guided = asked.isGuided ? `, ${blocks} blocks, ${kept} inputs kept` : ""
      process.stdout.write(
        `${target.name.padEnd(20)}${String(inputs).padStart(9)} inputs${guided}, ${findings.length} findings\n`
      )
    }
    for (const { detail, input, kind } of findings)
      process.stderr.write(
        `${target.name} ${kind}: ${detail.split("\n").slice(0, 4).join("\n    ")}\n    seed ${asked.seed}, ${input.length} bytes in ${keep(target.name, input)}\n`
      )
    found += findings.length
  }
  process.exit(found === 0 ? 0 : 1)
}
