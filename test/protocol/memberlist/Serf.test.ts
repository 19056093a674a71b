/** What of Serf's own messages a host reads and writes. Vectors of Serf 0.9.4, as it sent them. */
import { assert, describe, it } from "@effect/vitest"
import * as Serf from "../../../src/protocol/memberlist/Serf.ts"

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"))
const text = (said: string): string => Buffer.from(said).toString("hex")
const key = (name: string): string => (0xa0 + name.length).toString(16) + text(name)

/** A state with this many slots of events, each with two of them or empty. */
const state = (time: string, slots: number, isFull: boolean): Uint8Array => {
  const event = `82 ${key("Name")} ${key("deploy")} ${key("Payload")} c0`
  const slot = isFull ? `82 ${key("Events")} 92 ${event} ${event} ${key("LTime")} 05` : "c0"
  const events = `dc ${slots.toString(16).padStart(4, "0")} ${slot.repeat(slots)}`
  const fields = [
    `${key("EventLTime")} 01`,
    `${key("Events")} ${events}`,
    `${key("LTime")} ${time}`,
    `${key("LeftMembers")} c0`,
    `${key("QueryLTime")} 01`,
    `${key("StatusLTimes")} 81 ${key("serf")} 02`
  ]
  return hex(`02 86 ${fields.join(" ")}`)
}

describe("Serf", () => {
  it("tells its time in a state, however many events are in it", () => {
    assert.strictEqual(Serf.timeOfState(state("07", 512, false)), 7)
    assert.strictEqual(Serf.timeOfState(state("cd 01 00", 512, true)), 256)
  })

  it.each([
    ["nothing", ""],
    ["names of a host", "67 0a 00"],
    ["another program's", "02 81 a1 61 01"],
    ["an array", "02 92 01 02"],
    ["one that is cut short", "02 86 aa 45 76"],
    ["one with a time beyond all", `02 82 ${key("LTime")} cf ffffffffffffffff ${key("StatusLTimes")} 80`],
    ["no map", "02 c0"]
  ])("is not told by %s", (_, bytes) => assert.isUndefined(Serf.timeOfState(hex(bytes))))

  it("is told that a member leaves in the words of its own members", () => {
    const told = hex(`00 83 ${key("LTime")} 14 ${key("Node")} ${key("polite")} ${key("Prune")} c2`)
    assert.deepStrictEqual(Serf.leaveIntent("polite", 20), told)
    assert.strictEqual(Serf.timeOfIntent(told), 20)
    assert.strictEqual(Serf.timeOfIntent(hex(`01 82 ${key("LTime")} 15 ${key("Node")} ${key("a")}`)), 21)
    assert.isUndefined(Serf.timeOfIntent(hex(`03 81 ${key("LTime")} 15`)))
    assert.strictEqual(Serf.timeOfIntent(Serf.leaveIntent("x".repeat(200), 2 ** 20)), 2 ** 20)
  })
})
