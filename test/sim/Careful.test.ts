/** The rules by which a host doubts itself before it accuses others, one by one, on a machine fed by hand. */
import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../src/protocol/Address.ts"
import type { PacketMessage } from "../../src/protocol/memberlist/Message.ts"
import * as Config from "../../src/protocol/swim/Config.ts"
import * as Swim from "../../src/protocol/swim/Swim.ts"
import * as Harness from "../protocol/swim/Harness.ts"

const settings: Config.Settings = {
  ...Config.swift,
  suspicionRoundsMin: 0,
  gossipIntervalMillis: 0,
  pushPullIntervalMillis: 0
}
const patient: Config.Settings = { ...settings, probeIntervalMillis: 1e9 }

const make = (rules: Partial<Config.Rules>, over: Partial<Config.Settings> = {}, n = 10): Harness.Harness => {
  const host = Harness.make({ settings: { ...settings, ...over }, rules: { ...Config.memberlist, ...rules } })
  Harness.populate(host, n)
  return host
}

const from = (i: number): Address => Harness.addressOf(i)

const say = (host: Harness.Harness, message: PacketMessage, i = 9): ReadonlyArray<Swim.Output> =>
  Harness.receive(host, [message], from(i))

const suspect = (node: string, by: string): PacketMessage => ({ _tag: "Suspect", incarnation: 1, node, from: by })
const dead = (node: string, by: string): PacketMessage => ({ _tag: "Dead", incarnation: 1, node, from: by })

/** Two seconds at 11 members: the shortest suspicion. */
const minMillis = 2 * 1041

/** Time passes, and somebody is heard now and then. */
const pass = (host: Harness.Harness, millis: number): ReadonlyArray<Swim.Output> => {
  const outputs: Array<Swim.Output> = []
  for (let spent = 0; spent < millis; spent += 100) {
    outputs.push(...Harness.advance(host, Math.min(100, millis - spent)))
    say(host, { _tag: "Nack", seq: 0 })
  }
  return outputs
}

describe("a death out of the blue", () => {
  const slow = { probeIntervalMillis: 1000, secondOpinions: 0 }

  it("is a suspicion of half the shortest time", () => {
    const host = make({ deathNeedsSuspicion: true }, slow)
    say(host, dead("m1", "m2"))
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    pass(host, minMillis / 2 - 50)
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    pass(host, 100)
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })

  it("is refuted in that time", () => {
    const host = make({ deathNeedsSuspicion: true }, slow)
    say(host, dead("m1", "m2"))
    say(host, Harness.aliveOf("m1", 2, from(1)))
    pass(host, 10_000)
    assert.strictEqual(Harness.view(host, "m1"), "alive 2")
  })

  it("is believed of one that was suspected for that long", () => {
    const host = make({ deathNeedsSuspicion: true }, slow)
    say(host, suspect("m1", "m2"))
    pass(host, minMillis / 2 + 50)
    say(host, dead("m1", "m2"))
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })

  it("is believed at once of a member that says so itself, and by the rules of the reference", () => {
    const host = make({ deathNeedsSuspicion: true }, slow)
    say(host, dead("m1", "m1"))
    assert.strictEqual(Harness.view(host, "m1"), "left 1")
    const reference = make({})
    say(reference, dead("m1", "m2"))
    assert.strictEqual(Harness.view(reference, "m1"), "dead 1")
  })
})

describe("a small cluster", () => {
  it("gives a suspect four probe intervals, as one of a hundred members does", () => {
    const { suspicionRoundsMin } = Config.swift
    const host = make({}, { suspicionRoundsMin, probeIntervalMillis: 1000, confirmationsMax: 1, secondOpinions: 0 }, 3)
    say(host, suspect("m1", "m2"), 2)
    say(host, suspect("m1", "m3"), 2)
    pass(host, 3900)
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    pass(host, 200)
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })
})

describe("a deaf host", () => {
  it("lets no suspect's time run out, and gives that time back when it hears again", () => {
    const host = make({ hearing: true }, { probeIntervalMillis: 1000, confirmationsMax: 1, secondOpinions: 0 })
    say(host, suspect("m1", "m2"))
    say(host, suspect("m1", "m3"))
    Harness.advance(host, 8000)
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    say(host, { _tag: "Nack", seq: 0 })
    pass(host, 900)
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    pass(host, minMillis)
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })

  it("believes in the end that its link, not itself, is broken", () => {
    const host = make({ hearing: true }, { probeIntervalMillis: 1000, confirmationsMax: 1, secondOpinions: 0 })
    say(host, suspect("m1", "m2"))
    Harness.advance(host, 40_000)
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })

  it("accuses nobody until its health is at the bottom", () => {
    const host = make({ hearing: true }, { probeIntervalMillis: 1000 })
    const until = { outputs: Harness.advance(host, 2500) }
    assert.isNotEmpty(until.outputs)
    const accused = Harness.advance(host, 5000).filter(
      (output) => output._tag === "Changed" && output.change === "suspected"
    )
    assert.isEmpty(accused)
    assert.isAbove(Swim.health(host.state), 3)
  })
})

