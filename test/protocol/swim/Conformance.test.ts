/** What a reference node does with each message, in order. Source: memberlist-wire.md, section 21. */
import { assert, describe, it } from "@effect/vitest"
import type { Dead, PacketMessage, Suspect } from "../../../src/protocol/memberlist/Message.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import { aliveOf, at, feed, make, nodeOf, quiet, receive, selfAddress, view } from "./Harness.ts"

const f = at("127.0.0.1", 8022)
const meta = (text: string): { readonly meta: Uint8Array } => ({ meta: new TextEncoder().encode(text) })
const alive = (incarnation: number, address = f, over = {}): PacketMessage => aliveOf("f", incarnation, address, over)
const suspect = (incarnation: number, from = "x", node = "f"): Suspect => ({ _tag: "Suspect", incarnation, node, from })
const dead = (incarnation: number, from = "x", node = "f"): Dead => ({ _tag: "Dead", incarnation, node, from })
const mapped = { bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1), port: 8022 }

describe("a member, message by message", () => {
  const rows: ReadonlyArray<readonly [number, string, PacketMessage, string, conflict?: boolean]> = [
    [1, "suspect 1, unknown", suspect(1), "unknown"],
    [1, "dead 1, unknown", dead(1), "unknown"],
    [2, "alive 0, unknown", alive(0), "dead 0"],
    [3, "alive 3", alive(3), "alive 3"],
    [4, "alive 2, other meta", alive(2, f, meta("y")), "alive 3"],
    [4, "alive 3, other meta", alive(3, f, meta("y")), "alive 3"],
    [5, "alive 4, meta x", alive(4, f, meta("x")), "alive 4"],
    [6, "alive 9, other port", alive(9, at("127.0.0.1", 8023)), "alive 4", true],
    [6, "alive 9, same IP as 16 bytes", alive(9, mapped), "alive 4", true],
    [7, "suspect 3", suspect(3), "alive 4"],
    [8, "suspect 4", suspect(4), "suspect 4"],
    [9, "suspect 7 from another", suspect(7, "z"), "suspect 4"],
    [10, "alive 4", alive(4), "suspect 4"],
    [11, "alive 5", alive(5), "alive 5"],
    [12, "suspect 8", suspect(8), "suspect 8"],
    [13, "alive 8", alive(8), "suspect 8"],
    [13, "alive 9", alive(9), "alive 9"],
    [14, "dead 8", dead(8), "alive 9"],
    [14, "dead 9", dead(9), "dead 9"],
    [15, "suspect 20", suspect(20), "dead 9"],
    [15, "dead 30 from itself", dead(30, "f"), "dead 9"],
    [15, "alive 9", alive(9), "dead 9"],
    [15, "alive 10, other port", alive(10, at("127.0.0.1", 8023)), "dead 9", true],
    [16, "alive 10", alive(10), "alive 10"],
    [17, "dead 10 from itself", dead(10, "f"), "left 10"],
    [18, "alive 10", alive(10), "left 10"],
    [19, "alive 2, other port", alive(2, at("127.0.0.1", 8023)), "alive 2"],
    [20, "dead 1", dead(1), "alive 2"],
    [20, "alive 3 at the old port", alive(3), "alive 2", true],
    [21, "dead 50", dead(50), "dead 50"],
    [21, "alive 51", alive(51, at("127.0.0.1", 8023)), "alive 51"]
  ]
  const host = make({ settings: quiet })
  for (const [row, name, message, expected, conflict = false] of rows) {
    const outputs = receive(host, [message])
    const seen = view(host, "f")
    const port = Swim.member(host.state, "f")?.address.port
    const text = new TextDecoder().decode(Swim.member(host.state, "f")?.meta)
    it(`${row}: ${name} -> ${expected}${conflict ? ", conflict" : ""}`, () => {
      assert.strictEqual(seen, expected)
      assert.strictEqual(
        outputs.some(({ _tag }) => _tag === "Conflict"),
        conflict
      )
      if (row === 4) assert.strictEqual(text, "")
      if (row === 5) assert.strictEqual(text, "x")
      if (row >= 19) assert.strictEqual(port, 8023)
    })
  }
})

describe("the host itself, message by message", () => {
  const self = (incarnation: number, over = {}, address = selfAddress): PacketMessage =>
    aliveOf("self", incarnation, address, over)
  const merged = (incarnation: number, state: "dead" | "left" | "suspect"): Swim.Input => ({
    _tag: "Merge",
    nodes: [nodeOf("self", incarnation, state, selfAddress)],
    join: false
  })
  const received = (message: PacketMessage): Swim.Input => ({ _tag: "Received", from: f, messages: [message] })
  const rows: ReadonlyArray<readonly [number, string, Swim.Input, number]> = [
    [1, "suspect 1", received(suspect(1, "x", "self")), 2],
    [2, "suspect 1 again", received(suspect(1, "x", "self")), 2],
    [3, "suspect 100", received(suspect(100, "x", "self")), 101],
    [4, "dead 101", received(dead(101, "x", "self")), 102],
    [5, "dead 102 from self, not leaving", received(dead(102, "self", "self")), 103],
    [6, "alive 103, identical", received(self(103)), 103],
    [7, "alive 103, other meta", received(self(103, meta("y"))), 104],
    [8, "alive 103, other meta, older", received(self(103, meta("y"))), 104],
    [9, "alive 200, identical", received(self(200)), 201],
    [10, "alive 300, other port", received(self(300, {}, at("127.0.0.1", 8099))), 201],
    [11, "push/pull: dead 201", merged(201, "dead"), 202],
    [12, "push/pull: left 202", merged(202, "left"), 203],
    [13, "push/pull: suspect 202", merged(202, "suspect"), 203]
  ]
  const host = make({ settings: quiet })
  for (const [row, name, input, expected] of rows) {
    const outputs = feed(host, input)
    const seen = view(host, "self")
    it(`${row}: ${name} -> ${expected}`, () => {
      assert.strictEqual(seen, `alive ${expected}`)
      assert.strictEqual(
        outputs.some(({ _tag }) => _tag === "Conflict"),
        row === 10
      )
    })
  }
  const health = Swim.health(host.state)
  it("eight refutations drive the health score to its cap", () => assert.strictEqual(health, 7))
})
