/**
 * Canonical text of a JSON Schema: two schemas share it exactly when they describe the same JSON in the same way,
 * whatever the names of their definitions, their annotations and the order of their fields.
 *
 * Shape: a JSON list of the distinct schemas of the document, the root first, then each at its first reference; an
 * entry holds the keywords of a schema and the list indices of its subschemas. So the text is as long as the document,
 * however its definitions refer to each other.
 * Source: JSON Schema 2020-12; the partition of the states of an automaton that nobody can tell apart (Moore, 1956).
 */
type Fields = Readonly<Record<string, unknown>>

export interface Document {
  readonly schema: unknown
  readonly definitions: Fields
}

/** Annotations: keywords that do not affect the encoded bytes. */
const notes: ReadonlySet<string> = new Set([
  ...["$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"],
  ...["$id", "$anchor", "$schema", "$defs"]
])

/** Keywords that hold schemas by name, as a list, and a single schema. */
const named: ReadonlySet<string> = new Set(["properties", "patternProperties", "dependentSchemas"])
const listed: ReadonlySet<string> = new Set(["prefixItems", "anyOf", "oneOf", "allOf"])
const single: ReadonlySet<string> = new Set([
  ...["additionalProperties", "unevaluatedProperties", "propertyNames", "items", "unevaluatedItems", "contains"],
  ...["not", "if", "then", "else", "$ref"]
])

