/**
 * Another life of the own host, without a restart: for a host that others believe to have begun its life earlier than it had
 * ended the one before, since its clock went back in between; and for one of which others hold what it cannot take back any
 * more, since the versions of its life have been forged too far.
 */
import * as Bucket from "../Bucket.ts"
import * as Claims from "./Claims.ts"
import { type Directory, replace, type Turn, writeOwn } from "./DirectoryState.ts"

/** Lives that a host takes up at once, and how often another one comes back. */
const renewalsMax = 3
const renewalMillis = 60_000

/**
 * How many lives a host may take up: two processes of one name would take them up in turn without end, and whoever forges its
 * records would have its names go and come.
 */
export const allowance = (nowMillis: number): Bucket.Bucket => Bucket.make(renewalsMax, 1000 / renewalMillis, nowMillis)

/** When the life begins that this host was told to begin; undefined when it has since, or when there is none. */
export const next = ({ generationReported, own }: Directory): number | undefined => {
  const generation = generationReported + 1
  return generation > own.claims.generation && Number.isSafeInteger(generation) ? generation : undefined
}

/** All claims of the own host are made again in a life that begins at `generation`, unless it has begun already. */
export const renew = (turn: Turn, generation: number): void => {
  const { own } = turn.directory
  if (generation <= own.claims.generation) return
  const live = [...own.claims.live.values()]
  replace(turn, own, Claims.make(generation))
  own.member = { status: own.member.status, host: { ...own.member.host, generation } }
  for (const record of live) writeOwn(turn, record)
}
