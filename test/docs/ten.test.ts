/** docs/security/ten-commands.md does what it says, run as a reader runs it: each host in a terminal of its own. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { blocksOf, sort } from "./blocks.ts"
import { play } from "./Terminals.ts"

const document = "docs/security/ten-commands.md"
const content = readFileSync(document, "utf8")
const sorted = sort(blocksOf(document, content))

describe("a fabric in ten commands", () => {
  it("is ten commands, each with a line that says what it is for", () => {
    assert.deepStrictEqual(
      sorted.shells.map(({ text }) => text.split("\n").length),
      Array.from({ length: 10 }, () => 1)
    )
    const explained = [...content.matchAll(/^(\d+)\\. .+\n\n```sh$/gm)].map(([, number]) => Number(number))
    assert.deepStrictEqual(explained, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it.live(
    "lets a client from outside in at one endpoint, refuses it at the other, and prints what the page shows",
    () =>
      Effect.gen(function* () {
        yield* play(sorted)
        const [answer = ""] = /(?<="messages":\[")[^"]+(?="\]\}\}\n\{"end)/.exec(content) ?? []
        assert.include(content, `\`${Buffer.from(answer, "base64")}\``)
      }),
    180_000
  )
})
