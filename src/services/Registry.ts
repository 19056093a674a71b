/**
 * Registry: the names that the fabric exposes, and their hosts. Every host holds all names, so a look-up asks nobody.
 */
import { Context, type Effect, type Scope, type Stream } from "effect"
import type { Ownership } from "./Contract.ts"
import type { Exposure } from "./Fabric.ts"
import type { Evidence } from "./Gossip.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/** Claim: a host's announcement that it exposes a name. */
export interface Claim {
  /** Name of the endpoint. */
  readonly name: string
  /** Number of hosts that may own the name. */
  readonly ownership: Ownership
  /** Fingerprint of the endpoint's contract, see `Contract.fingerprint`. */
  readonly contract: bigint
  /** Fingerprints of other contracts whose callers the endpoint serves as well, ascending; never empty, at most 16. */
  readonly compatible?: ReadonlyArray<bigint>
}

/** Entry: the claim of a live host. */
export interface Entry extends Claim {
  /** Owner, with the address of its flows. */
  readonly host: Host
}

/**
 * Why a name is gone: its owner withdrew it, left or died (as the membership plane says), started another life, or lost
 * it to the owner that comes first in the order of unique names.
 */
export type DownCause = "withdrawn" | "left" | "dead" | "restarted" | "conflict"

/** Event of `Registry.watch`. Folding the events gives the entries that there are. */
export type RegistryEvent =
  | {
      /** The first event. */
      readonly _tag: "Snapshot"
      /** Entries at the start, by name, then by host id. */
      readonly entries: ReadonlyArray<Entry>
    }
  | {
      /** An entry is new or has changed. */
      readonly _tag: "Up"
      /** Entry as it is now. */
      readonly entry: Entry
    }
  | {
      /** An entry is gone. */
      readonly _tag: "Down"
      /** Entry as it was. */
      readonly entry: Entry
      /** Why it is gone. */
      readonly cause: DownCause
      /** Accusations behind the death of the owner; empty for other causes, and where unknown. */
      readonly evidence: ReadonlyArray<Evidence>
    }

/** Registry service: names and their owners. Provided by `RegistryLocal` or `RegistryGossip`. */
export class Registry extends Context.Service<
  Registry,
  {
    /**
     * Claims a name for this host as long as the scope lives. Errors: NameInvalid, NameTaken, QuotaExceeded,
     * FabricClosed; InvalidConfig once another process has this host's name.
     */
    readonly claim: (claim: Claim) => Effect.Effect<Pick<Exposure, "lost">, NetworkError, Scope.Scope>
    /** Returns the live owners of a name; none, or one when it is unique. Errors: NameInvalid. */
    readonly resolve: (name: string) => Effect.Effect<ReadonlyArray<Entry>, NetworkError>
    /** Returns all live entries whose name starts with the prefix, by name, then by host id. */
    readonly scan: (prefix: string) => Effect.Effect<ReadonlyArray<Entry>>
    /**
     * Emits a snapshot, then every change, so that folding the events always gives the result of `scan`. A slow reader
     * skips outdated states, never the final one. Its backlog is at most one note for each entry that it was shown or
     * that `scan` gives; a reader that keeps up costs the same however many names there are.
     */
    readonly watch: (prefix: string) => Stream.Stream<RegistryEvent>
    /** Live hosts, this one included. */
    readonly hosts: Effect.Effect<ReadonlyArray<Host>>
  }
>()("grinta/services/Registry") {}
