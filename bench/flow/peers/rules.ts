/** grinta, with an endpoint that anyone with a certificate may call, and with one that asks rules. */
import { Effect, Layer, ManagedRuntime, Scope } from "effect"
import { Access, Fabric, Gossip } from "../../../src/index.ts"
import type { Candidate } from "../Candidate.ts"
import { Hold } from "../Flows.ts"
import { bytes } from "../Forms.ts"
import { connect, hostLayer } from "./grinta.ts"

/** The last one lets the caller in. */
const rules: Access.Allow = [
  { hosts: ["web.*", "db-1"] },
  { tags: { role: ["web", "api"] } },
  { localities: ["eu/*"] },
  { certificates: ["spiffe://shop/ops/*"] },
  { hosts: ["cart.*"], localities: ["us/*"] },
  { tags: { role: "batch", tier: ["1", "2"] } },
  { certificates: ["probe.shop.internal"] },
  { hosts: ["client"] }
]

const serve = (allow: Access.Allow, host: Access.Allow) => () => {
  const program = Effect.gen(function* () {
    yield* (yield* Fabric).expose(Hold, () => Effect.never, { allow })
    const { address, port } = yield* (yield* Gossip).self
    return { address: `${address}:${port}` }
  })
  const layer = Layer.provide(hostLayer("server", []), Access.layer(host))
  return ManagedRuntime.make(layer).runPromise(Scope.provide(program, Scope.makeUnsafe()))
}

const one = { rows: ["open"], connect: connect(bytes) } as const

export const candidates: ReadonlyArray<Candidate> = [
  { ...one, name: "rules", serve: serve(rules, rules) },
  { ...one, name: "anyone", serve: serve("anyone", "anyone") }
]
