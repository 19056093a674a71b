/** Values, ciphers and bytes for the tests of the memberlist wire. */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"
import { Option, Result, Schema } from "effect"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import type { Cipher, Framing } from "../../../src/protocol/memberlist/Framing.ts"
import type { NodeState, PacketMessage, PushPull, StreamMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as Cursor from "../../../src/protocol/memberlist/MsgpackCursor.ts"

export const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
export const join = (...pieces: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(pieces))

export const framing = (options: Partial<Framing> = {}): Framing => ({
  label: new Uint8Array(0),
  compress: false,
  crc32,
  cipher: undefined,
  ...options
})

/** The content of a compress message with its type byte. */
export const inflated = (bytes: Uint8Array, outputBytesMax = 41_943_040): Uint8Array => {
  const plain = Compression.read(Cursor.make(bytes, 1, bytes.length), outputBytesMax)
  if (typeof plain === "string") throw new Error(plain)
  return plain
}

export const key16 = unhex("000102030405060708090a0b0c0d0e0f")
export const nonce = unhex("000102030405060708090a0b")

const openWith = (key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined => {
  const version = sealed[0] ?? 255
  if (version > 1 || sealed.length < (version === 1 ? 29 : 45)) return undefined
  const decipher = createDecipheriv(
    key.length === 16 ? "aes-128-gcm" : key.length === 24 ? "aes-192-gcm" : "aes-256-gcm",
    key,
    sealed.subarray(1, 13)
  )
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - 16))
  const opened = Result.try(() =>
    join(decipher.update(sealed.subarray(13, sealed.length - 16)), new Uint8Array(decipher.final()))
  )
  const plain = Result.getOrUndefined(opened)
  if (plain === undefined || version === 1) return plain
  const pad = plain.at(-1) ?? 0
  return pad < 1 || pad > 16 || pad > plain.length ? undefined : plain.subarray(0, plain.length - pad)
}

/** AES-GCM as memberlist uses it; version 0 pads. */
export const aesCipher = (options: {
  readonly keys?: ReadonlyArray<Uint8Array>
  readonly version?: 0 | 1
  readonly nonce?: Uint8Array
  readonly verifyIncoming?: boolean
  readonly verifyOutgoing?: boolean
}): Cipher => {
  const keys = options.keys ?? [key16]
  const version = options.version ?? 1
  return {
    overheadBytes: 29,
    verifyIncoming: options.verifyIncoming ?? true,
    verifyOutgoing: options.verifyOutgoing ?? true,
    seal: (plaintext, aad) => {
      const [key = key16] = keys
      const iv = options.nonce ?? randomBytes(12)
      const cipher = createCipheriv(
        key.length === 16 ? "aes-128-gcm" : key.length === 24 ? "aes-192-gcm" : "aes-256-gcm",
        key,
        iv
      )
      cipher.setAAD(aad)
      const pad = version === 0 ? 16 - (plaintext.length % 16) : 0
      const padded = join(plaintext, new Uint8Array(pad).fill(pad))
      const text = join(cipher.update(padded), new Uint8Array(cipher.final()))
      return join(Uint8Array.of(version), iv, text, cipher.getAuthTag())
    },
    open: (sealed, aad) => Option.firstSomeOf(keys.map((key) => Option.fromUndefinedOr(openWith(key, sealed, aad)))),
    opening: (sealed, aad) => () =>
      Option.firstSomeOf(keys.map((key) => Option.fromUndefinedOr(openWith(key, sealed, aad))))
  }
}

const mark = (bytes: Uint8Array): number => bytes.reduce((sum, byte, i) => (sum + byte * (i + 1)) & 0xff, 0)

const openFake: Cipher["open"] = (sealed, aad) => {
  const plaintext = sealed.slice(3).map((byte) => byte ^ 0xff)
  return sealed[0] === 0xee && sealed[1] === mark(plaintext) && sealed[2] === mark(aad)
    ? Option.some(plaintext)
    : Option.none()
}

/** Flips all bits and puts marks of text and AAD in front: enough to see what is sealed with what. */
export const fakeCipher = (options: Partial<Cipher> = {}): Cipher => ({
  overheadBytes: 3,
  verifyIncoming: true,
  verifyOutgoing: true,
  seal: (plaintext, aad) =>
    join(
      Uint8Array.of(0xee, mark(plaintext), mark(aad)),
      plaintext.map((byte) => byte ^ 0xff)
    ),
  open: openFake,
  // In two parts, so that what waits for the second one is tested too.
  opening: (sealed, aad) => {
    let parts = 0
    return () => {
      parts += 1
      return parts === 1 ? "more" : openFake(sealed, aad)
    }
  },
  ...options
})

/** A seed for {@link make}: a property over it prints and shrinks to the one that fails. */
export const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))

