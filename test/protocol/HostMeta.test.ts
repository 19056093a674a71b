import { create, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import { HostMetaSchema } from "../../src/protocol/gen/grinta/v1/names_pb.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const meta: HostMeta.HostMeta = { flowPort: 7947, generation: 1_700_000_000_000_000, locality: "eu/fra", tags: {} }

describe("the metadata of a host", () => {
  it("encodes, v1", () => {
    const encoded = Result.getOrThrow(HostMeta.encode({ ...meta, tags: { b: "2", a: "1" } }))
    const expected = "0801108b3e188080f9c0c1c48203220665752f6672612a060a01611201312a060a01621201323801"
    assert.strictEqual(hex(encoded), expected)
  })

  it.prop(
    "comes back as it was",
    [
      Schema.Struct({
        flowPort: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })),
        generation: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
        locality: Schema.String.check(Schema.isMaxLength(20)),
        tags: Schema.Struct({ zone: Schema.String.check(Schema.isMaxLength(20)), role: Schema.Literals(["", "web"]) })
      })
    ],
    ([value]) => {
      const encoded = Result.getOrThrow(HostMeta.encode(value))
      assert.deepStrictEqual(Option.getOrUndefined(HostMeta.decode(encoded)), {
        ...value,
        epoch: 0,
        revision: 1,
        locality: value.locality.toWellFormed(),
        tags: { ...value.tags, zone: value.tags.zone.toWellFormed() }
      })
    }
  )

  it("is refused above 512 bytes", () => {
    const encoded = HostMeta.encode({ ...meta, tags: { long: "x".repeat(512) } })
    assert.isTrue(Result.isFailure(encoded) && encoded.failure.bytes > 512 && encoded.failure.bytesMax === 512)
  })

  const raw = (fields: Partial<HostMeta.HostMeta> & { readonly wireVersion?: number }): Uint8Array =>
    toBinary(
      HostMetaSchema,
      create(HostMetaSchema, {
        wireVersion: fields.wireVersion ?? 1,
        flowPort: fields.flowPort ?? 7947,
        generation: BigInt(fields.generation ?? 1)
      })
    )

  it.each([
    ["nothing", new Uint8Array(0)],
    ["Serf's tags", Uint8Array.from(Buffer.from("ff81a4726f6c65a3776562", "hex"))],
    ["Serf without tags", Uint8Array.of(0xff, 0x80)],
    ["text", new TextEncoder().encode("role=web")],
    ["version 0", raw({ wireVersion: 0 })],
    ["generation 0", raw({ generation: 0 })],
    ["a port above 65535", raw({ flowPort: 65_536 })],
    ["half a message", raw({}).subarray(0, -1)],
    ["more than 512 bytes", new Uint8Array(513)]
  ])("is none for %s", (_, bytes) => {
    assert.isTrue(Option.isNone(HostMeta.decode(bytes)))
  })

  it("is that of a host for a later version, and for port 0", () => {
    assert.isTrue(Option.isSome(HostMeta.decode(raw({ wireVersion: 2 }))))
    assert.strictEqual(Option.getOrUndefined(HostMeta.decode(raw({ flowPort: 0 })))?.flowPort, 0)
  })
})
