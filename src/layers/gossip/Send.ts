/** Send: messages from this host to one member, over a stream. */
import { Effect } from "effect"
import { type Address, format } from "../../protocol/Address.ts"
import { HostUnreachable, NetworkError, type NetworkErrorReason, QuotaExceeded } from "../../services/NetworkError.ts"
import { user, type Wire } from "./StreamExchange.ts"

/** Largest payload, in bytes. Far below the limit of members, so that no message holds up the ones after it. */
export const sendBytesMax = 2 * 1024 * 1024

const fail = (reason: NetworkErrorReason): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation: "send", reason }))

/** Returns a function that sends. `addressOf` returns the address of a live member other than this host. */
export const make =
  (wire: Wire, addressOf: (id: string) => Address | undefined, count: (reason: string) => void) =>
  (id: string, payload: Uint8Array): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      if (payload.length > sendBytesMax)
        return fail(new QuotaExceeded({ what: "bytes of one message", limit: sendBytesMax }))
      const address = addressOf(id)
      if (address === undefined)
        return fail(new HostUnreachable({ host: id, address: "none", cause: "no live member" }))
      return Effect.catch(user(wire, address, payload), ({ detail, reason }) => {
        count(`send.${reason}`)
        return fail(new HostUnreachable({ host: id, address: format(address), cause: detail }))
      })
    })
