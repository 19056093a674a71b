/**
 * A slice of `npm run attack`, short and on one set of hosts for each kind of fabric: what holds however busy the machine is.
 * No good host is believed dead, the names are right, good traffic goes on, memory stays below its bound, and whoever breaks
 * the rules is closed or counted.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { attacks } from "../../scripts/attack/attacks.ts"
import * as Camp from "../../scripts/attack/Camp.ts"
import * as Trial from "../../scripts/attack/Trial.ts"
import { callsMissed, countedOf, rssMiBMax } from "../../scripts/attack/Verdict.ts"

const timeout = 120_000
const seconds = 1.5
/** Of those whom the host calls: calls take up to three seconds. */
const secondsCalled = 4

/** Those after which an address may be banned come last. */
const chosen = {
  plain: [
    "requests-wrong",
    "caller-forged",
    "datagrams-foreign",
    "datagrams-malformed",
    "members-impossible",
    "gossip-malformed",
    "server-settings",
    "garbage",
    "frames-malformed"
  ],
  sealed: ["datagrams-malformed", "gossip-malformed", "handshakes-foreign", "garbage", "frames-malformed"]
} as const

/** Third bytes of addresses that no other run has. */
const nets = { plain: 240, sealed: 241 } as const

describe.each([
  ["in plaintext", false],
  ["with keys and TLS", true]
] as const)("hosts that are attacked %s", (_, isSealed) => {
  const net = nets[isSealed ? "sealed" : "plain"]
  const opened: Array<Camp.Camp> = []

  beforeAll(async () => {
    opened.push(await Camp.open(Camp.groundOf(isSealed), net))
  }, timeout)

  afterAll(() => Promise.all(opened.map(({ close }) => close())))

  const names: ReadonlyArray<string> = chosen[isSealed ? "sealed" : "plain"]
  const all = names.flatMap((name) => attacks.filter((attack) => attack.name === name))
  it.each(all)(
    "hold against $name",
    async (attack) => {
      const [camp] = opened
      if (camp === undefined) return assert.fail("there are no hosts")
      const { calls, done, ended, isMember, isNamed, resident, spent } = await Trial.assault({
        ...{ attack, camp, net },
        seconds: attack.by === "S" ? secondsCalled : seconds
      })
      if (attack.by === "S") assert.deepStrictEqual(calls === undefined ? ["not asked"] : callsMissed(calls), [])
      assert.isUndefined(ended)
      assert.deepStrictEqual({ isMember, isNamed, buried: done.buried }, { isMember: true, isNamed: true, buried: 0 })
      assert.isAbove(done.messages, 0)
      assert.isAbove(done.opens, 0)
      assert.isBelow(resident.most / 2 ** 20, rssMiBMax[attack.by])
      assert.isAbove(spent.connections + spent.datagramBytesSent, 0)
      const { closed, streamsEnded, streamsRefused } = spent
      if (attack.answer !== "borne")
        assert.isAbove(closed + streamsEnded + streamsRefused + countedOf({ counted: done.counters }), 0)
    },
    timeout
  )
})
