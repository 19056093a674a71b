/**
 * Log of a host at Info: that it is up, that it has joined, and the changes of other members, with the evidence. Beyond
 * a burst the changes of members are counted and logged together: a fabric of thousands starts at once.
 *
 * Keys: `peer` is the member that a line is about. `fabric` and `host` are on every line of a host that `Grinta` made.
 */
import { Effect } from "effect"
import { type Address, format, parseHost } from "../../protocol/Address.ts"
import * as Bucket from "../../protocol/Bucket.ts"
import * as Foreign from "../../protocol/Foreign.ts"
import type { Evidence, Member, MemberChange } from "../../services/Gossip.ts"

export interface Options {
  /** Name of this host. */
  readonly self: string
  readonly fabric: string
  readonly now: () => number
  /** Returns whether this host knows no other live member any more. */
  readonly isAlone: () => boolean
}

export interface Log {
  readonly up: (listening: Address, advertised: Address, flowPort: number) => Effect.Effect<void>
  readonly changed: (change: MemberChange) => Effect.Effect<void>
}

/** Changes of members logged at once, and how many more per second. */
const changesMax = 256
const changesPerSecond = 16

const evidenceOf = ({ accuser, accuserHealth, probesMissed }: Evidence): string => {
  const probes = probesMissed === undefined ? "" : ` after ${probesMissed} ${probesMissed === 1 ? "probe" : "probes"}`
  // 0 is a healthy accuser, the normal case.
  const doubt = accuserHealth === undefined || accuserHealth === 0 ? "" : `, itself in doubt (${accuserHealth})`
  // The accuser may be unknown to this host, and have any name.
  return `${Foreign.quoted(accuser)}${probes}${doubt}`
}

const accused = (status: string, evidence: ReadonlyArray<Evidence>): string =>
  evidence.length === 0 ? `is ${status}` : `is ${status}, says ${evidence.map(evidenceOf).join(" and ")}`

/** Returns the text for a change of a member; undefined when its status is the same as before. */
const what = ({ evidence, from, member: { status } }: MemberChange): string | undefined => {
  if (status === from) return undefined
  switch (status) {
    case "alive":
      return from === "suspect" ? "is alive after all" : from === undefined ? "is alive" : "is alive again"
    case "suspect":
    case "dead":
      return accused(status, evidence)
    case "left":
      return "has left"
  }
}

const placeOf = ({ address, host, id, port }: Member): string => {
  const bytes = parseHost(address)
  const place = bytes === undefined ? "" : ` at ${format({ bytes, port })}`
  // A member that is no host of a fabric may have any name.
  return `${host === undefined ? "member" : "host"} ${Foreign.quoted(id)}${place}`
}

export const make = ({ fabric, isAlone, now, self }: Options): Log => {
  const named = `host "${self}" of ${fabric === "" ? "the fabric without a name" : `fabric "${fabric}"`}`
  const bucket = Bucket.make(changesMax, changesPerSecond, now())
  let wasAlone = true
  let leftOut = 0

  const told = (member: Member, text: string): Effect.Effect<void> => {
    const line = Effect.annotateLogs(Effect.logInfo(`${placeOf(member)} ${text}`), { peer: Foreign.text(member.id) })
    if (leftOut === 0) return line
    const before = Effect.logInfo(`${leftOut} changes of members are not told one by one`)
    leftOut = 0
    return Effect.andThen(before, line)
  }

  const joined = (member: Member): Effect.Effect<void> =>
    Effect.annotateLogs(Effect.logInfo(`${named} has joined others`), { peer: Foreign.text(member.id) })

  return {
    up: (listening, advertised, flowPort) => {
      const [at, known] = [format(listening), format(advertised)]
      const others = at === known ? "" : `, known to others as ${known}`
      const flows = flowPort === 0 ? "no flows" : `flows on port ${flowPort}`
      return Effect.logInfo(`${named} is up: gossip on ${at}${others}, ${flows}`)
    },
    changed: (change) =>
      Effect.suspend(() => {
        const { member } = change
        const text = what(change)
        if (text === undefined || member.id === self) return Effect.void
        const isJoin = wasAlone && member.status === "alive"
        if (member.status === "alive") wasAlone = false
        else if (member.status !== "suspect") wasAlone = isAlone()
        if (Bucket.level(bucket, now()) < 1) {
          leftOut += 1
          return isJoin ? joined(member) : Effect.void
        }
        bucket.level -= 1
        const line = told(member, text)
        return isJoin ? Effect.andThen(joined(member), line) : line
      })
  }
}
