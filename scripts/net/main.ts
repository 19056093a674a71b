/** The network lab on the command line: `npm run net -- --help`. */
import "../stdout.ts"
import { missing } from "../../test/net/Missing.ts"
import { type Arguments, parse, usage } from "./Arguments.ts"
import { faults } from "./faults.ts"
import { paths } from "./paths.ts"
import { soak } from "./soak.ts"

/** Ends with one line for whoever typed it. */
const refuse = (message: string): never => {
  process.stderr.write(`net: ${message}\n`)
  process.exit(1)
}

/** True if all was as it should be. */
const run = (asked: Arguments): Promise<boolean> => {
  switch (asked.command) {
    case "paths":
      return paths(asked)
    case "faults":
      return faults(asked)
    case "soak":
      return soak(asked)
  }
}

const asked = parse(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32))
if (asked === "help") {
  process.stdout.write(usage)
  process.exit()
}
if ("wrong" in asked) refuse(`${asked.wrong} (--help says more)`)
else {
  const lack = missing()
  if (lack !== undefined) refuse(lack.what)
  // An exit removes what the lab has made; a signal alone would not.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1))
  const isFine = await run(asked).catch((error) => refuse(error instanceof Error ? error.message : String(error)))
  process.exit(isFine ? 0 : 1)
}
