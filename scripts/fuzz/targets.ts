/** All that takes bytes or text from the network, or from a file that an operator writes. */

import { deepStrictEqual } from "node:assert"
import { crc32 } from "node:zlib"
import { Option, Result, Schema } from "effect"
import * as AesGcm from "../../src/layers/gossip/AesGcm.ts"
import * as FrameQueue from "../../src/layers/transport/http2/FrameQueue.ts"
import * as Address from "../../src/protocol/Address.ts"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Identity from "../../src/protocol/Identity.ts"
import type { Cipher, Framing } from "../../src/protocol/memberlist/Framing.ts"
import * as Keyring from "../../src/protocol/memberlist/Keyring.ts"
import * as Label from "../../src/protocol/memberlist/Label.ts"
import * as Lzw from "../../src/protocol/memberlist/Lzw.ts"
import * as MessageCodec from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Misfit from "../../src/protocol/memberlist/Misfit.ts"
import * as Packet from "../../src/protocol/memberlist/Packet.ts"
import * as Serf from "../../src/protocol/memberlist/Serf.ts"
import * as StreamCodec from "../../src/protocol/memberlist/StreamCodec.ts"
import * as NameGrants from "../../src/protocol/NameGrants.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"
import * as NameRecords from "../../src/protocol/names/NameRecords.ts"
import * as Revocation from "../../src/protocol/Revocation.ts"
import * as Seed from "../../src/protocol/Seed.ts"
import * as Wire from "../../src/rpc/Wire.ts"
import * as Codec from "../../src/services/Codec.ts"
import { directory } from "./DirectoryTarget.ts"
import { flow } from "./FlowTarget.ts"
import * as Legal from "./Legal.ts"
import { swim } from "./SwimTarget.ts"
import type { Target } from "./Target.ts"

const key = Uint8Array.from({ length: 16 }, (_, i) => i)
const cipher: Cipher = AesGcm.make(() => Result.getOrThrow(Keyring.make([key])))
const plain: Framing = { label: Label.none, compress: false, crc32, cipher: undefined }
const labelled: Framing = { ...plain, label: Option.getOrThrow(Legal.label) }
const sealed: Framing = { ...plain, cipher }

const decoder = new TextDecoder()

const datagramBytesMax = 65_507
/** What a datagram may make of itself. */
const packetHeap = { heapBase: 4 * 1024 * 1024 }

const packet = (name: string, says: string, framing: Framing, wrap: (bytes: Uint8Array) => Uint8Array): Target => ({
  name,
  says,
  legal: [...Legal.packets, ...Legal.encrypted],
  bytesMax: datagramBytesMax,
  bounds: packetHeap,
  run: (input) => {
    const decoded = Packet.decode(wrap(input), framing)
    if (Result.isFailure(decoded)) return
    // What was understood is what would be sent for it, whatever the bytes were.
    for (const message of decoded.success.messages)
      deepStrictEqual(Result.getOrThrow(MessageCodec.decode(MessageCodec.encode(message))), message)
  }
})

/** Reads a stream in chunks, whose sizes the input says itself; how it ends may not depend on them. */
const readIn = (framing: Framing, input: Uint8Array, role: StreamCodec.Role, chunkBytes: number): string => {
  const state = StreamCodec.make(framing, role)
  const settle = (chunk: Uint8Array): string | undefined => {
    let next = StreamCodec.push(state, chunk)
    while (Result.isSuccess(next) && Option.isNone(next.success) && StreamCodec.isBusy(state))
      next = StreamCodec.push(state, new Uint8Array(0))
    if (Result.isFailure(next)) return `rejected: ${next.failure.reason}`
    return Option.isSome(next.success) ? JSON.stringify(next.success.value, printable) : undefined
  }
  for (let at = 0; at < input.length; at += chunkBytes) {
    const outcome = settle(input.subarray(at, at + chunkBytes))
    if (outcome !== undefined) return outcome
  }
  const ended = StreamCodec.end(state)
  return Result.isFailure(ended) ? `rejected: ${ended.failure.reason}` : "nothing"
}

const printable = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString("hex") : typeof value === "bigint" ? String(value) : value

