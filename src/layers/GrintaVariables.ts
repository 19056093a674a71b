/** Variables of the environment that a host reads, and warnings about names that look like one of them. */
import { ConfigProvider, Effect } from "effect"

export const variables = [
  "GRINTA_NAME",
  "GRINTA_STATE_FILE",
  "GRINTA_FABRIC",
  "GRINTA_SEEDS",
  "GRINTA_HOST",
  "GRINTA_GOSSIP_PORT",
  "GRINTA_FLOW_PORT",
  "GRINTA_ADVERTISE",
  "GRINTA_LOCALITY",
  "GRINTA_PROFILE",
  "GRINTA_KEYS",
  "GRINTA_KEYS_FILE",
  "GRINTA_TLS_CERTIFICATE",
  "GRINTA_TLS_KEY",
  "GRINTA_TLS_AUTHORITIES",
  "GRINTA_TLS_REVOKED",
  "GRINTA_TLS_SESSION_AGE",
  "GRINTA_TLS_BOUND_NAMES",
  "GRINTA_TLS_VERIFY_INCOMING",
  "GRINTA_TLS_VERIFY_OUTGOING",
  "GRINTA_FILES_INTERVAL",
  "GRINTA_HEALTH_PORT",
  "GRINTA_DELEGATE_VERSION",
  "GRINTA_NAMES_BYTES",
  "GRINTA_FABRIC_NAMES_BYTES",
  "GRINTA_INSECURE",
  "GRINTA_ANY_RUNTIME"
] as const

export type Variable = (typeof variables)[number]

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
export const nearest = (name: string): Variable | undefined => {
  const [best] = variables
    .map((variable) => ({ variable, wrong: distance(name.toUpperCase(), variable) }))
    .sort((a, b) => a.wrong - b.wrong)
  return best !== undefined && best.wrong <= wrongMax ? best.variable : undefined
}

const isKnown = (name: string): boolean => variables.some((variable) => variable === name)

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
  const names = yield* Effect.forEach(ours, (key) => namesBelow(provider, [key]))
  return names.flat().filter((name) => name !== prefix && !isKnown(name))
})

/** Logs each variable that no host reads, with the variable that was probably meant. */
export const warn: Effect.Effect<void> = Effect.flatMap(unknown, (names) =>
  Effect.forEach(
    names,
    (name) => {
      const meant = nearest(name)
      const hint = meant === undefined ? "" : `: ${meant} was meant?`
      return Effect.logWarning(`no host reads ${name}${hint}`)
    },
    { discard: true }
  )
)
