/**
 * Keeping directories equal: digests to and fro, and what they show to be lacking.
 *
 * In a push/pull both sides give their digest, and each sends what the other lacks. In between, each host now and then
 * sends its digest to a live host at chance, which sends what is lacking, and its own digest if it lacks something itself.
 * The answer to a digest never asks for a digest again, and a delta that was cut short is followed up only if it brought
 * something: so every exchange ends. One fiber answers one host at a time; a later digest of a host takes the place of the
 * one that waits. While nothing is found the pauses grow.
 * Source: design.md, section 4; faults.md, rows R7 and O7.
 */
import { Duration, Effect, Latch, Random, type Scope } from "effect"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import type { Delta, Digest } from "../protocol/names/Digest.ts"
import * as Directory from "../protocol/names/Directory.ts"
import * as DirectoryDelta from "../protocol/names/DirectoryDelta.ts"
import * as NameRecords from "../protocol/names/NameRecords.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import { count } from "./RegistryDirectory.ts"

export interface Exchange {
  /** What a peer gets in a push/pull. */
  readonly localState: () => Uint8Array
  readonly hearDigest: (digest: Digest) => void
  /** `isProgress`: the records or the ranges of it were news. */
  readonly hearDelta: (delta: Delta, isProgress: boolean) => void
}

/** Hosts that wait for an answer. */
const waitingMax = 64

/** Pause between two exchanges that this host begins, from the first to the longest; a quarter more or less by chance. */
const pauseMin = Duration.seconds(10)
const pauseMax = Duration.seconds(60)

/** A digest to be answered, or undefined: the own digest is to be sent. */
type Task = Digest | undefined

/** Answers that wait, in the order in which they came. */
const makeWaiting = () => {
  const waiting = new Map<string, Task>()
  const isDue = Latch.makeUnsafe(false)
  return {
    /** Whether there was room. */
    put: (peer: string, task: Task): boolean => {
      if (waiting.size >= waitingMax && !waiting.has(peer)) return false
      // A digest answers more than a request for the own one, which its answer makes good.
      waiting.set(peer, task ?? waiting.get(peer))
      isDue.openUnsafe()
      return true
    },
    take: Effect.gen(function* () {
      while (true) {
        const [next] = waiting
        if (next !== undefined) {
          waiting.delete(next[0])
          return next
        }
        isDue.closeUnsafe()
        yield* isDue.await
      }
    })
  }
}

export const make = Effect.fnUntraced(function* (
  directory: Directory.Directory,
  send: Gossip["Service"]["send"]
): Effect.fn.Return<Exchange, never, Scope.Scope> {
  const random = yield* Random.Random
  const draw = (): number => random.nextDoubleUnsafe()
  const sender = directory.own.id
  const waiting = makeWaiting()
  let pause = pauseMin
  let overflow = 0

  const put = (peer: string, task: Task): void => {
    if (Directory.isLiveHost(directory, peer) && !waiting.put(peer, task)) overflow += 1
  }

  const sendDigest = (peer: string, isAsking: boolean) =>
    send(peer, NameRecords.encode([], { digest: DirectoryDelta.digest(directory, isAsking, draw) }))

  /** Cuts the delta when its turn has come, from the directory as it is then. */
  const answer = Effect.fnUntraced(function* (peer: string, digest: Digest): Effect.fn.Return<void, NetworkError> {
    const { hasMore, pieces } = DirectoryDelta.delta(directory, digest, draw)
    const isLacking = digest.isAsking && DirectoryDelta.lacks(directory, digest)
    if (pieces.length > 0 || isLacking) pause = pauseMin
    if (isLacking) yield* sendDigest(peer, false)
    for (const [at, { ranges, records }] of pieces.entries()) {
      const delta = { sender, ranges, hasMore: hasMore && at === pieces.length - 1 }
      yield* send(peer, NameRecords.encode(records, { delta }))
    }
  })

  const work = Effect.gen(function* () {
    const [peer, task] = yield* waiting.take
    if (overflow > 0) {
      yield* count(new Array<"exchangeLimit">(overflow).fill("exchangeLimit"))
      overflow = 0
    }
    const turn = task === undefined ? sendDigest(peer, false) : answer(peer, task)
    yield* Effect.catch(turn, (error) => Effect.logDebug(`names for host "${peer}" wait: ${error.message}`))
  })

  const begin = Effect.gen(function* () {
    const others = Directory.hosts(directory).filter(({ id }) => id !== sender)
    if (!isReadonlyArrayNonEmpty(others)) return
    const { id } = yield* Random.choice(others)
    yield* Effect.catch(sendDigest(id, true), (error) =>
      Effect.logDebug(`no exchange of names with host "${id}": ${error.message}`)
    )
  })

  const rounds = Effect.gen(function* () {
    const factor = yield* Random.nextBetween(0.75, 1.25)
    yield* Effect.sleep(Duration.times(pause, factor))
    pause = Duration.min(Duration.times(pause, 2), pauseMax)
    yield* begin
  })

  const forever = (effect: Effect.Effect<void>) =>
    Effect.forkScoped(
      Effect.tapCause(Effect.forever(effect), (cause) => Effect.logError("the exchange of names stopped", cause))
    )
  yield* forever(work)
  yield* forever(rounds)

  return {
    localState: () => {
      const { ranges, records } = DirectoryDelta.small(directory)
      const digest = DirectoryDelta.digest(directory, false, draw)
      return NameRecords.encode(records, { digest, delta: { sender, ranges, hasMore: false } })
    },
    hearDigest: (digest) => put(digest.sender, digest),
    hearDelta: ({ hasMore, sender }, isProgress) => {
      if (isProgress) pause = pauseMin
      if (hasMore && isProgress) put(sender, undefined)
    }
  }
})
