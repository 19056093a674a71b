/** Every example runs as a reader runs it, and prints what it is to print. */
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"

const linesMax = 60
const millisMax = 20_000

const outputs: Readonly<Record<string, ReadonlyArray<string>>> = {
  "chat.ts": ["client: hello", "client: again", "banned until tomorrow"],
  "errors.ts": [
    "first: 1 from near",
    "too many: SoldOut, safe to repeat: false",
    "too many: only 10 left",
    "killed before: FlowError, safe to repeat: true",
    "killed before: 1 from far",
    "killed after: FlowError, safe to repeat: false",
    "killed after: lost on the way: ask before you repeat"
  ],
  "partition.ts": [
    "a leads: a sees a, b sees a",
    "b is refused: NameTaken",
    "a minute after the cut: a sees a, b sees nobody",
    "b leads its half: a sees a, b sees b",
    "healed: a sees a, b sees a",
    "b has lost the name: NameTaken"
  ],
  "ticks.ts": [
    "read: 1,2,3,4,5",
    "the server is told that its reader has left",
    "the server has made fewer than 100: true"
  ],
  "users.ts": ["Ada, says near", "NoUser", "lost on the way, delivered: maybe", "Ada, says a host in hall-2"],
  "watch.ts": [
    "at first: shop.books on a",
    "up: shop.music on b",
    "up: shop.toys on b",
    "down: shop.music on b, withdrawn",
    "down: shop.toys on b, left"
  ]
}

const run = promisify(execFile)

describe("examples", () => {
  it("are all run here", () => {
    const found = readdirSync("examples").filter((name) => name.endsWith(".ts"))
    assert.deepStrictEqual(found.sort(), Object.keys(outputs))
  })

  it.each(Object.entries(outputs))("%s", { timeout: millisMax + 1000 }, async (name, lines) => {
    const path = `examples/${name}`
    assert.isAtMost(readFileSync(path, "utf8").trimEnd().split("\n").length, linesMax)
    const { stdout } = await run(process.execPath, [path], { timeout: millisMax })
    assert.strictEqual(stdout, `${lines.join("\n")}\n`)
  })
})
