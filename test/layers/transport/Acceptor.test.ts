import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Acceptor from "../../../src/layers/transport/Acceptor.ts"
import * as LocalLink from "../../../src/layers/transport/link/LocalLink.ts"
import { type Link, LinkBroken } from "../../../src/services/Transport.ts"

describe("an acceptor", () => {
  it.effect("serves the links that wait once somebody serves, and those that come then at once", () =>
    Effect.gen(function* () {
      const acceptor = Acceptor.make()
      const served: Array<Link> = []
      const serve = acceptor.serve((link) => Effect.sync(() => void served.push(link)))
      const [[first], [second], [third]] = [LocalLink.make(), LocalLink.make(), LocalLink.make()]
      const waiting = yield* Effect.forkChild(acceptor.accept(first), { startImmediately: true })
      assert.lengthOf(served, 0)
      const serving = yield* Scope.make()
      yield* Scope.provide(serve, serving)
      yield* Fiber.join(waiting)
      yield* acceptor.accept(second)
      assert.deepStrictEqual(served, [first, second])
      yield* Scope.close(serving, Exit.void)
      const again = yield* Effect.forkChild(acceptor.accept(third), { startImmediately: true })
      assert.lengthOf(served, 2)
      yield* serve
      yield* Fiber.join(again)
      assert.lengthOf(served, 3)
    })
  )

  it.effect("lets a link go that breaks before anybody serves", () =>
    Effect.gen(function* () {
      const acceptor = Acceptor.make()
      const [link] = LocalLink.make()
      const waiting = yield* Effect.forkChild(acceptor.accept(link), { startImmediately: true })
      link.breakWith(new LinkBroken({ how: "lost", detail: "the connection is gone" }))
      yield* Fiber.join(waiting)
      let served = 0
      yield* acceptor.serve(() => Effect.sync(() => void served++))
      assert.strictEqual(served, 0)
    })
  )
})
