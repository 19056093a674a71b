/** The simulator on the command line: `npm run sim -- --help`. */
import { lineOf } from "../line.ts"
import "../stdout.ts"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import * as Delivery from "./delivery/Delivery.ts"
import { experiments } from "./experiments.ts"
import * as NamesScenario from "./membership/NamesScenario.ts"
import * as Plot from "./membership/Plot.ts"
import * as Profiles from "./membership/Profiles.ts"
import * as Scenario from "./membership/Scenario.ts"
import { columns, type Extent, insert, pageOf } from "./Report.ts"

const profiles: { readonly [name: string]: Profiles.Profile } = {
  grinta: Profiles.grinta,
  reference: Profiles.reference,
  swim: Profiles.paper.swim,
  lifeguard: Profiles.paper.lifeguard
}

const scenarios = [...Scenario.scenarios, ...NamesScenario.scenarios]

const list = (all: ReadonlyArray<readonly [string, string]>): string =>
  all.map(([name, says]) => `  ${name.padEnd(17)}${says}`).join("\n")

const help = `Simulates membership, names on top of it, and whole hosts: a virtual network, virtual time.

npm run sim -- --scenario NAME [--hosts N] [--seed S] [--minutes M] [--profile P] [--json] [--plot FILE.svg]
npm run sim -- --scenario delivery [--seeds N] [--seed FIRST] [--json]
npm run sim -- --scenario delivery --program FILE.json
npm run sim -- --experiment ID [--quick | --full] [--json] [--dry]

Scenarios, with 32 hosts, seed 1 and 5 minutes unless told otherwise:
${list(scenarios.map(({ name, says }) => [name, says]))}

  delivery         random programs over whole hosts, with layers, flows and faults: order, at most once, no silent loss,
                   each "no", one handler for each connect; 100 seeds from 1 on unless told otherwise

Profiles: ${Object.keys(profiles).join(", ")} (the first is the default)

Experiments write their table into a page of docs/, unless --quick, --json or --dry is given:
${list(experiments.map(({ id, title }) => [id, title]))}
  all         all of these, one after the other
`

/** Ends with one line for whoever typed it. */
const refuse = (message: string): never => {
  process.stderr.write(`sim: ${message} (--help says more)\n`)
  process.exit(1)
}

const options = {
  scenario: { type: "string" },
  experiment: { type: "string" },
  hosts: { type: "string", default: "32" },
  seed: { type: "string", default: "1" },
  seeds: { type: "string", default: "100" },
  program: { type: "string" },
  minutes: { type: "string", default: "5" },
  profile: { type: "string", default: "grinta" },
  plot: { type: "string" },
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  full: { type: "boolean", default: false },
  dry: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

const read = () => {
  try {
    return parseArgs({ options, allowPositionals: false }).values
  } catch (error) {
    return refuse(lineOf(error))
  }
}

const numberIn = (name: string, text: string, min: number, max: number, isWhole: boolean): number => {
  const value = Number(text)
  if (text.trim() === "" || !(value >= min && value <= max) || (isWhole && !Number.isInteger(value)))
    return refuse(`--${name} takes a ${isWhole ? "whole number" : "number"} from ${min} to ${max}, not "${text}"`)
  return value
}

const barWidth = 40

/** A bar on a terminal; nothing where the output goes elsewhere. */
const progress = (label: string) => {
  let last = -1
  return {
    tell: (share: number): void => {
      const done = Math.floor(Math.min(1, share) * barWidth)
      if (!process.stderr.isTTY || done === last) return
      last = done
      process.stderr.write(`\r${label} [${"#".repeat(done)}${" ".repeat(barWidth - done)}]`)
    },
    clear: (): void => {
      if (process.stderr.isTTY) process.stderr.write(`\r${" ".repeat(label.length + barWidth + 3)}\r`)
    }
  }
}

const values = read()

const namesSummary = ({ names, samples }: Scenario.Result): ReadonlyArray<string> => {
  if (names === undefined) return []
  const last = samples.at(-1)
  return [
    `  names: ${names.claimed} claimed; a host shows ${last?.min ?? 0} to ${last?.max ?? 0}, ${last?.median ?? 0} in the median`,
    `  missing: ${names.lost}, shown wrongly: ${names.ghosts}, of the known dead: ${names.ghostsEver}; directories unlike the first: ${names.unequal}`,
    `  of the bytes, streams for names: ${names.streamBytesPerSecond.toFixed(0)}`
  ]
}

const membersSummary = ({ samples }: Scenario.Result): string => {
  const last = samples.at(-1)
  return `  at the end ${last?.truth ?? 0} hosts run; a host sees ${last?.min ?? 0} to ${last?.max ?? 0} alive, ${last?.median ?? 0} in the median`
}

const summary = (result: Scenario.Result, realSeconds: number): string => {
  return [
    `${result.scenario}: ${result.hosts} hosts, seed ${result.seed}, ${result.seconds} s of virtual time in ${realSeconds.toFixed(1)} s`,
    `  ${result.steps} steps, trace hash ${result.hash.toString(16).padStart(8, "0")}`,
    ...(result.names === undefined ? [membersSummary(result)] : namesSummary(result)),
    `  all agree: ${result.isConverged ? "yes" : "no"}; deaths believed: ${result.trueDeaths} true, ${result.falseDeaths} false`,
    `  per host and second: ${result.datagramsPerSecond.toFixed(2)} datagrams, ${result.bytesPerSecond.toFixed(0)} bytes, push/pull included`
  ].join("\n")
}

const simulate = (name: string): void => {
  const scenario = scenarios.find((one) => one.name === name) ?? refuse(`there is no scenario "${name}"`)
  const profile = profiles[values.profile] ?? refuse(`there is no profile "${values.profile}"`)
  const hosts = numberIn("hosts", values.hosts, 1, 20_000, true)
  const minutes = numberIn("minutes", values.minutes, 0.01, 10_000, false)
  const { json, plot, seed } = values
  if (plot !== undefined && !plot.endsWith(".svg")) refuse(`--plot takes a file name that ends in .svg, not "${plot}"`)
  const bar = progress(name)
  const beganAt = performance.now()
  const result = Scenario.run(scenario, { hosts, minutes, seed, profile, tell: bar.tell })
  const realSeconds = (performance.now() - beganAt) / 1000
  bar.clear()
  if (plot !== undefined) {
    try {
      const legend = result.names === undefined ? Plot.members : Plot.names
      writeFileSync(plot, Plot.svg(`${scenario.says} (${hosts} hosts, seed ${seed})`, result.samples, legend))
    } catch {
      refuse(`cannot write "${plot}"`)
    }
  }
  process.stdout.write(`${json ? JSON.stringify({ ...result, realSeconds }) : summary(result, realSeconds)}\n`)
}

const programIn = (path: string) => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return refuse(`cannot read a program from "${path}"`)
  }
}

