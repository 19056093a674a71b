/**
 * SchemaJson: values of a schema, as the text of the JSON that the schema derives. Encoder and decoder are compiled at
 * their first use, unless the process forbids code from strings.
 *
 * Bounds: those of `JsonBounds`, both ways.
 * Errors: what the schema says or throws; a value of a union that would arrive as another member, see `Lookalikes`.
 */
import { Schema, SchemaAST } from "effect"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as Message from "../flow/Message.ts"
import * as Utf8 from "../Utf8.ts"
import * as Bounded from "./Bounded.ts"
import type { Coding } from "./Coding.ts"
import * as JsonBounds from "./JsonBounds.ts"
import * as JsonShape from "./JsonShape.ts"
import * as Lookalikes from "./Lookalikes.ts"
import { total } from "./Total.ts"

/** Schema whose decoding and encoding need no services. */
export type PureSchema<A> = Schema.Codec<A, unknown>

export interface Compiled<A> extends Coding<A> {
  /** Canonical text of the JSON Schema, see `JsonShape`. */
  readonly shape: string
  /** Text of the JSON Schema as Effect makes it: the shape in version 0.1.0. */
  readonly formerShape: string
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const parse = (encoded: Uint8Array): unknown => JSON.parse(utf8.decode(encoded))

const print = (json: unknown): Uint8Array => Utf8.encode(JSON.stringify(json))

export const compile = <A>(schema: PureSchema<A>): Compiled<A> => {
  const json = Schema.toCodecJson(schema)
  const encoder = Lookalikes.guard(SchemaAST.flip(json.ast))
  SchemaJITCompiler.enable(json.ast)
  SchemaJITCompiler.enable(encoder)
  const decode = Schema.decodeUnknownSync(json)
  const encode = Schema.decodeUnknownSync(Schema.make<PureSchema<unknown>>(encoder))
  const document = Schema.toJsonSchemaDocument(json)
  const printed = total((message: A) => print(encode(message)))
  const parsed = total((encoded: Uint8Array) => decode(parse(encoded)))
  const copied = total((message: A): Message.Message => {
    const value = encode(message)
    return Message.copy(value) ?? print(value)
  })
  return {
    shape: JsonShape.canonical(document),
    formerShape: JSON.stringify(document),
    encode: Bounded.encoder(JsonBounds.excess, printed),
    decode: Bounded.decoder(JsonBounds.excess, parsed),
    value: {
      encode: Bounded.encoder(JsonBounds.excess, copied),
      decode: total(({ json }) => decode(json))
    }
  }
}
