/**
 * Acceptor: hands the incoming links of a transport to its server; links that come before there is one wait.
 */
import { Effect, type Scope } from "effect"
import type { Link, Served } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import * as Signal from "../core/Signal.ts"

type OnLink = (link: Link) => Effect.Effect<void, never, Scope.Scope>

export interface Acceptor {
  /** Serves a link in the caller's fiber and scope, once there is a server; a link that breaks before is left. */
  readonly accept: OnLink
  readonly serve: (onLink: OnLink, served?: Served) => Effect.Effect<void, never, Scope.Scope>
  /** Status as the server tells it. Without a server the host itself is not serving, and there is no endpoint. */
  readonly served: Served
}

interface Serving {
  readonly onLink: OnLink
  readonly served: Served
}

const unnamed: Served = {
  statusOf: (name) => (name === "" ? "serving" : undefined),
  until: () => Effect.never
}

export const make = (): Acceptor => {
  const changed = Signal.make()
  let current: Serving | undefined
  const set = (serving: Serving | undefined) =>
    Effect.sync(() => {
      current = serving
      Signal.notify(changed)
    })
  const accept: OnLink = (link) =>
    Effect.suspend(() => {
      if (current !== undefined) return current.onLink(link)
      const served = Signal.until(changed, () => current !== undefined)
      return Effect.matchEffect(Handshake.unlessBroken(link, served), {
        onFailure: () => Effect.void,
        onSuccess: () => accept(link)
      })
    })
  const until = (isSo: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isSo()) return Effect.void
      const seen = current
      const replaced = Signal.until(changed, () => current !== seen)
      const waited = Effect.raceFirst(replaced, seen?.served.until(isSo) ?? Effect.never)
      return Effect.andThen(waited, until(isSo))
    })
  return {
    accept,
    serve: (onLink, served = unnamed) => Effect.acquireRelease(set({ onLink, served }), () => set(undefined)),
    served: {
      statusOf: (name) => (current === undefined ? unserved(name) : current.served.statusOf(name)),
      until
    }
  }
}

const unserved: Served["statusOf"] = (name) => (name === "" ? "leaving" : undefined)
