/**
 * Core: exposes and connects, over any registry and any way to reach another host. A flow within this host is a pair of
 * queues, with the same rules.
 */
import { Cause, Deferred, Duration, Effect, type LogLevel, Option, References, type Scope } from "effect"
import * as Busy from "../../protocol/flow/Busy.ts"
import * as Name from "../../protocol/Name.ts"
import { Access } from "../../services/Access.ts"
import type { Fabric } from "../../services/Fabric.ts"
import type { Gossip } from "../../services/Gossip.ts"
import type { Host } from "../../services/Host.ts"
import {
  EndpointNotFound,
  FabricClosed,
  NameInvalid,
  NetworkError,
  type NetworkErrorReason,
  Timeout
} from "../../services/NetworkError.ts"
import type { Registry } from "../../services/Registry.ts"
import type { Link, Served, Transport } from "../../services/Transport.ts"
import * as Background from "../core/Background.ts"
import * as Signal from "../core/Signal.ts"
import * as Timeouts from "../core/Timeouts.ts"
import * as Answering from "../flow/Answering.ts"
import * as Audit from "../flow/Audit.ts"
import * as Callers from "../flow/Callers.ts"
import type * as Serving from "../flow/Serving.ts"
import * as Connecting from "./Connecting.ts"
import * as Dialling from "./Dialling.ts"
import * as Each from "./Each.ts"
import * as FabricExpose from "./Exposing.ts"
import * as Keeping from "./Keeping.ts"
import * as Owners from "./Owners.ts"
import * as Reach from "./Reach.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly selfId: string
  readonly registry: Registry["Service"]
  readonly dial: Transport["Service"]["dial"]
  readonly reach: Transport["Service"]["reach"]
  readonly roundTripMillis: Gossip["Service"]["roundTripMillis"]
  /** Looks up a live host in the membership, this host included. */
  readonly hostOf: (id: string) => Host | undefined
  readonly join: Fabric["Service"]["join"]
  /** Whether this host knows no other host, although it could. */
  readonly isAlone: Effect.Effect<boolean>
  /** Waits until this host knows another. */
  readonly joined: Effect.Effect<void>
  /** Fails when this host gives its name up. */
  readonly lost: Gossip["Service"]["lost"]
  readonly leave: Fabric["Service"]["leave"]
  readonly mayOwn?: Transport["Service"]["mayOwn"]
  readonly certificate?: Transport["Service"]["certificate"]
  readonly flows: Serving.Config
  /** Log level of the events of this host. */
  readonly level: LogLevel.Severity
}

export interface Core {
  readonly fabric: Fabric["Service"]
  /** Serves a link that came from another host. */
  readonly answer: (link: Link) => Effect.Effect<void, never, Scope.Scope>
  /** Withdraws all names and lets the flows that this host left arrive, in their times. Needs only its links. */
  readonly drain: Effect.Effect<void>
  /** Status of this host and its endpoints, for its port to tell. */
  readonly served: Served
  /** Ends the flows that a host declared dead has opened to this one, unless it gives a sign of life there. */
  readonly doubtCaller: (hostId: string) => void
}

/** Time that a caller has to send its second word: longer than any pause in which it does not lose its flows. */
export const wordTimeout = Duration.seconds(30)

/** Rule that a name breaks where names are bound to certificates, and that of this host does not grant it. */
const ungranted = "is none of those that the certificate of this host lets it own (grinta-names://<fabric>/<name>)"

