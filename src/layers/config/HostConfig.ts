/**
 * HostConfig: all settings of a host, as options say them, else the environment, else as they are by default; checked,
 * as far as they can be, before anything listens.
 *
 * Errors: InvalidConfig, which names the setting or the variable.
 */
import { Effect } from "effect"
import * as Settings from "../flow/Settings.ts"
import * as Driver from "../registry/Driver.ts"
import * as TransportConfig from "../transport/Config.ts"
import * as Addresses from "./Addresses.ts"
import * as HostName from "./HostName.ts"
import * as Misspelt from "./Misspelt.ts"
import type { Options } from "./Options.ts"
import * as Profiles from "./Profiles.ts"
import * as Protection from "./Protection.ts"
import * as Runtime from "./Runtime.ts"
import { ask, askPublic, invalid } from "./Variable.ts"
import { variables } from "./Variables.ts"

/** Returns why this runtime is unsupported, if it may run a host all the same; undefined for one that is supported. */
const readRuntime = Effect.fnUntraced(function* (anyRuntime: Options["anyRuntime"]) {
  const doubt = Runtime.doubt(process.versions)
  if (doubt !== undefined && !(yield* ask(anyRuntime, variables.anyRuntime)))
    return yield* invalid("runtime", `${doubt}. anyRuntime: true (GRINTA_ANY_RUNTIME) runs one here all the same`)
  return doubt
})

/** Reads the bounds of names, of flows and of sessions. */
const readBounds = Effect.fnUntraced(function* (options: Options) {
  const names = {
    ownBytesMax: yield* ask(undefined, variables["names.ownBytesMax"]),
    recordsBytesMax: yield* ask(undefined, variables["names.recordsBytesMax"]),
    ...options.names
  }
  yield* Driver.checkLimits(names)
  const { flows = {} } = options
  yield* Settings.check({ ...Settings.defaults, ...flows })
  const profile = yield* ask(options.profile, variables.profile)
  const keepalive = options.keepalive ?? Profiles.keepaliveOf(profile)
  return { names, flows, keepalive, profile }
})

/** Reads what others know a host by. */
const readIdentity = Effect.fnUntraced(function* (options: Options) {
  const stateFile = yield* askPublic(options.stateFile, "stateFile", variables.stateFile)
  const named = yield* askPublic(options.name, "name", variables.name)
  return {
    name: options.name ?? (yield* HostName.orMade(named, stateFile)),
    fabric: yield* askPublic(options.fabric, "fabric", variables.fabric),
    locality: yield* askPublic(options.locality, "locality", variables.locality),
    tags: options.tags ?? {}
  }
})

/** Reads the settings, and logs what may be a mistake in the environment. */
export const read = Effect.fnUntraced(function* (options: Options) {
  const doubt = yield* readRuntime(options.anyRuntime)
  const addresses = yield* Addresses.read(options)
  const protection = yield* Protection.read(addresses.host, options)
  const { profile, ...bounds } = yield* readBounds(options)
  const { flowPort: port, healthPort } = addresses
  yield* TransportConfig.check({ ...TransportConfig.defaults, port, healthPort, keepalive: bounds.keepalive })
  const { fabric, ...self } = yield* readIdentity(options)
  const warned = doubt === undefined ? Misspelt.warn : Effect.andThen(Effect.logWarning(doubt), Misspelt.warn)
  yield* Effect.annotateLogs(warned, { fabric, host: self.name })
  return {
    ...{ addresses, protection, ...bounds, self, fabric },
    limitsLoopback: options.limitsLoopback ?? false,
    gossip: {
      seeds: yield* ask(options.seeds, variables.seeds),
      delegateVersion: yield* ask(options.delegateVersion, variables.delegateVersion),
      profile: Profiles.settingsOf(profile)
    }
  }
})
