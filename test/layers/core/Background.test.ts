/** What runs in the background and stops is heard of. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Background from "../../../src/layers/core/Background.ts"
import * as Tls from "../../../src/layers/transport/http2/tls/Tls.ts"
import * as Certificates from "../transport/http2/tls/Certificates.ts"

/** A logger that writes down what it is told. */
const recorder = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(
      `${logLevel} ${[message]
        .flat()
        .filter((part) => typeof part === "string")
        .join(" ")}`
    )
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("what runs in the background", () => {
  it.effect("says so when it stops, and what it was", () => {
    const log = recorder()
    return Effect.gen(function* () {
      yield* Background.run("the first", Effect.fail("no"))
      yield* Background.run("the second", Effect.die("no"))
      yield* Background.run("the third", Effect.never)
      const run = yield* Background.makeRun("the fourth")
      run(Effect.die("no"))
      run(Effect.void)
      yield* TestClock.adjust("1 second")
    }).pipe(
      Effect.scoped,
      Effect.provide(log.layer),
      Effect.andThen(
        Effect.sync(() =>
          assert.sameMembers(log.lines, [
            "Error the first stopped",
            "Error the second stopped",
            "Error the fourth stopped"
          ])
        )
      )
    )
  })

  it.effect("is, among others, the renewal of certificates", () => {
    const log = recorder()
    const material = Certificates.make("authority").issue("server", { fabric: "test" })
    const tls = { ...material, fabric: "test", host: "server", renewals: Stream.die("a bug") }
    return Effect.andThen(TestClock.setTime(Date.now()), Tls.make(tls)).pipe(
      Effect.andThen(TestClock.adjust("1 second")),
      Effect.scoped,
      Effect.provide(log.layer),
      Effect.andThen(
        Effect.sync(() => assert.deepStrictEqual(log.lines, ["Error the renewal of certificates stopped"]))
      )
    )
  })
})
