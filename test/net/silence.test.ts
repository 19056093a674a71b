/** A peer that says nothing: for how long it may, and how soon its flows are told when it says nothing any more. */
import { assert, describe, it } from "vitest"
import type { Host } from "./Host.ts"
import type { Failure, Kind } from "./HostOrders.ts"
import * as Lab from "./Lab.ts"
import { sleep, until } from "./Lines.ts"
import type { Net } from "./Net.ts"
import { describeNet } from "./Suite.ts"

/** The longest silence of a peer that loses no flow. */
const pauseMillis = 3_500

/** How long after it a flow would still be lost by it. */
const afterMillis = 5_000

/** When a silent end is told: between 4 and 6 seconds, and the machine may be busy. */
const told = { earliest: 3_500, latest: 10_000 } as const

/** When the end of a connection is told: within 100 ms, and the machine may be busy. */
const closedMillis = 3_000

const blockMillis = 3_000

const timeout = 180_000

const loads: ReadonlyArray<readonly [name: string, kind: Kind]> = [
  ["an idle flow", "hold"],
  ["busy flows", "duplex"]
]

interface Pair {
  readonly net: Net
  readonly kind: Kind
  readonly caller: Host
  readonly peer: Host
}

/** Runs with a pair of hosts with open flows, on which what is to move moves. */
const withPair = (kind: Kind, body: (pair: Pair) => Promise<void>): Promise<void> =>
  Lab.use({ hosts: 2 }, async (lab) => {
    const [caller, peer] = await Lab.startPair(lab)
    await caller.open("load", { kind, to: "h1", flows: kind === "hold" ? 1 : 4 })
    await until("that the flows are open", 60_000, async () => {
      const { back, flows } = await Lab.moved(caller, peer, "load", kind)
      return flows > 0 && back > 0
    })
    await sleep(1_000)
    await body({ net: lab.net, kind, caller, peer })
  })

/** No flow was lost or is lost, and what moved moves. */
const goesOn = async ({ caller, kind, peer }: Pair): Promise<void> => {
  const before = await Lab.moved(caller, peer, "load", kind)
  await sleep(afterMillis)
  assert.deepStrictEqual(Lab.tally(...caller.lost(), ...peer.broke()), {})
  const after = await Lab.moved(caller, peer, "load", kind)
  assert.strictEqual(after.flows, before.flows)
  if (kind !== "hold") assert.isTrue(after.out > before.out && after.back > before.back, "nothing moved any more")
}

/** Waits until a flow is told; after how many milliseconds since then. */
const tells = async (failures: () => ReadonlyArray<Failure>, since: number): Promise<number> => {
  await until("that a flow is told", 30_000, () => failures().length > 0, 20)
  const [first] = failures()
  assert.deepStrictEqual([first?.reason, first?.delivered], ["PeerLost", "maybe"], first?.detail)
  return (first?.at ?? 0) - since
}

const inTime = (millis: number): void => {
  assert.isAbove(millis, told.earliest)
  assert.isBelow(millis, told.latest)
}

/** Who waits side by side, who works does not. */
const paceOf = (kind: Kind) => ({ concurrent: kind === "hold" })

describeNet("silence", () => {
  for (const [name, kind] of loads)
    describe(`on ${name}`, paceOf(kind), () => {
      it("a peer that is stopped for 3.5 seconds loses no flow", { timeout }, () =>
        withPair(kind, async (pair) => {
          pair.peer.pause()
          await sleep(pauseMillis)
          pair.peer.resume()
          await goesOn(pair)
        })
      )

      it("a peer that is stopped for good is told between 4 and 6 seconds", { timeout }, () =>
        withPair(kind, async ({ caller, peer }) => {
          const since = Date.now()
          peer.pause()
          inTime(await tells(caller.lost, since))
        })
      )

      it("a path that swallows all is told on both sides between 4 and 6 seconds", { timeout }, () =>
        withPair(kind, async ({ caller, net, peer }) => {
          const since = Date.now()
          await net.both(0, 1, { drop: "all" })
          const [here, there] = await Promise.all([tells(caller.lost, since), tells(peer.broke, since)])
          inTime(here)
          inTime(there)
        })
      )

      it("a process that is killed is told at once", { timeout }, () =>
        withPair(kind, async ({ caller, peer }) => {
          const since = Date.now()
          await peer.kill()
          assert.isBelow(await tells(caller.lost, since), closedMillis)
        })
      )

      it("either side may be busy with itself for 3 seconds", { timeout }, () =>
        withPair(kind, async (pair) => {
          await pair.peer.block(blockMillis)
          await sleep(500)
          await pair.caller.block(blockMillis)
          await goesOn(pair)
        })
      )
    })
})