const stream = (name: string, says: string, framing: Framing, legal: ReadonlyArray<Uint8Array>): Target => ({
  name,
  says,
  legal,
  bytesMax: 16_384,
  bounds: { heapBase: 16 * 1024 * 1024, millis: 40 },
  run: (input) => {
    const role = (input[0] ?? 0) % 2 === 0 ? "acceptor" : "dialler"
    const body = input.subarray(1)
    const whole = readIn(framing, body, role, Math.max(1, body.length))
    deepStrictEqual(readIn(framing, body, role, 1 + ((input[0] ?? 0) % 61)), whole)
  }
})

const afterByte = (bytes: Uint8Array): Uint8Array => Uint8Array.of(0, ...bytes)

const textTarget = (name: string, says: string, legal: ReadonlyArray<string>, run: (text: string) => void): Target => ({
  name,
  says,
  legal: legal.map(Legal.text),
  bytesMax: 4_096,
  run: (input) => run(decoder.decode(input))
})

const Order = Schema.Struct({
  id: Schema.Number,
  at: Schema.Date,
  lines: Schema.Array(Schema.Struct({ sku: Schema.String, count: Schema.Int })),
  note: Schema.optionalKey(Schema.String)
})

const json = Legal.text(
  '{"id":7,"at":"2026-07-01T00:00:00.000Z","lines":[{"sku":"a\\u0000","count":1}],"note":"[[{}]]","__proto__":{"a":1}}'
)

/** What a flow of calls takes, on either side. */
const calls = Wire.endpoint("calls")

const codec = (name: string, of: Pick<Codec.Codec<unknown>, "decode">, legal: ReadonlyArray<Uint8Array>): Target => ({
  name,
  says: "messages of flows",
  legal,
  bytesMax: 65_536,
  bounds: { heapBase: 8 * 1024 * 1024, heapPerByte: 256, millis: 10 },
  run: (input) => {
    of.decode(input)
  }
})