/** Whole hosts: each seed is a program of its own. */
const deliver = async (): Promise<void> => {
  if (values.program !== undefined) {
    const { violations } = await Effect.runPromise(Delivery.replay(programIn(values.program)))
    process.stdout.write(`${violations.length === 0 ? "no law is broken" : violations.join("\n")}\n`)
    if (violations.length > 0) process.exitCode = 1
    return
  }
  const seeds = numberIn("seeds", values.seeds, 1, 1_000_000, true)
  const first = numberIn("seed", values.seed, 0, Number.MAX_SAFE_INTEGER, true)
  const bar = progress("delivery")
  const total = await Effect.runPromise(Delivery.run({ seeds, first, tell: (done) => bar.tell(done / seeds) }))
  bar.clear()
  process.stdout.write(`${values.json ? JSON.stringify(total) : Delivery.summary(total)}\n`)
  if (total.broken.length > 0) process.exitCode = 1
}

const measure = (id: string, extent: Extent): void => {
  const wanted = id.toLowerCase()
  const chosen = experiments.filter((one) => wanted === "all" || one.id.toLowerCase() === wanted)
  if (chosen.length === 0) refuse(`there is no experiment "${id}"`)
  for (const experiment of chosen) {
    const bar = progress(experiment.id)
    const beganAt = performance.now()
    const rows = experiment.run(extent, (done, of) => bar.tell(done / of))
    const realSeconds = (performance.now() - beganAt) / 1000
    bar.clear()
    const how = `Extent: ${extent}; ${realSeconds < 10 ? realSeconds.toFixed(1) : realSeconds.toFixed(0)} s.`
    if (values.json) process.stdout.write(`${JSON.stringify({ id: experiment.id, extent, realSeconds, rows })}\n`)
    else
      process.stdout.write(
        `${experiment.id}: ${experiment.title}\n${experiment.criterion}\n${columns(rows)}\n${how}\n\n`
      )
    if (values.json || values.dry || extent === "quick") continue
    const page = pageOf(experiment)
    const before = existsSync(page) ? readFileSync(page, "utf8") : ""
    writeFileSync(page, insert(before, experiment, rows, how))
  }
}

if (values.help) process.stdout.write(help)
else if (values.scenario !== undefined && values.experiment !== undefined)
  refuse("either --scenario or --experiment, not both")
else if (values.quick && values.full) refuse("either --quick or --full, not both")
else if (values.scenario === "delivery") await deliver()
else if (values.scenario !== undefined) simulate(values.scenario)
else if (values.experiment !== undefined)
  measure(values.experiment, values.quick ? "quick" : values.full ? "full" : "subset")
else refuse("say --scenario NAME or --experiment ID")
