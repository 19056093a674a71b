/**
 * The demo: three processes find each other by gossip, count words through a flow, and outlive the death of one of them.
 *
 * This process is the client, and it starts the other two (`host.ts`). What they do is in `wordcount.ts`: begin there.
 * Usage: `npm run demo [-- FILE] [--json]`. With --json the report goes to stderr, and one JSON object to stdout.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Equal, Layer, Logger, References, Schedule, Stdio } from "effect"
// A program outside this repository imports from "grinta".
import { FabricLocal, Grinta } from "../../src/index.ts"
import * as Input from "./input.ts"
import { loseOwner } from "./loss.ts"
import * as Owners from "./owners.ts"
import * as Report from "./report.ts"
import { type Counted, countWords, WordCountLive } from "./wordcount.ts"

/** Other runs on this machine are other fabrics. */
const fabric = `demo-${process.pid}`

/** This process among the three. */
const ClientLive = Grinta.layer({
  name: "client",
  fabric,
  seeds: [],
  listen: { host: "127.0.0.1", gossipPort: 0, flowPort: 0 },
  profile: "local"
})

/** This process on its own, without a network: it exposes the endpoint and calls it through queues. */
const AloneLive = WordCountLive.pipe(Layer.provideMerge(FabricLocal.layer()))

/** Before a flow exists nobody has seen anything of it, so trying again is safe. */
const patience = {
  while: ({ _tag }: { readonly _tag: string }) => _tag === "NetworkError",
  schedule: Schedule.spaced("50 millis"),
  times: 200
}

const story = Effect.fnUntraced(function* ({ paths, title }: Input.Input) {
  const { paint, progress, step } = yield* Report.Report
  const lines = Input.linesOf(paths)
  const program = countWords(title, lines, (tally) => progress(Report.amounts(tally)))

  const { convergedMs, hosts } = yield* step(
    "three processes start and find each other by gossip",
    Owners.startAll(fabric),
    {
      say: ({ hosts }) =>
        hosts.map(({ flowPort, gossipPort, id, pid }) => {
          const role = id === "client" ? "this process, their seed" : "exposes text.wordcount"
          return `${id.padEnd(8)} pid ${pid}, gossip on ${gossipPort}, flows on ${flowPort}: ${role}`
        })
    }
  )

  const first = yield* step(`count the words of ${title}, streamed line by line`, program, {
    say: (counted) => [Report.summary(counted), ...Report.top(counted.tally)]
  })
  const isSame = ({ tally }: Counted): boolean => Equal.equals(tally, first.tally)
  const compare = (counted: Counted): ReadonlyArray<string> => [
    Report.summary(counted),
    isSame(counted) ? paint("green", "the result is the same") : paint("red", "the result is another")
  ]

  const alone = yield* step("the same program in one process, through queues", Effect.provide(program, AloneLive), {
    say: compare
  })

  const loss = yield* step(
    "again between processes, and its owner is killed half-way",
    loseOwner(title, lines, { linesTotal: first.tally.lines, hosts }),
    {
      say: ({ error, killToErrorMs, lines, owner }) => [
        `SIGKILL to ${owner} after ${Report.count(lines, "line")}`,
        `${paint("red", Report.describe(error))} after ${Report.millis(killToErrorMs)}`,
        paint("dim", error.message)
      ]
    }
  )

  const again = yield* step("connect again: the other owner takes over", Effect.retry(program, patience), {
    say: compare
  })

  return {
    hosts: hosts.length,
    convergedMs: Report.round(convergedMs),
    words: first.tally.words,
    sameResultLocal: isSame(alone),
    errorTag: loss.error._tag,
    errorReason: loss.error.reason._tag,
    killToErrorMs: Report.round(loss.killToErrorMs),
    recovered: isSame(again)
  }
})

const demo = Effect.gen(function* () {
  const { args } = yield* Stdio.Stdio
  const input = yield* Input.parse(yield* args)
  const told = story(input).pipe(Effect.scoped, Effect.provide(ClientLive))
  const outcome = yield* Effect.flatMap(Report.Report, ({ total }) => total(told)).pipe(
    Effect.provide(Report.layer(input.json ? process.stderr : process.stdout))
  )
  if (input.json) yield* Console.log(JSON.stringify(outcome))
  if (!outcome.sameResultLocal || !outcome.recovered)
    return yield* new Owners.DemoError({ detail: "the results differ: did the text change meanwhile?" })
})

/** What went wrong is one line; a bug is told in full. */
const tell = (cause: Cause.Cause<{ readonly message: string }>): Effect.Effect<void> => {
  const error = Cause.findErrorOption(cause)
  if (error._tag === "Some") return Console.error(`demo: ${error.value.message}`)
  return Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(cause)
}

demo.pipe(
  Effect.tapCause(tell),
  Effect.provide([NodeServices.layer, Layer.succeed(Logger.LogToStderr, true)]),
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
