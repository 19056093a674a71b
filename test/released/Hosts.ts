/** Starts hosts in processes of their own, of today's sources or of a release, for the scope. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect, Queue, Schema } from "effect"
import { flagsFor } from "../../scripts/sources.ts"
import { Note } from "./Note.ts"

const file = new URL("./host.ts", import.meta.url).pathname

const Where = Schema.fromJsonString(Schema.Struct({ gossip: Schema.String, sources: Schema.String }))
const Called = Schema.fromJsonString(
  Schema.Struct({ called: Schema.String, replies: Schema.Number, from: Schema.String })
)

const isNote = (line: string): boolean => line.startsWith('{"note":')
const decodeNote = Schema.decodeUnknownSync(Schema.fromJsonString(Note))

export interface Host {
  readonly name: string
  readonly gossip: string
  /** The URL of the `src/index.ts` that it runs on. */
  readonly sources: string
  /** Has it exchange messages with the echo of a host, and says what came back. */
  readonly call: (host: string, count: number) => Effect.Effect<typeof Called.Type>
  /** Has it call the endpoint of a host that fails after its end. */
  readonly callLate: (host: string) => Effect.Effect<typeof Called.Type>
  /** Has it exchange checked messages with other hosts until it ends. */
  readonly check: (hosts: ReadonlyArray<string>) => Effect.Effect<void>
  /** Has it end in good order, and waits for that. */
  readonly close: Effect.Effect<void>
}

export interface Options {
  readonly name: string
  /** Port of gossip; one that is free unless given. */
  readonly port?: number
  readonly seeds?: ReadonlyArray<string>
  /** Told what becomes of checked messages. */
  readonly onNote?: (note: Note) => void
  /** Where its sources are, if they are not those of today. */
  readonly folder?: string
}

/** How long a host may take to come up, and to end: it drains for 5 seconds, and says goodbye. */
const patience = "60 seconds"

const ended = (running: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (running.exitCode !== null || running.signalCode !== null) resume(Effect.void)
    else running.once("exit", () => resume(Effect.void))
  })

export const start = Effect.fnUntraced(function* ({ folder, name, onNote, port = 0, seeds = [] }: Options) {
  const flags = folder === undefined ? [] : flagsFor(folder)
  const running = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...flags, file, name, String(port), ...seeds], { stdio: ["pipe", "pipe", "inherit"] })
    ),
    (running) =>
      Effect.sync(() => {
        running.kill("SIGKILL")
      })
  )
  const lines = yield* Queue.unbounded<string>()
  createInterface({ input: running.stdout }).on("line", (line) => {
    if (isNote(line)) onNote?.(decodeNote(line))
    else Queue.offerUnsafe(lines, line)
  })
  const next = <A>(schema: Schema.Codec<A, string>) =>
    Effect.flatMap(Queue.take(lines), Schema.decodeEffect(schema)).pipe(Effect.timeout(patience), Effect.orDie)
  const { gossip, sources } = yield* next(Where)
  const tell = (line: string) =>
    Effect.sync(() => {
      running.stdin.write(`${line}\n`)
    })
  const order = (line: string) => Effect.andThen(tell(line), next(Called))
  const host: Host = {
    name,
    gossip,
    sources,
    call: (other, count) => order(`call ${other} ${count}`),
    callLate: (other) => order(`late ${other}`),
    check: (hosts) => tell(`check ${hosts.join(" ")}`),
    close: Effect.andThen(
      Effect.sync(() => running.stdin.end()),
      Effect.orDie(Effect.timeout(ended(running), patience))
    )
  }
  return host
})
