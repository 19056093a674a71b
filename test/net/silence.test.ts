/** A peer that says nothing: for how long it may, and how soon its flows are told when it says nothing any more. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import type { Host } from "./Host.ts"
import type { Failure, Kind } from "./HostOrders.ts"
import * as Lab from "./Lab.ts"
import { sleep, until } from "./Lines.ts"
import { describeNet } from "./Suite.ts"

/** The longest silence of a peer that loses no flow. */
const pauseMillis = 3_800

/** How long after it a flow would still be lost by it. */
const afterMillis = 5_000

/** When a silent end is told: between 4 and 6 seconds, and the machine may be busy. */
const told = { earliest: 3_500, latest: 8_000 } as const

/** When the end of a connection is told: within 100 ms, and the machine may be busy. */
const closedMillis = 1_000

describeNet("silence", () => {
  let lab: Lab.Lab
  beforeAll(async () => {
    lab = await Lab.open({ hosts: 2 })
  })
  afterEach(() => lab.clear())
  afterAll(() => lab.down())

  const loads: ReadonlyArray<readonly [name: string, kind: Kind]> = [
    ["an idle flow", "hold"],
    ["busy flows", "duplex"]
  ]

  /** A pair with open flows, on which what is to move moves. */
  const begin = async (kind: Kind): Promise<readonly [caller: Host, peer: Host]> => {
    const [caller, peer] = await Lab.startPair(lab)
    await caller.open("load", { kind, to: "h1", flows: kind === "hold" ? 1 : 4 })
    await until("that the flows are open", 10_000, async () => {
      const { back, flows } = await Lab.moved(caller, peer, "load", kind)
      return flows > 0 && back > 0
    })
    // A session that has flows for longer than keepalive's interval.
    await sleep(2_500)
    return [caller, peer]
  }

  const goesOn = async (caller: Host, peer: Host, kind: Kind): Promise<void> => {
    const before = await Lab.moved(caller, peer, "load", kind)
    await sleep(afterMillis)
    assert.deepStrictEqual(Lab.tally(...caller.lost(), ...peer.broke()), {})
    const after = await Lab.moved(caller, peer, "load", kind)
    assert.strictEqual(after.flows, before.flows)
    if (kind !== "hold") assert.isTrue(after.out > before.out && after.back > before.back, "nothing moved any more")
  }

  /** Waits until a flow is told; after how many milliseconds since then. */
  const tells = async (failures: () => ReadonlyArray<Failure>, since: number): Promise<number> => {
    await until("that a flow is told", 15_000, () => failures().length > 0, 20)
    const [first] = failures()
    assert.strictEqual(first?.reason, "PeerLost", JSON.stringify(first))
    assert.strictEqual(first?.delivered, "maybe")
    return (first?.at ?? 0) - since
  }

  const inTime = (millis: number): void => {
    assert.isAbove(millis, told.earliest)
    assert.isBelow(millis, told.latest)
  }

  describe.each(loads)("on %s", (_name, kind) => {
    it("a peer that is stopped for 3.8 seconds loses no flow", async () => {
      const [caller, peer] = await begin(kind)
      peer.pause()
      await sleep(pauseMillis)
      peer.resume()
      await goesOn(caller, peer, kind)
    }, 60_000)

    it("a peer that is stopped for good is told between 4 and 6 seconds", async () => {
      const [caller, peer] = await begin(kind)
      const since = Date.now()
      peer.pause()
      inTime(await tells(caller.lost, since))
    }, 60_000)

    it("a path that swallows all is told on both sides between 4 and 6 seconds", async () => {
      const [caller, peer] = await begin(kind)
      const since = Date.now()
      await lab.net.both(0, 1, { drop: "all" })
      const [here, there] = await Promise.all([tells(caller.lost, since), tells(peer.broke, since)])
      inTime(here)
      inTime(there)
    }, 60_000)

    it("a process that is killed is told at once", async () => {
      const [caller, peer] = await begin(kind)
      const since = Date.now()
      await peer.kill()
      assert.isBelow(await tells(caller.lost, since), closedMillis)
    }, 60_000)

    it.each(["the caller", "the peer"])(
      "%s may be busy with itself for 3 seconds",
      async (who) => {
        const [caller, peer] = await begin(kind)
        await (who === "the peer" ? peer : caller).block(3_000)
        await goesOn(caller, peer, kind)
      },
      60_000
    )
  })
})
