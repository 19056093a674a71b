/**
 * The laws of `delivered`: "no" is a promise that the handler sees nothing of what this side said, and is given whenever
 * it can be kept.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Random, Schema, type Scope, Stream } from "effect"
import * as Contract from "../../src/services/Contract.ts"
import type { Flow } from "../../src/services/Flow.ts"
import { FlowError } from "../../src/services/FlowError.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"
import { errorOf, serving, soon } from "./Serving.ts"

const orders = Contract.make("orders", { input: Schema.NonEmptyString, output: Schema.String })
const limits = { messageBytesMax: 20 }

type Asked = Flow<string, string>

/** What a caller does; those of the second line are refused on this side. */
const steps = {
  send: (flow: Asked) => flow.send("order"),
  sendAll: (flow: Asked) => flow.sendAll(["order", "order"]),
  end: (flow: Asked) => flow.end,
  tooLarge: (flow: Asked) => flow.send("a".repeat(100)),
  oneTooLarge: (flow: Asked) => flow.sendAll(["order", "a".repeat(100)]),
  malformed: (flow: Asked) => flow.send(""),
  oneMalformed: (flow: Asked) => flow.sendAll(["order", ""])
}

type Step = keyof typeof steps

const told = (error: unknown): string =>
  error instanceof FlowError ? `${error.reason._tag}, delivered: ${error.delivered}` : String(error)

export const deliveredLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  /** An endpoint that writes down what it hears, and answers with it at the end. */
  const listening = Effect.gen(function* () {
    const seen: Array<string> = []
    const ended = yield* Deferred.make<void>()
    const far = yield* serving(
      makeWire,
      orders,
      (flow) =>
        Stream.runForEach(flow.messages, (message) => Effect.sync(() => seen.push(message))).pipe(
          Effect.andThen(Effect.sync(() => seen.push("end"))),
          Effect.andThen(Deferred.succeed(ended, undefined)),
          Effect.andThen(flow.end)
        ),
      { limits }
    )
    return { ...far, seen, ended }
  })

  describe(`delivered: ${name}`, () => {
    it.live.each([
      [["send", "end", "send"], "FlowClosed, delivered: maybe"],
      [["end", "send"], "FlowClosed, delivered: maybe"],
      [["send", "tooLarge"], "MessageTooLarge, delivered: maybe"],
      [["send", "malformed"], "MalformedMessage, delivered: maybe"],
      [["tooLarge"], "MessageTooLarge, delivered: no"],
      [["oneTooLarge"], "MessageTooLarge, delivered: no"],
      [["malformed"], "MalformedMessage, delivered: no"],
      [["oneMalformed"], "MalformedMessage, delivered: no"]
    ] as const)("%j is %s", ([taken, expected]) =>
      Effect.gen(function* () {
        const { open } = yield* listening
        const flow = yield* open
        const errors: Array<unknown> = []
        for (const step of taken) errors.push(errorOf(yield* Effect.exit(steps[step](flow))))
        assert.strictEqual(told(errors.at(-1)), expected)
      })
    )

    it.live("whatever a caller does, a no is never said of what the handler sees, and said of all else", () =>
      Effect.gen(function* () {
        const { open, seen } = yield* listening
        const names = Object.keys(steps).filter((step): step is Step => step in steps)
        for (let round = 0; round < 40; round++) {
          seen.length = 0
          const flow = yield* open
          const done: Array<string> = []
          const offered: Array<string> = []
          for (let i = 0; i < 4; i++) {
            const step = names[yield* Random.nextIntBetween(0, names.length, { halfOpen: true })] ?? "send"
            const error = errorOf(yield* Effect.exit(steps[step](flow)))
            done.push(step)
            if (error instanceof FlowError)
              assert.strictEqual(error.delivered, offered.length === 0 ? "no" : "maybe", done.join())
            else if (step !== "end") offered.push(...(step === "sendAll" ? ["order", "order"] : ["order"]))
            else if (offered.at(-1) !== "end") offered.push("end")
          }
          yield* flow.end
          yield* soon(Stream.runDrain(flow.messages))
          // What was offered is what the handler saw: each "maybe" was one that could come true.
          assert.deepStrictEqual(seen, offered.at(-1) === "end" ? offered : [...offered, "end"], done.join())
        }
      })
    )

    it.live("the end of an empty input counts as what the handler can have seen", () =>
      Effect.gen(function* () {
        const acted = yield* Deferred.make<void>()
        const { open, wire } = yield* serving(makeWire, orders, (flow) =>
          Stream.runDrain(flow.messages).pipe(
            Effect.andThen(Deferred.succeed(acted, undefined)),
            Effect.andThen(Effect.never)
          )
        )
        const flow = yield* open
        yield* flow.end
        yield* soon(Deferred.await(acted))
        yield* wire.kill
        assert.strictEqual(told(errorOf(yield* soon(Effect.exit(flow.receive)))), "PeerLost, delivered: maybe")
      })
    )
  })
}
