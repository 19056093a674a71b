/** Fabric: the mesh as a program uses it, to expose endpoints and to open flows to them by name. */

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
 * Choice among the owners of a name. "nearest": this host itself, then the owners that share the longest locality with
 * it, of these the ones with the shortest measured round trip, of the equally near the least busy; round trips within a
 * factor of two of each other, and those below four milliseconds, count as equal. "leastBusy": of two random owners,
 * the one to which this host has fewer open flows, however near they are. `key`: the same owner for the same key, as
 * long as it lives.
 */
export type Select =
  | "nearest"
  | "leastBusy"
  | "random"
  | {
      /** Any text, such as the id of a user. Owners are ranked by a hash of it and their host ids. */
      readonly key: string
    }
  | {
      /** Id of the host to reach. EndpointNotFound if it does not own the name. */
      readonly host: string
    }

/** Options of `Fabric.connect`. Errors: InvalidConfig for an invalid option. */
export interface ConnectOptions {
  /** Owner to reach; "nearest" by default. */
  readonly select?: Select
  /**
   * Off by default. Waits until an owner takes the flow, instead of failing while there is none, or while the owners
   * cannot be reached, are busy, leave, or serve the name no more. Errors that waiting does not mend still fail at
   * once: Incompatible, Unauthorized, and the loss of an owner of version 0.1.0 that may have started a handler.
   */
  readonly wait?: boolean
  /** Timeout of the whole operation, waiting included; 10 seconds by default, `Duration.infinity` for none. */
  readonly timeout?: Duration.Input
  /**
   * Deadline of the whole flow, from here on; none by default. Once it has passed both sides get DeadlineExceeded, each
   * by its own clock; before the flow is accepted it is a Timeout. A flow that a handler opens inherits the deadline of
   * the flow that it serves, unless its own is earlier; `Duration.infinity` removes the inherited one.
   */
  readonly deadline?: Duration.Input
  /**
   * For gateways: ids of the hosts that have passed the flow on, in order; none by default, 8 at most. A host on the
   * path, or a ninth, refuses the flow.
   */
  readonly path?: ReadonlyArray<string>
  /** Metadata for the handler, as `flow.peer.metadata`. */
  readonly metadata?: MetadataInput
}

/**
 * Metadata of a caller, such as a token: at most 16 keys of 1 to 64 lower-case letters, digits, "-" and ".", with
 * values of at most 1,024 bytes without controls, and 4,096 bytes in all; or the `flow.peer.metadata` of another
 * caller, to pass it on. A host of version 0.1.0 serves the flow without it.
 */
export type MetadataInput = Readonly<Record<string, string | Redacted.Redacted<string>>> | Metadata

/** Options of `Fabric.connectEach`. */
export interface ConnectEachOptions {
  /** Timeout of opening each flow; 10 seconds by default. */
  readonly timeout?: Duration.Input
  /** Metadata for the handler of each flow, as `flow.peer.metadata`. */
  readonly metadata?: MetadataInput
}

/** Outcome of opening a flow to one owner of a name. */
export type EachFlow<In, Out, E> =
  | {
      /** Emitted for each new owner, and again when a broken flow was replaced. */
      readonly _tag: "Opened"
      /** Owner of the name. */
      readonly host: Host
      /** Open flow, which lives until its owner goes or the stream ends. */
      readonly flow: Flow<In, Out, E>
    }
  | {
      /** Emitted each time that opening a flow fails; it is tried again after a pause. */
      readonly _tag: "Failed"
      /** Owner of the name. */
      readonly host: Host
      /** Error of the opening, as `connect` would fail. */
      readonly error: NetworkError
    }

/**
 * Options of `Fabric.expose`: how an endpoint takes its flows. Options left out follow `flows` of the host. Errors:
 * InvalidConfig for an invalid option.
 */
export interface ExposeOptions {
  /**
   * Flows served at a time, at least 1; 12,000 by default. A flow counts until its handler is done. The last eighth is
   * for peers that hold few flows. An idle flow takes about 25 KiB of memory.
   */
  readonly concurrency?: number
  /**
   * Queue of flows beyond `concurrency`, served in order; 64 by default, 0 for none. Their callers wait in `connect`,
   * whose `timeout` is the bound. A flow beyond the queue fails with EndpointBusy at once.
   */
  readonly backlog?: number
  /**
   * Time for open flows to finish when the scope closes; 5 seconds by default, from 0 to 24 days. The name is withdrawn
   * first, and no flow is taken any more. Flows still open afterwards are reset.
   */
  readonly drain?: Duration.Input
  /** Access to the endpoint; "members" by default. See `Access.Allow`. */
  readonly allow?: Allow
  /**
   * True when the owners of the name have different rules: a caller that this one refuses asks the next one. By default
   * such a caller gets Unauthorized at once.
   */
  readonly ownersDiffer?: boolean
}

/** How an endpoint is kept: how it serves, and what its gain and its loss run. `L` is the context of the hooks. */
export interface KeepOptions<L = never> extends ExposeOptions {
  /**
   * Runs each time the name is lost: with NameTaken to another host, with the reason of `Exposure.lost` for good. By
   * default a loss is logged as a warning. The scope goes on without the name.
   */
  readonly onLost?: (error: NetworkError) => Effect.Effect<void, never, L>
  /**
   * Runs beside the endpoint each time it is exposed, until its name is lost or the scope closes: for example to change
   * the rule with `Exposure.allow` while it serves. Its failure is logged, and the endpoint goes on.
   */
  readonly onExposed?: (exposure: Exposure) => Effect.Effect<unknown, NetworkError, L>
  /**
   * Waits while another host owns the name, and exposes the endpoint about a second after that host has gone: at the
   * start, where `keep` would else fail with NameTaken, and after a loss. Off by default.
   */
  readonly standby?: boolean
}

