/**
 * Errors before a flow exists: of joining, exposing, connecting.
 *
 * `NetworkError` says which operation failed; its `reason` says how. The set of reasons is closed: handle one with
 * `Effect.catchReason("NetworkError", "EndpointNotFound", ..)`, or all with `Effect.unwrapReason("NetworkError")`.
 * `delivered` tells whether a handler may have been started. "no" is a promise, so repeating the operation is safe: a
 * handler starts only once its caller has the flow. Only a host of version 0.1.0, which starts it before, gives
 * "maybe".
 */
import { Effect, Schema } from "effect"
import * as Foreign from "../protocol/Foreign.ts"

/** Length of a cause in a message, in UTF-16 units: a peer sends parts of it, such as names in a certificate. */
const causeLengthMax = 1000

/** Note of a host that knows no other: the host it looks for may well be there, unseen. */
const alone = (isAlone: boolean | undefined): string =>
  isAlone === true ? ", and this host is alone: it knows no other" : ""

/** No live host exposes the name, as far as this host knows, or the host that was asked no longer does. */
export class EndpointNotFound extends Schema.TaggedError<EndpointNotFound>()("EndpointNotFound", {
  /** Name that was looked up. */
  endpoint: Schema.String,
  /** True when this host knows no other host of its fabric. */
  isAlone: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `no live host exposes "${this.endpoint}"${alone(this.isAlone)}`
  }
}

/** The endpoint has no room for another flow. Another owner, or a later try, may have some. */
export class EndpointBusy extends Schema.TaggedError<EndpointBusy>()("EndpointBusy", {
  /** Name of the endpoint. */
  endpoint: Schema.String,
  /** Id of its host. */
  host: Schema.String
}) {
  override get message() {
    return `"${this.endpoint}" on host "${this.host}" takes no more flows`
  }
}

/** No session with the host could be opened, or it broke before the flow was accepted (cause: a `LinkBroken`). */
export class HostUnreachable extends Schema.TaggedError<HostUnreachable>()("HostUnreachable", {
  /** Id of the host. */
  host: Schema.String,
  /** Address that was dialled, as `host:port`; "none" for a host that is no live member. */
  address: Schema.String,
  /** Failure of the network, or a text for people. */
  cause: Schema.Defect()
}) {
  override get message() {
    return `host "${this.host}" at ${this.address} cannot be reached: ${Foreign.text(String(this.cause), causeLengthMax)}`
  }
}

/** The host refused this caller. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  /** Id of the host. */
  host: Schema.String,
  /** Refused thing, for people: the caller, or its certificate. The rule is not told. */
  detail: Schema.String,
  /**
   * Set where the host has asked its rules: true when other owners of the name have different rules. If false, they all
   * refuse this caller, and `connect` has asked no other.
   */
  ownersDiffer: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `host "${this.host}" refused this caller: ${this.detail}`
  }
}

/** Contract, as far as it is known. */
const Signature = Schema.Struct({
  /** Both codecs, such as "schema-json/bytes"; unknown of a host that was not asked. */
  codec: Schema.optionalKey(Schema.String),
  /** Fingerprint, in 16 hex digits. */
  fingerprint: Schema.String
})

/**
 * The two sides have different contracts (codec, schemas) or wire versions. `ours` and `theirs` are given when the
 * contracts were found to differ before the host was dialled.
 */
export class Incompatible extends Schema.TaggedError<Incompatible>()("Incompatible", {
  /** Name of the endpoint. */
  endpoint: Schema.String,
  /** Id of its host. */
  host: Schema.String,
  /** Difference, for people. */
  detail: Schema.String,
  /** Contract of this side; absent when the host itself refused. */
  ours: Schema.optionalKey(Signature),
  /** Contract of the host, as its name record has it; absent when the host itself refused. */
  theirs: Schema.optionalKey(Signature)
}) {
  override get message() {
    return `"${this.endpoint}" on host "${this.host}" speaks something else: ${this.detail}`
  }
}

/** The name is invalid: letters, digits, "-" and "."; 1 to 128 bytes. */
export class NameInvalid extends Schema.TaggedError<NameInvalid>()("NameInvalid", {
  /** Name as it was given. */
  name: Schema.String,
  /** Rule that it breaks, for people: it continues the sentence that begins with the name. */
  rule: Schema.String
}) {
  override get message() {
    return `the name "${this.name}" ${this.rule}`
  }
}

