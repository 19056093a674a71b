/**
 * The mesh, as a program uses it: expose endpoints, open flows to them by name.
 */

import type { Cause, Duration, Redacted } from "effect"
import { Context, type Effect, type Scope, type Stream } from "effect"
import type { Metadata } from "../protocol/flow/Metadata.ts"
import type { Allow } from "./Access.ts"
import type { Contract } from "./Contract.ts"
import type { Flow } from "./Flow.ts"
import type { FlowError } from "./FlowError.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/**
 * Which owner of a name to reach. "nearest": this host itself, then the owners that share the longest locality with it, of
 * these the ones with the shortest round trip that was measured, of the equally near the least busy; round trips within a
 * factor of two of each other, and those below four milliseconds, count as equal. "leastBusy": of two owners, drawn by chance,
 * the one to which this host has fewer open flows, however near they are. `key`: the same owner for the same key, as long as
 * it lives.
 */
export type Select = "nearest" | "leastBusy" | "random" | { readonly key: string } | { readonly host: string }

export interface ConnectOptions {
  /** "nearest" unless said otherwise. */
  readonly select?: Select
  /**
   * Waits until an owner takes the flow, instead of failing while there is none, or while those that there are cannot be
   * reached, are busy, leave, or serve the name no more. What waiting does not mend still fails at once: Incompatible,
   * Unauthorized, and an owner of version 0.1.0 that was lost when it may have started a handler.
   */
  readonly wait?: boolean
  /** Bound of the whole operation; 10 seconds unless said otherwise. */
  readonly timeout?: Duration.Input
  /**
   * Bound of the whole flow, from here on. When it is over both sides get DeadlineExceeded, each by its own clock. Before the
   * flow is accepted it is a Timeout. A flow that a handler opens ends with the deadline of the flow that it serves at the
   * latest, unless `Duration.infinity` is given: that is none at all, and the same as nothing elsewhere.
   */
  readonly deadline?: Duration.Input
  /** For gateways: the hosts that have passed the flow on, in order. One that is on the path, or a ninth, refuses the flow. */
  readonly path?: ReadonlyArray<string>
  /** What the handler gets as `flow.peer.metadata`. */
  readonly metadata?: MetadataInput
}

/**
 * What a caller says of itself, such as a token: at most 16 keys of 1 to 64 lower-case letters, digits, "-" and ".", with values
 * of at most 1,024 bytes without controls, and 4,096 bytes in all; or what another caller has said, `flow.peer.metadata`, to pass
 * it on. A host of version 0.1.0 serves the flow without it.
 */
export type MetadataInput = Readonly<Record<string, string | Redacted.Redacted<string>>> | Metadata

export interface ConnectEachOptions {
  /** Bound of the opening of each flow; 10 seconds unless said otherwise. */
  readonly timeout?: Duration.Input
  /** What the handler of each flow gets as `flow.peer.metadata`. */
  readonly metadata?: MetadataInput
}

/** What came of opening a flow to one owner of a name. */
export type EachFlow<In, Out, E> =
  | { readonly _tag: "Opened"; readonly host: Host; readonly flow: Flow<In, Out, E> }
  | { readonly _tag: "Failed"; readonly host: Host; readonly error: NetworkError }

/** How an endpoint takes its flows. What is left out is as the fabric is configured. */
export interface ExposeOptions {
  /** Flows served at a time, at least 1; 10,000 unless said otherwise. A flow counts until its handler is done. */
  readonly concurrency?: number
  /**
   * Flows that wait for their turn while so many are served, in the order in which they came; 64 unless said otherwise, and 0
   * for none. Their callers wait in `connect`. One more is told EndpointBusy at once.
   */
  readonly backlog?: number
  /**
   * What flows in progress get to finish when the scope closes; 5 seconds unless said otherwise. The name is withdrawn first,
   * and no flow is taken any more. What is still open afterwards is reset.
   */
  readonly drain?: Duration.Input
  /** Who may open flows to the endpoint; "members" unless said otherwise. See `Access.Allow`. */
  readonly allow?: Allow
  /**
   * The owners of the name have rules of their own: a caller that this one does not let in asks the next one. Unless it is said,
   * such a caller is told Unauthorized at once.
   */
  readonly ownersDiffer?: boolean
}