export interface Source {
  readonly integer: (max: number) => number
  readonly pick: <A>(values: ReadonlyArray<A>) => A
  readonly bytes: (max: number, min?: number) => Uint8Array
  readonly u32: () => number
  readonly name: () => string
  readonly message: () => PacketMessage
  readonly nodeState: () => NodeState
  readonly pushPull: () => PushPull
  readonly request: () => StreamMessage
  readonly reply: () => StreamMessage
}

/** Random values that depend on nothing but the seed (mulberry32). */
export const make = (seed: number): Source => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const integer = (max: number): number => Math.floor(next() * (max + 1))
  const pick = <A>(values: ReadonlyArray<A>): A => {
    const value = values[integer(values.length - 1)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }
  const bytes = (max: number, min = 0): Uint8Array =>
    Uint8Array.from({ length: min + integer(max - min) }, () => integer(255))
  const u32 = (): number => pick([0, 1, 127, 128, 255, 256, 65_535, 65_536, 0xffff_ffff, integer(0xffff_ffff)])
  const port = (): number => pick([0, 1, 80, 128, 255, 256, 7946, 65_535, integer(65_535)])
  const letters = ["a", "Z", "0", "-", ".", "ü", "語", "🙂", "\ufeff", "\u0000", "x", "y"]
  const name = (): string => Array.from({ length: 1 + integer(pick([3, 31, 62])) }, () => pick(letters)).join("")
  const address = (): Uint8Array => pick([bytes(4, 4), bytes(16, 16)])
  const source = () => ({
    sourceAddress: pick([new Uint8Array(0), address()]),
    sourcePort: port(),
    sourceNode: pick(["", name()])
  })
  const meta = (): Uint8Array => bytes(pick([0, 31, 32, 512]))
  const message = (): PacketMessage =>
    pick<() => PacketMessage>([
      () => ({ _tag: "Ping", seq: u32(), node: pick(["", name()]), ...source() }),
      () => ({
        _tag: "IndirectPing",
        seq: u32(),
        target: address(),
        port: port(),
        node: name(),
        nack: pick([true, false]),
        ...source()
      }),
      () => ({ _tag: "Ack", seq: u32(), payload: bytes(pick([0, 40, 1024])) }),
      () => ({ _tag: "Nack", seq: u32() }),
      () => ({ _tag: "Suspect", incarnation: u32(), node: name(), from: name() }),
      () => ({ _tag: "Dead", incarnation: u32(), node: name(), from: name() }),
      () => ({
        _tag: "Alive",
        incarnation: u32(),
        node: name(),
        address: address(),
        port: port(),
        meta: meta(),
        versions: bytes(6, 6)
      }),
      () => ({ _tag: "User", payload: bytes(600, 1) })
    ])()
  const nodeState = (): NodeState => ({
    name: name(),
    address: address(),
    port: port(),
    meta: meta(),
    incarnation: u32(),
    state: pick(["alive", "suspect", "dead", "left"]),
    versions: bytes(6, 6)
  })
  const pushPull = (): PushPull => ({
    _tag: "PushPull",
    join: pick([true, false]),
    nodes: Array.from({ length: integer(pick([0, 3, 200])) }, nodeState),
    userState: bytes(pick([0, 100, 40_000]))
  })
  const request = (): StreamMessage =>
    pick<() => StreamMessage>([
      pushPull,
      () => ({ _tag: "Ping", seq: u32(), node: pick(["", name()]), ...source() }),
      () => ({ _tag: "User", payload: bytes(pick([0, 127, 300, 70_000])) })
    ])()
  const reply = (): StreamMessage =>
    pick<() => StreamMessage>([
      pushPull,
      () => ({ _tag: "Ack", seq: u32(), payload: bytes(40) }),
      () => ({ _tag: "Err", error: pick(["", "boom", name()]) })
    ])()
  return { integer, pick, bytes, u32, name, message, nodeState, pushPull, request, reply }
}

/** The bytes with a few of them changed, removed, repeated or added. */
export const mutate = (random: Source, bytes: Uint8Array): Uint8Array => {
  const mutated = [...bytes]
  for (let i = 0; i <= random.integer(3); i++) {
    const at = random.integer(mutated.length)
    random.pick([
      () => mutated.splice(at, 1, random.integer(255)),
      () => mutated.splice(at, random.integer(4)),
      () => mutated.splice(at, 0, ...random.bytes(6)),
      () => mutated.splice(at, 1, random.pick([0xc0, 0xc1, 0xdb, 0xdd, 0xdf, 0xff, 0x9f, 0x8f, 0xd3, 7, 9, 12]))
    ])()
  }
  return Uint8Array.from(mutated)
}

/** All the bytes that a map of vectors holds, by name. */
export const vectorEntries = (...groups: ReadonlyArray<Record<string, string>>): ReadonlyArray<[string, Uint8Array]> =>
  groups.flatMap((group) => Object.entries(group).map(([name, text]): [string, Uint8Array] => [name, unhex(text)]))