export const targets: ReadonlyArray<Target> = [
  packet("packet", "datagrams of gossip", plain, (bytes) => bytes),
  packet("packet-label", "datagrams behind a label", labelled, (bytes) =>
    Buffer.concat([Label.header(labelled.label), bytes])
  ),
  packet("packet-sealed", "datagrams that a member has encrypted", sealed, (bytes) => cipher.seal(bytes, Label.none)),
  packet("packet-unsealed", "datagrams that nobody has encrypted, where keys are asked for", sealed, (bytes) => bytes),
  stream("stream", "streams of gossip", plain, Legal.packets.map(afterByte)),
  {
    ...stream("stream-sealed", "streams of gossip where keys are asked for", sealed, Legal.packets.map(afterByte)),
    run: (input) => {
      const body = input.subarray(1)
      const wire = Uint8Array.from([10, 0, 0, 0, 0, ...cipher.seal(body, Uint8Array.of(10, 0, 0, 0, 0))])
      new DataView(wire.buffer).setUint32(1, wire.length - 5)
      readIn(sealed, (input[0] ?? 0) > 127 ? body : wire, "acceptor", 1 + ((input[0] ?? 0) % 61))
    }
  },
  {
    name: "lzw",
    says: "what is compressed",
    legal: [Lzw.deflate(Legal.text("abcabcabcabc")), Lzw.deflate(new Uint8Array(5000)), ...Legal.packets],
    bytesMax: datagramBytesMax,
    bounds: packetHeap,
    run: (input) => {
      const inflated = Lzw.inflate(input, 65_536)
      if (Result.isSuccess(inflated) && inflated.success.length > 65_536)
        throw new Error("it inflates to more than it may")
      if (input.length < 4096)
        deepStrictEqual(Result.getOrThrow(Lzw.inflate(Lzw.deflate(input), input.length)), Uint8Array.from(input))
    }
  },
  {
    name: "other-programs",
    says: "what other programs say on the gossip port",
    legal: [
      ...Legal.messages,
      Legal.text("GET / HTTP/1.1\r\n"),
      Legal.text("PRI * HTTP/2.0\r\n"),
      Serf.leaveIntent("a", 7)
    ],
    bytesMax: 2_048,
    run: (input) => {
      Serf.timeOfIntent(input)
      Serf.timeOfState(input)
      Misfit.spoken(input)
      for (const reason of ["decrypt", "label", "type", "truncated"] as const) {
        Misfit.answer({ first: input, reason })
        Misfit.caller({ first: input, reason, label: Label.none })
      }
      Misfit.complaint(decoder.decode(input))
    }
  },
  {
    name: "host-meta",
    says: "what a host says of itself in gossip",
    legal: Legal.metas,
    bytesMax: 1_024,
    run: (input) => {
      const meta = Option.getOrUndefined(HostMeta.decode(input))
      if (meta === undefined) return
      const again = HostMeta.encode(meta)
      if (Result.isSuccess(again)) deepStrictEqual(Option.getOrThrow(HostMeta.decode(again.success)).tags, meta.tags)
    }
  },
  {
    name: "name-records",
    says: "names in gossip, with digests and deltas",
    legal: Legal.records,
    bytesMax: 65_536,
    bounds: { heapBase: 8 * 1024 * 1024, heapPerByte: 256 },
    run: (input) => {
      const decoded = NameRecords.decode(input)
      if (Result.isFailure(decoded)) return
      const { delta, digest, records } = decoded.success
      const parts = { ...(delta === undefined ? {} : { delta }), ...(digest === undefined ? {} : { digest }) }
      const again = Result.getOrThrow(NameRecords.decode(NameRecords.encode(records, parts)))
      deepStrictEqual(again, { ...decoded.success, skipped: [] })
    }
  },
  {
    name: "frame",
    says: "frames of flows, one by one",
    legal: Legal.frames,
    bytesMax: Limits.frameWireBytesMax,
    bounds: { heapBase: 16 * 1024 * 1024 },
    run: (input) => {
      const decoded = FrameBytes.decode(input)
      if (Result.isFailure(decoded)) return
      const again = FrameBytes.decode(FrameBytes.encode(decoded.success).slice(5))
      deepStrictEqual(Result.map(again, Frame.toProto), Result.map(decoded, Frame.toProto))
    }
  },
  flow,
  {
    name: "answer-end",
    says: "how an answer says that it ended",
    legal: ["{}", '{"error":{"code":"deadline_exceeded"}}', '{"metadata":{"a":["b"]}}'].map(Legal.text),
    bytesMax: 8_192,
    run: (input) => {
      FrameQueue.endOf(input)
    }
  },
  swim,
  directory,
  codec("codec-json", Codec.json, [json, Legal.text("[[[[]]]]"), Legal.text("1e999")]),
  codec("codec-schema", Codec.schema(Order), [json]),
  codec("calls-to-server", calls.input, [
    Legal.text(
      '[0,1,"get","00c0ffee00c0ffee",{"id":"1"},0,[["a","b"]],["0af7651916cd43dd8448eb211c80319c","b7ad6b7169203331",true]]'
    ),
    Legal.text("[1,7]"),
    Legal.text("[2,7]")
  ]),
  codec("calls-to-client", calls.output, [
    Legal.text('[0,1,{"_tag":"Success","value":[1]}]'),
    Legal.text('[0,1,{"_tag":"Failure","cause":[{"_tag":"Die","defect":"x"}]}]'),
    Legal.text("[1,1,[1,2]]"),
    Legal.text('[2,1,{"_tag":"RpcUnknown","rpc":"x"}]')
  ]),
  textTarget(
    "seed",
    "seeds",
    ["10.0.0.1:7946", "[::1]:7946", "host.example", "srv:_gossip._udp.example.com"],
    (said) => {
      Seed.parse(said)
    }
  ),
  textTarget("address", "addresses", ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "::"], (said) => {
    const bytes = Address.parseHost(said)
    if (bytes !== undefined)
      deepStrictEqual(Address.host(Address.parseHost(Address.host(bytes)) ?? bytes), Address.host(bytes))
  }),
  textTarget(
    "revocation",
    "lists of revoked certificates",
    [`# none\nhost a\ncertificate ${"AB:".repeat(31)}CD\n`],
    (said) => {
      const list = Result.getOrUndefined(Revocation.parse(said))
      if (list !== undefined) deepStrictEqual(Revocation.violation(list), undefined)
    }
  ),
  textTarget(
    "alternative-names",
    "the names in a certificate",
    ['URI:grinta-names://shop/a.*, URI:grinta://shop/a, DNS:b, IP Address:1.2.3.4, URI:"grinta://shop/\\u0041, URI:x"'],
    (said) => {
      NameGrants.malformed(said, "shop")
      for (const pattern of NameGrants.patternsOf(said, "shop"))
        deepStrictEqual(NameGrants.violation(pattern), undefined)
      for (const host of Identity.hostsOf(said, "shop"))
        deepStrictEqual(Identity.uriOf("shop", host) === undefined, false)
    }
  )
]
