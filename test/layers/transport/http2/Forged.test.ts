/**
 * Names and texts of others, as they come to handlers, logs and errors: no line that nobody here wrote, nothing that is not
 * seen, nothing without a bound.
 */
import { create } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Envelope from "../../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../src/protocol/flow/FrameBytes.ts"
import { FailReason, FrameSchema, RejectReason } from "../../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import { FlowError, MalformedMessage } from "../../../../src/services/FlowError.ts"
import { HostUnreachable, NetworkError } from "../../../../src/services/NetworkError.ts"
import * as Caller from "./Caller.ts"
import { asked, request, say } from "./RawClient.ts"
import * as RawPeer from "./RawPeer.ts"
import { server } from "./Server.ts"

const { data, headers, type } = RawPeer
const evil = `a\nERROR all is lost \u202e\u2028\x1b[2J${"x".repeat(60_000)}`

const assertSafe = (text: string, length: number) => {
  assert.notMatch(text, /[\p{C}\p{Zl}\p{Zp}]/u)
  assert.isAtMost(text.length, length)
}

describe("a caller that forges a name", () => {
  const opens: ReadonlyArray<readonly [string, Partial<Frame.Open>]> = [
    ["its own, with a newline", { caller: "a\nb" }],
    ["its own, which is long", { caller: "x".repeat(10_000) }],
    ["its own, which is read from right to left", { caller: "a\u202eb" }],
    ["that of a host on the way", { path: ["a", "b\nc"] }],
    ["an empty one on the way", { caller: "a", path: [""] }]
  ]
  for (const [what, forged] of opens)
    it.live(`is not served: ${what}`, () =>
      Effect.gen(function* () {
        const { port, served } = yield* server()
        const open: Frame.Open = {
          _tag: "Open",
          ...{ endpoint: "echo", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" },
          ...forged
        }
        const client = yield* say(port, asked, data(1, FrameBytes.encode(open)))
        yield* client.until(() => client.isEnded(1))
        assert.include(client.answer(1), "the name of a host ")
        assert.isAtMost(client.answer(1).length, 200)
        assert.strictEqual(served.flows, 0)
      })
    )

  it.live("is served under a good one, and under none", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server()
      for (const caller of ["", "server-1.shop"]) {
        const open = { ...{ endpoint: "echo", wireVersion: 1, contract: 0n, codec: "", host: "" }, path: ["a.b", "c"] }
        const client = yield* say(
          port,
          headers(1, request),
          data(1, FrameBytes.encode({ _tag: "Open", ...open, caller }))
        )
        yield* client.until(() => client.heard().some(({ kind }) => kind === type.data))
        assert.strictEqual(client.answer(1), Buffer.from(Caller.accepted).toString("latin1"))
      }
      assert.strictEqual(served.flows, 2)
    })
  )
})

describe("what a peer says", () => {
  const parts = [
    { case: "fail", value: { reason: FailReason.RESET, detail: evil } },
    { case: "rejected", value: { reason: RejectReason.INCOMPATIBLE, detail: evil } }
  ] as const
  it.each(parts)("of why it $case is safe to print", (kind) => {
    const frame = Frame.fromProto(create(FrameSchema, { kind }))
    assert.isTrue(frame._tag === "Success" && "detail" in frame.success)
    if (frame._tag === "Success" && "detail" in frame.success) assertSafe(frame.success.detail, 1100)
  })

  it("in an error has a bound, and no line of its own", () => {
    const network = new HostUnreachable({ host: "a", address: "b:1", cause: new Error(evil) })
    assertSafe(new NetworkError({ operation: "connect", reason: network }).message, 1200)
    const reason = new MalformedMessage({ cause: evil })
    assertSafe(new FlowError({ endpoint: "e", peer: "p", delivered: "no", reason }).message, 1200)
  })

  it.live("a server that ends its answer with it is a violation that can be printed", () =>
    Effect.gen(function* () {
      const end = Buffer.from(JSON.stringify({ error: { message: evil.slice(0, 5000) } }).replace("\\n", "\\u000a"))
      const wrapped = Buffer.from(Envelope.wrap(end))
      wrapped[0] = 2
      const peer = yield* RawPeer.serve({
        onFrame: ({ kind, stream }, { write }) => {
          if (kind === type.headers) write(headers(stream, RawPeer.good), data(stream, wrapped, true))
        }
      })
      const caller = yield* Caller.make()
      const error = yield* Caller.soon(Effect.flip(caller.open(peer.port)))
      assert.include(String(error), "the answer ended with")
      assertSafe(String(error), 600)
    })
  )
})
