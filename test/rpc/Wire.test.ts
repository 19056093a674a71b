/** The text of the messages of calls, and what the Rpcs of two sides are told apart by. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { CallsExceeded, PayloadMisfit, ReplyUnsendable, RpcDiffers, RpcUnknown } from "../../src/rpc/CallError.ts"
import * as Fingerprints from "../../src/rpc/Fingerprints.ts"
import * as Wire from "../../src/rpc/Wire.ts"

const { fingerprint, input, output } = Wire.endpoint("calls")

const request: Wire.Request = {
  _tag: "Request",
  id: 7,
  rpc: "get",
  fingerprint: "00c0ffee00c0ffee",
  payload: { id: "1" },
  isAlone: false,
  isDiscarded: false,
  headers: [],
  trace: undefined
}
const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true }

const toServer: ReadonlyArray<readonly [text: string, message: Wire.ToServer]> = [
  [`[0,7,"get","00c0ffee00c0ffee",{"id":"1"},0]`, request],
  [
    `[0,7,"get","00c0ffee00c0ffee",null,1,[["a","b"]]]`,
    { ...request, payload: null, isAlone: true, headers: [["a", "b"]] }
  ],
  [
    `[0,7,"get","00c0ffee00c0ffee",[1],3,[],["${trace.traceId}","${trace.spanId}",true]]`,
    { ...request, payload: [1], isAlone: true, isDiscarded: true, trace }
  ],
  ["[1,7]", { _tag: "Ack", id: 7 }],
  ["[2,7]", { _tag: "Interrupt", id: 7 }]
]

const refusals = [
  [`{"_tag":"RpcUnknown","rpc":"get"}`, new RpcUnknown({ rpc: "get" })],
  [`{"_tag":"RpcDiffers","rpc":"get","ours":"a","theirs":"b"}`, new RpcDiffers({ rpc: "get", ours: "a", theirs: "b" })],
  [`{"_tag":"CallsExceeded","callsMax":1}`, new CallsExceeded({ callsMax: 1 })],
  [`{"_tag":"PayloadMisfit","detail":"x"}`, new PayloadMisfit({ detail: "x" })],
  [`{"_tag":"ReplyUnsendable","detail":"x"}`, new ReplyUnsendable({ detail: "x" })]
] as const

const toClient: ReadonlyArray<readonly [text: string, message: Wire.ToClient]> = [
  [`[0,7,{"_tag":"Success","value":1}]`, { _tag: "Exit", id: 7, exit: { _tag: "Success", value: 1 } }],
  [`[0,7,{"_tag":"Failure","cause":[]}]`, { _tag: "Exit", id: 7, exit: { _tag: "Failure", cause: [] } }],
  ["[1,7,[1,2]]", { _tag: "Chunk", id: 7, values: [1, 2] }],
  ...refusals.map(([text, why]) => [`[2,7,${text}]`, { _tag: "Refused" as const, id: 7, why }] as const)
]

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the messages of calls", () => {
  it.each(toServer)("to the server: %s", (text, message) => {
    assert.strictEqual(new TextDecoder().decode(Result.getOrThrow(input.encode(message))), text)
    assert.deepStrictEqual(Result.getOrThrow(input.decode(bytes(text))), message)
  })

  it.each(toClient)("to the client: %s", (text, message) => {
    assert.strictEqual(new TextDecoder().decode(Result.getOrThrow(output.encode(message))), text)
    assert.deepStrictEqual(Result.getOrThrow(output.decode(bytes(text))), message)
  })

  it("are the same within a process, as a value of their own", () => {
    for (const [, message] of toServer) {
      const value = Result.getOrThrow(input.value?.encode(message) ?? Result.fail("none"))
      if (value instanceof Uint8Array) assert.fail("it is text")
      assert.deepStrictEqual(Result.getOrThrow(input.value?.decode(value) ?? Result.fail("none")), message)
    }
  })

  it.each([
    ...[
      "1",
      "[]",
      "{}",
      "null",
      "[3,1]",
      "[1]",
      "[1,-1]",
      `[1,"1"]`,
      "[0,1]",
      `[0,1,2,"",null,0]`,
      `[0,1,"a","",null]`
    ],
    ...[`[0,1,"a","",null,0,[["a"]]]`, `[0,1,"a","",null,0,{}]`, "[1,1e300]"]
  ])("are not, to the server: %s", (text) => assert.isTrue(Result.isFailure(input.decode(bytes(text)))))

  it.each(["[0,1]", "[0,1,{}]", `[0,1,{"_tag":"Failure"}]`, "[1,1]", "[1,1,[]]", "[2,1,{}]", "[3,1,1]"])(
    "are not, to the client: %s",
    (text) => assert.isTrue(Result.isFailure(output.decode(bytes(text))))
  )

  it("leave out a trace that is none", () => {
    const text = `[0,7,"get","00c0ffee00c0ffee",{"id":"1"},0,[],["x","${trace.spanId}",true]]`
    assert.deepStrictEqual(Result.getOrThrow(input.decode(bytes(text))), request)
  })

  it("have one contract, whatever group they are of", () => {
    assert.strictEqual(fingerprint, 533390000071486621n)
  })
})

const printOf = (rpc: Rpc.Any) => Fingerprints.make(RpcGroup.make(rpc))(rpc._tag)?.fingerprint

describe("the fingerprint of an Rpc", () => {
  const User = Schema.Struct({ id: Schema.String, at: Schema.Date })
  class NoUser extends Schema.TaggedError<NoUser>()("NoUser", { id: Schema.String }) {}
  const get = Rpc.make("get", { payload: { id: Schema.String }, success: User, error: NoUser })

  it("is that of what it says, whatever it and its parts are called, and whatever else is in its group", () => {
    const again = Rpc.make("other", {
      payload: Schema.Struct({ id: Schema.String }).annotate({ title: "Wanted" }),
      success: Schema.Struct({ at: Schema.Date, id: Schema.String }).annotate({ identifier: "User" }),
      error: NoUser
    })
    assert.strictEqual(printOf(get), printOf(again))
    const more = Fingerprints.make(RpcGroup.make(Rpc.make("more"), get))
    assert.strictEqual(more("get")?.fingerprint, printOf(get))
    assert.match(printOf(get) ?? "", /^[0-9a-f]{16}$/)
  })

  it("differs with payload, result, error, and with what is a stream", () => {
    const others = [
      get,
      get.setPayload({ id: Schema.Number }),
      get.setSuccess(Schema.String),
      get.setError(Schema.String),
      Rpc.make("get", { payload: { id: Schema.String }, success: User, error: NoUser, stream: true })
    ].map(printOf)
    assert.strictEqual(new Set(others).size, others.length)
  })
})
