/**
 * Renewal: another life of this host, without a restart. One reason is a clock that went back between two lives, so
 * that others hold the former life for the later one; the other is a forgery with versions so high that this host
 * cannot refute it in its present life.
 */
import * as Bucket from "../Bucket.ts"
import * as Claims from "./Claims.ts"
import { type Directory, replace, type Turn, writeOwn } from "./DirectoryState.ts"

/** Burst of renewals, and the time until another one is allowed, in milliseconds. */
const renewalsMax = 3
const renewalMillis = 60_000

/**
 * Makes the token bucket of renewals: two processes of one name would renew in turn without end, and a forger of
 * records would have the names of this host go and come.
 */
export const allowance = (nowMillis: number): Bucket.Bucket => Bucket.make(renewalsMax, 1000 / renewalMillis, nowMillis)

/** Returns the generation that this host was told to begin; undefined when it has, or when there is none. */
export const next = ({ generationReported, own }: Directory): number | undefined => {
  const generation = generationReported + 1
  return generation > own.claims.generation && Number.isSafeInteger(generation) ? generation : undefined
}

/** Begins a life at `generation`, unless it has begun already, and repeats all claims of this host in it. */
export const renew = (turn: Turn, generation: number): void => {
  const { own } = turn.directory
  if (generation <= own.claims.generation) return
  const live = [...own.claims.live.values()]
  replace(turn, own, Claims.make(generation))
  own.member = { status: own.member.status, host: { ...own.member.host, generation } }
  for (const record of live) writeOwn(turn, record)
}
