/** A path that takes no TCP for a while, and does again. */
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import * as Lab from "./Lab.ts"
import { sleep, until } from "./Lines.ts"
import { describeNet } from "./Suite.ts"

/** Longer than a dial may take, and over before a SYN of it is sent again: at 7 and 15 seconds. */
const cutMillis = 8_000

/** Until the last SYN of a dial that was given up had come, had anybody still sent one. */
const afterMillis = 9_000

const flowPort = ":7947"

/** Connections in the namespace of a host that wait for an answer to their SYN, to the port of flows. */
const dialling = (lab: Lab.Lab, host: number): ReadonlyArray<string> =>
  lab.net
    .run(host, ["ss", "-Htn", "state", "syn-sent"])
    .split("\n")
    .filter((line) => line.trimEnd().endsWith(flowPort))

describeNet("a path that heals", () => {
  let lab: Lab.Lab
  beforeAll(async () => {
    lab = await Lab.open({ hosts: 2 })
  })
  afterEach(() => lab.clear())
  afterAll(() => lab.down())

  it("a dial into a cut fails by its type, leaves no socket, and the host goes on when the path does", async () => {
    const [caller] = await Lab.startPair(lab)
    await lab.net.both(0, 1, { drop: "tcp" })
    const cutAt = performance.now()
    const { failure, millis } = await caller.connect("h1")
    assert.strictEqual(failure?.reason, "HostUnreachable")
    assert.isBelow(millis, 8_000)
    await sleep(500)
    assert.deepStrictEqual(dialling(lab, 0), [])
    await sleep(cutMillis - (performance.now() - cutAt))
    await lab.net.reset()
    await sleep(afterMillis)
    assert.deepStrictEqual(caller.crashes(), [])
    await until("a connect on the healed path", 30_000, async () => (await caller.connect("h1")).failure === undefined)
    assert.isTrue(caller.isRunning())
    assert.deepStrictEqual(dialling(lab, 0), [])
  }, 90_000)

  it.each([
    ["out", 0, 1],
    ["in", 1, 0]
  ] as const)(
    "TCP that is cut for two seconds on its way %s loses no flow",
    async (_way, from, to) => {
      const [caller, peer] = await Lab.startPair(lab)
      await caller.open("idle", { kind: "hold", to: "h1", flows: 1 })
      await caller.open("busy", { kind: "duplex", to: "h1", flows: 2 })
      await sleep(1_000)
      await lab.net.link(from, to, { drop: "tcp" })
      await sleep(2_000)
      await lab.net.reset()
      await Promise.all([caller.mark(), peer.mark()])
      const before = await Lab.moved(caller, peer, "busy", "duplex")
      assert.deepStrictEqual(Lab.tally(...caller.lost(), ...peer.broke()), {})
      await until("that bytes move again in both directions", 20_000, async () => {
        const now = await Lab.moved(caller, peer, "busy", "duplex")
        return now.out > before.out && now.back > before.back
      })
      await sleep(4_000)
      assert.deepStrictEqual(Lab.tally(...caller.lost(), ...peer.broke()), {})
      assert.deepStrictEqual([...caller.crashes(), ...peer.crashes()], [])
    },
    60_000
  )
})
