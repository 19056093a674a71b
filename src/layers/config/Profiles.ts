/** Profiles: timings of membership and of sessions, by the kind of network. */
import * as SwimConfig from "../../protocol/swim/Config.ts"
import * as TransportConfig from "../transport/Config.ts"
import type { Profile } from "./Options.ts"

/** Time for which the membership plane holds a dead host's name against a restart at another address. */
const deadReclaimMillis = 1_000

const timings = { lan: SwimConfig.swift, wan: SwimConfig.wan, local: SwimConfig.local }

export const settingsOf = (profile: Profile): SwimConfig.Settings => ({ ...timings[profile], deadReclaimMillis })

/** Returns the keepalive of a profile. A path over several networks has longer pauses than one network. */
export const keepaliveOf = (profile: Profile): TransportConfig.Config["keepalive"] =>
  profile === "wan" ? { interval: "2 seconds", timeout: "10 seconds" } : TransportConfig.defaults.keepalive
