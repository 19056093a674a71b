/** Schemas and their values by chance, among them values that look like others once they are encoded. */
import { Option, Schema } from "effect"
import type { PureSchema } from "../../../src/services/Codec.ts"

/** Numbers from 0 to 1, the same for the same seed. */
export const randomOf = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Random = ReturnType<typeof randomOf>

export interface Drawn {
  readonly schema: PureSchema<unknown>
  readonly value: (random: Random) => unknown
}

const oneOf = <A>(random: Random, all: readonly [A, ...ReadonlyArray<A>]): A =>
  all[Math.floor(random() * all.length)] ?? all[0]

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, y: Schema.Number }) {}

const texts = [
  "",
  "x",
  "NaN",
  "Infinity",
  "1",
  "-0",
  "true",
  "null",
  "AQID",
  "2020-01-01T00:00:00.000Z",
  "None"
] as const
const numbers = [0, 1, -1.5, Number.NaN, Number.POSITIVE_INFINITY] as const

const leaves: readonly [Drawn, ...ReadonlyArray<Drawn>] = [
  { schema: Schema.String, value: (random) => oneOf(random, texts) },
  { schema: Schema.Number, value: (random) => oneOf(random, numbers) },
  { schema: Schema.Finite, value: (random) => oneOf(random, [0, 1, -1.5]) },
  { schema: Schema.Boolean, value: (random) => random() < 0.5 },
  { schema: Schema.Null, value: () => null },
  { schema: Schema.Undefined, value: () => undefined },
  { schema: Schema.Literals(["x", "NaN", 1]), value: (random) => oneOf<string | number>(random, ["x", "NaN", 1]) },
  { schema: Schema.Date, value: (random) => oneOf(random, [new Date(0), new Date(1_577_836_800_000)]) },
  { schema: Schema.BigInt, value: (random) => oneOf(random, [0n, 1n, -5n]) },
  { schema: Schema.Uint8Array, value: () => Uint8Array.of(1, 2, 3) },
  { schema: Schema.NumberFromString, value: (random) => oneOf(random, [0, 1, -1.5]) },
  { schema: Schema.Option(Schema.String), value: (random) => Option.some(oneOf(random, texts)) },
  { schema: Point, value: () => new Point({ x: 1, y: 2 }) },
  { schema: Schema.Struct({ x: Schema.Number, y: Schema.Number }), value: () => ({ x: 1, y: 2 }) }
]

const fieldsOf = (random: Random, depth: number) => {
  const names = ["a", "b", "c"].filter(() => random() < 0.6)
  return names.map((name) => ({ name, drawn: draw(random, depth - 1), isOptional: random() < 0.3 }))
}

const structOf = (random: Random, depth: number): Drawn => {
  const fields = fieldsOf(random, depth)
  const schemas = fields.map(({ drawn: { schema }, isOptional, name }) => {
    return [name, isOptional ? Schema.optionalKey(schema) : schema] as const
  })
  return {
    schema: Schema.Struct(Object.fromEntries(schemas)),
    value: (random) => {
      const values: Record<string, unknown> = {}
      for (const { drawn, isOptional, name } of fields)
        if (!isOptional || random() < 0.5) values[name] = drawn.value(random)
      return values
    }
  }
}

const unionOf = (random: Random, depth: number): Drawn => {
  const members: readonly [Drawn, ...ReadonlyArray<Drawn>] = [draw(random, depth - 1), draw(random, depth - 1)]
  return {
    schema: Schema.Union(members.map(({ schema }) => schema)),
    value: (random) => oneOf(random, members).value(random)
  }
}

export const draw = (random: Random, depth = 3): Drawn => {
  if (depth === 0) return oneOf(random, leaves)
  switch (Math.floor(random() * 8)) {
    case 0:
    case 1:
      return structOf(random, depth)
    case 2:
    case 3:
    case 4:
      return unionOf(random, depth)
    case 5: {
      const { schema, value } = draw(random, depth - 1)
      return { schema: Schema.Array(schema), value: (random) => (random() < 0.3 ? [] : [value(random), value(random)]) }
    }
    case 6: {
      const { schema, value } = draw(random, depth - 1)
      return { schema: Schema.Record(Schema.String, schema), value: (random) => ({ x: value(random) }) }
    }
    default:
      return oneOf(random, leaves)
  }
}
