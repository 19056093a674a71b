/**
 * Goodbye: the leave of a host whose scope ends. Waits for no gossip: it goes to some members, which pass it on.
 *
 * Members of another program may get a leave intent before it, so they are told in alternation with hosts.
 */
import type { Address } from "../../protocol/Address.ts"
import { encode } from "../../protocol/memberlist/MessageCodec.ts"
import * as Broadcasts from "../../protocol/swim/Broadcasts.ts"
import type { Config } from "../../protocol/swim/Config.ts"
import { type Member, readsCrc } from "../../protocol/swim/Member.ts"
import { shuffle } from "../../protocol/swim/Sampling.ts"

export interface Word {
  readonly to: Address
  readonly parts: ReadonlyArray<Uint8Array>
  readonly crc: boolean
}

/** Takes one item of each list in turn, until both are at their end. */
const alternate = <A>(a: ReadonlyArray<A>, b: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [...a.slice(i, i + 1), ...b.slice(i, i + 1)]).flat()

/**
 * Returns the leave of `self` for as many members as gossip would have told, some of them twice if there are few.
 * `intent`: message that precedes it, for members of another program.
 */
export const words = (
  self: Member,
  others: Array<Member>,
  { isHost, settings: { fanOut, retransmitMult } }: Pick<Config, "isHost" | "settings">,
  intent: Uint8Array | undefined,
  random: () => number
): ReadonlyArray<Word> => {
  const part = encode({ _tag: "Dead", incarnation: self.incarnation, node: self.name, from: self.name })
  const before = intent === undefined ? [] : [encode({ _tag: "User", payload: intent })]
  shuffle(random, others)
  const hosts = others.filter(({ meta }) => isHost(meta))
  const turns = alternate(
    others.filter((member) => !hosts.includes(member)),
    hosts
  )
  const times = Math.max(Broadcasts.transmitLimit(retransmitMult, others.length + 1), fanOut)
  return Array.from({ length: times }, (_, i) => turns[i % turns.length]).flatMap((member) => {
    if (member === undefined) return []
    const parts = hosts.includes(member) ? [part] : [...before, part]
    return [{ to: member.address, parts, crc: readsCrc(member) }]
  })
}
