/** How many datagrams are looked at. Source: security.md, D-7. */
import { assert, describe, it } from "@effect/vitest"
import { type Address, parseHost } from "../../../src/protocol/Address.ts"
import * as Intake from "../../../src/protocol/memberlist/Intake.ts"

const at = (host: string, port = 7946): Address => ({ bytes: parseHost(host) ?? new Uint8Array(0), port })

const members: ReadonlySet<string> = new Set(["10.0.0.1"])

const make = (): Intake.Intake => Intake.make((source) => members.has(source), 0)

/** How many of so many datagrams are looked at, from addresses in turn. */
const admitted = (
  intake: Intake.Intake,
  from: (i: number) => Address,
  times: number,
  { at: now = 0, bytes = 100 } = {}
): number =>
  Array.from({ length: times }, (_, i) => Intake.admit(intake, from(i), bytes, now)).filter(
    (result) => typeof result !== "string"
  ).length

const stranger = (i: number): Address => at(`192.0.${i >> 8}.${i & 255}`)

describe("datagrams of one address", () => {
  it("are looked at up to its rate, whatever their port, and again when time has passed", () => {
    const intake = make()
    const from = (i: number): Address => at("192.0.2.1", 1 + i)
    assert.strictEqual(admitted(intake, from, 5000), Intake.sourceUnitsBurst)
    assert.strictEqual(Intake.admit(intake, from(0), 1, 0), "sourceRate")
    assert.strictEqual(admitted(intake, from, 5000, { at: 1000 }), Intake.sourceUnitsPerSecond)
    assert.strictEqual(
      admitted(intake, () => at("192.0.2.2"), 1, { at: 1000 }),
      1
    )
  })

  it("of IPv6 are counted for all of a /64", () => {
    const intake = make()
    const from = (i: number): Address => at(`2001:db8::${(i + 1).toString(16)}`)
    assert.strictEqual(admitted(intake, from, 5000), Intake.sourceUnitsBurst)
    assert.strictEqual(
      admitted(intake, () => at("2001:db8:0:1::1"), 1),
      1
    )
  })

  it("are counted by their size, before they are looked at", () => {
    assert.strictEqual(
      admitted(make(), () => at("192.0.2.1"), 5000, { bytes: 65_000 }),
      31
    )
    assert.strictEqual(
      admitted(make(), () => at("192.0.2.1"), 5000, { bytes: Intake.unitBytes }),
      1000
    )
  })

  it.each([
    ["bytes", 65_536, 1, 32],
    ["messages", 1_400, 255, 8]
  ] as const)("are charged for the %s that they turn out to hold", (_, bytes, messages, units) => {
    const intake = make()
    let taken = 0
    for (;;) {
      const result = Intake.admit(intake, at("10.0.0.1"), 1_000, 0)
      if (typeof result === "string") break
      taken += 1
      Intake.charge(intake, result, bytes, messages)
    }
    assert.strictEqual(taken, Math.ceil(Intake.sourceUnitsBurst / units))
    // What was taken beyond the share comes back first.
    assert.strictEqual(admitted(intake, () => at("10.0.0.1"), 5000, { at: 1000 }) > 0, true)
    assert.isAtMost(
      admitted(intake, () => at("10.0.0.1"), 5000, { at: 2000 }),
      Intake.sourceUnitsPerSecond
    )
  })

  it("cost one unit for anything that peers send", () => {
    const intake = make()
    const result = Intake.admit(intake, at("10.0.0.1"), 1_405, 0)
    assert.isTrue(typeof result !== "string")
    if (typeof result !== "string") Intake.charge(intake, result, 1_500, 32)
    assert.strictEqual(
      admitted(intake, () => at("10.0.0.1"), 5000),
      Intake.sourceUnitsBurst - 1
    )
  })
})

describe("datagrams of all addresses", () => {
  it("of strangers have one share, and those of members another", () => {
    const intake = make()
    assert.strictEqual(admitted(intake, stranger, 50_000), Intake.strangerUnitsBurst)
    assert.strictEqual(Intake.admit(intake, at("198.51.100.1"), 1, 0), "rate")
    assert.strictEqual(
      admitted(intake, () => at("10.0.0.1"), 500),
      500
    )
    assert.strictEqual(admitted(intake, stranger, 50_000, { at: 1000 }), Intake.strangerUnitsPerSecond)
  })

  it("that say they come from members are bounded together, too", () => {
    const intake = Intake.make(() => true, 0)
    assert.strictEqual(admitted(intake, stranger, 50_000), Intake.memberUnitsBurst)
  })
})
