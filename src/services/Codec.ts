/**
 * How messages become bytes. An endpoint has one codec for each direction; both sides must agree on them.
 *
 * Effect Schema is the default: pass a schema to `Endpoint.make` and it travels as JSON. The others are picked by name:
 * `Codec.bytes`, `Codec.json`, `Codec.protobuf(MessageSchema)`.
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
 * Law: `decode` of a copy of `encode(a)` equals `a` and shares no mutable state with it: what a flow delivers is always a
 * copy. What would arrive as something else is not encoded.
 * Errors: any value in the failure says why; the flow wraps it in `MalformedMessage`. What is thrown is such a value, too.
 */
export interface Codec<A> {
  readonly _tag: "Codec"
  /** Family of the encoding, such as "bytes": the first thing that two sides compare. */
  readonly id: string
  /** Text that two codecs share exactly when they understand each other; hashed into the contract fingerprint. */
  readonly shape: string
  /** The shape by which version 0.1.0 knows the codec, where that is another. */
  readonly formerShape?: string
  /** The bytes may be those of the message: whoever keeps them copies them. */
  readonly encode: (message: A) => Result.Result<Uint8Array, unknown>
  readonly decode: (bytes: Uint8Array) => Result.Result<A, unknown>
  /** Encodes a batch, if that takes less than one message after the other; fails as the first one that would. */
  readonly encodeAll?: (messages: Iterable<A>) => Result.Result<ReadonlyArray<Uint8Array>, unknown>
  /** Decodes a batch, if that takes less than one message after the other; fails if one of them would. */
  readonly decodeAll?: (all: NonEmptyReadonlyArray<Uint8Array>) => Result.Result<NonEmptyReadonlyArray<A>, unknown>
  /** For bytes that are the text of a JSON value: the same without the text, within a process. */
  readonly value?: Valued<A>
}

/** Law: gives, and fails, as `encode` and `decode` would. */
export interface Valued<A> {
  /** A copy of the value, or its text. */
  readonly encode: (message: A) => Result.Result<Message.Message, unknown>
  readonly decode: (value: Message.Value) => Result.Result<A, unknown>
}

/** Codecs of here, which never throw. */
const known = new WeakSet<object>()

const here = <A>(codec: Codec<A>): Codec<A> => {
  known.add(codec)
  return codec
}

/** What `%TypedArray%` says that a view is; nothing can pretend to be another one. */
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get

/** Of any realm: a test runner or a sandbox has a `Uint8Array` of its own. */
const isBytes = (message: unknown): message is Uint8Array =>
  message instanceof Uint8Array || nameOf?.call(message) === "Uint8Array"

/**
 * Raw bytes. What is received from another process is a view of the memory in which it came, up to 64 KiB, which it shares
 * with its neighbours: whoever keeps a small message for long, or transfers its memory, copies it with `slice`.
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

/** What a function gives for what comes from outside, or what it throws: a filter of a user's, a stack that is full. */
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

/** What of an encoded message is beyond a bound, which is looked at before anybody reads it. */
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

/** A schema whose decoding and encoding need no services. */
export type PureSchema<A> = Schema.Codec<A, unknown>

/**
 * Values of a schema, as the JSON that the schema derives. The shape is that of this form, whatever its parts are called.
 * What is nested deeper than 4,096, or has more values than `JsonBounds` says, is refused, both ways.
 * Both ways are compiled when they are first used, unless the process forbids code from strings.
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
 * Messages of a protobuf schema generated by protoc-gen-es. The shape is the full name of the message. One that holds more
 * messages than `ProtobufBounds` says is refused, both ways.
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

/** What `Endpoint.make` takes for a direction: a codec, or a schema. */
export type Source<A> = Codec<A> | PureSchema<A>

/** A codec of a user's, with a failure in place of what it throws. */
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

/** The codec of a direction, which never throws. */
export const from = <A>(source: Source<A>): Codec<A> =>
  Schema.isSchema(source) ? schema(source) : known.has(source) ? source : guarded(source)
