/** Starts hosts in processes of their own, of today's sources or of a release, for the scope. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect, Queue, Schema } from "effect"
import { flagsFor } from "../../scripts/sources.ts"

const file = new URL("./host.ts", import.meta.url).pathname

const Where = Schema.fromJsonString(Schema.Struct({ gossip: Schema.String, sources: Schema.String }))
const Called = Schema.fromJsonString(
  Schema.Struct({ called: Schema.String, replies: Schema.Number, from: Schema.String })
)

export interface Host {
  readonly name: string
  readonly gossip: string
  /** The URL of the `src/index.ts` that it runs on. */
  readonly sources: string
  /** Has it exchange messages with the echo of a host, and says what came back. */
  readonly call: (host: string, count: number) => Effect.Effect<typeof Called.Type>
  /** Has it call the endpoint of a host that fails after its end. */
  readonly callLate: (host: string) => Effect.Effect<typeof Called.Type>
}

export interface Options {
  readonly name: string
  readonly seeds?: ReadonlyArray<string>
  /** Where its sources are, if they are not those of today. */
  readonly folder?: string
}

export const start = Effect.fnUntraced(function* ({ folder, name, seeds = [] }: Options) {
  const flags = folder === undefined ? [] : flagsFor(folder)
  const running = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...flags, file, name, ...seeds], { stdio: ["pipe", "pipe", "inherit"] })
    ),
    (running) =>
      Effect.sync(() => {
        running.kill("SIGKILL")
      })
  )
  const lines = yield* Queue.unbounded<string>()
  createInterface({ input: running.stdout }).on("line", (line) => Queue.offerUnsafe(lines, line))
  const next = <A>(schema: Schema.Codec<A, string>) =>
    Effect.flatMap(Queue.take(lines), Schema.decodeEffect(schema)).pipe(Effect.timeout("20 seconds"), Effect.orDie)
  const { gossip, sources } = yield* next(Where)
  const order = (line: string) =>
    Effect.andThen(
      Effect.sync(() => running.stdin.write(`${line}\n`)),
      next(Called)
    )
  const host: Host = {
    name,
    gossip,
    sources,
    call: (other, count) => order(`call ${other} ${count}`),
    callLate: (other) => order(`late ${other}`)
  }
  return host
})
