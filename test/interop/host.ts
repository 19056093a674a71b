/**
 * A host of ours in a process of its own, for tests that kill it. It says where it is in one line, and leaves when its
 * standard input ends.
 *
 * Usage: host.ts OPTIONS, the options of `Ours.start` as JSON.
 */
import { Effect, Logger, Schema } from "effect"
import * as Ours from "./Ours.ts"

export const Options = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    port: Schema.Number,
    generation: Schema.Number,
    delegateVersion: Schema.Number
  })
)

const stdinEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void)).resume()
})

const program = Effect.gen(function* () {
  const options = yield* Schema.decodeEffect(Options)(process.argv[2] ?? "")
  const { address } = yield* Ours.start(options)
  process.stdout.write(`${address}\n`)
  yield* stdinEnd
})

// What it says of itself goes over the standard output.
if (import.meta.filename === process.argv[1])
  Effect.runFork(Effect.provideService(Effect.scoped(program), Logger.LogToStderr, true))