/** Keywords whose lists are sets. */
const sets: ReadonlySet<string> = new Set(["required", "enum"])

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Prints a JSON value as text, with its fields sorted by name. */
const print = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(print).join()}]`
  if (!isFields(value)) return JSON.stringify(value) ?? "null"
  return `{${Object.keys(value)
    .sort(byName)
    .map((key) => `${JSON.stringify(key)}:${print(value[key])}`)
    .join()}}`
}

const isPlain = (key: string): boolean => !named.has(key) && !listed.has(key) && !single.has(key)

/** Returns true when one schema with the keywords of both means their conjunction: no keyword depends on another. */
const areApart = (a: Fields, b: Fields): boolean => {
  const [of, other] = [Object.keys(a), Object.keys(b)]
  return of.every((key) => !other.includes(key)) && (of.every(isPlain) || other.every(isPlain))
}

const withoutNotes = (schema: Fields): Fields =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !notes.has(key)))

/** Returns the type and the values of a schema that is an `enum` and nothing else; undefined for any other. */
const valuesOf = (schema: unknown): readonly [type: unknown, values: ReadonlyArray<unknown>] | undefined => {
  const { enum: values, type, ...rest } = isFields(schema) ? withoutNotes(schema) : {}
  return Array.isArray(values) && Object.keys(rest).length === 0 ? [type, values] : undefined
}

/** Merges adjacent enumerations of one type into one. */
const joined = (all: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const met: Array<unknown> = []
  for (const schema of all) {
    const [before, next] = [valuesOf(met.at(-1)), valuesOf(schema)]
    if (before === undefined || next === undefined || before[0] !== next[0]) met.push(schema)
    else met[met.length - 1] = { type: next[0], enum: [...before[1], ...next[1]] }
  }
  return met
}

interface Node {
  /** Keywords of the schema, without the subschemas in them. */
  label: string
  readonly children: Array<number>
}

/** Document as a graph: each schema is a node, wherever it stands. */
class Graph {
  readonly nodes: Array<Node> = []
  private readonly definitions: Fields
  private readonly defined = new Map<string, number>()

  constructor(definitions: Fields) {
    this.definitions = definitions
  }

  private definition(ref: unknown): unknown {
    return this.definitions[
      String(ref)
        .replace(/^#\/\$defs\//, "")
        .replaceAll("~1", "/")
        .replaceAll("~0", "~")
    ]
  }

  /** Drops annotations, and merges the parts that only they kept apart. `within` holds the references followed. */
  private simple(schema: Fields, within: ReadonlyArray<unknown> = []): Fields {
    const { $ref, allOf = [], ...own } = this.withoutUnions(withoutNotes(schema), within)
    const all = Array.isArray(allOf) ? allOf : []
    const parts = all.map((part) => (isFields(part) ? this.simple(part, within) : { not: {} }))
    let whole: Fields = own
    if ($ref !== undefined) {
      const isBare = Object.keys(own).length === 0 && parts.every((part) => Object.keys(part).length === 0)
      const target = this.definition($ref)
      if (isBare || !isFields(target) || within.includes($ref)) whole = { ...own, $ref }
      else parts.unshift(this.simple(target, [...within, $ref]))
    }
    const left: Array<Fields> = []
    for (const part of parts) {
      if (areApart(whole, part)) whole = { ...whole, ...part }
      else left.push(part)
    }
    if (left.length === 0) return whole
    return { ...whole, allOf: left.sort((a, b) => byName(print(a), print(b))) }
  }

  /** Returns the alternatives of a union for the union around it, through references; undefined for other schemas. */
  private alternatives(union: unknown, within: ReadonlyArray<unknown>): ReadonlyArray<unknown> | undefined {
    const simple = isFields(union) ? this.simple(union, within) : {}
    if (valuesOf(simple) !== undefined) return [simple]
    if (Object.keys(simple).length !== 1) return undefined
    if (Array.isArray(simple.anyOf)) return simple.anyOf
    const { $ref } = simple
    return $ref === undefined || within.includes($ref)
      ? undefined
      : this.alternatives(this.definition($ref), [...within, $ref])
  }

  private withoutUnions(schema: Fields, within: ReadonlyArray<unknown>): Fields {
    const { anyOf, ...rest } = schema
    if (!Array.isArray(anyOf)) return schema
    const all = joined(anyOf.flatMap((part) => this.alternatives(part, within) ?? [part]))
    const [only] = all
    return all.length === 1 && isFields(only) && areApart(rest, only) ? { ...rest, ...only } : { ...rest, anyOf: all }
  }

  /** Adds a schema and returns its node. */
  add(schema: unknown): number {
    if (!isFields(schema)) return this.nodes.push({ label: print(schema), children: [] }) - 1
    const simple = this.simple(schema)
    const keys = Object.keys(simple)
    return keys.length === 1 && keys[0] === "$ref" ? this.refer(simple.$ref) : this.fill(this.begin(), simple)
  }

  private begin(): number {
    return this.nodes.push({ label: "", children: [] }) - 1
  }

  /** Adds a definition and returns its node. A definition that is a mere alias shares the node of its target. */
  private refer(ref: unknown): number {
    const names: Array<string> = []
    for (let name = String(ref); ; ) {
      const known = this.defined.get(name)
      const target = this.definition(name)
      const simple = isFields(target) ? this.simple(target, [name]) : {}
      const isAlias = Object.keys(simple).length === 1 && simple.$ref !== undefined && !names.includes(name)
      names.push(name)
      if (known === undefined && isAlias) {
        name = String(simple.$ref)
        continue
      }
      const at = known ?? this.begin()
      for (const alias of names) this.defined.set(alias, at)
      return known ?? this.fill(at, simple)
    }
  }

  private fill(at: number, simple: Fields): number {
    const node = this.nodes[at]
    const keywords: Array<unknown> = []
    for (const key of Object.keys(simple).sort(byName)) {
      const value = simple[key]
      if (named.has(key) && isFields(value)) {
        const names = Object.keys(value).sort(byName)
        keywords.push([key, names])
        for (const name of names) node?.children.push(this.add(value[name]))
      } else if (listed.has(key) && Array.isArray(value)) {
        keywords.push([key, value.length])
        for (const part of value) node?.children.push(this.add(part))
      } else if (key === "$ref") {
        keywords.push([key])
        node?.children.push(this.refer(value))
      } else if (single.has(key)) {
        keywords.push([key])
        node?.children.push(this.add(value))
      } else if (sets.has(key) && Array.isArray(value)) keywords.push([key, value.map(print).sort(byName)])
      else keywords.push([key, print(value)])
    }
    if (node !== undefined) node.label = print(keywords)
    return at
  }
}

/** Returns the class of each node. Nodes share a class when no path into their subschemas tells them apart. */
const classesOf = (nodes: ReadonlyArray<Node>): ReadonlyArray<number> => {
  const number = (texts: ReadonlyArray<string>) => {
    const known = new Map<string, number>()
    for (const text of texts) if (!known.has(text)) known.set(text, known.size)
    return { classes: texts.map((text) => known.get(text) ?? 0), count: known.size }
  }
  let last = number(nodes.map(({ label }) => label))
  while (true) {
    const { classes, count } = last
    const next = number(
      nodes.map(({ children }, at) => [classes[at], ...children.map((child) => classes[child])].join())
    )
    if (next.count === count) return classes
    last = next
  }
}

export const canonical = ({ definitions, schema }: Document): string => {
  const graph = new Graph(definitions)
  const met = [graph.add(schema)]
  const classes = classesOf(graph.nodes)
  const places = new Map<number | undefined, number>()
  const placeOf = (at: number): number => {
    const known = places.get(classes[at])
    if (known !== undefined) return known
    places.set(classes[at], places.size)
    met.push(at)
    return places.size - 1
  }
  places.set(classes[met[0] ?? 0], 0)
  const texts: Array<string> = []
  for (let i = 0; i < met.length; i++) {
    const { children, label } = graph.nodes[met[i] ?? 0] ?? { label: "", children: [] }
    texts.push(`[${label},[${children.map(placeOf).join()}]]`)
  }
  return `[${texts.join()}]`
}
