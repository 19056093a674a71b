/**
 * Owners: opens a flow to one of the owners of a name: reaches for them in an order, and asks one at a time.
 */
import { Clock, Effect, Random, Result, type Scope } from "effect"
import { toHex } from "../../protocol/Fingerprint.ts"
import * as Attempts from "../../protocol/flow/Attempts.ts"
import * as Busy from "../../protocol/flow/Busy.ts"
import * as Select from "../../protocol/names/Select.ts"
import { type Contract, common } from "../../services/Contract.ts"
import type { Gossip } from "../../services/Gossip.ts"
import type { Host } from "../../services/Host.ts"
import { EndpointNotFound, Incompatible, NetworkError } from "../../services/NetworkError.ts"
import type { Entry } from "../../services/Registry.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Signal from "../core/Signal.ts"
import * as Opening from "../flow/Opening.ts"
import type { Opened, OpenFlow } from "./Dialling.ts"
import type { Reach } from "./Reach.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly open: OpenFlow
  readonly reach: Reach
  readonly roundTripMillis: Gossip["Service"]["roundTripMillis"]
  /** Flows that this host has open, by host. */
  readonly busy?: Busy.Busy
}

/** Attempts at the owners of a name. */
export type Tries = Attempts.Attempts<Entry, NetworkError>

export interface Owners {
  /** Opens a flow to one owner. Fails with Incompatible, without a dial, when its record has no contract in common. */
  readonly dial: <In, Out, E>(
    entry: Entry,
    contract: Contract<In, Out, E>,
    call?: Opening.Call
  ) => Effect.Effect<Opened<In, Out, E>, NetworkError, Scope.Scope>
  /** Opens a flow to one of the owners. Calls `began` with the attempts before the first of them. */
  readonly dialOne: <In, Out, E>(
    owners: ReadonlyArray<Entry>,
    contract: Contract<In, Out, E>,
    options: {
      readonly select: Select.Select
      readonly call: Opening.Call
      readonly began: (tries: Tries) => void
    }
  ) => Effect.Effect<Opened<In, Out, E>, NetworkError, Scope.Scope>
}

/** Silence of an owner, in milliseconds, after which the next one is reached for. */
const patienceMillis = 250

/** As `patienceMillis`, for an owner that a key has picked: the state that it keeps for the key is worth a pause. */
const keyPatienceMillis = 1_000

/** Bounds the hosts that an error names. */
const triedMax = 16

/** Describes the attempts for an error. */
export const triedOf = (tries: Tries): NetworkError["tried"] =>
  Attempts.begun(tries)
    .slice(0, triedMax)
    .map(({ failure, owner, status }) => ({
      host: owner.host.id,
      detail: failure?.reason.message ?? (status === "opening" ? "asked, no answer" : "no sign of life")
    }))

/** Adds the attempts at the other owners to the error of one. */
const explained = (error: NetworkError, tries: Tries): NetworkError => {
  const tried = triedOf(tries) ?? []
  if (tried.length === 0 || (tried.length === 1 && "host" in error.reason)) return error
  return new NetworkError({ operation: error.operation, reason: error.reason, delivered: error.delivered, tried })
}

type Signed = Pick<Contract<never, never, never>, "codec" | "fingerprint" | "compatible" | "formers">

