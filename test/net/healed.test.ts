/** A path that takes no TCP for a while, and does again. */
import { assert, it } from "vitest"
import * as Lab from "./Lab.ts"
import { sleep, until } from "./Lines.ts"
import { describeNet } from "./Suite.ts"

/** Longer than a dial may take, and over before a SYN of it is sent again: at 7 and 15 seconds. */
const cutMillis = 8_000

/** Until the last SYN of a dial that was given up had come, had anybody still sent one. */
const afterMillis = 9_000

/** How long after a cut a flow would still be lost by it, and within which it moves again. */
const goesOnMillis = 6_000

const timeout = 90_000

const flowPort = ":7947"

/** Connections in the namespace of a host that wait for an answer to their SYN, to the port of flows. */
const dialling = (lab: Lab.Lab, host: number): ReadonlyArray<string> =>
  lab.net
    .run(host, ["ss", "-Htn", "state", "syn-sent"])
    .split("\n")
    .filter((line) => line.trimEnd().endsWith(flowPort))

describeNet("a path that heals", () => {
  it(
    "a dial into a cut fails by its type, leaves no socket, and the host goes on when the path does",
    { timeout },
    () =>
      Lab.use({ hosts: 2 }, async (lab) => {
        const [caller] = await Lab.startPair(lab)
        await lab.net.both(0, 1, { drop: "tcp" })
        const cutAt = performance.now()
        const { failure, millis } = await caller.connect("h1")
        assert.strictEqual(failure?.reason, "HostUnreachable")
        assert.isBelow(millis, 8_000)
        await sleep(500)
        const left = dialling(lab, 0)
        await sleep(cutMillis - (performance.now() - cutAt))
        await lab.net.reset()
        await sleep(afterMillis)
        assert.deepStrictEqual(caller.crashes(), [])
        await until(
          "a connect on the healed path",
          30_000,
          async () => (await caller.connect("h1")).failure === undefined
        )
        assert.isTrue(caller.isRunning())
        assert.deepStrictEqual(dialling(lab, 0), [])
        assert.deepStrictEqual(left, [], "sockets that still dialled after the dial had failed")
      })
  )

  it.each([
    ["out", 0, 1],
    ["in", 1, 0]
  ] as const)("TCP that is cut for two seconds on its way %s loses no flow", { timeout }, (_way, from, to) =>
    Lab.use({ hosts: 2 }, async (lab) => {
      const [caller, peer] = await Lab.startPair(lab)
      await caller.open("idle", { kind: "hold", to: "h1", flows: 1 })
      await caller.open("busy", { kind: "duplex", to: "h1", flows: 2 })
      await sleep(1_000)
      await lab.net.link(from, to, { drop: "tcp" })
      await sleep(2_000)
      await lab.net.reset()
      const before = await Lab.moved(caller, peer, "busy", "duplex")
      await sleep(goesOnMillis)
      assert.deepStrictEqual(Lab.tally(...caller.lost(), ...peer.broke()), {})
      const after = await Lab.moved(caller, peer, "busy", "duplex")
      assert.isTrue(after.out > before.out && after.back > before.back, "nothing moved any more")
      assert.deepStrictEqual([...caller.crashes(), ...peer.crashes()], [])
    })
  )
})
