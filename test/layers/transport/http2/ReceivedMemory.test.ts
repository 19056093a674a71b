import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as ReceivedMemory from "../../../../src/layers/transport/http2/ReceivedMemory.ts"

const run = promisify(execFile)

/** How often V8 marks all of the heap while a process receives a gigabyte. */
const markedBy = async (how: "balanced" | "as it is"): Promise<number> => {
  const { stdout } = await run(process.execPath, ["test/layers/transport/http2/ReceivedBytes.ts", how])
  return JSON.parse(stdout).marked
}

/** Objects that so much of what came has left on the heap. */
const left = (receivedBytes: number, messages: number): number => {
  ReceivedMemory.garbage.last = []
  ReceivedMemory.balance(receivedBytes, messages)
  return ReceivedMemory.garbage.last.length
}

describe("memory of received bytes", () => {
  it("is found among young objects, where V8 by itself would mark all of the heap again and again", async () => {
    const balanced = await markedBy("balanced")
    const asItIs = await markedBy("as it is")
    assert.isAtLeast(asItIs, 8, "V8 has another habit by now: the balance is not needed any more")
    assert.isAtMost(balanced, asItIs / 4)
  })

  it("gets the less garbage the more objects come with the messages", () => {
    assert.isBelow(left(64 * 1024, 16), left(64 * 1024, 1))
  })

  it.each([
    ["small messages", 16_384, 160],
    ["a short message", 1_000, 1],
    ["nothing", 0, 0]
  ])("gets none for %s", (_, receivedBytes, messages) => {
    assert.strictEqual(left(receivedBytes, messages), 0)
  })
})
