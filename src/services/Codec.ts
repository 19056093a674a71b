/**
 * Codecs: how messages become bytes. An endpoint has one for each direction; both sides must agree on them.
 *
 * Effect Schema is the default: pass a schema to `Endpoint.make` and it travels as JSON. The others are picked by name:
 * `Codec.bytes`, `Codec.json`, `Codec.protobuf(MessageSchema)`.
 *
 * @module
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf"
import { identity, Result, Schema, SchemaAST } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as Message from "../protocol/flow/Message.ts"
import * as JsonBounds from "../protocol/JsonBounds.ts"
import * as JsonShape from "../protocol/JsonShape.ts"
import * as ProtobufBounds from "../protocol/ProtobufBounds.ts"
import * as Utf8 from "../protocol/Utf8.ts"
import * as Lookalikes from "./Lookalikes.ts"

/**
 * Encodes and decodes the messages of one direction.
 *
 * Law: `decode` of a copy of `encode(a)` equals `a` and shares no mutable state with it: a flow always delivers a copy.
 * A value that would arrive as something else fails to encode.
 * Errors: any value in the failure says why, thrown or not; the flow wraps it in `MalformedMessage`.
 */
export interface Codec<A> {
  /** Tells a codec from a schema in `Source`. */
  readonly _tag: "Codec"
  /** Family of the encoding, such as "bytes": the first thing that two sides compare. */
  readonly id: string
  /** Text that two codecs share exactly when they understand each other; hashed into the contract fingerprint. */
  readonly shape: string
  /** Shape of the codec in version 0.1.0, if it differs. */
  readonly formerShape?: string
  /** Encodes a message. The bytes may be those of the message: copy them to keep them. */
  readonly encode: (message: A) => Result.Result<Uint8Array, unknown>
  /** Decodes a message that a peer sent; any bytes may come. The message may be a view of them. */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, unknown>
  /** Encodes a batch, if that is cheaper than one message after the other; fails as the first failing message would. */
  readonly encodeAll?: (messages: Iterable<A>) => Result.Result<ReadonlyArray<Uint8Array>, unknown>
  /** Decodes a batch, if that is cheaper than one message after the other; fails if one message would. */
  readonly decodeAll?: (all: NonEmptyReadonlyArray<Uint8Array>) => Result.Result<NonEmptyReadonlyArray<A>, unknown>
  /** Encodes to JSON values without their text, within a process; only for codecs whose bytes are JSON text. */
  readonly value?: Valued<A>
}

/**
 * JSON values in place of their text, which spares printing and parsing within a process; a codec of your own leaves it
 * out. Law: succeeds and fails as `encode` and `decode` of the codec would.
 */
export interface Valued<A> {
  /** Returns a copy of the value, or its text. */
  readonly encode: (message: A) => Result.Result<Message.Message, unknown>
  /** Decodes a copied value, which the message may keep. */
  readonly decode: (value: Message.Value) => Result.Result<A, unknown>
}

/** Codecs of this module, which never throw. */
const known = new WeakSet<object>()

const here = <A>(codec: Codec<A>): Codec<A> => {
  known.add(codec)
  return codec
}

/** Getter of the class name of a typed array, which no object can fake. */
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get

/** Accepts a `Uint8Array` of any realm: a test runner or a sandbox has its own. */
const isBytes = (message: unknown): message is Uint8Array =>
  message instanceof Uint8Array || nameOf?.call(message) === "Uint8Array"

/**
 * Raw bytes. A message from another process is a view of received memory of up to 64 KiB, which it shares with its
 * neighbours: copy it with `slice` to keep a small message for long, or to transfer its memory.
 */
export const bytes: Codec<Uint8Array> = here({
  _tag: "Codec",
  id: "bytes",
  shape: "bytes",
  encode: (message) => (isBytes(message) ? Result.succeed(message) : Result.fail("not a Uint8Array")),
  encodeAll: (messages) => {
    const all = [...messages]
    return all.every(isBytes) ? Result.succeed(all) : Result.fail("not a Uint8Array")
  },
  decode: (encoded) => Result.succeed(encoded),
  decodeAll: (all) => Result.succeed(all)
})

const decoder = new TextDecoder("utf-8", { fatal: true })

const parseJson = (encoded: Uint8Array): unknown => JSON.parse(decoder.decode(encoded))

const printJson = (message: unknown): Uint8Array => Utf8.encode(JSON.stringify(message))

/** Runs a function of foreign input. Returns what it throws as a failure: a user's filter, or a full stack. */
const total =
  <A, B>(run: (input: A) => B) =>
  (input: A): Result.Result<B, unknown> => {
    // biome-ignore format: the reason stands in the line that it is for
    try { // tidy: `Result.try` makes two closures for each message
      return Result.succeed(run(input))
    } catch (cause) {
      return Result.fail(cause)
    }
  }

