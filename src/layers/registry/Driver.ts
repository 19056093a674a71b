/**
 * Driver: the registry as a service, over a name directory and any way to spread its records.
 *
 * The directory steps synchronously, so that every lookup and every claim sees the latest state. A step hands its
 * records to the queue of the membership plane, where the newest of each name waits: no step waits for the network.
 */
import { Clock, Deferred, Effect, Metric, type Scope } from "effect"
import * as Name from "../../protocol/Name.ts"
import * as Directory from "../../protocol/names/Directory.ts"
import * as DirectoryLimits from "../../protocol/names/DirectoryLimits.ts"
import type * as Exchange from "../../protocol/names/Exchange.ts"
import type { NameRecord, NamesUnreadable, SkipReason } from "../../protocol/names/NameRecords.ts"
import type { Host } from "../../services/Host.ts"
import {
  FabricClosed,
  InvalidConfig,
  NameInvalid,
  NameTaken,
  NetworkError,
  type NetworkErrorReason,
  QuotaExceeded
} from "../../services/NetworkError.ts"
import type { Claim, Registry } from "../../services/Registry.ts"
import * as Alarm from "../core/Alarm.ts"
import * as Background from "../core/Background.ts"
import * as Complaints from "./Complaints.ts"
import * as Renewal from "./Renewal.ts"
import * as ReservedNames from "./ReservedNames.ts"
import * as Watchers from "./Watchers.ts"

export interface Options {
  readonly self: Host
  readonly limits: Partial<Directory.Limits>
  /** Queues a record to spread, at once and within a bound; a newer record of the same key replaces an older one. */
  readonly broadcast: (key: string, record: NameRecord) => Effect.Effect<void>
  /** Announces another life of this host to the others. */
  readonly renew: (generation: number) => Effect.Effect<void, NetworkError>
}

export interface Driver {
  readonly registry: Registry["Service"]
  readonly feed: (input: Directory.Input) => Effect.Effect<void>
  /** Directory, for reading only. */
  readonly directory: Directory.Directory
  /** Loses all claims for this reason, which later claims and resolves fail with, and ends all watches. */
  readonly close: (reason: NetworkErrorReason) => Effect.Effect<void>
}

export type DropReason = Directory.DropReason | Exchange.DropReason | SkipReason | NamesUnreadable["reason"]

const tickMillis = 60_000

const dropped = Metric.counter("grinta_names_dropped", {
  description: "Name records without effect, and messages that hold none, by reason",
  incremental: true
})

/** Counts dropped records, all of one reason at once. */
export const count = (reasons: ReadonlyArray<DropReason>): Effect.Effect<void> => {
  if (reasons.length === 0) return Effect.void
  const times = new Map<DropReason, number>()
  for (const reason of reasons) times.set(reason, (times.get(reason) ?? 0) + 1)
  const tell = ([reason, many]: readonly [DropReason, number]) =>
    Metric.update(Metric.withAttributes(dropped, { reason }), many)
  return Effect.forEach(times, tell, { discard: true })
}

const fail = (operation: NetworkError["operation"], reason: NetworkErrorReason): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation, reason }))

const refuse = (self: string, name: string, refusal: Directory.Refusal): Effect.Effect<never, NetworkError> => {
  switch (refusal._tag) {
    case "Taken":
      return fail("expose", new NameTaken({ name, owner: refusal.owner, isHere: refusal.owner === self }))
    case "Quota":
      return fail("expose", new QuotaExceeded({ what: refusal.what, limit: refusal.limit }))
    case "Left":
      return fail("expose", new FabricClosed({ host: self }))
  }
}

