/**
 * Lookalikes: union members that look alike once encoded, such as the number `NaN` and the text "NaN", a date and its
 * text, an object and one with a field more. The decoder takes the first that fits, so a value may arrive as another
 * one.
 *
 * `guard` has such a union refuse, on encoding, each value that would. Other unions stay as they are, and cost nothing.
 * Unions are recognised by the possible encodings of their members, so some are guarded in vain.
 */
import { Array, Equal, Exit, Result, Schema, SchemaAST, SchemaIssue, SchemaParser } from "effect"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

type Ast = SchemaAST.AST
type Parse = (input: unknown) => Result.Result<unknown, SchemaIssue.Issue>

const schemaOf = (ast: Ast) => {
  SchemaJITCompiler.enable(ast)
  return Schema.make<Schema.Codec<unknown>>(ast)
}

const parserOf = (ast: Ast): Parse => SchemaParser.decodeUnknownResult(schemaOf(ast))

/** What a parser of a declaration returns: an exit is an effect that is done. */
const exitOf = <A, E>(result: Result.Result<A, E>): Exit.Exit<A, E> =>
  Result.isSuccess(result) ? Exit.succeed(result.success) : Exit.fail(result.failure)

/** Returns a type guard without encoding: a failing parser costs much more than a succeeding one. */
const guardOf = (ast: Ast): ((value: unknown) => boolean) => Schema.is(schemaOf(ast))

/** Depth to which a recursive schema is compared with another. */
const depthMax = 8

/** Returns the kind of a schema's values; undefined for any. Declared values differ from all but plain objects. */
const kindOf = (ast: Ast): string | undefined => {
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal
    case "UniqueSymbol":
      return "symbol"
    case "TemplateLiteral":
      return "string"
    case "Null":
    case "Undefined":
    case "String":
    case "Number":
    case "Boolean":
    case "BigInt":
    case "Symbol":
      return ast._tag.toLowerCase()
    case "Arrays":
      return "array"
    case "Declaration":
      return "declared"
    case "Objects":
      return ast.propertySignatures.length + ast.indexSignatures.length === 0 ? undefined : "object"
    default:
      return undefined
  }
}

/** Returns the schemas of the required parts, by their place. */
const requiredOf = (ast: SchemaAST.Objects | SchemaAST.Arrays): ReadonlyMap<PropertyKey, Ast> =>
  new Map(
    (ast._tag === "Arrays"
      ? ast.elements.map((type, at) => [at, type] as const)
      : ast.propertySignatures.map(({ name, type }) => [name, type] as const)
    ).filter(([, type]) => !SchemaAST.isOptional(type))
  )

const areOfKinds = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other

/** Returns true when a value may belong to both schemas, neither of which encodes anything. */
const overlap = (a: Ast, b: Ast, depth: number = depthMax): boolean => {
  if (depth === 0) return true
  if (a._tag === "Never" || b._tag === "Never") return false
  if (a._tag === "Union") return a.types.some((type) => overlap(type, b, depth - 1))
  if (b._tag === "Union") return b.types.some((type) => overlap(a, type, depth - 1))
  if (a._tag === "Suspend") return overlap(a.thunk(), b, depth - 1)
  if (b._tag === "Suspend") return overlap(a, b.thunk(), depth - 1)
  if (a._tag === "Literal" && b._tag === "Literal") return a.literal === b.literal
  if (a._tag === "Declaration" && b._tag === "Declaration") return false
  const [kind, other] = [kindOf(a), kindOf(b)]
  if (!areOfKinds(kind, other)) return new Set([kind, other, "object", "declared"]).size === 2
  if ((a._tag === "Objects" && b._tag === "Objects") || (a._tag === "Arrays" && b._tag === "Arrays")) {
    const there = requiredOf(b)
    for (const [key, type] of requiredOf(a)) {
      const its = there.get(key)
      if (its !== undefined && !overlap(type, its, depth - 1)) return false
    }
  }
  return true
}

