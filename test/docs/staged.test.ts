/** The commands of docs/security.md for a file of keys do what the page says of each, and leave a file that hosts take. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Keys from "../../src/layers/gossip/Keys.ts"
import * as KeysFile from "../../src/layers/gossip/KeysFile.ts"
import { blocksOf, sort } from "./blocks.ts"

const { shells } = sort(blocksOf("docs/security.md", readFileSync("docs/security.md", "utf8")))
const commands = shells.flatMap(({ text }) => text.split("\n")).filter((line) => line.includes("shop.keys"))

const yes = { incoming: true, outgoing: true }
const no = { incoming: false, outgoing: false }

/** What there is after each command: which keys, by their age, the first one first; and what is verified. */
const after: ReadonlyArray<readonly [ReadonlyArray<number>, typeof yes]> = [
  [[0], yes],
  [[0, 1], yes],
  [[1, 0], yes],
  [[1], yes],
  [[1], no],
  [[1], { incoming: false, outgoing: true }],
  [[1], yes]
]

describe("the commands of docs/security.md for a file of keys", () => {
  it.effect("do step by step what the page says, each with a file that a host takes", () =>
    Effect.gen(function* () {
      const cwd = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "grinta-keys-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      assert.strictEqual(commands.length, after.length)
      const ages: Array<string> = []
      for (const [i, command] of commands.entries()) {
        execFileSync("sh", ["-c", command], { cwd, stdio: "pipe" })
        const options = yield* KeysFile.load(join(cwd, "shop.keys"), "GRINTA_KEYS_FILE")
        const { keyring } = yield* Keys.make(options)
        const found = (yield* keyring.list).map(({ fingerprint }) => fingerprint)
        for (const fingerprint of found) if (!ages.includes(fingerprint)) ages.push(fingerprint)
        const keys = found.map((fingerprint) => ages.indexOf(fingerprint))
        assert.deepStrictEqual([keys, yield* keyring.verified], [...(after[i] ?? [])], command)
      }
    })
  )
})