/** Sets `isAlone` on a reason that has it. */
const whenAlone = (reason: NetworkErrorReason): NetworkErrorReason => {
  if (reason._tag === "EndpointNotFound") return new EndpointNotFound({ ...reason, isAlone: true })
  return reason._tag === "Timeout" ? new Timeout({ ...reason, isAlone: true }) : reason
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Core, never, Scope.Scope> {
  const { flows, isAlone, join, level, mayOwn, registry, roundTripMillis, self, selfId } = options
  let hasLeft = false
  let isDraining = false
  /** Reason why this host has lost its name; undefined while it has it. */
  let lost: NetworkErrorReason | undefined

  const check = (operation: NetworkError["operation"], name: string): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      const fail = (reason: NetworkErrorReason) => Effect.fail(new NetworkError({ operation, reason }))
      if (hasLeft) return fail(new FabricClosed({ host: selfId }))
      if (lost !== undefined) return fail(lost)
      const isOwn = operation !== "expose" || mayOwn === undefined || mayOwn(name)
      const rule = Name.violation(name) ?? (isOwn ? undefined : ungranted)
      return rule === undefined ? Effect.void : fail(new NameInvalid({ name, rule }))
    })

  const audit = yield* Audit.make
  const {
    changed,
    expose: exposing,
    find,
    withdraw
  } = FabricExpose.make({
    ...{ selfId, registry, check, flows, level, audit },
    access: yield* Access,
    hostOf: options.hostOf
  })
  const context = yield* Effect.context<never>()
  const annotations = yield* References.CurrentLogAnnotations
  /** Annotates the log of handlers with host and endpoint. */
  const expose: Fabric["Service"]["expose"] = (contract, handler, options) =>
    Effect.annotateLogs(exposing(contract, handler, options), { ...annotations, endpoint: contract.name })
  const callers = Callers.make()
  const opening = yield* Timeouts.make(flows.openTimeout)
  const incoming = { self: selfId, find, callers, opening, audit, words: yield* Timeouts.make(wordTimeout) }
  const answer = (link: Link) => Answering.answer(link, incoming)
  const busy = Busy.make()
  const { certificate, dial } = options
  const flowing = { selfId, dial, answer, certificate, limits: flows.limits, busy }
  const { open, settle } = yield* Dialling.make(flowing)
  const reach = yield* Reach.make({ selfId, reach: options.reach })
  const owners = yield* Owners.make({ self, open, reach, roundTripMillis, busy })
  const timeouts = yield* Timeouts.make(Connecting.connectTimeout)
  const connecting = yield* Connecting.make({ self, registry, owners, timeouts, check })
  const connectEach = Each.make({ registry, owners, timeouts, check, lost: () => lost })

  /** Sets `isAlone` on an error when no owner was tried and this host knows no other host. */
  const explained = (error: NetworkError): Effect.Effect<never, NetworkError> => {
    const reason = whenAlone(error.reason)
    const { delivered, operation, tried } = error
    if (reason === error.reason || tried !== undefined) return Effect.fail(error)
    return Effect.flatMap(isAlone, (isSo) =>
      Effect.fail(isSo ? new NetworkError({ operation, reason, delivered }) : error)
    )
  }
  /** Turns an error or an interrupt into FabricClosed when this host has closed meanwhile. */
  const unlessClosed = (cause: Cause.Cause<NetworkError>): Effect.Effect<never, NetworkError> => {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (!hasLeft || (error === undefined && !Cause.hasInterruptsOnly(cause))) return Effect.failCause(cause)
    const { delivered = "no", operation = "connect" } = error ?? {}
    return Effect.fail(new NetworkError({ operation, reason: new FabricClosed({ host: selfId }), delivered }))
  }
  const connect: Fabric["Service"]["connect"] = (endpoint, options) =>
    connecting(endpoint, options).pipe(Effect.catch(explained), Effect.catchCause(unlessClosed))

  const closed = yield* Deferred.make<void, NetworkError>()
  const close = Effect.suspend(() => {
    hasLeft = true
    Signal.notify(changed)
    const reason = new FabricClosed({ host: selfId })
    return Deferred.fail(closed, new NetworkError({ operation: "join", reason }))
  })
  yield* Effect.addFinalizer(() => close)
  const giveUp = ({ reason }: NetworkError) =>
    Effect.suspend(() => {
      lost = reason
      Signal.notify(changed)
      return Deferred.fail(closed, new NetworkError({ operation: "join", reason }))
    })
  yield* Background.run("closing a fabric whose host lost its name", Effect.catch(options.lost, giveUp))
  const joined = Effect.raceFirst(Deferred.await(closed), options.joined)
  const leave = Effect.andThen(close, options.leave)

  const served: Served = {
    statusOf: (name) => {
      if (name !== "" && find(name) === undefined) return undefined
      return hasLeft || isDraining || lost !== undefined ? "leaving" : "serving"
    },
    until: (isSo) => Signal.until(changed, isSo)
  }

  return {
    fabric: { self, expose, keep: Keeping.make(expose), connect, connectEach, join, joined, leave },
    answer,
    served,
    drain: Effect.suspend(() => {
      isDraining = true
      Signal.notify(changed)
      return Effect.provideContext(Effect.logWithLevel(level)(`host "${selfId}" is shutting down`), context).pipe(
        Effect.andThen(Effect.all([withdraw, settle], { concurrency: 2, discard: true }))
      )
    }),
    doubtCaller: callers.doubt
  }
})
