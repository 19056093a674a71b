/**
 * The death of an owner in the middle of a flow, and how soon and how clearly the caller is told.
 */
import { Effect, Stream } from "effect"
import { DemoError, type Hosts } from "./owners.ts"
import * as Report from "./report.ts"
import { countWords, type Tally } from "./wordcount.ts"

/** How long the caller goes on waiting for an owner that was killed. */
const lossTimeout = "10 seconds"

/** Sends half of the lines, kills their owner once it has counted them, and gives the error that the flow ends with. */
export const loseOwner = Effect.fnUntraced(function* <E, R>(
  key: string,
  lines: Stream.Stream<string, E, R>,
  options: { readonly linesTotal: number; readonly hosts: Hosts }
) {
  const half = Math.ceil(options.linesTotal / 2)
  const death = { owner: "", at: 0 }

  const killOwner = (tally: Tally, owner: string) =>
    Effect.gen(function* () {
      const pid = options.hosts.find(({ id }) => id === owner)?.pid
      if (tally.lines < half || pid === undefined) return
      death.owner = owner
      death.at = yield* Report.nowMillis
      process.kill(pid, "SIGKILL")
    })

  const waiting = Stream.drain(Stream.fromEffect(Effect.sleep(lossTimeout)))
  const error = yield* countWords(key, Stream.concat(Stream.take(lines, half), waiting), killOwner).pipe(
    Effect.andThen(new DemoError({ detail: "the owner was killed, and its flow has not failed" })),
    Effect.catchTag("FlowError", (error) => Effect.succeed(error))
  )
  return { error, owner: death.owner, lines: half, killToErrorMs: (yield* Report.nowMillis) - death.at }
})
