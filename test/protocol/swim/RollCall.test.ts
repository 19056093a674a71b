/** What a host does on the smaller side of a cut: it asks everybody at once, and talks to those that it hears. */
import { assert, describe, it } from "@effect/vitest"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Harness from "./Harness.ts"

const settings: Config.Settings = { ...Config.swift, gossipIntervalMillis: 0, pushPullIntervalMillis: 0 }

const make = (n: number, rules: Partial<Config.Rules> = {}, over: Partial<Config.Settings> = {}): Harness.Harness => {
  const host = Harness.make({ settings: { ...settings, ...over }, rules: { ...Config.careful, ...rules } })
  Harness.populate(host, n)
  return host
}

/** Who is pinged, and where answers come from. */
interface World {
  readonly host: Harness.Harness
  /** Members that answer, datagrams and TCP alike. */
  readonly answering: (name: string) => boolean
  readonly pinged: Array<string>
  readonly overTcp: Array<string>
}

/** Lets time pass in small steps; what is asked of members that answer is answered at once, that of helpers included. */
const pass = ({ answering, host, overTcp, pinged }: World, millis: number): ReadonlyArray<Swim.Output> => {
  const all: Array<Swim.Output> = []
  const perform = (outputs: ReadonlyArray<Swim.Output>): void => {
    all.push(...outputs)
    for (const { messages, to } of Harness.sent(outputs))
      for (const message of messages) {
        if (message._tag === "Ping") pinged.push(message.node)
        const helper = `m${to.bytes.at(-1)}`
        const reply: PacketMessage | undefined =
          message._tag === "Ping" && answering(message.node)
            ? { _tag: "Ack", seq: message.seq, payload: new Uint8Array(0) }
            : message._tag === "IndirectPing" && answering(helper)
              ? { _tag: answering(message.node) ? "Ack" : "Nack", seq: message.seq, payload: new Uint8Array(0) }
              : undefined
        if (reply !== undefined) perform(Harness.receive(host, [reply], to))
      }
    for (const output of outputs) {
      if (output._tag !== "TcpPing") continue
      overTcp.push(output.name)
      if (answering(output.name)) perform(Harness.feed(host, { _tag: "TcpPingAnswered", seq: output.seq }))
    }
  }
  for (let spent = 0; spent < millis; spent += 20) perform(Harness.advance(host, 20))
  return all
}

const world = (host: Harness.Harness, answering: (name: string) => boolean): World => ({
  host,
  answering,
  pinged: [],
  overTcp: []
})

const statuses = (host: Harness.Harness, status: Swim.Status): number =>
  [...Swim.members(host.state)].filter((member) => member.status === status).length

describe("a roll call", () => {
  it("finds all that are out of reach within seconds, however many, and nobody else", () => {
    const host = make(63)
    const near = world(host, (name) => Number(name.slice(1)) < 7)
    pass(near, 10_000)
    assert.deepStrictEqual([statuses(host, "alive"), statuses(host, "suspect")], [8, 56])
    assert.isAtMost(new Set(near.overTcp).size, 63)
  })

  it("is none by the rules of the reference", () => {
    const host = make(63, { cuts: false })
    pass(
      world(host, (name) => Number(name.slice(1)) < 7),
      10_000
    )
    assert.isAtMost(statuses(host, "suspect"), 6)
  })

  it("is none when one member has died, and its helpers say so", () => {
    // A second probe is no roll call.
    const host = make(30, { doubleProbes: false })
    const most = world(host, (name) => name !== "m3")
    pass(most, 70_000)
    assert.strictEqual(Harness.view(host, "m3"), "dead 1")
    // One ping a second.
    assert.isAtMost(most.pinged.length, 71)
    assert.deepStrictEqual([...new Set(most.overTcp)], ["m3"])
  })

  it("asks sixteen at a time, and once in five probe intervals", () => {
    const host = make(200)
    const beganAt = new Set<number>()
    const none = world(host, (name) => Number(name.slice(1)) < 20)
    for (let spent = 0; spent < 40_000; spent += 20) {
      pass(none, 20)
      assert.isAtMost(host.state.rollCall.asked.size, 16)
      beganAt.add(host.state.rollCall.beganAt)
    }
    const began = [...beganAt].filter(Number.isFinite)
    assert.isAtLeast(began.length, 1)
    for (const [i, at] of began.entries()) if (i > 0) assert.isAtLeast(at - (began[i - 1] ?? 0), 5000)
  })

  it("gives those that it asked the time back that this process slept", () => {
    const host = make(40)
    const all = new Set<string>()
    const slept = world(host, (name) => !all.has(name))
    pass(slept, 3000)
    for (let i = 0; i < 40; i++) all.add(`m${i}`)
    while (host.state.rollCall.asked.size === 0) pass(slept, 20)
    const suspects = statuses(host, "suspect")
    host.now += 5000
    Harness.feed(host, { _tag: "Tick" })
    assert.strictEqual(statuses(host, "suspect"), suspects)
  })
})

describe("a host that hears nobody for a moment", () => {
  it("asks some of the others, and with their answers its suspicions run on", () => {
    const host = make(6, {}, { confirmationsMax: 0 })
    const two = world(host, (name) => name === "m0")
    pass(two, 12_000)
    assert.strictEqual(Harness.view(host, "m0"), "alive 1")
    assert.strictEqual(statuses(host, "dead"), 5)
  })
})

describe("a host that hears nobody at all", () => {
  it("accuses nobody at first, and after the longest suspicion takes all for dead at once", () => {
    const host = make(6)
    const nobody = world(host, () => false)
    pass(nobody, 20_000)
    assert.strictEqual(statuses(host, "dead"), 0)
    pass(nobody, 7500)
    assert.strictEqual(statuses(host, "dead"), 6)
  })

  it("does not, when TCP says that the others are there", () => {
    const host = make(6)
    const deaf = world(host, () => true)
    const outputs: Array<Swim.Output> = []
    for (let spent = 0; spent < 60_000; spent += 20) {
      for (const output of Harness.advance(host, 20)) {
        outputs.push(output)
        if (output._tag === "TcpPing") Harness.feed(host, { _tag: "TcpPingAnswered", seq: output.seq })
      }
    }
    assert.isNotEmpty(outputs)
    assert.strictEqual(deaf.pinged.length, 0)
    assert.strictEqual(statuses(host, "dead"), 0)
  })

  it("does not, when its process did not run", () => {
    const host = make(6)
    pass(
      world(host, () => true),
      5000
    )
    host.now += 60_000
    Harness.feed(host, { _tag: "Tick" })
    assert.strictEqual(statuses(host, "dead"), 0)
  })
})

describe("gossip", () => {
  it("always goes to somebody whom nobody suspects, while there is one", () => {
    const host = make(40, {}, { gossipIntervalMillis: 200, probeIntervalMillis: 1e9 })
    const nodes = Array.from({ length: 39 }, (_, i) => `m${i}`)
    Harness.receive(
      host,
      nodes.map((node) => ({ _tag: "Suspect", incarnation: 1, node, from: "m39" }))
    )
    const rounds = Array.from({ length: 4 }, () => Harness.sent(Harness.advance(host, 200)))
    for (const round of rounds) if (round.length > 0) assert.isTrue(round.some(({ to }) => to.bytes.at(-1) === 39))
    assert.isNotEmpty(rounds[0])
  })
})
