/** docs/security/ten-commands.md does what it says, run as a reader runs it: each host in a terminal of its own. */
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { blocksOf, hosting, sort, sourceOf, timeless } from "./blocks.ts"

const document = "docs/security/ten-commands.md"
const content = readFileSync(document, "utf8")
const { programs, shells } = sort(blocksOf(document, content))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync("test/docs/.check-")),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** The ports of the page are free at whoever reads it; here the system chooses. */
const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  GRINTA_GOSSIP_PORT: "0",
  GRINTA_FLOW_PORT: "0"
}

/** Runs a command to its end; what it prints. */
const run = (command: string, cwd: string) =>
  Effect.callback<string, Error>((resume) => {
    const child = execFile("sh", ["-c", command], { cwd, env }, (error, printed) =>
      resume(error === null ? Effect.succeed(printed) : Effect.fail(error))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Starts a host that runs as long as the scope; what it has printed so far. */
const start = (command: string, cwd: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn("sh", ["-c", `exec env ${command}`], { cwd, env, stdio: ["ignore", "pipe", "inherit"] })
        const printed: Array<string> = []
        child.stdout.setEncoding("utf8").on("data", (text: string) => printed.push(text))
        return { child, printed }
      }),
      ({ child }) =>
        Effect.callback<void>((resume) => {
          child.once("close", () => resume(Effect.void)).kill("SIGKILL")
        })
    ),
    ({ printed }) =>
      () =>
        printed.join("")
  )

const until = (isSo: () => boolean, otherwise: () => string) =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeoutOrElse({ duration: "60 seconds", orElse: () => Effect.die(otherwise()) })
  )

/** JSON as the page has it: a value a line. */
const compact = (printed: string): string => printed.replaceAll(/\s+/g, "").replaceAll("}{", "}\n{")

const places = /is up: gossip on 127\.0\.0\.1:(\d+), flows on port (\d+)/

describe("a fabric in ten commands", () => {
  it("is ten commands, each with a line that says what it is for", () => {
    assert.deepStrictEqual(
      shells.map(({ text }) => text.split("\n").length),
      Array.from({ length: 10 }, () => 1)
    )
    const explained = [...content.matchAll(/^(\d+)\\. .+\n\n```sh$/gm)].map(([, number]) => Number(number))
    assert.deepStrictEqual(explained, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it.live(
    "lets a client from outside in at one endpoint, refuses it at the other, and prints what the page shows",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        for (const program of programs) writeFileSync(join(cwd, program.file), sourceOf(program, cwd))
        /** Ports of the page, and those that they are here. */
        const ports = new Map<string, string>()
        const here = (text: string) =>
          [...ports].reduce((said, [from, to]) => said.replaceAll(`:${from}`, `:${to}`), text)
        const there = (text: string) =>
          [...ports].reduce((said, [to, from]) => said.replaceAll(new RegExp(`(?<=:|port )${from}\\b`, "g"), to), text)
        for (const { output, text } of shells) {
          if (!hosting.test(text)) {
            const printed = yield* run(here(text), cwd)
            if (text.includes("buf curl")) assert.strictEqual(compact(printed), compact(output), text)
            else assert.strictEqual(printed.trimEnd(), output, text)
            continue
          }
          const printed = yield* start(here(text).replaceAll(/(_PORT=)\d+/g, "$10"), cwd)
          yield* until(() => places.test(printed()), printed)
          const [, ...shown] = places.exec(output) ?? []
          const [, ...found] = places.exec(printed()) ?? []
          for (const [i, port] of shown.entries()) ports.set(port, found[i] ?? "")
          const lines = output.split("\n")
          yield* until(() => lines.every((line) => there(timeless(printed())).split("\n").includes(line)), printed)
        }
        const [answer = ""] = /(?<="messages":\[")[^"]+(?="\]\}\}\n\{"end)/.exec(content) ?? []
        assert.include(content, `\`${Buffer.from(answer, "base64")}\``)
      }),
    180_000
  )
})
