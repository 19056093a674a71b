/**
 * The id that a handler is given of its caller, from what was proven and from what Open says.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect } from "effect"
import * as Timeouts from "../../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../../src/layers/flow/Answering.ts"
import * as Authorizing from "../../../../src/layers/flow/Authorizing.ts"
import * as Serving from "../../../../src/layers/flow/Serving.ts"
import * as LocalLink from "../../../../src/layers/transport/link/LocalLink.ts"
import * as Rule from "../../../../src/protocol/flow/Rule.ts"
import * as Proof from "../../../../src/protocol/Proof.ts"
import { pull } from "../../../laws/Pulled.ts"
import { Echo } from "./Local.ts"

const certificate: Proof.Certificate = { subject: "", uris: [], dnsNames: [], fingerprint: "ab" }

const callers: ReadonlyArray<readonly [string, Proof.Proof | undefined, string, string]> = [
  ["a host that says who it is", Proof.byCertificate(certificate, ["db"]), "db", "db"],
  ["a host that does not", Proof.byCertificate(certificate, ["db"]), "", "db"],
  ["two hosts of one certificate that say which", Proof.byCertificate(certificate, ["db", "web"]), "web", "web"],
  ["two hosts of one certificate that do not", Proof.byCertificate(certificate, ["db", "web"]), "", "db"],
  ["a client", Proof.byCertificate(certificate, []), "", ""],
  ["a caller without TLS", undefined, "db", "db"],
  ["a caller without TLS and a name", undefined, "", ""]
]

describe("the id of a caller", () => {
  it.effect.each(callers)("is that of the host that it is: %s", ([, proven, caller, id]) =>
    Effect.gen(function* () {
      const told = yield* Deferred.make<string>()
      const exposed = Serving.expose(Echo, ({ peer }) => Deferred.succeed(told, peer.id), {
        ...{ context: Context.empty(), config: Serving.defaults, access: Authorizing.fixed(Rule.anyone) }
      })
      const [near, far] = LocalLink.make(proven)
      const options = { self: "server", find: () => exposed, opening: yield* Timeouts.make("5 seconds") }
      yield* Effect.forkScoped(Answering.answer(far, options))
      yield* pull(near).write({
        ...{ _tag: "Open", endpoint: "echo", wireVersion: 1, contract: 0n, codec: "", caller, host: "" }
      })
      assert.strictEqual(yield* Deferred.await(told), id)
    })
  )
})
