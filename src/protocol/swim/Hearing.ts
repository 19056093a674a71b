/**
 * Makes a host that was deaf or asleep doubt itself before it accuses others.
 *
 * Deaf: no datagram came in for two probe intervals, although some member should send. Asleep: a timer came late, so
 * the process did not run. In both cases the answers of others may lie unread in this host's buffers, so that time does
 * not count against them.
 * Limits: deafness longer than the longest suspicion counts again, and so does a suspicion held back for as long: then
 * the link, not the host, has failed.
 * Source: design.md, law 10; faults.md, X7 and X8.
 */
import * as Awareness from "./Awareness.ts"
import { isContested } from "./Claim.ts"
import type { Config } from "./Config.ts"
import * as Deadlines from "./Deadlines.ts"
import { rearmSuspicion, type State, type Turn } from "./State.ts"
import { expiresAt } from "./Suspicion.ts"
import type { Timer } from "./Timer.ts"

/** Time without a datagram from which a host counts as deaf. */
export const quietMillisMax = ({ settings }: Config): number => 2 * settings.probeIntervalMillis

/** Lateness of a timer from which the process counts as having slept. */
export const latenessMillisMax = ({ settings }: Config): number => settings.probeTimeoutMillis / 2

/** Longest sleep after which other members surely still know this host. */
const sleepMillisMax = ({ settings }: Config): number => 3 * settings.probeIntervalMillis

/** Counts the unsuspected members beside this host. */
const trusted = ({ members, self }: State): number => {
  let count = 0
  for (const entry of members.order) if (entry !== self && entry.member.status === "alive") count += 1
  return count
}

/** Whether this host is deaf, for less than `millisMax`, though it has unsuspected members to hear. */
export const isDeaf = ({ now, state }: Turn, millisMax: number): boolean => {
  const { config, heardAt } = state
  const quiet = now - heardAt
  const isQuiet = config.rules.hearing && quiet > quietMillisMax(config) && quiet < quietMillisMax(config) + millisMax
  return isQuiet && trusted(state) > 0
}

/** Notes an incoming datagram. After deafness all suspicions are extended by the time of silence. */
export const hear = (turn: Turn): void => {
  const { config, heardAt } = turn.state
  turn.state.heardAt = turn.now
  turn.state.unanswered = 0
  const quiet = turn.now - heardAt
  if (config.rules.hearing && quiet > quietMillisMax(config)) holdBack(turn, quiet)
}

/** Notes a sleep of the process: extends suspicions and probes by its length, and raises the health score. */
export const wake = (turn: Turn, latenessMillis: number): void => {
  const { awareness, config, deadlines, probe, rollCall } = turn.state
  turn.state.heardAt += latenessMillis
  if (latenessMillis > sleepMillisMax(config)) turn.state.standing.wokeAt = turn.now
  Awareness.apply(awareness, 1)
  holdBack(turn, latenessMillis)
  const later = (due: Deadlines.Deadline<Timer>): Deadlines.Deadline<Timer> => {
    if (due.index < 0) return due
    Deadlines.cancel(deadlines, due)
    // Unread datagrams in the socket's buffers come before any conclusion.
    const soonest = turn.now + latenessMillisMax(config)
    return Deadlines.arm(deadlines, Math.max(soonest, due.atMillis + latenessMillis), due.value)
  }
  for (const asked of rollCall.asked.values()) asked.deadline = later(asked.deadline)
  if (probe === undefined) return
  probe.timeout = later(probe.timeout)
  probe.deadline = later(probe.deadline)
}

const holdBack = (turn: Turn, millis: number): void => {
  const { config, members } = turn.state
  const soonest = turn.now + config.settings.probeIntervalMillis
  for (const entry of members.order) {
    const { suspicion } = entry
    // A member whose name was claimed elsewhere is silent for another reason than this host's deafness.
    if (suspicion === undefined || isContested(turn, entry)) continue
    if (suspicion.heldMillis >= suspicion.maxMillis) continue
    suspicion.isAsked = false
    suspicion.heldMillis = Math.min(suspicion.maxMillis, suspicion.heldMillis + millis)
    rearmSuspicion(turn.state, suspicion, Math.max(soonest, expiresAt(suspicion)))
  }
}
