/** Which fault comes when, and to whom: all of it is drawn from the seed before anything happens. */
import * as Random from "../../src/testing/Random.ts"

/** Faults of one host, or of the links of one host. */
export const hostFaults = [
  "kill and restart",
  "half-open TCP",
  "stop",
  "restart in good order",
  "cut between two",
  "cut off",
  "one way",
  "deaf",
  "mute",
  "no TCP",
  "no UDP",
  "lost TCP state",
  "loss",
  "delay",
  "duplicates",
  "disorder",
  "silent MTU 1280"
] as const

/** Changes of all hosts. */
export const wideFaults = ["rolling restart", "new keys", "new certificates", "MTU 1280"] as const

export type FaultName = (typeof hostFaults)[number] | (typeof wideFaults)[number]

/** Those that need no switch between the hosts. */
const onLoopback: ReadonlySet<FaultName> = new Set<FaultName>([
  "kill and restart",
  "stop",
  "restart in good order",
  "rolling restart",
  "new keys",
  "new certificates"
])

export interface Planned {
  /** From the start of the faults on. */
  readonly atMillis: number
  readonly millis: number
  readonly fault: FaultName
  readonly host: number
  /** Another host, for what is between two. */
  readonly other: number
}

export interface Options {
  readonly seed: number
  readonly hosts: number
  readonly millis: number
  /** Whether there is a switch that spoils what goes between hosts. */
  readonly hasSwitch: boolean
}

/** Between two faults of one source, and how long one lasts. */
const pauseMillis = { min: 500, max: 5_000 } as const
/** Between two changes of all hosts, which take longer than faults of one. */
const widePauseMillis = { min: 1_000, max: 20_000 } as const
const faultMillis = { min: 500, max: 12_000 } as const

/** Sources of faults of one host each, of which two may overlap. Those of all hosts are a source of their own. */
const sources = 2

/** The part of a run that one fault takes at most. */
const shareMax = 1 / 3

/** Draws without repeating itself until all were drawn. */
const deckOf = <A>(all: ReadonlyArray<A>, random: () => number): (() => A | undefined) => {
  let left: Array<A> = []
  return () => {
    if (left.length === 0) left = [...all]
    return left.splice(Math.floor(random() * left.length), 1)[0]
  }
}

const sourceOf = (
  names: ReadonlyArray<FaultName>,
  source: string,
  pause: typeof pauseMillis | typeof widePauseMillis,
  options: Options
): ReadonlyArray<Planned> => {
  const { hasSwitch, hosts, millis, seed } = options
  const random = Random.make(`${seed}/${source}`)
  const between = ({ max, min }: { readonly min: number; readonly max: number }) =>
    Math.floor(min + random() * (max - min))
  const draw = deckOf(hasSwitch ? names : names.filter((name) => onLoopback.has(name)), random)
  const longest = { ...faultMillis, max: Math.max(faultMillis.min, Math.min(faultMillis.max, millis * shareMax)) }
  const planned: Array<Planned> = []
  for (let at = between(pause); at < millis; ) {
    const [fault, host, lasts] = [draw(), Math.floor(random() * hosts), between(longest)]
    const other = (host + 1 + Math.floor(random() * (hosts - 1))) % hosts
    if (fault !== undefined) planned.push({ atMillis: at, millis: lasts, fault, host, other })
    at += lasts + between(pause)
  }
  return planned
}

/** All faults, by when they begin. */
export const make = (options: Options): ReadonlyArray<Planned> =>
  [
    ...Array.from({ length: sources }, (_, source) =>
      sourceOf(hostFaults, `hosts/${source}`, pauseMillis, options)
    ).flat(),
    ...sourceOf(wideFaults, "all", widePauseMillis, options)
  ].toSorted((a, b) => a.atMillis - b.atMillis)
