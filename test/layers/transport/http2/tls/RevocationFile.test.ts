/** The list of revoked certificates in a file that is changed, half written and gone. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Stream } from "effect"
import * as RevocationFile from "../../../../../src/layers/transport/http2/tls/RevocationFile.ts"
import type { Revocation } from "../../../../../src/protocol/Revocation.ts"
import * as Caller from "../Caller.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "grinta-"))),
  (made) => Effect.promise(() => rm(made, { recursive: true }))
)

const load = (path: string) => RevocationFile.load(path, "GRINTA_TLS_REVOKED", "10 millis")

describe("a file of revoked certificates", () => {
  it.live("is read again, and what cannot be used leaves the last good list in place", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "revoked")
      const write = (text: string) => Effect.promise(() => writeFile(path, text))
      yield* write("host a\n")
      const { revocations = Stream.empty, revoked } = yield* load(path)
      assert.deepStrictEqual(revoked, { certificates: [], hosts: ["a"] })
      const lists = yield* Queue.unbounded<Revocation>()
      yield* Effect.forkScoped(Stream.runForEach(revocations, (list) => Queue.offer(lists, list)))
      const next = Caller.soon(Queue.take(lists))
      yield* write("host a\nhost b\n")
      assert.deepStrictEqual(yield* next, { certificates: [], hosts: ["a", "b"] })
      for (const bad of ["host a\nhost", "", "nonsense\n"]) {
        yield* write(bad)
        yield* Effect.sleep("30 millis")
      }
      yield* Effect.promise(() => rm(path))
      yield* Effect.sleep("30 millis")
      // The last good list, which is no news, and then another.
      yield* write("host a\nhost b\n")
      yield* Effect.sleep("30 millis")
      yield* write("# none\n")
      assert.deepStrictEqual(yield* next, { certificates: [], hosts: [] })
    })
  )

  it.live("that is missing or wrong at the start is an error that names the setting, and not the path", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "revoked")
      const missing = yield* Effect.flip(load(path))
      Caller.assertReason(missing, "InvalidConfig")
      assert.include(String(missing), "GRINTA_TLS_REVOKED: the list of revoked certificates: it cannot be read: ENOENT")
      assert.notInclude(String(missing), path)
      yield* Effect.promise(() => writeFile(path, "host a\nhost a b\n"))
      assert.include(String(yield* Effect.flip(load(path))), "line 2 is neither")
    })
  )
})
