/** docs/settings.md has each setting of a host, as the code has it; docs/errors.md each reason. */
import { readFileSync } from "node:fs"
import { Effect, Layer, Logger, type Scope } from "effect"
import { assert, describe, it } from "vitest"
import * as HostConfig from "../../src/layers/config/HostConfig.ts"
import { names, variables } from "../../src/layers/config/Variables.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Tenure from "../../src/layers/transport/http2/tls/Tenure.ts"
import { defaults as transport } from "../../src/layers/transport/TransportConnect.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import * as Certificates from "../layers/transport/http2/tls/Certificates.ts"

const settings = readFileSync("docs/settings.md", "utf8")

/** The rows of the table, without the backticks around a whole cell. */
const rows = settings
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const cells = line.split("|").map((cell) => cell.trim().replace(/^`([^`]*)`$/, "$1"))
    const [, option = "", variable = "", kind = "", otherwise = "", bounds = "", meaning = ""] = cells
    return { option, variable, kind, otherwise, bounds, meaning }
  })

/** The fields of an interface, by its source. */
const fieldsOf = (path: string, name: string): ReadonlyArray<string> => {
  const [, body = ""] =
    new RegExp(`export interface ${name} .*\\{\\n([^]*?)\\n\\}`).exec(readFileSync(path, "utf8")) ?? []
  const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field)
  assert.isNotEmpty(fields, `${path}: ${name}`)
  return fields
}

const tls = "src/layers/transport/http2/tls"

/** The options below an option that is an object, all of them. */
const below: Readonly<Record<string, ReadonlyArray<string>>> = {
  tls: [
    ...fieldsOf(`${tls}/Context.ts`, "Material"),
    ...fieldsOf(`${tls}/Tls.ts`, "Options"),
    ...fieldsOf(`${tls}/Tenure.ts`, "Options"),
    ...fieldsOf(`${tls}/Stage.ts`, "Options"),
    ...fieldsOf(`${tls}/Stage.ts`, "Stage")
  ],
  listen: ["host", "gossipPort", "flowPort"],
  // The others are in docs/limits.md.
  names: ["ownBytesMax", "recordsBytesMax"],
  flows: Object.keys(Serving.defaults),
  "flows.limits": Object.keys(Serving.defaults.limits),
  keepalive: Object.keys(transport.keepalive)
}

const leaves = (option: string): ReadonlyArray<string> =>
  below[option]?.flatMap((field) => leaves(`${option}.${field}`)) ?? [option]

/** The default of an option without a variable, where it has one. */
const defaults: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(Object.entries(Serving.defaults).map(([field, value]) => [`flows.${field}`, value])),
  ...Object.fromEntries(
    Object.entries(Serving.defaults.limits).map(([field, value]) => [`flows.limits.${field}`, value])
  ),
  ...Object.fromEntries(Object.entries(transport.keepalive).map(([field, value]) => [`keepalive.${field}`, value])),
  ...Object.fromEntries(Object.entries(variables).map(([option, { otherwise }]) => [option, otherwise])),
  "tls.sessionDrain": Tenure.defaultDrain,
  limitsLoopback: transport.limitsLoopback
}

const isNone = (value: unknown): boolean =>
  value === undefined || value === "" || (Array.isArray(value) && value.length === 0) || String(value) === "<redacted>"

const material = Certificates.make("an authority").issue("h")

/** Options with this value at the path of an option. */
const optionsWith = (option: string, value: unknown): Grinta.Options => {
  const [root = "", field = "", limit = ""] = option.split(".")
  // Frames of many messages leave room for a small payload.
  const limits = { ...Serving.defaults.limits, ...(limit === "frameMessagesMax" ? { frameBytesMax: 1 } : {}) }
  const around: Readonly<Record<string, object>> = { tls: material, flows: { limits }, keepalive: transport.keepalive }
  const inner = limit === "" ? { [field]: value } : { [field]: { ...limits, [limit]: value } }
  const given = field === "" ? { [root]: value } : { [root]: { ...around[root], ...inner } }
  return { name: "h", listen: { gossipPort: 0, flowPort: 0 }, ...given }
}

/** The values at a bound, and beyond it, of a cell that is one. */
const valuesOf = (bounds: string): { readonly good: ReadonlyArray<unknown>; readonly bad: ReadonlyArray<unknown> } => {
  const numbers = [...bounds.matchAll(/\d+/g)].map(Number)
  const [low = 0, high = 0] = numbers
  if (/^\d+ to \d+$/.test(bounds)) return { good: [low, high], bad: [low - 1, high + 1] }
  if (/^\d+ to \d+ characters$/.test(bounds))
    return { good: ["a".repeat(low), "a".repeat(high)], bad: [...(low > 0 ? [""] : []), "a".repeat(high + 1)] }
  if (/^at least \d+$/.test(bounds)) return { good: [low], bad: [low - 1] }
  if (bounds === "above 0, up to 24 days") return { good: [1, "24 days"], bad: [0, "25 days", -1] }
  if (bounds === "up to 24 days") return { good: [0, "24 days"], bad: ["25 days", -1] }
  return { good: [], bad: [] }
}

describe("docs/settings.md", () => {
  it("has a row for each option of Grinta.layer, and no other", () => {
    const options = fieldsOf("src/layers/config/Options.ts", "Options").flatMap(leaves)
    assert.sameMembers(
      rows.map(({ option }) => option),
      [...options]
    )
    assert.lengthOf(rows, options.length)
  })

  it("has each variable that a host reads beside its option, with the kind of its value", () => {
    const held = Object.entries(variables).map(([option, { kind, name }]) => [option, name, kind.split(", such as")[0]])
    const found = rows.filter(({ variable }) => variable !== "")
    assert.deepStrictEqual(found.map(({ kind, option, variable }) => [option, variable, kind]).sort(), held.sort())
    assert.sameMembers([...new Set(settings.match(/GRINTA_[A-Z_]+/g))], [...names])
  })

  it.each(rows)("has the default of $option", ({ option, otherwise }) => {
    const value = defaults[option]
    if (isNone(value)) assert.match(otherwise, option === "name" ? /^the machine's name/ : /^none$/)
    else assert.strictEqual(otherwise, JSON.stringify(value))
  })

  it.each(rows)("says what $option is for", ({ kind, meaning }) => {
    assert.isNotEmpty(kind)
    assert.match(meaning, /\.$/)
  })

  const bounded = rows.filter(({ bounds }) => valuesOf(bounds).bad.length > 0)
  it("has the bounds of all numbers and times", () => {
    const isOpen = ({ kind, option }: (typeof rows)[number]) =>
      /number|time/.test(kind) && !bounded.some((row) => row.option === option)
    assert.deepStrictEqual(rows.filter(isOpen), [])
  })

  it.each(bounded)("has the bounds of $option: $bounds", async ({ bounds, option }) => {
    const { bad, good } = valuesOf(bounds)
    const build = (value: unknown) => {
      const options = optionsWith(option, value)
      // The largest port may be in use.
      const host: Effect.Effect<unknown, NetworkError, Scope.Scope> = /port$/i.test(option)
        ? HostConfig.read(options)
        : Layer.build(Grinta.layer(options))
      return host.pipe(Effect.asVoid, Effect.scoped, Effect.provide(Logger.layer([])), Effect.exit, Effect.runPromise)
    }
    for (const value of good) assert.strictEqual(String(await build(value)), "Success(undefined)", String(value))
    for (const value of bad) {
      const said = String(await build(value))
      assert.match(said, /Fail\(NetworkError: listen: /, String(value))
      assert.include(said, option.slice(option.lastIndexOf(".") + 1))
    }
  })
})

describe("docs/errors.md", () => {
  it.each(["NetworkError", "FlowError"])("explains each reason of %s", (error) => {
    const source = readFileSync(`src/services/${error}.ts`, "utf8")
    const [, union = ""] = new RegExp(`${error}Reason = Schema.Union\\(\\[([^\\]]+)\\]`).exec(source) ?? []
    const reasons = union.match(/\w+/g) ?? []
    assert.isNotEmpty(reasons)
    for (const reason of reasons) assert.include(readFileSync("docs/errors.md", "utf8"), `| \`${reason}\` |`)
  })
})
