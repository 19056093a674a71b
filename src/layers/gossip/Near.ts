/** Near: the sources, as `Address.source` counts them, of members. Strangers cannot displace their traffic. */
import { source } from "../../protocol/Address.ts"
import { isLive } from "../../protocol/swim/Member.ts"
import * as Swim from "../../protocol/swim/Swim.ts"

/** Age up to which the sources are reused: many members may change at once. */
const staleMillis = 1000

export interface Near {
  readonly has: (source: string) => boolean
  /** Notes that members have changed. */
  readonly note: () => void
}

export const make = (state: Swim.State, now: () => number): Near => {
  let sources: ReadonlySet<string> = new Set()
  let lookedAt = Number.NEGATIVE_INFINITY
  let isStale = true
  const look = (): void => {
    if (!isStale || now() - lookedAt < staleMillis) return
    const others = [...Swim.members(state)].filter((member) => isLive(member) && member !== state.self.member)
    sources = new Set(others.map(({ address }) => source(address.bytes)))
    lookedAt = now()
    isStale = false
  }
  return {
    has: (source) => {
      look()
      return sources.has(source)
    },
    note: () => {
      isStale = true
    }
  }
}
