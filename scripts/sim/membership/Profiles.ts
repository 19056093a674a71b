/**
 * Sets of rules and timings to compare: those of the papers, those of the reference, and ours.
 *
 * Source: faults.md, section 6, for how the Lifeguard paper and the reference differ.
 */
import {
  careful,
  classic,
  lan,
  lifeguard,
  memberlist,
  type Rules,
  type Settings,
  swift,
  swim
} from "../../../src/protocol/swim/Config.ts"

export interface Profile {
  readonly settings: Settings
  readonly rules: Rules
}

/** The first paper's experiments: one helper, a period of 2 s, everything piggybacked, three times the natural logarithm. */
export const swim2002: Profile = {
  settings: {
    ...lan,
    indirectChecks: 1,
    probeIntervalMillis: 2000,
    probeTimeoutMillis: 600,
    gossipIntervalMillis: 0,
    pushPullIntervalMillis: 0,
    tcpPings: false,
    retransmitMult: 3,
    suspicionMult: 3,
    suspicionMaxTimeoutMult: 1
  },
  rules: classic
}

/** Timings of the Lifeguard paper, with its suspicion multipliers `a` (shortest) and `b` (longest over shortest). */
export const paperSettings = (a: number, b: number): Settings => ({
  ...lan,
  suspicionMult: a,
  suspicionMaxTimeoutMult: b,
  confirmationsMax: 3,
  awarenessMaxMultiplier: 9,
  nackShare: 0.8
})

/** The five configurations of the Lifeguard paper. */
export const paper = {
  swim: { settings: paperSettings(5, 1), rules: swim },
  lhaProbe: {
    settings: paperSettings(5, 1),
    rules: { ...swim, awareness: true, scaledTimeout: true, failureCounts: true }
  },
  lhaSuspicion: { settings: paperSettings(5, 6), rules: { ...swim, confirmations: true } },
  buddy: { settings: paperSettings(5, 1), rules: { ...swim, buddy: true } },
  lifeguard: { settings: paperSettings(5, 6), rules: lifeguard }
} as const

/** The Lifeguard paper's own proposal with other multipliers. */
export const lifeguardWith = (a: number, b: number): Profile => ({ settings: paperSettings(a, b), rules: lifeguard })

/** The reference implementation with its defaults for one local network. */
export const reference: Profile = { settings: lan, rules: memberlist }

/** Ours. */
export const grinta: Profile = { settings: swift, rules: careful }
