/** Addresses: where a host listens, and where others reach it. */
import { Effect } from "effect"
import { parseHost } from "../../protocol/Address.ts"
import { shown } from "../../protocol/Secret.ts"
import type { Options } from "./Options.ts"
import { ask, askPort, invalid } from "./Variable.ts"
import { variables } from "./Variables.ts"

export const read = Effect.fnUntraced(function* ({ advertise, healthPort, listen = {} }: Options) {
  const host = yield* ask(listen.host, variables["listen.host"])
  if (host !== "localhost" && parseHost(host) === undefined)
    return yield* invalid("host", `${shown(host)} is no IP address`)
  const reached = yield* ask(advertise, variables.advertise)
  const advertised = reached === "" ? undefined : parseHost(reached)
  if (reached !== "" && advertised === undefined)
    return yield* invalid("advertise", `${shown(reached)} is no IP address`)
  const gossipPort = yield* askPort(listen.gossipPort, "gossipPort", variables["listen.gossipPort"])
  if (advertised !== undefined && gossipPort === 0)
    return yield* invalid("gossipPort", "with advertise the port must be said, since others dial it")
  return {
    host,
    gossipPort,
    flowPort: yield* askPort(listen.flowPort, "flowPort", variables["listen.flowPort"]),
    healthPort: yield* askPort(healthPort, "healthPort", variables.healthPort),
    ...(advertised === undefined ? {} : { advertise: { bytes: advertised, port: gossipPort } })
  }
})
