/**
 * Random faults on hosts that exchange numbered messages, all with all. Whatever happens, a message comes once and in order or
 * its flow fails by a type and in time; nothing throws what nobody catches; and once all is healed, all hosts see each other
 * and the same right names, and all pairs exchange again.
 */
import { sleep, until } from "../../test/net/Lines.ts"
import * as Faults from "./Faults.ts"
import * as Field from "./Field.ts"
import * as Judge from "./Judge.ts"
import * as Plan from "./Plan.ts"

export interface Options extends Field.Options {
  readonly minutes: number
  /** Told now and then how far it is. */
  readonly onProgress?: (secondsLeft: number, faults: number) => void
}

export interface Result extends Judge.Verdict {
  readonly faults: ReadonlyMap<string, number>
  /** Once all was healed, until all hosts saw each other and the right names. */
  readonly convergedMillis: number
  readonly startedAt: number
  readonly timeline: ReadonlyArray<Field.Entry>
  /** Lines that lives have logged. */
  readonly logs: ReadonlyMap<string, ReadonlyArray<Field.Entry>>
  /** Where journals are kept, if there is a violation. */
  readonly folder: string | undefined
}

/** How long the hosts get at the start, and once all is healed; and all pairs, to exchange again. */
const startMillis = 120_000
const convergeMillis = 60_000
const exchangeMillis = 60_000

/** How much is told of what happened before a run that could not go on. */
const timelineShown = 30

/** What is not as it should be in the views of the hosts; "" if nothing. */
const disagreement = async ({ life, names }: Field.Field): Promise<string> => {
  const hosts = names.map((_, host) => life(host).host)
  const views = await Promise.all(hosts.map((host) => host.names()))
  const seen = await Promise.all(hosts.map((host) => host.alive()))
  const lives = new Set(views.map(({ self }) => self))
  for (const [at, host] of hosts.entries()) {
    const missing = names.filter((name) => !(seen[at] ?? []).includes(name))
    if (missing.length > 0) return `${host.name} does not see ${missing.join(", ")}`
    const known = views[at]?.names ?? []
    const ghost = known.find((entry) => !lives.has(entry.split(" of ")[1] ?? ""))
    if (ghost !== undefined) return `${host.name} shows ${ghost}, a life that is over`
    if (known.join() !== views[0]?.names.join()) return `${host.name} and ${hosts[0]?.name} show other names`
    const own = names.filter((name) => !known.some((entry) => entry.startsWith(`numbers.${name} of ${name}/`)))
    if (own.length > 0) return `${host.name} has no name of ${own.join(", ")}`
  }
  return ""
}

/** Waits for something, and says what it was last if it does not come. */
const settles = async (
  { life, names, violations }: Field.Field,
  what: string,
  millis: number,
  problem: () => Promise<string>
): Promise<number> => {
  const from = performance.now()
  let last = ""
  const isWell = async () => {
    last = await problem().catch(String)
    return last === ""
  }
  await until(what, millis, isWell, 500).catch(() =>
    violations.push({
      law: "it heals alone",
      text: `${what}: not within ${millis / 1000} s, ${last}`,
      span: { from: Date.now() - millis, to: Date.now() },
      lives: names.map((_, host) => life(host).name)
    })
  )
  return performance.now() - from
}

/** Exchanges that have ended well, by caller and peer. */
const pairs = async ({ life, names }: Field.Field): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>()
  for (const [at, name] of names.entries()) {
    const { exchangesWith } = await life(at).host.numbersSeen()
    for (const other of names) if (other !== name) counts.set(`${name} with ${other}`, exchangesWith[other] ?? 0)
  }
  return counts
}

const torment = async (field: Field.Field, options: Options): Promise<ReadonlyMap<string, number>> => {
  const { hosts, minutes, onProgress, seed } = options
  const millis = minutes * 60_000
  const planned = Plan.make({ seed, hosts, millis, hasSwitch: field.net !== undefined })
  const began = performance.now()
  const counts = new Map<string, number>()
  const left = () => millis - (performance.now() - began)
  let struck = 0
  const progress = setInterval(() => onProgress?.(left() / 1000, struck), 1_000)
  const strikes = planned.map(async (one) => {
    await sleep(one.atMillis)
    if (!(await Faults.strike(field, one, () => left() <= 0))) return
    struck += 1
    counts.set(one.fault, (counts.get(one.fault) ?? 0) + 1)
  })
  await Promise.all([...strikes, sleep(millis)]).finally(() => clearInterval(progress))
  return counts
}

/** What was thrown, or ended by itself. */
const crashesOf = ({ lives }: Field.Field): ReadonlyArray<Judge.Violation> =>
  lives.flatMap(({ host, name }) =>
    host.events.flatMap((event) => {
      const text = "crash" in event ? event.crash : "over" in event ? `it ended by itself: ${event.over}` : undefined
      return text === undefined ? [] : [{ law: "nothing uncaught", text: `${name}: ${text}`, lives: [name] }]
    })
  )

const calm = async (field: Field.Field): Promise<number> => {
  const { life, names } = field
  field.say("all is healed")
  await field.net?.reset()
  const convergedMillis = await settles(
    field,
    "that all hosts see each other and the right names",
    convergeMillis,
    () => disagreement(field)
  )
  const since = await pairs(field)
  await settles(field, "that all pairs exchange", exchangeMillis, async () => {
    const stuck = [...(await pairs(field))].filter(([pair, count]) => count <= (since.get(pair) ?? 0))
    return stuck.map(([pair]) => pair).join(", ")
  })
  field.say("no exchange begins any more")
  const hosts = names.map((_, host) => life(host).host)
  await Promise.all(hosts.map((host) => host.numbersEnd()))
  await settles(field, "that all exchanges end", Judge.bounds.exchangeMillis, async () => {
    const seen = await Promise.all(hosts.map((host) => host.numbersSeen()))
    return hosts.flatMap(({ name }, at) => (seen[at]?.loops === 0 ? [] : [name])).join(", ")
  })
  return convergedMillis
}

export const run = async (options: Options): Promise<Result> => {
  const field = await Field.open(options)
  let isClean = false
  try {
    const startedAt = Date.now()
    // One after the other: that many programs that start at once would take each other's time.
    for (const [host] of field.names.entries()) await field.start(host)
    await settles(field, "that all hosts see each other at the start", startMillis, () => disagreement(field))
    const faults = await torment(field, options)
    const convergedMillis = await calm(field)
    const endedAt = Date.now()
    const verdict = Judge.judge(field.lives.map(Field.judged), endedAt)
    const violations = [...field.violations, ...crashesOf(field), ...verdict.violations]
    isClean = violations.length === 0
    const logs = field.lives.map(({ host, name }) => {
      const lines = host.events.flatMap((event) => ("log" in event ? [{ at: event.at, what: event.log }] : []))
      return [name, lines] as const
    })
    return {
      ...{ ...verdict, violations, faults, convergedMillis, startedAt, timeline: field.timeline },
      logs: new Map(logs),
      folder: isClean ? undefined : field.folder
    }
  } catch (error) {
    const before = field.timeline.slice(-timelineShown).map(({ at, what }) => `${new Date(at).toISOString()} ${what}`)
    throw new Error([String(error), ...before, `journals are in ${field.folder}`].join("\n  "))
  } finally {
    await field.down(!isClean)
  }
}