/** Effect of a changed rule on the open flows of its endpoint. */
export interface AllowOptions {
  /** "keep" them (the default), or "end" those that the new rule refuses, with FlowReset at their callers. */
  readonly openFlows?: "keep" | "end"
}

/** Name that this host exposes. */
export interface Exposure {
  /**
   * Waits, and fails with `NameTaken` if another host turns out to own the unique name, or with `InvalidConfig` if
   * another process goes by the name of this host.
   */
  readonly lost: Effect.Effect<never, NetworkError>
  /**
   * Replaces the rule for opening flows, from now on; returns the number of flows ended, once all were checked. Flows
   * whose handlers have not started meet the new rule too. No effect once the name is no longer exposed.
   * Errors: InvalidConfig, which leaves the old rule in place.
   */
  readonly allow: (allow: Allow, options?: AllowOptions) => Effect.Effect<number, NetworkError>
  /** Log annotations of the endpoint, such as its host: for lines about it, by `Effect.annotateLogs`. */
  readonly annotations: Readonly<Record<string, unknown>>
}

/**
 * Serves one flow. It may fail with the declared error, which the caller gets, or give up with the flow's own error. A
 * handler that runs until `receive` fails with `Cause.Done` ends well. Any other end resets the flow, and is logged.
 */
export type Handler<In, Out, E, R> = (flow: Flow<Out, In>) => Effect.Effect<unknown, E | FlowError | Cause.Done, R>

/** Fabric service: exposes endpoints, and opens flows to them by name. Provided by `FabricLocal` or `FabricMesh`. */
export class Fabric extends Context.Service<
  Fabric,
  {
    /** This host, as the others see it now. */
    readonly self: Effect.Effect<Host>
    /**
     * Exposes the endpoint for the life of the scope: runs the handler once per flow, in its own fiber and scope.
     * Errors: NameInvalid, NameTaken, QuotaExceeded, FabricClosed, InvalidConfig.
     */
    readonly expose: <In, Out, E, R>(
      endpoint: Contract<In, Out, E>,
      handler: Handler<In, Out, E, R>,
      options?: ExposeOptions
    ) => Effect.Effect<Exposure, NetworkError, Exclude<R, Scope.Scope> | Scope.Scope>
    /**
     * Exposes the endpoint for the life of the scope, and looks after its name: runs the hooks, and as a standby waits
     * while another host owns the name. Returns once the endpoint is exposed, or a standby knows that it has to wait.
     * Errors: those of `expose`; NameTaken and QuotaExceeded end no standby that has held or awaited the name.
     */
    readonly keep: <In, Out, E, R, L = never>(
      endpoint: Contract<In, Out, E>,
      handler: Handler<In, Out, E, R>,
      options?: KeepOptions<L>
    ) => Effect.Effect<void, NetworkError, Exclude<R, Scope.Scope> | L | Scope.Scope>
    /**
     * Opens a flow to an owner of the endpoint's name; the scope is its lifetime. Owners are reached for in turn, the
     * next one as soon as the one before is silent for a quarter of a second (a second with a `key`), and the first
     * that answers is asked. Owners that could not be reached lately come last. An owner that does not take the flow
     * (unreachable, gone, busy, or not believing this host) is passed over for the next one; when none is left, the
     * last error is the result, and `tried` lists the outcomes of the others. An owner whose rule refuses this caller
     * is passed over if it says that owners differ; else Unauthorized is the result.
     * Errors: NameInvalid, EndpointNotFound, EndpointBusy, HostUnreachable, Incompatible, Unauthorized, Timeout,
     * FabricClosed, InvalidConfig.
     */
    readonly connect: <In, Out, E>(
      endpoint: Contract<In, Out, E>,
      options?: ConnectOptions
    ) => Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope>
    /**
     * Opens a flow to each owner, now and as owners appear; each lives until its owner goes or the stream ends. A flow
     * that breaks while its owner is still there is opened anew, and so is one that could not be opened, each time
     * after a longer pause, up to 5 seconds. A flow that its owner has ended in good order is not. A broken flow can
     * still be read until its successor breaks, too.
     *
     * The failure of an owner is emitted as that owner's failure, each time, and ends nothing for the others. The
     * stream itself fails only with NameInvalid, FabricClosed or, once this host has given its name up, NameTaken.
     */
    readonly connectEach: <In, Out, E>(
      endpoint: Contract<In, Out, E>,
      options?: ConnectEachOptions
    ) => Stream.Stream<EachFlow<In, Out, E>, NetworkError>
    /**
     * Joins through seeds, each `host` or `host:port`; returns the number of seeds that answered.
     * Errors: JoinFailed when none did, InvalidConfig for a malformed seed.
     */
    readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<number, NetworkError>
    /**
     * Waits until this host knows another live host of its fabric, however they have met; a fabric of one process has
     * none to wait for. The names of the others come a moment later: connect with `wait: true` to find one of them.
     * Errors: FabricClosed when this host leaves, NameTaken when it gives its name up.
     */
    readonly joined: Effect.Effect<void, NetworkError>
    /** Leaves the fabric: the names of this host vanish everywhere at once, and its peers know that it left. */
    readonly leave: Effect.Effect<void, NetworkError>
  }
>()("grinta/services/Fabric") {}
