/** The forms in which grinta carries the messages of a load: a codec each. */
import { create } from "@bufbuild/protobuf"
import { type BytesValue, BytesValueSchema } from "@bufbuild/protobuf/wkt"
import { Schema } from "effect"
import { Codec } from "../../src/index.ts"
import { type Said as ProtoSaid, SaidSchema } from "./gen/bench_pb.ts"
import type { Load, Said, Tally } from "./Load.ts"

export interface Form<A> {
  /** Part of the names of its endpoints. */
  readonly name: string
  readonly codec: Codec.Codec<A>
  /** One batch. */
  readonly messages: (load: Load) => ReadonlyArray<A>
  readonly add: (tally: Tally, message: A) => void
}

export const bytes: Form<Uint8Array> = {
  name: "bytes",
  codec: Codec.bytes,
  messages: (load) => load.bytes,
  add: (tally, message) => tally.add(message)
}

export const protobuf: Form<BytesValue> = {
  name: "protobuf",
  codec: Codec.protobuf(BytesValueSchema),
  messages: (load) => load.bytes.map((value) => create(BytesValueSchema, { value })),
  add: (tally, { value }) => tally.add(value)
}

/** A text as its schema carries it, as long as the bytes of the others. */
export const schema: Form<string> = {
  name: "schema",
  codec: Codec.schema(Schema.String),
  messages: (load) => load.texts,
  add: (tally, text) => tally.addText(text)
}

export const protobufSaid: Form<ProtoSaid> = {
  name: "protobuf-said",
  codec: Codec.protobuf(SaidSchema),
  messages: (load) => load.said.map((said) => create(SaidSchema, said)),
  add: (tally, said) => tally.addSaid(said)
}

export const schemaSaid: Form<Said> = {
  name: "schema-said",
  codec: Codec.schema(Schema.Struct({ from: Schema.String, text: Schema.String })),
  messages: (load) => load.said,
  add: (tally, said) => tally.addSaid(said)
}
