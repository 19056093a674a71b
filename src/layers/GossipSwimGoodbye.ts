/** The last word of a host whose scope ends: it waits for nobody, so it tells some members itself. They pass it on. */
import type { Address } from "../protocol/Address.ts"
import { encode } from "../protocol/memberlist/MessageCodec.ts"
import * as Broadcasts from "../protocol/swim/Broadcasts.ts"
import type { Settings } from "../protocol/swim/Config.ts"
import { type Member, readsCrc } from "../protocol/swim/Member.ts"
import { shuffle } from "../protocol/swim/Sampling.ts"

export interface Word {
  readonly to: Address
  readonly part: Uint8Array
  readonly crc: boolean
}

/** That `self` has left, for as many members as gossip would have told, some of them twice if there are few. */
export const words = (
  self: Member,
  others: Array<Member>,
  { fanOut, retransmitMult }: Settings,
  random: () => number
): ReadonlyArray<Word> => {
  const part = encode({ _tag: "Dead", incarnation: self.incarnation, node: self.name, from: self.name })
  shuffle(random, others)
  const times = Math.max(Broadcasts.transmitLimit(retransmitMult, others.length + 1), fanOut)
  return Array.from({ length: times }, (_, i) => others[i % others.length]).flatMap((member) =>
    member === undefined ? [] : [{ to: member.address, part, crc: readsCrc(member) }]
  )
}