/** Checks the limits. Errors: InvalidConfig for a limit that cannot work. */
export const checkLimits = (limits: Partial<Directory.Limits>): Effect.Effect<void, NetworkError> => {
  const wrong = DirectoryLimits.violation({ ...DirectoryLimits.defaults, ...limits })
  if (wrong === undefined) return Effect.void
  return fail("listen", new InvalidConfig({ setting: `names.${wrong.limit}`, detail: wrong.detail }))
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Driver, never, Scope.Scope> {
  const { broadcast, limits, self } = options
  const directory = Directory.make(self, limits)
  const watchers = Watchers.make(directory.view)
  const complain = Complaints.make()
  /** Runs an effect up to its first wait, so that records are handed over in the order of their steps. */
  const run = yield* Background.makeRun("the spreading of a name record")
  /** Exposures of the names claimed, each failed if its name is lost. */
  const holders = new Map<string, Deferred.Deferred<never, NetworkError>>()
  /** Reason why no more names are claimed; undefined before that. */
  let closed: NetworkErrorReason | undefined

  const clock = yield* Clock.Clock
  let tickAt = Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n) + tickMillis
  const alarm = yield* Alarm.make({
    what: "the end of tombstones",
    nextDeadline: () => Math.min(tickAt, Directory.nextDeadline(directory)),
    ring: Effect.suspend(() => feed({ _tag: "Tick" }))
  })

  const spread = (record: NameRecord): void => {
    run(broadcast(`${record.host}/${record.name}`, record))
  }

  const end = (name: string, reason: NetworkErrorReason): void => {
    const holder = holders.get(name)
    holders.delete(name)
    if (holder !== undefined) Deferred.doneUnsafe(holder, fail("expose", reason))
  }

  const step = <A, E>(
    input: Directory.Input,
    then: (outputs: ReadonlyArray<Directory.Output>, now: number) => Effect.Effect<A, E>
  ) =>
    Clock.clockWith((clock) =>
      Effect.suspend(() => {
        const now = Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
        const wall = clock.currentTimeMillisUnsafe() * 1000
        const outputs = Directory.step(directory, input, { now, wall })
        if (input._tag === "Tick") tickAt = now + tickMillis
        alarm.look()
        // Before anybody hears of the step, and may take the next one: the latest record of a name goes last.
        for (const output of outputs) if (output._tag === "Broadcast") spread(output.record)
        for (const output of outputs)
          if (output._tag === "Lost") end(output.name, new NameTaken({ name: output.name, owner: output.winner }))
        watchers.notify(outputs)
        return then(outputs, now)
      })
    )

  const feed = (input: Directory.Input): Effect.Effect<void> =>
    step(input, (outputs, now) => {
      const reasons = outputs.flatMap((output) => (output._tag === "Dropped" ? [output.reason] : []))
      if (reasons.length === 0) return Effect.void
      renewal.hear(outputs)
      return Effect.andThen(count(reasons), complain(outputs, now))
    })

  const acquire = (claim: Claim, holder: Deferred.Deferred<never, NetworkError>) =>
    step({ _tag: "Claim", ...claim }, (outputs) => {
      const refused = outputs.find((output) => output._tag === "Refused")
      if (refused !== undefined) return refuse(self.id, claim.name, refused.refusal)
      holders.set(claim.name, holder)
      return Effect.void
    })

  const release = (name: string) => step({ _tag: "Release", name }, () => Effect.void)

  const claim: Registry["Service"]["claim"] = Effect.fn("Registry.claim")(function* (claim) {
    const { name } = claim
    const rule = Name.violation(name)
    if (rule !== undefined) return yield* fail("expose", new NameInvalid({ name, rule }))
    yield* ReservedNames.check(name)
    if (closed !== undefined) return yield* fail("expose", closed)
    const holder = Deferred.makeUnsafe<never, NetworkError>()
    yield* Effect.acquireRelease(acquire(claim, holder), () =>
      Effect.suspend(() => {
        if (holders.get(name) !== holder) return Effect.void
        holders.delete(name)
        return release(name)
      })
    )
    return { lost: Deferred.await(holder) }
  })

  const close = (reason: NetworkErrorReason) =>
    Effect.suspend(() => {
      closed = reason
      const names = [...holders.keys()]
      for (const name of names) end(name, reason)
      return Effect.forEach(names, release, { discard: true })
    })

  const renewal = yield* Renewal.make({ directory, feed, announce: options.renew })
  const closeAll = (reason: NetworkErrorReason) => Effect.andThen(close(reason), Effect.sync(watchers.close))
  yield* Effect.addFinalizer(() => closeAll(closed ?? new FabricClosed({ host: self.id })))
  return {
    directory,
    feed,
    close: closeAll,
    registry: {
      claim,
      resolve: (name) =>
        Effect.suspend(() => {
          const rule = Name.violation(name)
          if (rule !== undefined) return fail("resolve", new NameInvalid({ name, rule }))
          if (closed !== undefined) return fail("resolve", closed)
          return Effect.succeed(Directory.resolve(directory, name))
        }),
      scan: (prefix) => Effect.sync(() => Directory.scan(directory, prefix)),
      watch: watchers.watch,
      hosts: Effect.sync(() => Directory.hosts(directory))
    }
  }
})