/** Makes the error of an owner whose record has no contract in common with this side. */
export const incompatible = ({ contract, host, name }: Entry, ours: Signed): NetworkError => {
  const [there, here] = [toHex(contract), toHex(ours.fingerprint)]
  const reason = new Incompatible({
    endpoint: name,
    host: host.id,
    detail: `contract ${there}, and here ${ours.codec} ${here}; neither declares the other compatible`,
    ours: { codec: ours.codec, fingerprint: here },
    theirs: { fingerprint: there }
  })
  return new NetworkError({ operation: "connect", reason })
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Owners> {
  const { busy = Busy.make(), open, reach, roundTripMillis } = options
  const clock = yield* Clock.Clock
  const random = yield* Random.Random

  const dial: Owners["dial"] = (entry, contract, call) => {
    const fingerprint = common(contract, entry)
    return fingerprint === undefined
      ? Effect.fail(incompatible(entry, contract))
      : open(entry.host, { ...contract, fingerprint }, call)
  }

  /** Returns the compatible owners in the order in which to try them; when there are none, the others. */
  const inOrder = Effect.fnUntraced(function* (owners: ReadonlyArray<Entry>, ours: Signed, select: Select.Select) {
    const candidates = yield* Effect.forEach(owners, (entry) => {
      const { id, locality } = entry.host
      const measured = select === "nearest" ? roundTripMillis(id) : Effect.undefined
      return Effect.map(measured, (roundTripMillis) => ({
        id,
        locality,
        roundTripMillis,
        flows: busy.get(id) ?? 0,
        entry
      }))
    })
    const ordered = Select.order(candidates, select, yield* options.self, () => random.nextDoubleUnsafe())
    const entries = ordered.map(({ entry }) => entry)
    const compatible = entries.filter((entry) => common(ours, entry) !== undefined)
    return reach.order(compatible.length > 0 ? compatible : entries)
  })

  const inTurn = Effect.fnUntraced(function* <In, Out, E>(
    tries: Tries,
    contract: Contract<In, Out, E>,
    call: Opening.Call
  ): Effect.fn.Return<Opened<In, Out, E>, NetworkError, Scope.Scope> {
    const changed = Signal.make()
    let hasNews = false

    const begin = (attempt: Attempts.Attempt<Entry, NetworkError>): void => {
      if (common(contract, attempt.owner) === undefined)
        return Attempts.failed(tries, attempt, incompatible(attempt.owner, contract))
      reach.begin(attempt.owner.host, (failure) => {
        if (failure === undefined) Attempts.reached(attempt)
        else Attempts.failed(tries, attempt, failure)
        hasNews = true
        Signal.notify(changed)
      })
    }

    while (true) {
      const next = Attempts.next(tries, Monotonic.nowOf(clock))
      switch (next._tag) {
        case "Reach": {
          begin(next.attempt)
          break
        }
        case "Open": {
          const { attempt } = next
          const opened = yield* Effect.result(dial(attempt.owner, contract, call))
          for (const { owner } of Attempts.silent(tries, Monotonic.nowOf(clock))) reach.note(owner.host)
          if (Result.isSuccess(opened)) {
            reach.forget(attempt.owner.host)
            return opened.success
          }
          if (opened.failure.reason._tag === "HostUnreachable") reach.note(attempt.owner.host)
          Attempts.failed(tries, attempt, opened.failure)
          if (opened.failure.delivered === "maybe" || Opening.isForAll(opened.failure))
            return yield* Effect.fail(explained(opened.failure, tries))
          break
        }
        case "Wait": {
          hasNews = false
          const news = Signal.until(changed, () => hasNews)
          yield* Number.isFinite(next.millis) ? Effect.timeoutOption(news, Math.ceil(next.millis)) : news
          break
        }
        case "Exhausted": {
          const error = tries.failure ?? notFound(contract.name)
          return yield* Effect.fail(explained(error, tries))
        }
      }
    }
  })

  const notFound = (endpoint: string): NetworkError =>
    new NetworkError({ operation: "connect", reason: new EndpointNotFound({ endpoint }) })

  const dialOne: Owners["dialOne"] = Effect.fnUntraced(function* (owners, contract, { began, call, select }) {
    const entries = Select.isChoice(owners, select) ? yield* inOrder(owners, contract, select) : owners
    const isKeyed = typeof select === "object" && "key" in select
    const tries: Tries = Attempts.make(entries, isKeyed ? keyPatienceMillis : patienceMillis)
    began(tries)
    return yield* inTurn(tries, contract, call)
  })

  return { dial, dialOne }
})
