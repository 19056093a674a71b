/**
 * Seeds: joins other members, and looks again for lost ones.
 *
 * A host that is alone tries its seeds again and again, with growing pauses. A host that is not alone now and then
 * tries the seeds that it does not see, and a host that has lost members looks for them: so two halves of a cluster
 * become one again after any time. Names are resolved anew each time.
 * Source: memberlist-wire.md, section 16 (join); design.md, law 9.
 */
import { Duration, Effect, Order, Random, Result, Semaphore } from "effect"
import { type Address, format, isLoopback, isUnspecified, host as textOf } from "../../protocol/Address.ts"
import type { PushPull } from "../../protocol/memberlist/Message.ts"
import * as Secret from "../../protocol/Secret.ts"
import * as Seed from "../../protocol/Seed.ts"
import * as Reunion from "../../protocol/swim/Reunion.ts"
import * as Told from "../../protocol/Told.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import { InvalidConfig, JoinFailed, NetworkError } from "../../services/NetworkError.ts"
import type { Plan } from "./Config.ts"
import type { Driver } from "./Driver.ts"
import type { Strangers } from "./Strangers.ts"
import { within } from "./StreamExchange.ts"

const lookupTimeout = "5 seconds"
/** Hosts of a service looked up at a time. */
const lookupsMax = 8
/** Addresses of one seed asked at a time. One silent for `patience` may still answer, but the next is asked too. */
const askedMax = 4
const patience = "500 millis"
/** Silent addresses that the log names. */
const namedMax = 3
/** First and longest pause of a host that is alone, in ms; each is drawn from three to five quarters of it. */
const pauseMillisMin = 500
const pauseMillisMax = 30_000

interface Outcome {
  readonly seed: string
  /** Address that was asked, or the seed itself when it has none. */
  readonly place: string
  /** Reason why there was no answer; undefined when there was one. */
  readonly detail: string | undefined
}

/** Detail of a seed that is this host. No reason to warn, since the hosts of a fabric may have one list of seeds. */
const itself = "is this host itself"

/** Describes the silent addresses of a seed of which others answer; undefined without any. */
const complaint = (seed: string, outcomes: ReadonlyArray<Outcome>): string | undefined => {
  const silent = outcomes.filter(({ detail }) => detail !== undefined && detail !== itself)
  if (silent.length === 0 || outcomes.every(({ detail }) => detail !== undefined)) return undefined
  const named = silent.slice(0, namedMax).map(({ detail, place }) => `${place} (${detail})`)
  const more = silent.length > namedMax ? ` and ${silent.length - namedMax} more` : ""
  return `seed "${seed}": ${silent.length} of its addresses did not answer: ${named.join(", ")}${more}`
}

export interface Seeds {
  readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<number, NetworkError>
  /** Joins the configured seeds, and keeps the host together with them, until it leaves. */
  readonly watch: Effect.Effect<void, NetworkError>
  /** Pauses, then may look for a lost member. */
  readonly seek: Effect.Effect<void>
}

const joinError = (reason: NetworkError["reason"]): NetworkError => new NetworkError({ operation: "join", reason })

/** Parses seeds. Errors: InvalidConfig for the first invalid one. */
export const parseAll = (seeds: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Seed.Seed>, NetworkError> =>
  Effect.forEach(seeds, (text, at) =>
    Effect.mapError(Effect.fromResult(Seed.parse(text)), ({ rule }) =>
      joinError(new InvalidConfig({ setting: "seeds", detail: `number ${at + 1} of them ${rule}` }))
    )
  )

/** Runs an effect in its turn. The turn is over with the effect, or when that has taken longer than `patience`. */
const inTurn = <A>(turns: Semaphore.Semaphore, effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    let isOver = false
    const over = Effect.suspend(() => {
      if (isOver) return Effect.void
      isOver = true
      return turns.release(1)
    })
    const slow = Effect.andThen(Effect.delay(over, patience), Effect.never)
    return Effect.acquireUseRelease(
      Effect.interruptible(turns.take(1)),
      () => Effect.raceFirst(effect, slow),
      () => over
    )
  })

