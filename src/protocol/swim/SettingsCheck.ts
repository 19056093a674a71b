/** Finds settings and limits of the membership protocol that cannot work. Source: faults.md, row R8. */
import { Record } from "effect"
import type { Limits, Settings } from "./Config.ts"

export interface Violation {
  readonly setting: string
  readonly detail: string
}

/** The largest payload of a UDP datagram over IPv4. */
const packetBytesMax = 65_507

/** Settings that must be whole numbers, with their bounds; other numbers must be finite and not negative. */
const wholes = {
  indirectChecks: [0, 64],
  fanOut: [1, 64],
  secondOpinions: [0, 64],
  retransmitMult: [1, 1000],
  awarenessMaxMultiplier: [1, 1000],
  packetBytesMax: [512, packetBytesMax]
} as const

const settingViolation = (settings: Settings): Violation | undefined => {
  const { confirmationsMax, nackShare, probeIntervalMillis, probeTimeoutMillis, tcpPings: _, ...numbers } = settings
  for (const [setting, [min, max]] of Record.toEntries(wholes)) {
    const value = settings[setting]
    if (!Number.isInteger(value) || value < min || value > max)
      return { setting, detail: `${value} is no whole number from ${min} to ${max}` }
  }
  for (const [setting, value] of Record.toEntries({ ...numbers, confirmationsMax: confirmationsMax ?? 0 }))
    if (!Number.isFinite(value) || value < 0) return { setting, detail: `${value} is no number from 0` }
  if (!Number.isFinite(probeIntervalMillis) || probeIntervalMillis <= 0)
    return { setting: "probeIntervalMillis", detail: `${probeIntervalMillis} is no time above 0` }
  if (!(probeTimeoutMillis > 0 && probeTimeoutMillis < probeIntervalMillis)) {
    const detail = `${probeTimeoutMillis} is no time above 0 and below that of a probe, ${probeIntervalMillis}`
    return { setting: "probeTimeoutMillis", detail }
  }
  return nackShare > 0 && nackShare <= 1
    ? undefined
    : { setting: "nackShare", detail: `${nackShare} is no share above 0 and up to 1` }
}

/** Returns the first setting or limit that cannot work, if any. */
export const violation = (settings: Settings, limits: Limits): Violation | undefined => {
  const limit = Record.toEntries(limits).find(([, value]) => !Number.isSafeInteger(value) || value < 0)
  if (limit !== undefined) return { setting: limit[0], detail: `${limit[1]} is no whole number from 0` }
  return settingViolation(settings)
}
