import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import type { Framing } from "../../../src/protocol/memberlist/Framing.ts"
import type { NodeState, PushPull, StreamMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import { nodesMax } from "../../../src/protocol/memberlist/StreamStages.ts"
import { payloadBytesMax } from "../../../src/protocol/memberlist/StreamState.ts"
import { encrypted, framed, messages, reference, serf, serfEncrypted } from "../../vectors/memberlist.ts"
import {
  aesCipher,
  ascii,
  fakeCipher,
  framing,
  hex,
  inflated,
  join,
  make,
  mutate,
  nonce,
  Seed,
  type Source,
  unhex,
  vectorEntries
} from "./support.ts"

const plain = framing()
const compressed = framing({ compress: true })
const none = new Uint8Array(0)
const localhost = unhex("7f000001")

/** What a stream comes to: the message, a reason, "more" or "clean" at its end. */
interface Outcome {
  readonly result: StreamMessage | string
  readonly skipped: ReadonlyArray<string>
  readonly owesErr: boolean
}

const failed = (error: StreamCodec.StreamRejected): Outcome => ({
  result: error.reason,
  skipped: [],
  owesErr: error.owesErr
})

/** Pushes a chunk, and then nothing until it is worked off. */
const push = (state: StreamCodec.State, chunk: Uint8Array): ReturnType<typeof StreamCodec.push> => {
  let pushed = StreamCodec.push(state, chunk)
  while (StreamCodec.isBusy(state)) pushed = StreamCodec.push(state, none)
  return pushed
}

/** Reads chunks until there is an outcome; "more" when they end without one. */
const readChunks = (chunks: Iterable<Uint8Array>, by: Framing, role: StreamCodec.Role): Outcome => {
  const state = StreamCodec.make(by, role)
  for (const chunk of chunks) {
    const pushed = push(state, chunk)
    if (Result.isFailure(pushed)) return failed(pushed.failure)
    if (Option.isSome(pushed.success)) {
      const { message, skipped } = pushed.success.value
      return { result: message, skipped, owesErr: false }
    }
  }
  const ended = StreamCodec.end(state)
  return Result.isFailure(ended)
    ? { ...failed(ended.failure), result: `end: ${ended.failure.reason}` }
    : { result: "clean", skipped: [], owesErr: false }
}

const read = (bytes: Uint8Array, by: Framing = plain, role: StreamCodec.Role = "acceptor"): Outcome =>
  readChunks([bytes], by, role)

const result = (bytes: Uint8Array, by: Framing = plain, role: StreamCodec.Role = "acceptor"): StreamMessage | string =>
  read(bytes, by, role).result

const nodeA: NodeState = {
  name: "a",
  address: localhost,
  port: 7946,
  meta: ascii("m1"),
  incarnation: 1,
  state: "alive",
  versions: unhex("010502000000")
}

const pushPull: PushPull = { _tag: "PushPull", join: true, nodes: [nodeA], userState: ascii("S1") }

const wire = (message: StreamMessage, by: Framing = plain, role: StreamCodec.Role = "dialler"): string =>
  hex(StreamCodec.encode(message, by, role))

/** A push/pull header with these counts, in hex. */
const header = (nodes: string, userState: string, joins = "c3"): Uint8Array =>
  unhex(`0683a44a6f696e${joins}a54e6f646573${nodes}ac5573657253746174654c656e${userState}`)

const int64 = (value: bigint): string => `d3${BigInt.asUintN(64, value).toString(16).padStart(16, "0")}`
const int = (value: number): string => int64(BigInt(value))

describe("golden streams", () => {
  it("bodies are byte-identical to the reference", () => {
    assert.deepStrictEqual(result(unhex(messages.PUSHPULL)), pushPull)
    assert.strictEqual(wire(pushPull), messages.PUSHPULL)
    assert.deepStrictEqual(result(unhex(messages.PUSHPULL_LZW)), pushPull)
    assert.strictEqual(wire(pushPull, compressed), messages.PUSHPULL_LZW)
    const user: StreamMessage = { _tag: "User", payload: ascii("hello") }
    assert.deepStrictEqual(result(unhex(messages.USER_STREAM)), user)
    assert.strictEqual(wire(user), messages.USER_STREAM)
    const err: StreamMessage = { _tag: "Err", error: "boom" }
    assert.deepStrictEqual(result(unhex(messages.ERR), plain, "dialler"), err)
    assert.strictEqual(wire(err), messages.ERR)
    const ack: StreamMessage = { _tag: "Ack", seq: 42, payload: none }
    assert.deepStrictEqual(result(unhex(messages.ACK), plain, "dialler"), ack)
    assert.strictEqual(wire(ack), messages.ACK)
    const [ping] = [result(unhex(messages.PING))]
    assert.isTrue(typeof ping === "object" && wire(ping) === messages.PING)
  })

  it("headers are byte-identical to the reference", () => {
    const zeros = new Uint8Array(70_000)
    const two = { ...pushPull, nodes: [nodeA, nodeA], userState: new Uint8Array(585) }
    assert.isTrue(wire(two).startsWith(messages.PUSHPULL_HDR))
    const many = { ...pushPull, join: false, nodes: Array.from({ length: 200 }, () => nodeA), userState: zeros }
    assert.isTrue(wire(many).startsWith(messages.PUSHPULL_HDR_B))
    assert.isTrue(wire({ _tag: "User", payload: new Uint8Array(5) }).startsWith(messages.USER_HDR_5))
    assert.isTrue(wire({ _tag: "User", payload: new Uint8Array(200) }).startsWith(messages.USER_HDR_200))
    assert.deepStrictEqual(result(StreamCodec.encode(many, plain, "dialler")), many)
    const left = { ...nodeA, name: "b", incarnation: 9, meta: none, port: 7947, state: "left" } as const
    assert.isTrue(wire({ ...pushPull, nodes: [left], userState: none }).endsWith(messages.NODESTATE_LEFT))
    const message = result(join(header("01", "00"), unhex(messages.NODESTATE_LEFT)))
    assert.deepStrictEqual(message, { ...pushPull, nodes: [left], userState: none })
  })

  it("decodes what Serf 0.9.4 sends", () => {
    const request = result(unhex(serf.S_PUSHPULL_REQ))
    assert.deepStrictEqual<unknown>(request, {
      _tag: "PushPull",
      join: true,
      nodes: [
        {
          name: "b",
          address: localhost,
          port: 7947,
          meta: unhex("ff80"),
          incarnation: 1,
          state: "alive",
          versions: unhex("010502020505")
        }
      ],
      userState: inflated(unhex(serf.S_PUSHPULL_REQ)).slice(-585)
    })
    const reply = result(unhex(serf.S_PUSHPULL_REP), plain, "dialler")
    assert.isTrue(typeof reply === "object" && reply._tag === "PushPull" && reply.nodes.length === 1)
    // Serf 0.9.4 writes the header's counts in the unsigned form, which is as long.
    for (const vector of [serf.S_PUSHPULL_REQ, serf.S_PUSHPULL_REP]) {
      const message = result(unhex(vector))
      assert.isTrue(typeof message === "object")
      if (typeof message === "object")
        assert.strictEqual(wire(message).replace("d10249", "cd0249"), hex(inflated(unhex(vector))))
    }
    const ack: StreamMessage = { _tag: "Ack", seq: 400, payload: none }
    assert.deepStrictEqual(result(unhex(serf.S_TCP_ACK), plain, "dialler"), ack)
    assert.strictEqual(wire(ack, compressed), serf.S_TCP_ACK)
    const err: StreamMessage = {
      _tag: "Err",
      error: "Remote state is encrypted and encryption is not configured"
    }
    assert.deepStrictEqual(result(unhex(serf.S_TCP_ERR), plain, "dialler"), err)
    assert.strictEqual(wire(err, compressed), serf.S_TCP_ERR)
  })

  it("encryption is byte-identical to the reference, both versions", () => {
    const prod = ascii("prod")
    const ping = unhex(encrypted.STREAM_V1)
    const message = result(ping, framing({ cipher: aesCipher({}) }))
    assert.isTrue(typeof message === "object" && message._tag === "Ping")
    if (typeof message !== "object") return
    assert.strictEqual(wire(message, framing({ cipher: aesCipher({ nonce }) })), encrypted.STREAM_V1)
    assert.deepStrictEqual(result(unhex(encrypted.STREAM_V0), framing({ cipher: aesCipher({}) })), message)
    const labelled = framing({ label: prod, cipher: aesCipher({ nonce }) })
    assert.strictEqual(wire(message, labelled, "acceptor"), encrypted.STREAM_V1_LABEL)
    assert.strictEqual(wire(message, labelled, "dialler"), `f40470726f64${encrypted.STREAM_V1_LABEL}`)
    assert.deepStrictEqual(result(unhex(`f40470726f64${encrypted.STREAM_V1_LABEL}`), labelled), message)
    assert.strictEqual(result(unhex(encrypted.STREAM_V1_LABEL), labelled), "label")
    // As a reply it is a ping, which a dialler does not expect; that it gets this far shows the AAD.
    assert.strictEqual(result(unhex(encrypted.STREAM_V1_LABEL), labelled, "dialler"), "type")
  })

  it("decodes and re-encodes what an encrypted Serf cluster sends", () => {
    for (const [vector, message] of [
      [serfEncrypted.SE_TCP_ACK, { _tag: "Ack", seq: 500, payload: none }],
      [serfEncrypted.SE_TCP_ERR, { _tag: "Err", error: "Encryption is configured but remote state is not encrypted" }]
    ] as const) {
      const by = framing({ compress: true, cipher: aesCipher({ nonce: unhex(vector).slice(6, 18) }) })
      assert.deepStrictEqual(result(unhex(vector), by, "dialler"), message)
      assert.strictEqual(wire(message, by, "acceptor"), vector)
    }
  })

  it("decodes and re-encodes what the July 2026 reference sends under a label", () => {
    const keys = [ascii("0123456789abcdef")]
    for (const [vector, ours, offset, name] of [
      [reference.H_PUSHPULL_REQ, "acceptor", 12, "g2"],
      [reference.H_PUSHPULL_REP, "dialler", 6, "g1"]
    ] as const) {
      const iv = unhex(vector).slice(offset, offset + 12)
      const by = framing({ label: ascii("prod"), compress: true, cipher: aesCipher({ keys, nonce: iv }) })
      const message = result(unhex(vector), by, ours)
      assert.isTrue(typeof message === "object" && message._tag === "PushPull")
      if (typeof message !== "object" || message._tag !== "PushPull") return
      assert.deepStrictEqual(
        message.nodes.map((node) => node.name),
        [name]
      )
      assert.strictEqual(Buffer.from(message.userState).toString(), name === "g2" ? "S2" : "S1")
      assert.strictEqual(wire(message, by, ours === "acceptor" ? "dialler" : "acceptor"), vector)
    }
  })
})

describe("reading as bytes come", () => {
  const ciphers = [undefined, fakeCipher(), aesCipher({})]

  const randomFraming = (random: Source): Framing =>
    framing({
      label: random.pick([none, ascii("prod")]),
      compress: random.pick([true, false]),
      cipher: ciphers[random.integer(2)]
    })

  const split = function* (random: Source, bytes: Uint8Array): Generator<Uint8Array> {
    const longest = random.pick([1, 7, 300, bytes.length + 1])
    for (let start = 0; start < bytes.length; ) {
      const end = start + 1 + random.integer(longest - 1)
      yield bytes.subarray(start, end)
      start = end
    }
  }

  it.prop(
    "gives back what was encoded, however it is cut, and nothing before its end",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const by = randomFraming(random)
      for (const role of ["dialler", "acceptor"] as const) {
        const message = role === "dialler" ? random.request() : random.reply()
        const reader = role === "dialler" ? "acceptor" : "dialler"
        const bytes = StreamCodec.encode(message, by, role)
        const expected = { result: message, skipped: [], owesErr: false }
        assert.deepStrictEqual(read(bytes, by, reader), expected)
        assert.deepStrictEqual(readChunks(split(random, bytes), by, reader), expected)
        const short = bytes.subarray(0, random.integer(bytes.length - 1))
        const state = StreamCodec.make(by, reader)
        const pushed = StreamCodec.push(state, short)
        assert.isTrue(Result.isSuccess(pushed) && Option.isNone(pushed.success))
        assert.strictEqual(
          Result.isSuccess(StreamCodec.end(state)),
          short.length === 0 || (short.length === 6 && by.label.length > 0 && role === "dialler")
        )
      }
    },
    { arbitrary: { runs: 150 } }
  )

  it.prop(
    "does not depend on the chunks, on mutated bytes either, and never throws",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const by = framing({ label: random.pick([none, ascii("prod")]), cipher: ciphers[random.integer(2)] })
      const vectors = vectorEntries(messages, framed, encrypted, serf, serfEncrypted, reference)
      for (const [name, vector] of vectors) {
        for (const role of ["dialler", "acceptor"] as const) {
          for (const framing of [by, plain]) {
            const bytes = mutate(random, vector)
            assert.deepStrictEqual(readChunks(split(random, bytes), framing, role), read(bytes, framing, role), name)
          }
        }
      }
    },
    { arbitrary: { runs: 20 } }
  )

  it("every truncation of a golden stream waits for more", () => {
    for (const vector of [messages.PUSHPULL, messages.PUSHPULL_LZW, messages.USER_STREAM, serf.S_PUSHPULL_REQ]) {
      const bytes = unhex(vector)
      const state = StreamCodec.make(plain, "acceptor")
      for (let i = 0; i < bytes.length - 1; i++) {
        assert.isTrue(Option.isNone(Result.getOrThrow(StreamCodec.push(state, bytes.subarray(i, i + 1)))))
        assert.strictEqual(result(bytes.subarray(0, i + 1)), "end: truncated")
      }
      assert.isTrue(Option.isSome(Result.getOrThrow(StreamCodec.push(state, bytes.subarray(-1)))))
      assert.isTrue(Result.isSuccess(StreamCodec.end(state)))
    }
  })

  it("takes time in proportion to the bytes: 20,000 nodes in chunks of 100 bytes", { timeout: 5000 }, () => {
    const nodes = Array.from({ length: 20_000 }, (_, i) => ({ ...nodeA, name: `node-${i}`, meta: new Uint8Array(64) }))
    const bytes = StreamCodec.encode({ ...pushPull, nodes }, plain, "dialler")
    const chunks = Array.from({ length: Math.ceil(bytes.length / 100) }, (_, i) =>
      bytes.subarray(100 * i, 100 * i + 100)
    )
    const { result, skipped } = readChunks(chunks, plain, "acceptor")
    assert.isEmpty(skipped)
    assert.isTrue(typeof result === "object" && result._tag === "PushPull" && result.nodes.length === 20_000)
  })

  it("S8: ten thousand nodes with all the metadata they may have", () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) => ({ ...nodeA, name: `node-${i}`, meta: new Uint8Array(512) }))
    const bytes = StreamCodec.encode({ ...pushPull, nodes }, plain, "dialler")
    const message = result(bytes)
    assert.isTrue(typeof message === "object" && message._tag === "PushPull" && message.nodes.length === 10_000)
  })

  it("messages do not share the bytes of the chunks, a Node Buffer included", () => {
    const chunk = Buffer.from(messages.PUSHPULL, "hex")
    const message = result(chunk)
    chunk.fill(0)
    assert.deepStrictEqual(message, pushPull)
  })
})

