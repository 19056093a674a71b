/**
 * The record of refused flows, and what a caller can keep out of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as Audit from "../../../../src/layers/flow/Audit.ts"
import * as Proof from "../../../../src/protocol/Proof.ts"

const client = (fingerprint: string): Proof.Identity => ({
  ...{ _tag: "Client", certificate: { subject: "CN=client", uris: [], dnsNames: [], fingerprint } }
})

const web: Proof.Identity = { _tag: "Host", id: "web", certificate: undefined }

/** A record, and the lines of its log. */
const recorded = <A>(use: (audit: Audit.Audit, lines: ReadonlyArray<string>) => Effect.Effect<A>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return Effect.flatMap(Audit.make, (audit) => use(audit, lines)).pipe(
    Effect.scoped,
    Effect.provide(Logger.layer([logger]))
  )
}

describe("the record of refused flows", () => {
  const rule = "endpoint: members"

  it.effect("has one line on a caller that says to be others, whatever it asks for and says", () =>
    recorded((audit, lines) =>
      Effect.gen(function* () {
        for (const proven of [client("ab"), Proof.nothing]) {
          for (let i = 0; i < 100; i++)
            yield* audit.note({
              ...{
                endpoint: `there.is.none.${i}`,
                peer: { id: `h${i}`, proven },
                rule: Audit.identityRule,
                why: ""
              }
            })
        }
        assert.lengthOf(lines, 2)
        yield* TestClock.adjust("2 minutes")
        assert.lengthOf(lines, 2)
      })
    )
  )

  it.effect("has lines on the others, however many there are on one", () =>
    recorded((audit, lines) =>
      Effect.gen(function* () {
        const note = (proven: Proof.Identity, id: string, endpoint: string) =>
          audit.note({ endpoint, peer: { id, proven }, rule, why: "" })
        for (let i = 0; i < 100; i++) {
          yield* note(client("ab"), "", `e${i}`)
          yield* note(Proof.nothing, `h${i}`, "e")
        }
        assert.lengthOf(lines, 2 * Audit.linesOfOneMax)
        yield* note(client("cd"), "", "e")
        assert.include(lines.at(-1), "sha256:cd")
        yield* note(web, "web", "e")
        assert.include(lines.at(-1), 'host "web"')
        for (let i = 0; i < 100; i++) yield* note(client(`ef${i}`), "", "e")
        assert.lengthOf(lines, Audit.linesMax)
      })
    )
  )

  it.effect("says once a minute how many were left out", () =>
    recorded((audit, lines) =>
      Effect.gen(function* () {
        const flood = Effect.forEach(Array.from(Array(Audit.linesOfOneMax + 5).keys()), (i) =>
          audit.note({ endpoint: `e${i}`, peer: { id: "", proven: client("ab") }, rule, why: "" })
        )
        for (const turn of [1, 2]) {
          yield* flood
          yield* TestClock.adjust("61 seconds")
          assert.lengthOf(lines, turn * (Audit.linesOfOneMax + 1))
          assert.match(lines.at(-1) ?? "", /^5 more flows were refused within a minute/)
        }
        yield* TestClock.adjust("5 minutes")
        assert.lengthOf(lines, 2 * (Audit.linesOfOneMax + 1))
      })
    )
  )
})
