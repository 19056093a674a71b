/**
 * What is an Rpc's own in a message: its payload, its result, its errors. As JSON, by codecs that are compiled when they are first
 * used, like those of an endpoint.
 */
import { Effect, Exit, Schema, SchemaAST, SchemaIssue, SchemaParser } from "effect"
import * as Rpc from "effect/rpc/Rpc"
import type { CodecFor } from "effect/rpc/RpcSerialization"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

const jsonOf = <S extends Schema.Top>(schema: S) => {
  const json = Schema.toCodecJson(schema)
  SchemaJITCompiler.enable(json.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(json.ast))
  return json
}

/** Of a client, which tells misfits of what it sends by itself. */
export const codecFor: CodecFor = jsonOf

/** The payload of a call at its server. */
export class Payload {
  readonly json: unknown
  /** Why it was not decoded: then no handler has seen it. The server of Effect tells that as a defect, like one of a handler. */
  misfit: string | undefined

  constructor(json: unknown) {
    this.json = json
  }
}

const format = SchemaIssue.makeFormatterDefault()

const note = (payload: Payload) => (issue: SchemaIssue.Issue) =>
  Effect.sync(() => {
    payload.misfit = format(issue)
  })

/** Decodes the payload of a call, and notes there why it does not fit. */
const payloadCodec = <S extends Schema.Top>(schema: S) => {
  const decode = SchemaParser.decodeUnknownEffect(jsonOf(schema))
  const run = (input: unknown, self: SchemaAST.Declaration, options: SchemaAST.ParseOptions) => {
    if (!(input instanceof Payload)) return Effect.fail(new SchemaIssue.InvalidType(self, input, options))
    const decoded = decode(input.json, options)
    // Mostly it is there already.
    const noted = Exit.isExit(decoded) && Exit.isSuccess(decoded) ? decoded : Effect.tapError(decoded, note(input))
    return noted as Effect.Effect<S["Type"], SchemaIssue.Issue> // tidy: a declaration has no type for services, and runs with those of its codec
  }
  return Schema.make<Schema.Codec<S["Type"], unknown, S["DecodingServices"], S["EncodingServices"]>>(
    new SchemaAST.Declaration([], () => run)
  )
}

/** Of a server of a group: its payloads come as `Payload`. */
export const serverCodecFor = (group: { readonly requests: ReadonlyMap<string, unknown> }): CodecFor => {
  const payloads = new Set<unknown>()
  for (const rpc of group.requests.values()) if (Rpc.isRpc(rpc)) payloads.add(rpc.payloadSchema)
  return (schema) => (payloads.has(schema) ? payloadCodec(schema) : jsonOf(schema))
}