/** Returns the bound that an encoded message exceeds, before it is decoded; undefined when it keeps all. */
type ExcessOf = (encoded: Uint8Array) => string | undefined

const bounded = <A extends Message.Message>(made: Result.Result<A, unknown>, excessOf: ExcessOf): typeof made => {
  const excess = Result.isSuccess(made) && isBytes(made.success) ? excessOf(made.success) : undefined
  return excess === undefined ? made : Result.fail(excess)
}

const parsed =
  <A>(excessOf: ExcessOf, parse: Codec<A>["decode"]): Codec<A>["decode"] =>
  (encoded) => {
    const excess = excessOf(encoded)
    return excess === undefined ? parse(encoded) : Result.fail(excess)
  }

/** Schema whose decoding and encoding need no services. */
export type PureSchema<A> = Schema.Codec<A, unknown>

/**
 * Values of a schema, as the JSON that the schema derives; the shape is that of this form, whatever the names in it.
 * Values nested deeper than 4,096, or larger than `JsonBounds` allows, are refused, both ways. Encoder and decoder are
 * compiled at their first use, unless the process forbids code from strings.
 *
 * A value of a union that would arrive as another member of it is not encoded, see `Lookalikes`.
 */
export const schema = <A>(of: PureSchema<A>): Codec<A> => {
  const json = Schema.toCodecJson(of)
  const encoder = Lookalikes.guard(SchemaAST.flip(json.ast))
  SchemaJITCompiler.enable(json.ast)
  SchemaJITCompiler.enable(encoder)
  const decode = Schema.decodeUnknownSync(json)
  const encode = Schema.decodeUnknownSync(Schema.make<PureSchema<unknown>>(encoder))
  const document = Schema.toJsonSchemaDocument(json)
  const print = total((message: A) => printJson(encode(message)))
  const parse = total((encoded: Uint8Array) => decode(parseJson(encoded)))
  const value = total((message: A): Message.Message => {
    const value = encode(message)
    return Message.copy(value) ?? printJson(value)
  })
  return here({
    _tag: "Codec",
    id: "schema-json",
    shape: JsonShape.canonical(document),
    formerShape: JSON.stringify(document),
    encode: (message) => bounded(print(message), JsonBounds.excess),
    decode: parsed(JsonBounds.excess, parse),
    value: {
      encode: (message) => bounded(value(message), JsonBounds.excess),
      decode: total(({ json }) => decode(json))
    }
  })
}

/** Any JSON value, unchecked beyond being JSON. */
export const json: Codec<Schema.Json> = here({ ...schema(Schema.Json), id: "json", shape: "json", formerShape: "json" })

/**
 * Messages of a protobuf schema generated by protoc-gen-es. The shape is the full name of the message. Messages nesting
 * more messages than `ProtobufBounds` allows are refused, both ways.
 */
export const protobuf = <Desc extends DescMessage>(desc: Desc): Codec<MessageShape<Desc>> => {
  const excess = (encoded: Uint8Array) => ProtobufBounds.excess(desc, encoded)
  const print = total((message: MessageShape<Desc>) => toBinary(desc, message))
  return here({
    _tag: "Codec",
    id: "protobuf",
    shape: desc.typeName,
    encode: (message) => bounded(print(message), excess),
    decode: parsed(
      excess,
      total((encoded: Uint8Array) => fromBinary(desc, encoded))
    )
  })
}

/** Codec or schema of a direction, as `Endpoint.make` takes it. */
export type Source<A> = Codec<A> | PureSchema<A>

/** Wraps a user's codec, so that a thrown value becomes a failure. */
const guarded = <A>(codec: Codec<A>): Codec<A> => {
  const { _tag, decodeAll, encodeAll, formerShape, id, shape, value } = codec
  const flat = <X, Y>(run: (input: X) => Result.Result<Y, unknown>) => {
    const safe = total(run)
    return (input: X) => Result.flatMap(safe(input), identity)
  }
  return {
    ...{ _tag, id, shape },
    ...(formerShape !== undefined && { formerShape }),
    encode: flat((message) => codec.encode(message)),
    decode: flat((encoded) => codec.decode(encoded)),
    ...(encodeAll && { encodeAll: flat((messages) => encodeAll.call(codec, messages)) }),
    ...(decodeAll && { decodeAll: flat((all) => decodeAll.call(codec, all)) }),
    ...(value && {
      value: { encode: flat((message) => value.encode(message)), decode: flat((encoded) => value.decode(encoded)) }
    })
  }
}

/** Returns the codec of a direction, which never throws. */
export const from = <A>(source: Source<A>): Codec<A> =>
  Schema.isSchema(source) ? schema(source) : known.has(source) ? source : guarded(source)
