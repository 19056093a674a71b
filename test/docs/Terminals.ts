/** Commands of a document as a reader runs them: each host in a terminal of its own, at ports that the system chooses. */
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { type Sorted, sourceOf, startedBy, timeless } from "./blocks.ts"

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

/**
 * Runs commands one after the other, in a folder with the programs of their document. A host goes on, and says each line that
 * is shown; all else ends, and prints what is shown.
 */
export const play = Effect.fnUntraced(function* ({ programs, shells }: Pick<Sorted, "programs" | "shells">) {
  const cwd = yield* folder
  for (const program of programs) writeFileSync(join(cwd, program.file), sourceOf(program, cwd))
  /** Ports of the page, and those that they are here. */
  const ports = new Map<string, string>()
  const here = (text: string) =>
    [...ports]
      .reduce((said, [from, to]) => said.replaceAll(`:${from}`, `:${to}`), text)
      .replaceAll(/(_PORT=)\d+/g, "$10")
  const there = (text: string) =>
    [...ports].reduce((said, [to, from]) => said.replaceAll(new RegExp(`(?<=:|port )${from}\\b`, "g"), to), text)
  for (const { output, text } of shells) {
    const isHost = programs.some(({ file, isHost }) => isHost && file === startedBy(text))
    if (!isHost) {
      const printed = yield* run(here(text), cwd)
      if (text.includes("buf curl")) assert.strictEqual(compact(printed), compact(output), text)
      else assert.strictEqual(printed.trimEnd(), output, text)
      continue
    }
    const printed = yield* start(here(text), cwd)
    yield* until(() => places.test(printed()), printed)
    const [, ...shown] = places.exec(output) ?? []
    const [, ...found] = places.exec(printed()) ?? []
    for (const [i, port] of shown.entries()) ports.set(port, found[i] ?? "")
    const lines = output.split("\n")
    yield* until(() => lines.every((line) => there(timeless(printed())).split("\n").includes(line)), printed)
  }
})
