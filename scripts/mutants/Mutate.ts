/** Applies a mutation to sources. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Mutant } from "./mutants.ts"

export interface Source {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

/** All sources below a root, but for what is generated. */
export const sourcesIn = (root: string): ReadonlyArray<Source> =>
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.startsWith("protocol/gen/"))
    .map((name) => join("src", name))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))

/** The changed source, or why there is none: the text that is replaced has to be there exactly once. */
export const apply = (
  sources: ReadonlyArray<Source>,
  { from, to }: Pick<Mutant, "from" | "to">
): Source | { readonly wrong: string } => {
  const found = sources.flatMap((source) => {
    const times = source.text.split(from).length - 1
    return times === 0 ? [] : [{ source, times }]
  })
  const times = found.reduce((sum, one) => sum + one.times, 0)
  const source = found[0]?.source
  if (source === undefined || times !== 1) return { wrong: `its text is in src ${times} times, not once: ${from}` }
  return { path: source.path, text: source.text.replace(from, () => to) }
}
