/** When a host that starts may say that it is up. */
import { assert, describe, it } from "@effect/vitest"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Beginning from "../../../src/protocol/swim/Beginning.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import type * as Twin from "../../../src/protocol/swim/Twin.ts"
import * as Harness from "./Harness.ts"

const { addressOf, advance, at, feed, nodeOf, populate, selfAddress, sent, tags } = Harness

const there = at("192.0.2.7", 7946)
const settings = { ...Harness.quiet, gossipIntervalMillis: 200, probeIntervalMillis: 1e6 }

const make = () => {
  const host = Harness.make({ rules: Config.careful, settings, bornAtMicros: 500, isAwaited: true })
  populate(host, 3)
  return host
}

const hear = (host: Harness.Harness, address = there) =>
  feed(host, {
    _tag: "Merge",
    nodes: [nodeOf("self", 4, "alive", address), nodeOf("m0", 1, "alive", addressOf(0))],
    join: true
  })

const twin = (isKnown: boolean, bornAtMicros: number): Twin.Claimant => ({
  bornAtMicros,
  life: 7,
  isKnown,
  incarnation: 1
})

const answer = (host: Harness.Harness, said: Twin.Answer | undefined) =>
  feed(host, { _tag: "TwinAnswered", address: there, answer: said })

const isSettled = ({ state }: Harness.Harness): boolean => Beginning.isSettled(state.standing)

const ofItself = (message: PacketMessage): boolean => message._tag === "Alive" && message.node === "self"

const words = (host: Harness.Harness): number =>
  sent(advance(host, 1000)).flatMap(({ messages }) => messages.filter(ofItself)).length

describe("a host that starts", () => {
  it("tells nobody but its seeds of itself before one of them knows it", () => {
    const host = make()
    assert.strictEqual(words(host), 0)
    hear(host, selfAddress)
    assert.isAbove(words(host), 0)
  })

  it("tells everybody once it has begun, whoever has answered", () => {
    const host = make()
    feed(host, { _tag: "Begin" })
    assert.isAbove(words(host), 0)
  })

  it("asks a seed again until the answer has its name, wherever that is, and no other time", () => {
    const host = make()
    const others = [nodeOf("m0", 1, "alive", addressOf(0))]
    assert.isTrue(Beginning.isToConfirm(host.state, true, others))
    assert.isFalse(Beginning.isToConfirm(host.state, true, [...others, nodeOf("self", 1, "alive", there)]))
    assert.isFalse(Beginning.isToConfirm(host.state, false, others))
    feed(host, { _tag: "Begin" })
    assert.isFalse(Beginning.isToConfirm(host.state, true, others))
  })

  it("does not begin before it is known while another one of its name answers, though it is the older one", () => {
    const host = make()
    hear(host)
    assert.isFalse(isSettled(host))
    answer(host, twin(false, 900))
    assert.isFalse(isSettled(host))
    hear(host, selfAddress)
    assert.isTrue(isSettled(host))
  })

  it("asks that one again soon, and gives way as soon as it is known there", () => {
    const host = make()
    hear(host)
    answer(host, twin(false, 900))
    assert.strictEqual(tags(advance(host, 250)).filter((tag) => tag === "AskTwin").length, 1)
    assert.include([...tags(answer(host, twin(true, 900)))], "NameLost")
  })

  it("gives way at once to an older one when both are known", () => {
    const host = make()
    hear(host, selfAddress)
    hear(host)
    assert.include([...tags(answer(host, twin(true, 100)))], "NameLost")
  })

  it("takes nobody to be gone that has missed one question", () => {
    const host = make()
    hear(host)
    answer(host, undefined)
    assert.isFalse(isSettled(host))
    advance(host, 250)
    answer(host, undefined)
    assert.isTrue(isSettled(host))
  })

  it("is none without the rule", () => {
    const host = Harness.make({ rules: Config.memberlist, settings, isAwaited: true })
    populate(host, 3)
    assert.isAbove(words(host), 0)
  })
})

it("of any two that compare themselves while they start, both never give way", () => {
  // All orders in which two become known, ask and answer: each answer is as old as the other side's last step.
  const kinds = ["know a", "know b", "ask a", "ask b", "hear a", "hear b"] as const
  type Kind = (typeof kinds)[number]
  let both = 0
  let runs = 0
  const run = (order: ReadonlyArray<Kind>): void => {
    const known = { a: false, b: false }
    const said: { a: boolean | undefined; b: boolean | undefined } = { a: undefined, b: undefined }
    const hosts = { a: make(), b: make() }
    const born = { a: 500, b: 900 }
    const lost = { a: false, b: false }
    for (const step of order) {
      const [verb = "", me = "a"] = step.split(" ")
      const [own, other] = me === "a" ? (["a", "b"] as const) : (["b", "a"] as const)
      if (lost[own]) continue
      if (verb === "know") {
        hear(hosts[own], selfAddress)
        known[own] = true
      } else if (verb === "ask") said[own] = lost[other] ? undefined : known[other]
      else if (said[own] !== undefined) {
        hear(hosts[own])
        const state = hosts[own].state
        const outputs = Array.from({ length: 2 }, () => {
          const isKnown = said[own] === true
          return feed(hosts[own], {
            _tag: "TwinAnswered",
            address: there,
            answer: twin(isKnown, state.config.bornAtMicros + born[other] - born[own])
          })
        }).flat()
        lost[own] = outputs.some(({ _tag }) => _tag === "NameLost")
      }
    }
    runs += 1
    if (lost.a && lost.b) both += 1
  }
  const permute = (rest: ReadonlyArray<Kind>, order: ReadonlyArray<Kind>): void => {
    if (rest.length === 0) return run(order)
    for (const next of rest)
      permute(
        rest.filter((kind) => kind !== next),
        [...order, next]
      )
  }
  permute(kinds, [])
  assert.strictEqual(runs, 720)
  assert.strictEqual(both, 0)
})
