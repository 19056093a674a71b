/**
 * Where a transport leaves its incoming links: whoever serves takes them, and until somebody does they wait.
 */
import { Effect, type Scope } from "effect"
import type { Link } from "../services/Transport.ts"
import * as FlowHandshake from "./FlowHandshake.ts"
import * as Signal from "./Signal.ts"

type OnLink = (link: Link) => Effect.Effect<void, never, Scope.Scope>

export interface Acceptor {
  /** Has the link served by whoever serves, in the caller's fiber and scope; one that breaks meanwhile waits no more. */
  readonly accept: OnLink
  readonly serve: (onLink: OnLink) => Effect.Effect<void, never, Scope.Scope>
}

export const make = (): Acceptor => {
  const changed = Signal.make()
  let current: OnLink | undefined
  const set = (onLink: OnLink | undefined) =>
    Effect.sync(() => {
      current = onLink
      Signal.notify(changed)
    })
  const accept: OnLink = (link) =>
    Effect.suspend(() => {
      if (current !== undefined) return current(link)
      const served = Signal.until(changed, () => current !== undefined)
      return Effect.matchEffect(FlowHandshake.unlessBroken(link, served), {
        onFailure: () => Effect.void,
        onSuccess: () => accept(link)
      })
    })
  return { accept, serve: (onLink) => Effect.acquireRelease(set(onLink), () => set(undefined)) }
}
