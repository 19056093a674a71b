/** Members: the live hosts as membership shows them, kept at hand for rules that are asked with each flow. */
import { Effect, type Scope } from "effect"
import type { Gossip, Member } from "../../services/Gossip.ts"
import type { Host } from "../../services/Host.ts"

/** Returns a host as this one sees it; undefined when it is not alive, or not known yet. */
export type HostOf = (id: string) => Host | undefined

export const make = Effect.fnUntraced(function* (
  gossip: Pick<Gossip["Service"], "members" | "onChange">
): Effect.fn.Return<HostOf, never, Scope.Scope> {
  const hosts = new Map<string, Host>()
  const note = ({ host, id, status }: Member): void => {
    if (host !== undefined && (status === "alive" || status === "suspect")) hosts.set(id, host)
    else hosts.delete(id)
  }
  yield* gossip.onChange(({ member }) => Effect.sync(() => note(member)))
  for (const member of yield* gossip.members) note(member)
  return (id) => hosts.get(id)
})
