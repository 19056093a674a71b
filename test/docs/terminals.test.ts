/** Two terminals, as the README and the guide have them: a host serves in one, and a caller asks it from the other. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { blocksOf, sort, startedBy } from "./blocks.ts"
import { play } from "./Terminals.ts"

describe("two terminals", () => {
  it.live.each(["README.md", "docs/guide.md"])(
    "print what the page shows: %s",
    (document) => {
      const { programs, shells } = sort(blocksOf(document, readFileSync(document, "utf8")))
      const started = shells.filter(({ text }) => startedBy(text) !== undefined)
      assert.lengthOf(started, 2)
      for (const { output } of started) assert.notStrictEqual(output, "")
      return play({ programs, shells: started })
    },
    120_000
  )
})
