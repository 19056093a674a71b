/** The states of one end of a flow, as they are drawn at `Fate`: what its holder may still take, and with which error. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Result } from "effect"
import * as FlowEnd from "../../../src/layers/flow/FlowEnd.ts"
import * as LocalLink from "../../../src/layers/transport/link/LocalLink.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import { FlowError, MalformedMessage, PeerLost } from "../../../src/services/FlowError.ts"
import { LinkBroken } from "../../../src/services/Transport.ts"

const one = Uint8Array.of(1)
const lost = new PeerLost({ detail: "it is dead" })
const reset = Frame.fail("Reset", "it is dead")
const misfit = new MalformedMessage({ cause: "no number" })

/** Both ends of a flow, and messages that have come to the caller. */
const world = (received = 2) =>
  Effect.gen(function* () {
    const links = LocalLink.make()
    const end = (link: LocalLink.LinkEnd, role: "caller" | "endpoint") =>
      FlowEnd.make<never>(link, {
        ...{ endpoint: "e", peer: "p", limits: Limits.defaults, role },
        decodeError: () => Result.fail("none is declared")
      })
    const [caller, endpoint] = [yield* end(links[0], "caller"), yield* end(links[1], "endpoint")]
    yield* endpoint.sendAll(Array.from({ length: received }, () => one))
    yield* Effect.yieldNow
    return { caller, endpoint, links }
  })

/** The reason with which an effect fails, "done", or undefined when it does not fail. */
const reasonOf = <A>(exit: Exit.Exit<A, FlowError | Cause.Done>): string | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof FlowError ? error.reason._tag : Cause.isDone(error) ? "done" : undefined
}

/** What is left of an end: messages that its holder may take, how it goes on after them, and how a message is taken. */
const left = Effect.fnUntraced(function* (end: FlowEnd.FlowEnd<never>) {
  let taken = 0
  while (end.take() !== undefined) taken += 1
  const arrival = yield* Effect.exit(Effect.timeoutOption(end.arrival, "50 millis"))
  const sending = yield* Effect.exit(end.send(one))
  return { taken, after: reasonOf(arrival), sending: reasonOf(sending) }
})

describe("one end of a flow", () => {
  it.live("that is open or withdrawn goes on both ways", () =>
    Effect.gen(function* () {
      const { caller, endpoint } = yield* world()
      const draining = yield* Effect.forkChild(endpoint.draining, { startImmediately: true })
      assert.isUndefined(draining.pollUnsafe())
      endpoint.withdraw(false)
      yield* Fiber.join(draining)
      yield* caller.send(one)
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* left(endpoint), { taken: 1, after: undefined, sending: undefined })
      assert.isUndefined(endpoint.failing)
      yield* Effect.yieldNow
      assert.strictEqual((yield* left(caller)).taken, 3)
    })
  )

  it.live("that has failed hands out what came before, and then its error", () =>
    Effect.gen(function* () {
      const { caller } = yield* world()
      caller.fail(lost, reset)
      caller.fail(misfit, reset)
      assert.deepStrictEqual(yield* left(caller), { taken: 2, after: "PeerLost", sending: "PeerLost" })
      yield* caller.draining
    })
  )

  it.live("whose input was refused hands out nothing more", () =>
    Effect.gen(function* () {
      const { caller } = yield* world()
      assert.strictEqual(caller.refuse(misfit, reset).reason._tag, "MalformedMessage")
      const refused = { taken: 0, after: "MalformedMessage", sending: "MalformedMessage" }
      assert.deepStrictEqual(yield* left(caller), refused)
      caller.fail(lost, reset)
      assert.deepStrictEqual(yield* left(caller), refused)
    })
  )

  it.live("that has failed may be refused later, by a message that had waited: its readers hear of that one", () =>
    Effect.gen(function* () {
      const { caller, links } = yield* world()
      links[0].breakWith(new LinkBroken({ how: "lost", detail: "cut" }))
      caller.refuse(misfit, reset)
      assert.deepStrictEqual(yield* left(caller), { taken: 0, after: "MalformedMessage", sending: "PeerLost" })
    })
  )

  it.live("that is closed says so whatever came before or comes later", () =>
    Effect.gen(function* () {
      const [whole, failed, refused] = [yield* world(0), yield* world(0), yield* world(0)]
      failed.caller.fail(lost, reset)
      refused.caller.refuse(misfit, reset)
      for (const { caller } of [whole, failed, refused]) {
        caller.close()
        assert.deepStrictEqual(yield* left(caller), { taken: 0, after: "FlowClosed", sending: "FlowClosed" })
        caller.withdraw(false)
        caller.fail(lost, reset)
        caller.refuse(misfit, reset)
        assert.deepStrictEqual(yield* left(caller), { taken: 0, after: "FlowClosed", sending: "FlowClosed" })
        assert.isDefined(caller.failing)
        yield* caller.draining
      }
    })
  )
})
