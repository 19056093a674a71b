/** The name of a host that was given none. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HostName from "../../../src/layers/config/HostName.ts"
import { violation } from "../../../src/protocol/Name.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "grinta-name-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const refusal = (stateFile: string) => Effect.map(Effect.flip(HostName.make(stateFile)), ({ message }) => message)

describe("a host without a name", () => {
  it.effect("has another one at each start", () =>
    Effect.gen(function* () {
      const names = yield* Effect.all(Array.from({ length: 20 }, () => HostName.make("")))
      assert.strictEqual(new Set(names).size, 20)
      for (const name of names) assert.isUndefined(violation(name))
    })
  )

  it.effect("has the same one at each start when its suffix is kept, also when two start at once", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = join(path, "name")
      const names = yield* Effect.all(
        Array.from({ length: 10 }, () => HostName.make(file)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set([...names, yield* HostName.make(file)]).size, 1)
      assert.isTrue(names[0]?.endsWith(`-${readFileSync(file, "utf8").trim()}`))
      assert.deepStrictEqual(readdirSync(path), ["name"])
      writeFileSync(file, "  blue1\n")
      assert.isTrue((yield* HostName.make(file)).endsWith("-blue1"))
    })
  )

  it.effect.each(["", "two words", "UPPER", "x".repeat(33), "a/b", "\u0000"])(
    "is refused with a file that says %j",
    (said) =>
      Effect.gen(function* () {
        const file = join(yield* folder, "name")
        writeFileSync(file, said)
        assert.strictEqual(
          yield* refusal(file),
          "listen: stateFile: the file holds no suffix of 1 to 32 lower-case letters and digits"
        )
      })
  )

  it.effect("is refused with a file that cannot be", () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (const [file, code] of [
        [join(path, "missing", "name"), "ENOENT"],
        [path, "EISDIR"]
      ] as const)
        assert.strictEqual(yield* refusal(file), `listen: stateFile: the file cannot be read or made: ${code}`)
      chmodSync(path, 0o500)
    })
  )
})
