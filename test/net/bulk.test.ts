/** Flows that fill a path in both directions all go on, on any path and with any buffers of the kernel. */
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import * as Lab from "./Lab.ts"
import { describeNet } from "./Missing.ts"
import type { Link } from "./Net.ts"

describeNet("bulk", () => {
  let lab: Lab.Lab
  beforeAll(async () => {
    lab = await Lab.open({ hosts: 2 })
  })
  afterEach(() => lab.clear())
  afterAll(() => lab.down())

  /** Runs a load on a path from the start on. Nothing is lost, and nothing crashes. */
  const run = async (link: Link, load: Lab.Run): Promise<Lab.Result> => {
    const [caller, peer] = await Lab.startPair(lab)
    await lab.net.both(0, 1, link)
    const result = await Lab.run(caller, peer, load)
    assert.deepStrictEqual(result.lost, [])
    assert.deepStrictEqual(result.crashes, [])
    assert.strictEqual(result.flows, load.flows)
    return result
  }

  /** Bytes arrived in each of the last seconds. */
  const goesOn = ({ bySecond }: Lab.Result, ways: "both" | "back"): void => {
    const last = bySecond.slice(-5)
    const still = last.filter(({ back, out }) => back === 0 || (ways === "both" && out === 0))
    assert.deepStrictEqual(still, [], `by second: ${JSON.stringify(bySecond)}`)
  }

  it("60 flows in both directions at 20 Mbit/s and 50 ms go on", async () => {
    const link = { bitsPerSecond: 20e6, delayMillis: 25 }
    const load = { kind: "duplex", to: "h1", flows: 60, messageBytes: 16_000, warmMillis: 3_000, seconds: 8 } as const
    const result = await run(link, load)
    goesOn(result, "both")
    assert.isAbove(result.megabytesOut + result.megabytesBack, 1)
  }, 60_000)

  it("300 callers that each have 256 KiB echoed go on, without a limit", async () => {
    const load = {
      kind: "echo",
      to: "h1",
      flows: 300,
      messageBytes: 256 * 1024,
      warmMillis: 4_000,
      seconds: 8
    } as const
    const result = await run({}, load)
    goesOn(result, "back")
    assert.isBelow(result.slowestMillis, 8_000)
  }, 60_000)

  it("32 flows in both directions at 1 Mbit/s lose none in half a minute", async () => {
    const link = { bitsPerSecond: 1e6, delayMillis: 50 }
    const load = { kind: "duplex", to: "h1", flows: 32, messageBytes: 4_000, warmMillis: 5_000, seconds: 25 } as const
    const result = await run(link, load)
    assert.isAbove(result.megabytesOut, 0.01)
    assert.isAbove(result.megabytesBack, 0.01)
  }, 90_000)

  it("16 flows in both directions lose none at 600 ms and a loss of 2 percent", async () => {
    const link = { delayMillis: 300, loss: 0.02 }
    const load = { kind: "duplex", to: "h1", flows: 16, messageBytes: 4_000, warmMillis: 6_000, seconds: 15 } as const
    const result = await run(link, load)
    assert.isAbove(result.megabytesOut, 0.01)
    assert.isAbove(result.megabytesBack, 0.01)
  }, 90_000)

  it("16 flows in both directions go on with the smallest buffers that the kernel takes", async () => {
    Lab.shrinkBuffers(lab.net)
    const load = { kind: "duplex", to: "h1", flows: 16, warmMillis: 3_000, seconds: 8 } as const
    goesOn(await run({}, load), "both")
  }, 60_000)
})