/** Returns true when every value is encoded as itself. */
const isAsItIs = (ast: Ast): boolean => {
  if (ast.encoding !== undefined) return false
  switch (ast._tag) {
    case "Null":
    case "String":
    case "Number":
    case "Boolean":
    case "Literal":
    case "TemplateLiteral":
    case "Never":
      return true
    case "Union":
      return ast.types.every(isAsItIs)
    case "Arrays":
      return ast.elements.length === 0 && ast.rest.every(isAsItIs)
    default:
      return false
  }
}

/** Returns true when the two may encode a common value, or decode one. */
const areAlike = (a: Ast, b: Ast): boolean =>
  !(isAsItIs(a) && isAsItIs(b)) &&
  (overlap(SchemaAST.toType(a), SchemaAST.toType(b)) || overlap(SchemaAST.toEncoded(a), SchemaAST.toEncoded(b)))

const haveLookalikes = ({ types }: SchemaAST.Union): boolean =>
  types.some((a, at) => types.slice(at + 1).some((b) => areAlike(a, b)))

const within = (ast: Ast): ReadonlyArray<Ast> => {
  switch (ast._tag) {
    case "Union":
      return ast.types
    case "Objects":
      return [...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type)
    case "Arrays":
      return [...ast.elements, ...ast.rest]
    case "Declaration":
      return ast.typeParameters
    case "Suspend":
      return [ast.thunk()]
    default:
      return []
  }
}

const isInNeed = (root: Ast): boolean => {
  const met = new Set([root])
  for (const ast of met) {
    if (ast._tag === "Union" && haveLookalikes(ast)) return true
    for (const { to } of ast.encoding ?? []) met.add(to)
    for (const part of within(ast)) met.add(part)
  }
  return false
}

interface Member {
  /** Tells whether a value belongs to the member, encodable or not. */
  readonly has: (value: unknown) => boolean
  /** Tells whether the member may decode an encoded value. */
  readonly reads: (encoded: unknown) => boolean
  readonly encode: Parse
  readonly decode: Parse
}

const ambiguous = "Expected a value that no other member of its union takes for its own once it is encoded"

/** Decodes by the first member that can; undefined when none can, or several where only one may. */
const decodeBy = (members: ReadonlyArray<Member>, isOneOf: boolean, encoded: unknown) => {
  let found: { readonly member: Member; readonly value: unknown } | undefined
  for (const member of members) {
    const decoded = member.reads(encoded) ? member.decode(encoded) : undefined
    if (decoded === undefined || Result.isFailure(decoded)) continue
    if (found !== undefined) return undefined
    found = { member, value: decoded.success }
    if (!isOneOf) return found
  }
  return found
}

/**
 * Encodes a value as the first member by which it arrives: decoded by that very member, and indistinguishable from the
 * value for every member to which the value belongs.
 */
const encodeAs = (
  members: ReadonlyArray<Member>,
  isOneOf: boolean,
  value: unknown
): Result.Result<unknown, undefined> => {
  const all = members.filter((member) => member.has(value)).map((member) => ({ member, encoded: member.encode(value) }))
  for (const { encoded, member } of all) {
    if (Result.isFailure(encoded)) continue
    const decoded = decodeBy(members, isOneOf, encoded.success)
    if (decoded?.member !== member) continue
    const isSame = all.every((other) => {
      if (Result.isFailure(other.encoded) || !other.member.has(decoded.value)) return false
      const again = other.member.encode(decoded.value)
      return Result.isSuccess(again) && Equal.equals(again.success, other.encoded.success)
    })
    if (isSame) return Result.succeed(encoded.success)
  }
  return Result.fail(undefined)
}

/** Rebuilds the nodes of an encoding schema, with each union of lookalikes replaced. */
class Guarding {
  private readonly made = new Map<Ast, Ast>()
  /** Simulates the arrival of an encoded value; the identity where it is encoded further. */
  private readonly arrive: (encoded: unknown) => unknown
  /** Guarding of the schemas whose values are encoded further. */
  private readonly before: Guarding