const isSame = (a: Address, b: Address): boolean => a.port === b.port && textOf(a.bytes) === textOf(b.bytes)

/** Bounds the causes that a host alone logs, each once in this time: the first is often that others start later. */
const makeTold = (): Told.Told => Told.make(600_000, 4)

const inOrder = Order.mapInput(Order.String, ({ detail, seed }: JoinFailed["failures"][number]) => `${seed} ${detail}`)

/** Returns the text that people should read about a failed join; undefined when only this host itself was asked. */
const reasonOf = ({ reason }: NetworkError): string | undefined => {
  if (reason._tag !== "JoinFailed") return reason.message
  // Sorted, so that the same causes give the same sentence whatever order the addresses of a seed come in.
  const failures = reason.failures.filter(({ detail }) => detail !== itself).sort(inOrder)
  return failures.length === 0 ? undefined : new JoinFailed({ failures }).message
}

export const make = (
  plan: Plan,
  driver: Driver,
  socket: GossipSocket["Service"],
  lost: Reunion.Lost,
  strangers: Pick<Strangers, "seed">
): Seeds => {
  const { name } = plan.swim

  const isSelf = (address: Address): boolean => {
    if (isSame(address, driver.state.self.member.address) || isSame(address, socket.address)) return true
    return address.port === socket.address.port && isLoopback(address.bytes) && isUnspecified(socket.address.bytes)
  }

  /** Returns whether an answer is this host's own, dialled at an address that it did not know as its own. */
  const isOwnWord = ({ nodes: [node, ...others] }: PushPull): boolean =>
    node !== undefined &&
    others.length === 0 &&
    node.name === name &&
    isSame(driver.state.self.member.address, { ...node, bytes: node.address })

  const addressesOf = (host: string, port: number) =>
    Effect.map(within(socket.lookup(host), lookupTimeout, `looking up ${Secret.plain(host)}`), (found) =>
      found.map((bytes): Address => ({ bytes, port }))
    )

  /** Looks up the addresses of a service's hosts. A host that cannot be looked up does not hide the others. */
  const serviceAddresses = Effect.fnUntraced(function* (name: string) {
    const hosts = yield* within(socket.lookupService(name), lookupTimeout, `looking up ${Secret.plain(name)}`)
    const found = yield* Effect.forEach(hosts, ({ host, port }) => Effect.result(addressesOf(host, port)), {
      concurrency: lookupsMax
    })
    const addresses = found.flatMap((result) => (Result.isSuccess(result) ? result.success : []))
    const [failed] = found.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
    return addresses.length === 0 && failed !== undefined ? yield* Effect.fail(failed) : addresses
  })

  const resolve = (seed: Seed.Seed): Effect.Effect<ReadonlyArray<Address>, { readonly detail: string }> =>
    seed.bytes !== undefined
      ? Effect.succeed([{ bytes: seed.bytes, port: seed.port }])
      : seed.isService
        ? serviceAddresses(seed.host)
        : addressesOf(seed.host, seed.port)

  const joinOne = Effect.fnUntraced(function* (seed: string, address: Address): Effect.fn.Return<Outcome> {
    const place = format(address)
    if (isSelf(address)) return { seed, place, detail: itself }
    yield* strangers.seed(seed, address)
    const joined = yield* Effect.result(driver.pushPull(address, true))
    if (Result.isFailure(joined)) return { seed, place, detail: joined.failure.detail }
    return { seed, place, detail: isOwnWord(joined.success) ? itself : undefined }
  })

  /**
   * Joins the addresses of a seed, a few at a time, so that dead ones hold up nothing. Once one has answered, an
   * address is only asked if no member is seen there.
   */
  const joinAll = Effect.fnUntraced(function* (seed: string, addresses: ReadonlyArray<Address>) {
    const turns = Semaphore.makeUnsafe(askedMax)
    let isJoined = false
    const ask = Effect.fnUntraced(function* (address: Address): Effect.fn.Return<ReadonlyArray<Outcome>> {
      if (isJoined && Reunion.isSeen(driver.state, address)) return []
      const outcome = yield* joinOne(seed, address)
      isJoined ||= outcome.detail === undefined
      return [outcome]
    })
    const asked = yield* Effect.forEach(addresses, (address) => inTurn(turns, ask(address)), {
      concurrency: "unbounded"
    })
    return asked.flat()
  })

  const joinSeed = Effect.fnUntraced(function* (seed: Seed.Seed): Effect.fn.Return<ReadonlyArray<Outcome>> {
    const resolved = yield* Effect.result(resolve(seed))
    if (Result.isFailure(resolved)) return [{ seed: seed.text, place: seed.text, detail: resolved.failure.detail }]
    const outcomes = yield* joinAll(seed.text, resolved.success)
    const silent = complaint(seed.text, outcomes)
    if (silent !== undefined) yield* Effect.logInfo(silent)
    return outcomes
  })

  const join = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
    const seeds = yield* parseAll(texts)
    const gone = Effect.mapError(driver.twins.gone, ({ reason }) => joinError(reason))
    if (driver.isLeft()) return yield* gone
    const outcomes = (yield* Effect.forEach(seeds, joinSeed, { concurrency: "unbounded" })).flat()
    const failures = outcomes.flatMap(({ detail, seed }) => (detail === undefined ? [] : [{ seed, detail }]))
    // This host may have given its name up to one of the seeds.
    if (failures.length > 0 && driver.isLeft()) return yield* gone
    if (failures.length > 0 && failures.length === outcomes.length)
      return yield* joinError(new JoinFailed({ failures }))
    return outcomes.length - failures.length
  })

  /** Exchanges states with a member that is not seen. A second exchange shows each side the other's refutation. */
  const reunite = (address: Address) => {
    const exchange = driver.pushPull(address, true)
    const again = Effect.suspend(() => (Reunion.isSeen(driver.state, address) ? Effect.void : exchange))
    return driver.begin("reunion", Effect.andThen(exchange, again))
  }

  const lookAround = Effect.gen(function* () {
    const seeds = yield* parseAll(plan.seeds)
    const found = yield* Effect.forEach(seeds, (seed) => Effect.orElseSucceed(resolve(seed), () => []), {
      concurrency: "unbounded"
    })
    const random = yield* Random.Random
    const targets = Reunion.unseen(driver.state, found.flat(), () => random.nextDoubleUnsafe())
    for (const address of targets) if (!isSelf(address)) yield* reunite(address)
  })

  const pause = (millis: number): Effect.Effect<void> =>
    Effect.flatMap(Random.Random, (random) =>
      Effect.sleep(Duration.millis(Reunion.pauseMillis(millis, () => random.nextDoubleUnsafe())))
    )

  const watch = Effect.gen(function* () {
    let pauseMillis = pauseMillisMin
    let told = makeTold()
    while (!driver.isLeft()) {
      if (driver.others().length > 0) {
        pauseMillis = pauseMillisMin
        told = makeTold()
        yield* pause(Duration.toMillis(plan.reunionInterval) * 1.25)
        yield* lookAround
        continue
      }
      const joined = yield* Effect.result(join(plan.seeds))
      if (driver.others().length > 0) continue
      const why = Result.isFailure(joined) ? reasonOf(joined.failure) : undefined
      if (why !== undefined && Told.isDue(told, why, driver.now()))
        yield* Effect.logWarning(`host "${name}" is alone and keeps trying: ${why}`)
      yield* pause(pauseMillis)
      pauseMillis = Math.min(pauseMillis * 2, pauseMillisMax)
    }
  })

  const seek = Effect.gen(function* () {
    yield* pause(Reunion.seekMillis)
    if (driver.isLeft()) return
    const random = yield* Random.Random
    const address = Reunion.sought(driver.state, lost, driver.now(), () => random.nextDoubleUnsafe())
    if (address !== undefined) yield* reunite(address)
  })

  return {
    join,
    seek,
    watch
  }
}
