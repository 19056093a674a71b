/** The docstring of a setting names its default, as the code has it. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as FlowSettings from "../../src/layers/flow/Settings.ts"
import * as TransportConfig from "../../src/layers/transport/Config.ts"
import * as FlowLimits from "../../src/protocol/flow/Limits.ts"
import * as DirectoryLimits from "../../src/protocol/names/DirectoryLimits.ts"
import * as SwimConfig from "../../src/protocol/swim/Config.ts"

/** Settings by the file that describes them. An object is given as a whole, and described where its fields are. */
const defaults: ReadonlyArray<readonly [path: string, values: object]> = [
  ["src/layers/flow/Settings.ts", FlowSettings.defaults],
  ["src/layers/transport/Config.ts", TransportConfig.defaults],
  ["src/layers/transport/http2/Lookout.ts", TransportConfig.defaults.keepalive],
  ["src/layers/transport/http2/Shares.ts", TransportConfig.defaults.share],
  ["src/protocol/flow/Limits.ts", FlowLimits.defaults],
  ["src/protocol/names/DirectoryLimits.ts", DirectoryLimits.defaults],
  ["src/protocol/swim/Settings.ts", SwimConfig.swift],
  ["src/protocol/swim/Settings.ts", SwimConfig.limits]
]

const units = { hour: 3_600_000, minute: 60_000 }

/** Spellings of a value in a docstring. */
const spellings = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "number") return [String(value), String(value).replace("4400 millis", "4.4 seconds")]
  const times = Object.entries(units).map(([unit, millis]) => `${value / millis} ${unit}${value === millis ? "" : "s"}`)
  return [value.toLocaleString("en"), String(value), `2^${Math.log2(value)}`, ...times]
}

const docstring = (path: string, field: string): string => {
  const pattern = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\n *readonly ${field}\\??:`)
  return (pattern.exec(readFileSync(path, "utf8"))?.[1] ?? "").replaceAll(/\s+\*?\s*/g, " ")
}

const rows = defaults.flatMap(([path, values]) =>
  Object.entries(values).flatMap(([field, value]) =>
    typeof value === "object" ? [] : [[path, field, value, docstring(path, field)] as const]
  )
)

describe("the default of a setting", () => {
  it.each(rows)("stands in %s: %s", (_, __, value, text) => {
    const named = spellings(value).some((spelling) =>
      new RegExp(`(?<![\\d.,])${spelling.replaceAll(/[.^]/g, "\\$&")}\\b`).test(text)
    )
    assert.isTrue(named, `${String(value)} is not in "${text}"`)
  })

  it("is looked for", () => {
    assert.isAbove(rows.length, 70)
  })
})
