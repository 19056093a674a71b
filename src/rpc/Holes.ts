/**
 * Holes: the parts of a message that belong to its Rpc, which are the payload, the result and the errors. They travel as JSON, by codecs
 * that are compiled when they are first used, and that refuse a value of a union that would arrive as another member.
 */
import { Effect, Exit, Schema, SchemaAST, SchemaIssue, SchemaParser } from "effect"
import * as Rpc from "effect/rpc/Rpc"
import type { CodecFor } from "effect/rpc/RpcSerialization"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as Lookalikes from "../protocol/codec/Lookalikes.ts"
import { detailLengthMax } from "./CallError.ts"

type Hole<S extends Schema.Top> = Schema.Codec<S["Type"], unknown, S["DecodingServices"], S["EncodingServices"]>

type Run = (
  input: unknown,
  self: SchemaAST.Declaration,
  options: SchemaAST.ParseOptions
) => Effect.Effect<unknown, SchemaIssue.Issue, unknown>

/** A declaration has no type for the services of its parsers: they run with those of the fiber. */
// biome-ignore lint/plugin: see above
const withoutServices = (run: Run) => () => run as () => Effect.Effect<unknown, SchemaIssue.Issue>

/** A codec by its two directions. */
const by = <S extends Schema.Top>(decode: Run, encode: Run): Hole<S> => {
  const none = undefined
  const [decoding, encoding] = [withoutServices(decode), withoutServices(encode)]
  return Schema.make<Hole<S>>(new SchemaAST.Declaration([], decoding, none, none, none, none, none, encoding))
}

const parserOf = (ast: SchemaAST.AST): Run => {
  SchemaJITCompiler.enable(ast)
  const parse = SchemaParser.decodeUnknownEffect(Schema.make<Schema.Codec<unknown>>(ast))
  return (input, _, options) => parse(input, options)
}

const jsonOf = <S extends Schema.Top>(schema: S): Hole<S> => {
  const json = Schema.toCodecJson(schema)
  const encoder = SchemaAST.flip(json.ast)
  const guarded = Lookalikes.guard(encoder)
  if (guarded !== encoder) return by(parserOf(json.ast), parserOf(guarded))
  SchemaJITCompiler.enable(json.ast)
  SchemaJITCompiler.enable(encoder)
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
    payload.misfit = format(issue).slice(0, detailLengthMax)
  })

/** Decodes the payload of a call, and notes there why it does not fit. */
const payloadCodec = <S extends Schema.Top>(schema: S): Hole<S> => {
  const { ast } = jsonOf(schema)
  const decode = parserOf(ast)
  const noting: Run = (input, self, options) => {
    if (!(input instanceof Payload)) return Effect.fail(new SchemaIssue.InvalidType(self, input, options))
    const decoded = decode(input.json, self, options)
    // Mostly it is there already.
    return Exit.isExit(decoded) && Exit.isSuccess(decoded) ? decoded : Effect.tapError(decoded, note(input))
  }
  return by(noting, parserOf(SchemaAST.flip(ast)))
}

/** Of a server of a group: its payloads come as `Payload`. */
export const serverCodecFor = (group: { readonly requests: ReadonlyMap<string, unknown> }): CodecFor => {
  const payloads = new Set<unknown>()
  for (const rpc of group.requests.values()) if (Rpc.isRpc(rpc)) payloads.add(rpc.payloadSchema)
  return (schema) => (payloads.has(schema) ? payloadCodec(schema) : jsonOf(schema))
}
