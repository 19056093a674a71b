/**
 * What reaching a host promises, whatever carries the links: it tells whether the host is there, and shows it nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"

export const reachLaws = (
  name: string,
  makeWire: Effect.Effect<Wire & { readonly reach: Effect.Effect<void, NetworkError> }, NetworkError, Scope.Scope>
) => {
  const soon = Effect.timeout("10 seconds")

  describe(`reaching over ${name}`, () => {
    it.live("a host that serves is there, however often and by however many it is asked, and sees no link", () =>
      Effect.gen(function* () {
        const { dial, reach, serve } = yield* makeWire
        let links = 0
        yield* serve(() =>
          Effect.andThen(
            Effect.sync(() => links++),
            Effect.never
          )
        )
        for (let turn = 0; turn < 3; turn++)
          yield* soon(Effect.forEach(Array.from({ length: 20 }), () => reach, { concurrency: "unbounded" }))
        assert.strictEqual(links, 0)
        yield* soon(Effect.scoped(Effect.andThen(dial, reach)))
      })
    )

    it.live("a host that is gone is soon not there, though it was a moment ago", () =>
      Effect.gen(function* () {
        const { kill, reach } = yield* makeWire
        yield* soon(reach)
        yield* kill
        const error = yield* soon(Effect.flip(Effect.forever(Effect.andThen(reach, Effect.sleep("10 millis")))))
        assert.strictEqual(error.reason._tag, "HostUnreachable")
        assert.strictEqual(error.operation, "connect")
      })
    )
  })
}
