/**
 * Evidence: the reasons behind accusations, of this host and of others.
 *
 * An accuser gossips its observations beside its accusation, and a host to which they are new passes them on. A change
 * that was announced before its reason arrived is announced again with it.
 */
import { Option } from "effect"
import * as Accusation from "../../protocol/swim/Accusation.ts"
import type * as Swim from "../../protocol/swim/Swim.ts"
import type { Evidence } from "../../services/Gossip.ts"

/** Accusations remembered, the newest ones. */
const heardMax = 1024

export interface Told {
  readonly key: string
  readonly payload: Uint8Array
}

export interface Evidences {
  /** Notes how a probe of this host ended. */
  readonly probed: (name: string, isAnswered: boolean) => void
  /** Drops the missed probes of a member that is gone or has begun another life, of which they say nothing. */
  readonly forget: (name: string) => void
  /** Returns the known reasons why a member is suspect or dead, and this host's own accusation, if new, to gossip. */
  readonly explain: (
    member: Swim.Member,
    accusers: ReadonlyArray<string>,
    health: number
  ) => { readonly evidence: ReadonlyArray<Evidence>; readonly tell: Told | undefined }
  /** Decodes and remembers an accusation; undefined when it is unreadable or not new. */
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

  /** Returns this host's own accusation of a member, if it has one that is new. */
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
