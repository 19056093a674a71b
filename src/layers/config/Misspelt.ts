/** Misspelt: variables of the environment that look like those of a host, and that no host reads. */
import { ConfigProvider, Effect } from "effect"
import { names } from "./Variables.ts"

const prefix = "GRINTA"

/** Returns the Levenshtein distance: letters to insert, remove or replace to turn one text into the other. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}

/** Largest distance at which a name counts as a misspelt variable. */
const wrongMax = 4

/** Returns the variable nearest to `name`; undefined when none is within `wrongMax`. */
export const nearest = (name: string): string | undefined => {
  const [best] = names
    .map((variable) => ({ variable, wrong: distance(name.toUpperCase(), variable) }))
    .sort((a, b) => a.wrong - b.wrong)
  return best !== undefined && best.wrong <= wrongMax ? best.variable : undefined
}

const isKnown = (name: string): boolean => names.some((variable) => variable === name)

/** Returns the names below a path of the configuration. An environment cuts its names at each "_". */
const namesBelow = (
  provider: ConfigProvider.ConfigProvider,
  path: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const node = yield* Effect.orElseSucceed(provider.load(path), () => undefined)
    if (node?._tag !== "Record") return node === undefined ? [] : [path.join("_")]
    const below = yield* Effect.forEach(node.keys, (key) => namesBelow(provider, [...path, key]))
    return [...(node.value === undefined ? [] : [path.join("_")]), ...below.flat()]
  })

/** Names in this configuration that begin like the variables of a host, and are none of them. */
export const unknown: Effect.Effect<ReadonlyArray<string>> = Effect.gen(function* () {
  const provider = yield* ConfigProvider.ConfigProvider
  const root = yield* Effect.orElseSucceed(provider.load([]), () => undefined)
  const keys = root?._tag === "Record" ? [...root.keys] : []
  const ours = keys.filter((key) => key === prefix || key.startsWith(`${prefix}_`))
  const found = yield* Effect.forEach(ours, (key) => namesBelow(provider, [key]))
  return found.flat().filter((name) => name !== prefix && !isKnown(name))
})

/** Logs each variable that no host reads, with the variable that was probably meant. */
export const warn: Effect.Effect<void> = Effect.flatMap(unknown, (found) =>
  Effect.forEach(
    found,
    (name) => {
      const meant = nearest(name)
      const hint = meant === undefined ? "" : `: ${meant} was meant?`
      return Effect.logWarning(`no host reads ${name}${hint}`)
    },
    { discard: true }
  )
)