  constructor(arrive: (encoded: unknown) => unknown, before?: Guarding) {
    this.arrive = arrive
    this.before = before ?? this
  }

  of(ast: Ast): Ast {
    const known = this.made.get(ast)
    if (known !== undefined) return known
    const made = this.make(ast)
    this.made.set(ast, made)
    return made
  }

  private encodingOf({ encoding }: Ast): SchemaAST.Encoding | undefined {
    return (
      encoding &&
      Array.map(encoding, ({ to, transformation }) => new SchemaAST.Link(this.before.of(to), transformation))
    )
  }

  private make(ast: Ast): Ast {
    const { annotations, checks, context } = ast
    const encoding = this.encodingOf(ast)
    switch (ast._tag) {
      case "Union": {
        const types = ast.types.map((type) => this.of(type))
        const rest = [annotations, checks, encoding, context, ast.encodingChecks] as const
        return haveLookalikes(ast)
          ? new SchemaAST.Declaration([], () => this.choose(ast, types), ...rest)
          : new SchemaAST.Union(types, ast.options, ...rest)
      }
      case "Objects":
        return new SchemaAST.Objects(
          ast.propertySignatures.map(({ name, type }) => new SchemaAST.PropertySignature(name, this.of(type))),
          ast.indexSignatures.map(({ parameter, type }) => new SchemaAST.IndexSignature(parameter, this.of(type))),
          ...([annotations, checks, encoding, context, ast.encodingChecks] as const)
        )
      case "Arrays":
        return new SchemaAST.Arrays(
          ast.isMutable,
          ast.elements.map((type) => this.of(type)),
          ast.rest.map((type) => this.of(type)),
          ...([annotations, checks, encoding, context, ast.encodingChecks] as const)
        )
      case "Suspend":
        return new SchemaAST.Suspend(() => this.of(ast.thunk()), annotations, checks, encoding, context)
      case "Declaration":
        return new SchemaAST.Declaration(
          ast.typeParameters.map((type) => this.of(type)),
          ast.run,
          ...([annotations, checks, encoding, context, ast.encodingChecks] as const)
        )
      default: {
        if (encoding === undefined) return ast
        const parse = parserOf(SchemaAST.toType(ast))
        const run = () => (input: unknown) => exitOf(parse(input))
        return new SchemaAST.Declaration([], run, annotations, undefined, encoding, context)
      }
    }
  }

  private choose({ options, types }: SchemaAST.Union, guarded: ReadonlyArray<Ast>) {
    const isOneOf = options?.mode === "oneOf"
    const union = parserOf(new SchemaAST.Union(guarded, options))
    const members = types.map((type, at): Member => {
      const encode = parserOf(guarded[at] ?? type)
      return {
        has: guardOf(SchemaAST.toEncoded(type)),
        reads: guardOf(SchemaAST.toType(type)),
        encode: (value) => Result.map(encode(value), this.arrive),
        decode: parserOf(SchemaAST.flip(type))
      }
    })
    return (input: unknown): Exit.Exit<unknown, SchemaIssue.Issue> => {
      const encoded = encodeAs(members, isOneOf, input)
      if (Result.isSuccess(encoded)) return Exit.succeed(encoded.success)
      const otherwise = union(input)
      return Exit.fail(
        Result.isFailure(otherwise) ? otherwise.failure : new SchemaIssue.InvalidValue({ message: ambiguous }, input)
      )
    }
  }
}

/** Returns the value as it arrives: parsed from its JSON text. */
const asJson = (encoded: unknown): unknown => JSON.parse(JSON.stringify(encoded))

/** Guards a schema that encodes to JSON (flipped: it parses values into encodings); itself if it needs none. */
export const guard = (encoder: Ast): Ast =>
  isInNeed(encoder) ? new Guarding(asJson, new Guarding((encoded) => encoded)).of(encoder) : encoder