/** What becomes of the flows that there are when the rule of their endpoint changes. */
export interface AllowOptions {
  /** "keep" them, unless said otherwise, or "end" those that the new rule would not let in: with FlowReset at their callers. */
  readonly openFlows?: "keep" | "end"
}

/** A name that this host exposes. */
export interface Exposure {
  /**
   * Fails with `NameTaken` if another host turns out to own the unique name, and with `InvalidConfig` if another process goes
   * by the name of this host; until then it waits.
   */
  readonly lost: Effect.Effect<never, NetworkError>
  /**
   * Has another rule decide who may open flows, from now on; how many flows were ended, once all were looked at.
   * Flows whose handlers have not started yet meet it as new ones do. Where the name is exposed no more nobody is let in anyway.
   * Errors: InvalidConfig, and the rule that there is stays.
   */
  readonly allow: (allow: Allow, options?: AllowOptions) => Effect.Effect<number, NetworkError>
  /** What the log knows the endpoint by, such as its host: for lines about it, by `Effect.annotateLogs`. */
  readonly annotations: Readonly<Record<string, unknown>>
}

/**
 * Serves one flow. It may fail with the declared error, which the caller gets, or give up with the flow's own error. One that
 * runs until `receive` says that the caller has ended comes to a good end. Any other end resets the flow, and is logged.
 */
export type Handler<In, Out, E, R> = (flow: Flow<Out, In>) => Effect.Effect<unknown, E | FlowError | Cause.Done, R>

export class Fabric extends Context.Service<
  Fabric,
  {
    readonly self: Effect.Effect<Host>
    /**
     * Exposes the endpoint for the life of the scope: the handler runs once for each flow, in a fiber and a scope of its own.
     * Errors: NameInvalid, NameTaken, QuotaExceeded, FabricClosed, InvalidConfig.
     */
    readonly expose: <In, Out, E, R>(
      endpoint: Contract<In, Out, E>,
      handler: Handler<In, Out, E, R>,
      options?: ExposeOptions
    ) => Effect.Effect<Exposure, NetworkError, Exclude<R, Scope.Scope> | Scope.Scope>
    /**
     * Opens a flow to an owner of the endpoint's name; the scope is its lifetime. Owners are reached for in turn, the next one
     * as soon as the one before is silent for a quarter of a second (a second with a `key`), and the first that answers is
     * asked. Those that could not be reached lately come last. An owner that does not take the flow (unreachable,
     * gone, busy, or it does not believe this host) is passed over for the next one; when none is left, the last error is the
     * answer, and `tried` says what came of the others. One whose rule lets this caller not in is, if it says that owners
     * differ; else that is the answer.
     * Errors: NameInvalid, EndpointNotFound, EndpointBusy, HostUnreachable, Incompatible, Unauthorized, Timeout,
     * FabricClosed, InvalidConfig.
     */
    readonly connect: <In, Out, E>(
      endpoint: Contract<In, Out, E>,
      options?: ConnectOptions
    ) => Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope>
    /**
     * A flow to each owner, now and as owners appear; each lives until its owner goes or the stream ends. A flow that breaks
     * while its owner is still there is opened anew, and so is one that could not be opened, each time after a longer pause,
     * up to 5 seconds. A flow that its owner has ended in good order is not. A flow that broke can still be read until the
     * one after it breaks, too.
     *
     * An owner that fails is told as that owner's failure, each time, and ends nothing for the others. The stream itself fails
     * with NameInvalid, FabricClosed or, once this host has given its name up, NameTaken only.
     */
    readonly connectEach: <In, Out, E>(
      endpoint: Contract<In, Out, E>,
      options?: ConnectEachOptions
    ) => Stream.Stream<EachFlow<In, Out, E>, NetworkError>
    /**
     * Joins through seeds, each `host` or `host:port`; the number of seeds that answered.
     * Errors: JoinFailed when none did, InvalidConfig for what is no address.
     */
    readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<number, NetworkError>
    /**
     * Waits until this host knows another live host of its fabric, however they have met; a fabric of one process has none to
     * wait for. The names of the others come a moment later: a connect that is to find one of them says `wait: true`.
     * Errors: FabricClosed when this host leaves, NameTaken when it gives its name up.
     */
    readonly joined: Effect.Effect<void, NetworkError>
    /** Says good-bye: the names of this host vanish everywhere at once, and its peers know that it left. */
    readonly leave: Effect.Effect<void, NetworkError>
  }
>()("grinta/services/Fabric") {}