/** Another owner holds a unique name, or this process exposes the name already. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", {
  /** Name of the endpoint, or of the host. */
  name: Schema.String,
  /** Id of the host that owns it; of a host's name with the address of the process that has it. */
  owner: Schema.String,
  /** True when the owner is this very host: a name is exposed once at a time. */
  isHere: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    if (this.isHere === true) return `the name "${this.name}" is exposed on this host already`
    return `the name "${this.name}" is held by host "${this.owner}"`
  }
}

/** Failures that a message names; further ones are counted. */
const failuresNamedMax = 8

/** None of the seeds answered: one failure for each address that was asked. */
export class JoinFailed extends Schema.TaggedError<JoinFailed>()("JoinFailed", {
  /** Failures, one for each address that was asked. */
  failures: Schema.Array(
    Schema.Struct({
      /** Seed, as it was given. */
      seed: Schema.String,
      /** Cause, for people. */
      detail: Schema.String
    })
  )
}) {
  override get message() {
    const named = this.failures.slice(0, failuresNamedMax).map(({ seed, detail }) => `${seed} (${detail})`)
    const more = this.failures.length > named.length ? ` and ${this.failures.length - named.length} more` : ""
    return `no seed answered: ${named.join(", ")}${more}`
  }
}

/** A bound of this host or of the fabric is reached. */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", {
  /** Bounded quantity, such as "names of one host". */
  what: Schema.String,
  /** Bound, in the unit of `what`. */
  limit: Schema.Number
}) {
  override get message() {
    return `${this.what} is limited to ${this.limit}`
  }
}

/** The operation exceeded its timeout. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", {
  /** Time that the operation had, in milliseconds. */
  afterMillis: Schema.Number,
  /** Endpoint to be opened; absent of other operations. */
  endpoint: Schema.optionalKey(Schema.String),
  /** True when this host knows no other host of its fabric. */
  isAlone: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    const whom = this.endpoint === undefined ? "" : ` for "${this.endpoint}"`
    return `no answer${whom} within ${this.afterMillis} ms${alone(this.isAlone)}`
  }
}

/** The fabric of this process, or the host that was asked, is shutting down. */
export class FabricClosed extends Schema.TaggedError<FabricClosed>()("FabricClosed", {
  /** Id of the host that leaves: this one, or the one that was asked. */
  host: Schema.String
}) {
  override get message() {
    return `host "${this.host}" has left the fabric`
  }
}

/** A setting is invalid, found before any socket is opened, or a port is in use. */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  /** Option or variable, such as "flows.backlog" or "GRINTA_SEEDS". */
  setting: Schema.String,
  /** Fault of the value, for people. It quotes no secret. */
  detail: Schema.String
}) {
  override get message() {
    return `${this.setting}: ${this.detail}`
  }
}

/** Schema of the reasons of a NetworkError: a union of their classes. */
export const NetworkErrorReason = Schema.Union([
  EndpointNotFound,
  EndpointBusy,
  HostUnreachable,
  Unauthorized,
  Incompatible,
  NameInvalid,
  NameTaken,
  JoinFailed,
  QuotaExceeded,
  Timeout,
  FabricClosed,
  InvalidConfig
])

/** Reason of a NetworkError. The set is closed; docs/errors.md says when each occurs. */
export type NetworkErrorReason = typeof NetworkErrorReason.Type

/** Host that a connect has tried. */
const Tried = Schema.Struct({
  /** Id of the host. */
  host: Schema.String,
  /** Outcome, for people. */
  detail: Schema.String
})

/** Error of an operation before a flow exists. */
export class NetworkError extends Schema.TaggedError<NetworkError>()("NetworkError", {
  /** Operation that failed. "listen": building the layers of a host. "resolve": a look-up in the registry. */
  operation: Schema.Literals(["listen", "join", "leave", "send", "tags", "keyring", "expose", "resolve", "connect"]),
  /** How it failed. */
  reason: NetworkErrorReason,
  /**
   * "no": no handler was started, so the operation may be repeated. "maybe": one may have been, by a host of version
   * 0.1.0.
   */
  delivered: Schema.Literals(["no", "maybe"]).pipe(Schema.withConstructorDefault(Effect.succeed("no"))),
  /** Hosts that a connect has tried, in order, at most 16; absent where the reason says it all. */
  tried: Schema.optionalKey(Schema.Array(Tried))
}) {
  override get message() {
    const { operation, reason, tried = [] } = this
    const hosts = tried.map(({ detail, host }) => `"${host}" (${detail})`)
    return `${operation}: ${reason.message}${hosts.length === 0 ? "" : `; tried ${hosts.join(", ")}`}`
  }
}
