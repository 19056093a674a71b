/** Flows that fill a path in both directions all go on, on any path and with any buffers of the kernel. */
import { assert, it } from "vitest"
import * as Lab from "./Lab.ts"
import * as Path from "./Path.ts"
import { describeNet } from "./Suite.ts"

/** Runs a load on a path from the start on. Nothing is lost, and nothing crashes. */
const run = (settings: Partial<Path.Path>, load: Omit<Lab.Run, "to">): Promise<Lab.Result> =>
  Lab.use({ hosts: 2 }, async (lab) => {
    const path = Path.make(settings)
    if (path.hasSmallBuffers) Path.setBuffers(lab.net, "smallest")
    const [caller, peer] = await Lab.startPair(lab)
    await lab.net.both(0, 1, Path.linkOf(path))
    const result = await Lab.run(caller, peer, { messageBytes: Path.messageBytesOf(path), ...load, to: "h1" })
    assert.deepStrictEqual(Lab.tally(...result.lost), {})
    assert.deepStrictEqual(result.crashes, [])
    assert.strictEqual(result.flows, load.flows)
    return result
  })

/** Bytes arrived in each of the last seconds. */
const goesOn = ({ bySecond }: Lab.Result, ways: "both" | "back"): void => {
  const last = bySecond.slice(-5)
  const still = last.filter(({ back, out }) => back === 0 || (ways === "both" && out === 0))
  assert.deepStrictEqual(still, [], `by second: ${JSON.stringify(bySecond)}`)
}

describeNet("bulk", () => {
  it("60 flows in both directions at 20 Mbit/s and 50 ms go on", async () => {
    const path = { bitsPerSecond: 20e6, roundTripMillis: 50 }
    const result = await run(path, { kind: "duplex", flows: 60, warmMillis: 3_000, seconds: 8 })
    goesOn(result, "both")
    assert.isAbove(result.megabytesOut + result.megabytesBack, 1)
  }, 60_000)

  it("300 callers that each have 256 KiB echoed go on, without a limit", async () => {
    const result = await run({}, { kind: "echo", flows: 300, messageBytes: 256 * 1024, warmMillis: 4_000, seconds: 8 })
    goesOn(result, "back")
    assert.isBelow(result.slowestMillis, 8_000)
  }, 60_000)

  it("32 flows in both directions at 1 Mbit/s lose none in half a minute", async () => {
    const path = { bitsPerSecond: 1e6, roundTripMillis: 100 }
    const result = await run(path, { kind: "duplex", flows: 32, warmMillis: 5_000, seconds: 25 })
    assert.isAbove(result.megabytesOut, 0.01)
    assert.isAbove(result.megabytesBack, 0.01)
  }, 90_000)

  it("16 flows in both directions lose none at 600 ms and a loss of 2 percent", async () => {
    const path = { roundTripMillis: 600, loss: 0.02 }
    const result = await run(path, { kind: "duplex", flows: 16, messageBytes: 4_000, warmMillis: 6_000, seconds: 15 })
    assert.isAbove(result.megabytesOut, 0.01)
    assert.isAbove(result.megabytesBack, 0.01)
  }, 90_000)

  it("16 flows in both directions go on with the smallest buffers that the kernel takes", async () => {
    goesOn(await run({ hasSmallBuffers: true }, { kind: "duplex", flows: 16, warmMillis: 3_000, seconds: 8 }), "both")
  }, 60_000)
})
