/** Starts a child host, for the scope. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect, Queue, Schema } from "effect"

const file = new URL("./child.ts", import.meta.url).pathname

export const Where = Schema.fromJsonString(Schema.Struct({ gossip: Schema.String, flowPort: Schema.Number }))
export const Refused = Schema.fromJsonString(Schema.Struct({ refused: Schema.String, why: Schema.String }))
export const Ended = Schema.fromJsonString(Schema.Struct({ ended: Schema.String }))
const Accused = Schema.Struct({ accused: Schema.String, as: Schema.String, by: Schema.Array(Schema.String) })
/** What a host says of others and of itself. */
export const Report = Schema.fromJsonString(
  Schema.Union([
    Accused,
    Schema.Struct({ lag: Schema.Number }),
    Schema.Struct({ awake: Schema.Boolean }),
    Schema.Struct({ served: Schema.Number })
  ])
)
export type Said = typeof Report.Type

export interface Child {
  readonly process: ChildProcess
  readonly where: typeof Where.Type
  /** The next line that it prints. */
  readonly line: Effect.Effect<string>
  /** Waits for its end; the exit code, or the signal. */
  readonly exit: Effect.Effect<number | NodeJS.Signals | null>
}

/** With the timings of one machine. */
export const child = (...args: ReadonlyArray<string>) => childWith("local", ...args)

/** Starts it, and waits for nothing. */
export const started = Effect.fnUntraced(function* (profile: "local" | "lan", ...args: ReadonlyArray<string>) {
  const env = { ...process.env, GRINTA_PROFILE: profile }
  const running = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [file, ...args], { env, stdio: ["pipe", "pipe", "inherit"] })),
    (running) =>
      Effect.sync(() => {
        running.kill("SIGKILL")
      })
  )
  const lines = yield* Queue.unbounded<string>()
  // What else it prints is its log.
  createInterface({ input: running.stdout }).on(
    "line",
    (line) => line.startsWith("{") && Queue.offerUnsafe(lines, line)
  )
  const exit = Effect.callback<number | NodeJS.Signals | null>((resume) => {
    if (running.exitCode !== null || running.signalCode !== null) return resume(Effect.succeed(running.exitCode))
    running.once("exit", (code, signal) => resume(Effect.succeed(code ?? signal)))
  })
  return { process: running, line: Queue.take(lines), exit }
})

export const childWith = Effect.fnUntraced(function* (profile: "local" | "lan", ...args: ReadonlyArray<string>) {
  const child = yield* started(profile, ...args)
  const where = yield* Effect.flatMap(child.line, Schema.decodeEffect(Where)).pipe(
    Effect.timeout("20 seconds"),
    Effect.orDie
  )
  const made: Child = { ...child, where }
  return made
})