describe("what a reader holds", () => {
  it("a sealed payload takes little more than its length, however it comes", () => {
    const by = framing({ cipher: aesCipher({}) })
    const [length, chunk] = [5_000_000, new Uint8Array(65_536)]
    const state = StreamCodec.make(by, "acceptor")
    push(state, Uint8Array.of(10, length >>> 24, length >>> 16, length >>> 8, length))
    for (let sent = 0; sent + chunk.length < length; sent += chunk.length) {
      push(state, chunk)
      assert.isFalse(StreamCodec.isProven(state))
      assert.isAtMost(StreamCodec.heldBytes(state), Math.min(length + 2 * chunk.length, 2 * (sent + 2 * chunk.length)))
    }
    assert.strictEqual(StreamCodec.isProven(StreamCodec.make(plain, "acceptor")), true)
  })

  it("counts what it inflates, and the nodes that it has read", () => {
    const state = StreamCodec.make(plain, "acceptor")
    StreamCodec.push(state, Compression.encode(new Uint8Array(8_000_000)))
    while (StreamCodec.isBusy(state) && state.stage === "inflating") {
      if ((state.inflater?.length ?? 0) > 7_000_000) break
      StreamCodec.push(state, none)
    }
    assert.isAbove(StreamCodec.heldBytes(state), 7_000_000)
    const many = StreamCodec.make(plain, "acceptor")
    const nodes = Array.from({ length: 2000 }, () => nodeA)
    const bytes = StreamCodec.encode({ ...pushPull, nodes }, plain, "dialler")
    push(many, bytes.subarray(0, -2))
    assert.isAtLeast(StreamCodec.heldBytes(many), 2000 * 1024)
  })

  it("has begun once it is known what is to follow", () => {
    const by = framing({ label: ascii("prod"), cipher: aesCipher({}) })
    const begun = (bytes: string, framing: Framing): boolean => {
      const state = StreamCodec.make(framing, "acceptor")
      StreamCodec.push(state, unhex(bytes))
      return StreamCodec.isBegun(state)
    }
    assert.deepStrictEqual(
      ["", "f40470", "f40470726f64", "f40470726f640a0000", "f40470726f640a00001000"].map((bytes) => begun(bytes, by)),
      [false, false, false, false, true]
    )
    assert.deepStrictEqual([begun("", plain), begun("06", plain), begun("63", plain)], [false, true, true])
  })
})

