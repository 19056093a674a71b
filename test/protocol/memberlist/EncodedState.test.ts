import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import * as EncodedState from "../../../src/protocol/memberlist/EncodedState.ts"
import type { NodeState, PushPull } from "../../../src/protocol/memberlist/Message.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import { aesCipher, ascii, framing } from "./support.ts"

const node: NodeState = {
  name: "a",
  address: Uint8Array.of(10, 0, 0, 1),
  port: 7946,
  meta: ascii("m"),
  incarnation: 1,
  state: "alive",
  versions: Uint8Array.of(1, 5, 2, 0, 0, 0)
}

const state: PushPull = { _tag: "PushPull", join: false, nodes: [node, { ...node, name: "b" }], userState: ascii("u") }

const by = framing({ compress: true, cipher: aesCipher({}) })

const read = (bytes: Uint8Array) => {
  const received = Result.getOrThrow(StreamCodec.push(StreamCodec.make(by, "dialler"), bytes))
  return Option.getOrThrow(received).message
}

const bodyOf = ({ last }: EncodedState.EncodedState, kind: string) => last.get(kind)?.body

describe("the state of answers", () => {
  it("is encoded once while nothing changes, and sealed for each answer", () => {
    const encoded = EncodedState.make(by, "acceptor")
    const first = EncodedState.encode(encoded, state, 1024)
    const body = bodyOf(encoded, "false true")
    const again = { ...state, nodes: state.nodes.map((each) => ({ ...each })), userState: state.userState.slice() }
    const second = EncodedState.encode(encoded, again, 1024)
    assert.isTrue(body !== undefined && bodyOf(encoded, "false true") === body)
    assert.notDeepEqual(first, second)
    for (const bytes of [first, second]) assert.deepStrictEqual(read(bytes), state)
  })

  it.each([
    ["a member's state", { nodes: [node, { ...node, name: "b", state: "dead" as const }] }],
    ["its incarnation", { nodes: [node, { ...node, name: "b", incarnation: 2 }] }],
    [
      "its metadata",
      {
        nodes: [
          { ...node, meta: ascii("n") },
          { ...node, name: "b" }
        ]
      }
    ],
    [
      "its address",
      {
        nodes: [
          { ...node, address: Uint8Array.of(10, 0, 0, 2) },
          { ...node, name: "b" }
        ]
      }
    ],
    [
      "its port",
      {
        nodes: [
          { ...node, port: 1 },
          { ...node, name: "b" }
        ]
      }
    ],
    [
      "its versions",
      {
        nodes: [
          { ...node, versions: Uint8Array.of(1, 5, 3, 0, 0, 0) },
          { ...node, name: "b" }
        ]
      }
    ],
    ["one member more", { nodes: [...state.nodes, { ...node, name: "c" }] }],
    ["one member less", { nodes: [node] }],
    ["another member", { nodes: [node, { ...node, name: "c" }] }],
    ["the user state", { userState: ascii("v") }],
    ["no user state", { userState: new Uint8Array(0) }],
    ["a join", { join: true }]
  ])("is what it is by then: %s", (_, change) => {
    const encoded = EncodedState.make(by, "acceptor")
    EncodedState.encode(encoded, state, 1024)
    const changed = { ...state, ...change }
    assert.deepStrictEqual(read(EncodedState.encode(encoded, changed, 1024)), changed)
    assert.deepStrictEqual(read(EncodedState.encode(encoded, state, 1024)), state)
    assert.isAtMost(encoded.last.size, 2)
  })

  it("is not compressed when it is large", () => {
    const encoded = EncodedState.make(framing({ compress: true }), "acceptor")
    assert.strictEqual(EncodedState.encode(encoded, state, 1)[0], 6)
    assert.strictEqual(EncodedState.encode(encoded, { ...state, nodes: [node] }, 1)[0], 9)
  })
})
