/**
 * RegistryGossip: the registry over gossip. Name records ride on the membership plane; every host holds all names.
 *
 * A record is gossiped when it is new to a host. Digests find records that gossip missed: they come with each push/pull
 * and now and then by themselves, and missing records are sent over streams. A small directory rides along with a
 * push/pull, so a newcomer has it once it has joined. Other programs neither get names nor are shown.
 *
 * @module
 */
import { Clock, Duration, Effect, Layer, Result, type Scope } from "effect"
import { revision } from "../../protocol/flow/Frame.ts"
import * as Name from "../../protocol/Name.ts"
import * as Directory from "../../protocol/names/Directory.ts"
import type { Limits } from "../../protocol/names/DirectoryLimits.ts"
import * as Exchange from "../../protocol/names/Exchange.ts"
import * as Merging from "../../protocol/names/Merging.ts"
import * as NameRecords from "../../protocol/names/NameRecords.ts"
import { type Evidence, Gossip, type Member } from "../../services/Gossip.ts"
import { Self } from "../../services/Host.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"
import { Registry } from "../../services/Registry.ts"
import * as Background from "../core/Background.ts"
import * as Slices from "../core/Slices.ts"
import * as Driver from "./Driver.ts"
import * as ExchangeDriver from "./ExchangeDriver.ts"

export type { Limits } from "../../protocol/names/DirectoryLimits.ts"

/** Pause between two looks for members that the membership plane has forgotten. */
const sweepInterval = Duration.seconds(30)

const invalid = (setting: string, detail: string): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) }))

/** Refuses a host whose records others would leave out. Errors: InvalidConfig. */
const check = ({ generation, id }: Self["Service"]): Effect.Effect<void, NetworkError> => {
  const rule = Name.violation(id)
  if (rule !== undefined) return invalid("name", `"${id}" ${rule}`)
  const isLife = Number.isSafeInteger(generation) && generation >= 1
  return isLife ? Effect.void : invalid("generation", `${generation} is no whole number of microseconds from 1`)
}

const changed = ({ host, id, status }: Member, evidence: ReadonlyArray<Evidence>): Directory.Input => ({
  _tag: "MemberChanged",
  id,
  status,
  host,
  evidence
})

/** Records decoded and merged at a time, which takes a millisecond or two. */
const sliceRecords = 256

/**
 * Takes a message in, some records at a time so that other fibers run in between. Then feeds the message's digest or
 * delta to the exchange.
 */
const receive = Effect.fnUntraced(function* (
  { directory, feed }: Driver.Driver,
  exchange: ExchangeDriver.Exchange,
  breathe: Effect.Effect<void>,
  bytes: Uint8Array,
  via: "gossip" | "state"
) {
  // Entries of other hosts have no answer.
  const reading = NameRecords.read(bytes, (host) => directory.hosts.has(host))
  if (Result.isFailure(reading)) {
    const { reason } = reading.failure
    if (reason !== "foreign") yield* Driver.count([reason])
    return
  }
  const { pieces: _, skipped, ...parts } = reading.success
  const merging = Merging.make()
  const before = directory.progress
  yield* Driver.count(skipped)
  do {
    const some = NameRecords.readSome(reading.success, sliceRecords, (heading) =>
      Directory.refusalOf(directory, merging, heading)
    )
    const merge = Exchange.mergeOf({ ...parts, records: some.records }, via)
    yield* Driver.count(some.skipped)
    yield* feed({ ...merge, merging, isPart: NameRecords.hasMore(reading.success) })
    yield* breathe
  } while (NameRecords.hasMore(reading.success))
  yield* Effect.forEach(Exchange.inputsOf({ records: [], ...parts }, directory.progress > before), exchange.feed, {
    discard: true
  })
})

const make = Effect.fnUntraced(function* (
  limits: Partial<Limits>
): Effect.fn.Return<Registry["Service"], NetworkError, Gossip | Self | Scope.Scope> {
  const gossip = yield* Gossip
  const { generation, id, locality, tags } = yield* Self
  yield* check({ generation, id, locality, tags })
  yield* Driver.checkLimits(limits)
  const { address, host } = yield* gossip.self
  const driver = yield* Driver.make({
    self: {
      id,
      generation,
      locality,
      tags,
      address: host?.address ?? address,
      flowPort: host?.flowPort ?? 0,
      revision
    },
    limits,
    renew: gossip.renew,
    broadcast: (key, record) =>
      Effect.andThen(gossip.broadcast(key, NameRecords.encode([record]), "hosts"), exchange.feed({ _tag: "Gossiped" }))
  })
  const { directory, feed } = driver
  const exchange: ExchangeDriver.Exchange = yield* ExchangeDriver.make(directory, gossip)
  yield* Background.run(
    "closing the names of a host that lost its own",
    Effect.catch(gossip.lost, ({ reason }) => driver.close(reason))
  )
  const clock = yield* Clock.Clock
  const breathe = Slices.make(() => Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
  yield* gossip.board({
    message: (payload) => receive(driver, exchange, breathe, payload, "gossip"),
    localState: Effect.sync(exchange.localState),
    isOfHosts: NameRecords.isNames,
    mergeState: (state) => receive(driver, exchange, breathe, state, "state"),
    memberChanged: ({ evidence, member }) => feed(changed(member, evidence))
  })
  // Changes that came since boarding are newer than this list.
  const members = yield* gossip.members
  const unheard = members.filter((member) => member.id === id || !Directory.isMember(directory, member.id))
  yield* Effect.forEach(unheard, (member) => feed(changed(member, [])), { discard: true })

  /** Removes forgotten hosts. Only gone hosts are forgotten, so a member that came while the list was made is safe. */
  const sweep = Effect.gen(function* () {
    const remembered = new Set((yield* gossip.members).map((member) => member.id))
    const forgotten = Directory.gone(directory).filter((gone) => gone !== id && !remembered.has(gone))
    yield* Effect.forEach(
      forgotten,
      (gone) => feed({ _tag: "MemberChanged", id: gone, status: "forgotten", host: undefined }),
      { discard: true }
    )
  })
  yield* Background.loop("the sweep of forgotten hosts", Effect.delay(sweep, sweepInterval))
  return driver.registry
})

/** As `layer`, with limits that differ from the defaults, see `Limits`. Errors: InvalidConfig for a bad limit, too. */
export const layerLimits = (limits: Partial<Limits>): Layer.Layer<Registry, NetworkError, Gossip | Self> =>
  Layer.effect(Registry, make(limits))

/**
 * Provides the registry. One value, built once in a graph of layers: for two hosts in one graph call `layerLimits`.
 * Errors: InvalidConfig for a host whose name or generation no other host would take.
 */
export const layer: Layer.Layer<Registry, NetworkError, Gossip | Self> = layerLimits({})
