/** docs/settings.md has each setting of a host, with the value that it has unless said otherwise; docs/errors.md each reason. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as Variables from "../../src/layers/config/Variables.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import { defaults as transport } from "../../src/layers/transport/TransportConnect.ts"

const settings = readFileSync("docs/settings.md", "utf8")

const cells = settings
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.slice(1, -1).split("|"))

/** Settings as a first column has them; "tls" stands for all of it that has no row of its own. */
const listed = cells.flatMap(([names = ""]) => [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name))

/** The fields of an interface, by its source. */
const fieldsOf = (path: string, name: string): ReadonlyArray<string> => {
  const [, body = ""] =
    new RegExp(`export interface ${name} .*\\{\\n([^]*?)\\n\\}`).exec(readFileSync(path, "utf8")) ?? []
  const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field)
  assert.isNotEmpty(fields, `${path}: ${name}`)
  return fields
}

const tls = "src/layers/transport/http2/tls"

describe("docs/settings.md", () => {
  it("names each variable that a host reads, and no other", () => {
    const found = [...new Set(settings.match(/GRINTA_[A-Z_]+/g))].sort()
    assert.deepStrictEqual(found, [...Variables.names].sort())
  })

  it("names each option of Grinta.layer, and no other", () => {
    const options = fieldsOf("src/layers/config/Options.ts", "Options")
    const roots = new Set(listed.map((name) => name.split(".")[0]))
    assert.deepStrictEqual([...roots].sort(), [...options].sort())
  })

  it("names each option of tls beside the certificates and the key", () => {
    const options = [
      ...fieldsOf(`${tls}/Tls.ts`, "Options"),
      ...fieldsOf(`${tls}/Tenure.ts`, "Options"),
      ...fieldsOf(`${tls}/Stage.ts`, "Options"),
      ...fieldsOf(`${tls}/Stage.ts`, "Stage")
    ].map((field) => `tls.${field}`)
    const found = listed.filter((name) => name.startsWith("tls."))
    assert.deepStrictEqual(found.sort(), options.sort())
  })

  it("has the value of each setting of flows and keepalive that holds unless said otherwise", () => {
    const { limits, ...flows } = Serving.defaults
    const values = { flows, "flows.limits": limits, keepalive: transport.keepalive }
    const held = Object.entries(values).flatMap(([at, fields]) =>
      Object.entries(fields).map(([field, value]) => [`${at}.${field}`, JSON.stringify(value)])
    )
    const found = cells
      .map(([name = "", value = ""]) => [name.trim().slice(1, -1), value.trim().slice(1, -1)])
      .filter(([name = ""]) => /^(?:flows|keepalive)\./.test(name))
    assert.deepStrictEqual(found.sort(), held.sort())
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
