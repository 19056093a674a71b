/** Chaos on the command line: `npm run chaos -- --help`. */
import "../stdout.ts"
import { missing } from "../../test/net/Missing.ts"
import { parse, usage } from "./Arguments.ts"
import * as Chaos from "./Chaos.ts"
import * as Report from "./Report.ts"

/** Ends with one line for whoever typed it. */
const refuse = (message: string): never => {
  process.stderr.write(`chaos: ${message}\n`)
  process.exit(1)
}

/** Why the hosts are on loopback; undefined if they are in namespaces. */
const whyOnLoopback = (isAsked: boolean): string | undefined => {
  if (isAsked) return "as it was asked for"
  const lack = missing()
  if (lack?.isInstallable) refuse(lack.what)
  return lack?.what
}

const asked = parse(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32))
if (asked === "help") {
  process.stdout.write(usage)
  process.exit()
}
if ("wrong" in asked) refuse(`${asked.wrong} (--help says more)`)
else {
  const why = whyOnLoopback(asked.loopback)
  if (why !== undefined) process.stderr.write(`chaos: no faults of the network, ${why}\n`)
  // An exit removes what the run has made; a signal alone would not.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1))
  const { hosts, json, minutes, seed } = asked
  const onProgress = (secondsLeft: number, faults: number): void => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${Math.max(0, Math.ceil(secondsLeft))} s left, ${faults} faults \u001b[K`)
  }
  const options = { hosts, minutes, seed, isOnLoopback: why !== undefined, onProgress }
  if (!json) process.stdout.write(Report.heading(options))
  const result = await Chaos.run(options).catch((error) => refuse(`seed ${seed}: ${String(error)}`))
  process.stdout.write(json ? Report.json(options, result) : Report.text(options, result))
  process.exit(result.violations.length === 0 ? 0 : 1)
}
