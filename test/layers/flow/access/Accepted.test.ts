/**
 * A flow that was accepted and has no handler yet when the rule changes: by frames, since a caller says its second word at once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Stream } from "effect"
import { Access } from "../../../../src/index.ts"
import * as Authorizing from "../../../../src/layers/flow/Authorizing.ts"
import * as Serving from "../../../../src/layers/flow/Serving.ts"
import * as LocalLink from "../../../../src/layers/transport/link/LocalLink.ts"
import * as Frame from "../../../../src/protocol/flow/Frame.ts"
import * as Metadata from "../../../../src/protocol/flow/Metadata.ts"
import * as Rule from "../../../../src/protocol/flow/Rule.ts"
import type * as Proof from "../../../../src/protocol/Proof.ts"
import { pull } from "../../../laws/Pulled.ts"
import { Echo } from "./Local.ts"

const proven: Proof.Identity = { _tag: "Host", id: "web", certificate: undefined }
const peer = { id: "web", proven, path: [], metadata: Metadata.none }

const open: Frame.Open = {
  ...{ _tag: "Open", endpoint: "echo", wireVersion: 1, contract: 0n, codec: "", caller: "web", host: "" },
  revision: Frame.revision
}

/** A flow that was accepted, with its caller's end, its endpoint's rule, and what is known once its handler has started. */
const accepted = Effect.gen(function* () {
  const started = yield* Deferred.make<void>()
  const context = Context.empty()
  const access = Authorizing.make({
    ...{ endpoint: "echo", allow: Rule.members, access: Rule.anyone, ownersDiffer: false, context },
    hostOf: () => undefined,
    audit: { note: () => Effect.void }
  })
  const endpoint = Serving.expose(
    Echo,
    ({ messages }) => Effect.andThen(Deferred.succeed(started, undefined), Stream.runDrain(messages)),
    { context, config: Serving.defaults, access }
  )
  const [near, far] = LocalLink.make()
  const caller = pull(near)
  yield* Effect.forkScoped(Effect.scoped(endpoint.serve(far, open, peer)))
  assert.strictEqual((yield* caller.read)._tag, "Accepted")
  return { access, caller, endpoint, started }
})

const decide = (decision: Access.Decision): Access.Policy => ({
  _tag: "Decide",
  decide: () => Effect.andThen(Effect.yieldNow, Effect.succeed(decision))
})

describe("a flow that was accepted", () => {
  it.effect("has no handler started for it that another rule does not let in", () =>
    Effect.gen(function* () {
      const { access, caller, endpoint, started } = yield* accepted
      access.set(decide(Access.deny("not any more")))
      yield* caller.write(Frame.word)
      const last = yield* caller.read
      assert.isTrue(last._tag === "Fail" && last.reason === "Reset", last._tag)
      yield* caller.finish
      yield* endpoint.idle
      assert.isFalse(yield* Deferred.isDone(started))
    })
  )

  it.effect("has one started that another rule lets in, too", () =>
    Effect.gen(function* () {
      const { access, caller, started } = yield* accepted
      access.set(decide(Access.allow))
      yield* caller.write(Frame.word)
      yield* Deferred.await(started)
    })
  )

  it.effect("is asked about by the last of the rules that follow each other meanwhile", () =>
    Effect.gen(function* () {
      const { access, caller, endpoint, started } = yield* accepted
      const asked = yield* Deferred.make<void>()
      const decided = yield* Deferred.make<Access.Decision>()
      const slow = () => Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(decided))
      access.set({ _tag: "Decide", decide: slow })
      yield* caller.write(Frame.word)
      yield* Deferred.await(asked)
      access.set(decide(Access.deny("not any more")))
      yield* Deferred.succeed(decided, Access.allow)
      assert.strictEqual((yield* caller.read)._tag, "Fail")
      yield* caller.finish
      yield* endpoint.idle
      assert.isFalse(yield* Deferred.isDone(started))
    })
  )
})
