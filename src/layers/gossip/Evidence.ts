/**
 * The reasons behind accusations: what this host tells of its own, and what it has heard of those of others.
 *
 * An accuser gossips what it saw beside its accusation, and whoever finds it new passes it on. A change that was told
 * before its reason came is told again with it.
 */
import { Option } from "effect"
import * as Accusation from "../../protocol/swim/Accusation.ts"
import type * as Swim from "../../protocol/swim/Swim.ts"
import type { Evidence } from "../../services/Gossip.ts"

/** Accusations that are remembered, the newest. */
const heardMax = 1024

export interface Told {
  readonly key: string
  readonly payload: Uint8Array
}

export interface Evidences {
  /** How a probe of this host ended. */
  readonly probed: (name: string, isAnswered: boolean) => void
  /** A member is gone, or has another life: what was missed of the one before says nothing of it. */
  readonly forget: (name: string) => void
  /** What is known of why a member is suspect or dead; what this host is to tell the others, if an accusation is its own. */
  readonly explain: (
    member: Swim.Member,
    accusers: ReadonlyArray<string>,
    health: number
  ) => { readonly evidence: ReadonlyArray<Evidence>; readonly tell: Told | undefined }
  /** Takes in what somebody tells; undefined when it is nothing new. */
  readonly hear: (
    payload: Uint8Array
  ) => { readonly accusation: Accusation.Accusation; readonly tell: Told } | undefined
}

const keyOf = (accused: string, incarnation: number, accuser: string): string =>
  `${accused}\n${incarnation}\n${accuser}`

const evidenceOf = ({ accuser, accuserHealth, probesMissed }: Accusation.Accusation): Evidence => ({
  accuser,
  probesMissed,
  accuserHealth
})

export const make = (self: string): Evidences => {
  const missed = new Map<string, number>()
  const heard = new Map<string, Accusation.Accusation>()

  const remember = (accusation: Accusation.Accusation): Told => {
    const key = keyOf(accusation.accused, accusation.incarnation, accusation.accuser)
    const [oldest] = heard.keys()
    if (heard.size >= heardMax && oldest !== undefined) heard.delete(oldest)
    heard.set(key, accusation)
    return { key: `why\n${key}`, payload: Accusation.encode(accusation) }
  }

  /** What this host has against a member, if the accusation is its own and new. */
  const own = ({ incarnation, name }: Swim.Member, health: number): Told | undefined => {
    const probesMissed = missed.get(name)
    if (probesMissed === undefined || heard.has(keyOf(name, incarnation, self))) return undefined
    return remember({ accused: name, incarnation, accuser: self, probesMissed, accuserHealth: health })
  }

  return {
    probed: (name, isAnswered) => {
      if (isAnswered) missed.delete(name)
      else missed.set(name, (missed.get(name) ?? 0) + 1)
    },
    forget: (name) => {
      missed.delete(name)
    },
    explain: (member, accusers, health) => {
      const tell = accusers.includes(self) ? own(member, health) : undefined
      const evidence = accusers.map((accuser): Evidence => {
        const accusation = heard.get(keyOf(member.name, member.incarnation, accuser))
        return accusation === undefined ? { accuser } : evidenceOf(accusation)
      })
      return { evidence, tell }
    },
    hear: (payload) => {
      const accusation = Option.getOrUndefined(Accusation.decode(payload))
      if (accusation === undefined) return undefined
      const { accused, accuser, incarnation } = accusation
      return heard.has(keyOf(accused, incarnation, accuser)) ? undefined : { accusation, tell: remember(accusation) }
    }
  }
}
