/** Further lives of a simulated host, when the others know a later one than its own: as the layers take them up. */
import * as Bucket from "../../../src/protocol/Bucket.ts"
import { allowance } from "../../../src/protocol/names/Renewal.ts"
import { call, type Network } from "./Network.ts"

export interface Renewal {
  /** Lives that may still be taken up. */
  readonly allowed: Bucket.Bucket
  isWaiting: boolean
}

export const make = (nowMillis: number): Renewal => ({ allowed: allowance(nowMillis), isWaiting: false })

/** Takes up another life when it may, unless one waits already; `takeUp` says whether it was needed. */
export const renew = (network: Network, renewal: Renewal, takeUp: () => boolean): void => {
  const { allowed } = renewal
  if (renewal.isWaiting) return
  renewal.isWaiting = true
  const mayNow = Bucket.level(allowed, network.now) >= 1
  call(network, mayNow ? 0 : Bucket.reachedAt(allowed, 1) - network.now, () => {
    renewal.isWaiting = false
    Bucket.level(allowed, network.now)
    if (takeUp()) allowed.level -= 1
  })
}