describe("a host that slept", () => {
  it("gives probe and suspects the time back, and doubts itself", () => {
    const host = make({ lateness: true }, { probeIntervalMillis: 1000, confirmationsMax: 1, secondOpinions: 0 })
    say(host, suspect("m1", "m2"))
    say(host, suspect("m1", "m3"))
    pass(host, 1500)
    const health = Swim.health(host.state)
    host.now += 10_000
    const outputs = Harness.feed(host, { _tag: "Tick" })
    assert.isEmpty(outputs.filter(({ _tag }) => _tag === "Changed"))
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    assert.isAbove(Swim.health(host.state), health)
  })

  it("accuses at once by the rules of the reference", () => {
    const host = make({}, { probeIntervalMillis: 1000, confirmationsMax: 1 })
    say(host, suspect("m1", "m2"))
    say(host, suspect("m1", "m3"))
    host.now += 10_000
    Harness.feed(host, { _tag: "Tick" })
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })
})

describe("a last word", () => {
  it("is asked for half a second before the end, of the suspect itself", () => {
    const host = make({ lastWord: true }, { probeIntervalMillis: 1000, confirmationsMax: 1, secondOpinions: 0 })
    say(host, suspect("m1", "m2"))
    say(host, suspect("m1", "m3"))
    const outputs = pass(host, minMillis - 400)
    const asked = Harness.sent(outputs).filter(
      ({ messages, to }) => to.bytes[3] === 1 && messages.length === 1 && messages[0]?._tag === "Suspect"
    )
    assert.strictEqual(asked.length, 1)
    assert.strictEqual(Harness.view(host, "m1"), "suspect 1")
    pass(host, 500)
    assert.strictEqual(Harness.view(host, "m1"), "dead 1")
  })

  it("goes straight to the accuser, once a second", () => {
    const host = make({ lastWord: true }, patient)
    const answers = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<number> =>
      Harness.sent(outputs).flatMap(({ messages, to }) =>
        messages[0]?._tag === "Alive" ? [(to.bytes[3] ?? 0) * 1000 + messages[0].incarnation] : []
      )
    assert.deepStrictEqual(answers(say(host, suspect("self", "m4"))), [4002])
    assert.deepStrictEqual(answers(say(host, suspect("self", "m5"))), [5002])
    assert.deepStrictEqual(answers(say(host, suspect("self", "m5"))), [])
    host.now += 1000
    assert.deepStrictEqual(answers(say(host, dead("self", "m5"))), [5002])
    assert.deepStrictEqual(answers(say(host, suspect("self", "stranger"))), [])
    assert.strictEqual(Harness.view(host, "self"), "alive 2")
  })
})

describe("a second opinion", () => {
  it("comes from about as many members as it should, out of turn", () => {
    let asked = 0
    for (let i = 0; i < 200; i++) {
      const config = { settings: { ...patient, secondOpinions: 4 }, rules: Config.careful }
      const host = Harness.make(config, `opinion ${i}`)
      Harness.populate(host, 19)
      say(host, suspect("m1", "m2"))
      asked += host.state.rechecks.length
    }
    assert.closeTo(asked / 200, 4 / 20, 0.08)
  })

  it("never keeps the probes in turn from going on", () => {
    const host = make({}, { probeIntervalMillis: 1000, secondOpinions: 1000 }, 12)
    for (let i = 0; i < 8; i++) say(host, suspect(`m${i}`, "m10"))
    const targets: Array<string> = []
    for (let i = 0; i < 12; i++) {
      const before = host.state.probe
      Harness.advance(host, 1000)
      const { probe } = host.state
      if (probe === undefined || probe === before) continue
      targets.push(probe.target.name)
      say(host, { _tag: "Ack", seq: probe.seq, payload: new Uint8Array(0) })
    }
    const inTurn = targets.filter((_, i) => i % 2 === 0)
    assert.strictEqual(new Set(inTurn).size, inTurn.length, targets.join(" "))
  })
})

it("an urgent death brings the next gossip round forward, at most eight times as often as rounds are", () => {
  const over = { gossipIntervalMillis: 200, probeIntervalMillis: 1e9 }
  const host = make({ urgentDeaths: true }, over, 30)
  const calm = make({}, over, 30)
  for (const one of [host, calm]) Harness.advance(one, 10_000)
  const wait = (one: Harness.Harness): number => {
    say(one, dead("m1", "m2"))
    return Swim.nextDeadline(one.state) - one.now
  }
  const waits = [host, calm].map((one) => {
    Harness.advance(one, 100)
    return wait(one)
  })
  assert.strictEqual(waits[0], 0)
  assert.isAbove(waits[1] ?? 0, 0)
  Harness.feed(host, { _tag: "Tick" })
  say(host, dead("m3", "m2"))
  assert.isAbove(Swim.nextDeadline(host.state) - host.now, 0)
})