describe("bad streams", () => {
  it("an end before the first byte is clean, also after the label", () => {
    assert.strictEqual(readChunks([], plain, "acceptor").result, "clean")
    const prod = framing({ label: ascii("prod") })
    assert.strictEqual(result(none, prod), "clean")
    assert.strictEqual(result(unhex("f40470726f64"), prod), "clean")
    assert.strictEqual(result(unhex("f404707"), prod), "end: label")
  })

  it("a label error is closed without a word", () => {
    const prod = framing({ label: ascii("prod") })
    for (const bad of ["f400", "f4ff", "f40470726f65", messages.PING, "0a"])
      assert.deepStrictEqual(read(unhex(bad), prod), { result: "label", skipped: [], owesErr: false }, bad)
    assert.strictEqual(result(unhex(framed.LABEL)), "label")
    assert.strictEqual(result(unhex(`f40470726f64${messages.ACK}`), prod, "dialler"), "type")
    assert.deepStrictEqual(result(unhex(messages.ACK), prod, "dialler"), { _tag: "Ack", seq: 42, payload: none })
  })

  it("S2: encryption that is missing, unexpected, broken, empty or too long", () => {
    const by = framing({ cipher: aesCipher({}) })
    const owes = (isOwed: boolean) => (bytes: Uint8Array, framing: Framing) => {
      const outcome = read(bytes, framing)
      assert.strictEqual(outcome.owesErr, isOwed)
      assert.isFalse(read(bytes, framing, "dialler").owesErr)
      return outcome.result
    }
    const owed = owes(true)
    // Who has shown no key is not told what it lacks.
    const kept = owes(false)
    assert.strictEqual(owed(unhex(encrypted.STREAM_V1), plain), "encrypted")
    assert.strictEqual(kept(unhex(messages.PUSHPULL), by), "plaintext")
    assert.strictEqual(kept(unhex(messages.PUSHPULL_LZW), by), "plaintext")
    assert.strictEqual(kept(unhex("0a00000000"), by), "decrypt")
    assert.strictEqual(kept(unhex("0a01400001"), by), "oversized")
    assert.strictEqual(kept(unhex("0affffffff"), by), "oversized")
    assert.strictEqual(result(unhex("0a01400000"), by), "end: truncated")
    assert.strictEqual(kept(unhex(encrypted.STREAM_V1).slice(0, -1), by), "end: truncated")
    const bytes = unhex(encrypted.STREAM_V1)
    for (let i = 5; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      assert.strictEqual(kept(changed, by), "decrypt")
    }
    const head = unhex("0a0000001d")
    assert.strictEqual(owed(join(head, aesCipher({}).seal(none, head)), by), "empty")
  })

  it("S2: with verification of incoming off, plaintext passes and ciphertext must still open", () => {
    const lax = framing({ cipher: aesCipher({ verifyIncoming: false, verifyOutgoing: false }) })
    assert.deepStrictEqual(result(unhex(messages.PUSHPULL), lax), pushPull)
    assert.strictEqual(wire(pushPull, lax), messages.PUSHPULL)
    const ping = result(unhex(encrypted.STREAM_V1), lax)
    assert.isTrue(typeof ping === "object" && ping._tag === "Ping")
    assert.strictEqual(result(unhex("0a00000002ffff"), lax), "decrypt")
  })

  it("S2: one layer of encryption and one of compression, in that order", () => {
    const by = framing({ cipher: fakeCipher() })
    const seal = (payload: Uint8Array): Uint8Array => {
      const head = Uint8Array.of(10, 0, 0, 0, payload.length + 3)
      return join(head, fakeCipher().seal(payload, head))
    }
    const ping = unhex(messages.PING_MIN)
    const tagOf = (message: StreamMessage | string) => (typeof message === "string" ? message : message._tag)
    assert.strictEqual(tagOf(result(seal(Compression.encode(ping)), by)), "Ping")
    assert.strictEqual(result(seal(seal(ping)), by), "type")
    assert.strictEqual(result(Compression.encode(Compression.encode(ping))), "type")
    const lax = framing({ cipher: fakeCipher({ verifyIncoming: false }) })
    assert.strictEqual(result(Compression.encode(seal(ping)), lax), "type")
    assert.strictEqual(result(seal(ping.slice(0, -1)), by), "truncated")
  })

  it("S3: counts are bounded before anything is read or kept", () => {
    for (const nodes of [
      int(-1),
      int(nodesMax + 1),
      int(2 ** 20 + 1),
      int64(2n ** 63n - 1n),
      "ff",
      "cfffffffffffffffff"
    ])
      assert.deepStrictEqual(read(header(nodes, "00")), { result: "nodes", skipped: [], owesErr: false })
    for (const bytes of [int(-1), int(payloadBytesMax + 1), "ceffffffff"])
      assert.strictEqual(result(header("00", bytes)), "userState")
    assert.strictEqual(result(header(int(nodesMax), "00")), "end: truncated")
    assert.strictEqual(
      result(join(header("01", "05"), unhex(messages.NODESTATE_LEFT), ascii("four"))),
      "end: truncated"
    )
    for (const joins of ["02", "a0", "ca3f800000"]) assert.strictEqual(result(header("00", "00", joins)), "malformed")
    assert.strictEqual(result(header("a101", "00")), "malformed")
    const state = StreamCodec.make(plain, "acceptor")
    StreamCodec.push(state, header(int(nodesMax), int(payloadBytesMax)))
    assert.isAtMost(state.buffer.length, 1024)
    assert.isEmpty(state.nodes)
  })

  it("S3: bytes on the wire are bounded, and lengths that cannot come true are refused at once", () => {
    assert.strictEqual(result(unhex("0681a44a6f696edbffffffff")), "malformed")
    assert.strictEqual(result(unhex("0681a17adbffffffff")), "oversized")
    assert.strictEqual(result(unhex("0982a4416c676f00a3427566dbffffffff")), "oversized")
    const state = StreamCodec.make(plain, "acceptor")
    StreamCodec.push(state, header(int(nodesMax), "00"))
    // Each node has 4 KiB that nobody asks for.
    const node = join(unhex("81a17ada1000"), new Uint8Array(4096))
    const nodes = join(...Array.from({ length: 64 }, () => node))
    let pushed = StreamCodec.push(state, none)
    let bytes = 0
    for (; Result.isSuccess(pushed) && bytes < 2 * payloadBytesMax; bytes += nodes.length)
      pushed = StreamCodec.push(state, nodes)
    assert.isTrue(Result.isFailure(pushed) && pushed.failure.reason === "oversized")
    assert.approximately(bytes, payloadBytesMax + 65_536, nodes.length)
  })

  it("S4: entries of no use are left out and counted", () => {
    const entry = (fields: Record<string, string>): Uint8Array => {
      const all = {
        Addr: "a47f000001",
        Incarnation: "01",
        Meta: "c0",
        Name: "a161",
        Port: "50",
        State: "00",
        Vsn: "a6010502000000",
        ...fields
      }
      return join(
        Uint8Array.of(0x87),
        ...Object.entries(all).map(([key, value]) => join(Uint8Array.of(0xa0 | key.length), ascii(key), unhex(value)))
      )
    }
    const long = (length: number) => `da${length.toString(16).padStart(4, "0")}${"78".repeat(length)}`
    const bad: ReadonlyArray<readonly [Record<string, string>, string]> = [
      [{ State: "04" }, "state"],
      [{ State: "ccff" }, "state"],
      [{ State: "ff" }, "state"],
      [{ State: int64(2n ** 40n) }, "state"],
      [{ Vsn: "c0" }, "versions"],
      [{ Vsn: "a50105020000" }, "versions"],
      [{ Vsn: "a701050200000000" }, "versions"],
      [{ Name: "c0" }, "name"],
      [{ Name: "a1ff" }, "name"],
      [{ Name: long(256) }, "name"],
      [{ Addr: "a17f" }, "address"],
      [{ Addr: "c0" }, "address"],
      [{ Addr: long(17) }, "address"],
      [{ Meta: long(513) }, "meta"]
    ]
    const good = [
      {},
      { State: "01" },
      { State: "02" },
      { State: "03" },
      { Name: long(255) },
      { Meta: long(512) },
      { Port: "00" }
    ]
    const bodies = [...good, ...bad.map(([fields]) => fields), {}]
    const bytes = join(header(bodies.length.toString(16).padStart(2, "0"), "02"), ...bodies.map(entry), ascii("ok"))
    const { result, skipped } = read(bytes)
    assert.deepStrictEqual(
      skipped,
      bad.map(([, reason]) => reason)
    )
    assert.isTrue(typeof result === "object" && result._tag === "PushPull")
    if (typeof result !== "object" || result._tag !== "PushPull") return
    assert.deepStrictEqual(
      result.nodes.map((node) => node.state),
      ["alive", "suspect", "dead", "left", "alive", "alive", "alive", "alive"]
    )
    assert.strictEqual(hex(result.userState), hex(ascii("ok")))
    const zeros = read(join(header("03", "00"), unhex("80c090")))
    assert.deepStrictEqual(zeros.skipped, ["name", "name", "name"])
  })

  it("S4: a struct that is no node state ends the stream", () => {
    for (const bad of ["c1", "07", "a0", "81a4506f7274ce00010000", "81a55374617465a0", "dfffffffff"])
      assert.strictEqual(result(join(header("01", "00"), unhex(bad))), "malformed", bad)
  })

  it("S5: a bomb ends at the limit", () => {
    const bomb = Compression.encode(new Uint8Array(41_943_041))
    assert.deepStrictEqual(read(bomb), { result: "inflate", skipped: [], owesErr: true })
    assert.strictEqual(result(unhex(framed.LZW_EMPTY)), "inflate")
    assert.isTrue(read(unhex("0982a4416c676f01a3427566a3000302")).owesErr)
    const most = new Uint8Array(41_943_040)
    most[0] = 6
    assert.strictEqual(result(Compression.encode(most)), "malformed")
  })

  it("S5: what is large is worked off in many small steps", () => {
    const pausesOf = (bytes: Uint8Array, by = plain): number => {
      const state = StreamCodec.make(by, "acceptor")
      StreamCodec.push(state, bytes)
      let pauses = 0
      for (; StreamCodec.isBusy(state); pauses += 1) StreamCodec.push(state, none)
      return pauses
    }
    const ofMiB = (count: number): Uint8Array => Compression.encode(new Uint8Array(count * 1_048_576))
    assert.isAtLeast(pausesOf(ofMiB(40)), 40 * 8)
    assert.isAtLeast(pausesOf(ofMiB(4)), 4 * 8)
    // Codes that clear the table give nothing, and are work all the same.
    const clears = Uint8Array.from({ length: 9 * 131_072 }, (_, i) => (i % 9 === 0 ? 0 : 1 << ((i % 9) - 1)))
    const header = Uint8Array.from(Buffer.from("0982a4416c676f00a3427566c6", "hex"))
    const length = Uint8Array.of(0, clears.length >>> 16, (clears.length >>> 8) & 0xff, clears.length & 0xff)
    assert.strictEqual(result(join(header, length, clears)), "inflate")
    assert.isAtLeast(pausesOf(join(header, length, clears)), 8)
    const many = { ...pushPull, nodes: Array.from({ length: 5120 }, () => nodeA) }
    assert.isAtLeast(pausesOf(StreamCodec.encode(many, plain, "dialler")), 9)
    assert.strictEqual(pausesOf(unhex(wire(pushPull, compressed))), 0)
  })

  it("S6: user messages that are too long, types that do not belong, two messages", () => {
    for (const bytes of [int(-1), int(payloadBytesMax + 1), "ceffffffff"])
      assert.strictEqual(result(unhex(`0881aa557365724d73674c656e${bytes}`)), "userMessage")
    assert.deepStrictEqual(result(unhex("0881aa557365724d73674c656e00")), { _tag: "User", payload: none })
    for (let type = 0; type < 256; type++) {
      const accepted = [0, 6, 8, 9, 10, 244]
      if (!accepted.includes(type))
        assert.deepStrictEqual(read(Uint8Array.of(type)), { result: "type", skipped: [], owesErr: false })
      const replies = [2, 6, 9, 10, 13]
      if (!replies.includes(type)) assert.strictEqual(result(Uint8Array.of(type), plain, "dialler"), "type")
    }
    const state = StreamCodec.make(plain, "acceptor")
    const twice = unhex(messages.USER_STREAM + messages.USER_STREAM)
    assert.isTrue(Option.isSome(Result.getOrThrow(StreamCodec.push(state, twice))))
    for (let i = 0; i < 2; i++) {
      const again = StreamCodec.push(state, twice)
      assert.isTrue(Result.isFailure(again) && again.failure.reason === "trailing")
    }
  })

  it("a rejection stays, and lets go of the bytes", () => {
    const state = StreamCodec.make(plain, "acceptor")
    const first = StreamCodec.push(state, Uint8Array.of(7, 1, 2, 3))
    const second = StreamCodec.push(state, unhex(messages.USER_STREAM))
    assert.isTrue(Result.isFailure(first) && Result.isFailure(second) && first.failure === second.failure)
    assert.isTrue(Result.isFailure(StreamCodec.end(state)))
    assert.strictEqual(state.buffer.length, 0)
  })

  it("the text of an error is cut, and need not be UTF-8", () => {
    const err = (bytes: string) => result(unhex(`0d81a54572726f72${bytes}`), plain, "dialler")
    assert.deepStrictEqual(err(`da0800${"78".repeat(2048)}`), { _tag: "Err", error: "x".repeat(1024) })
    assert.deepStrictEqual(err("a261ff"), { _tag: "Err", error: "a\ufffd" })
  })
})
