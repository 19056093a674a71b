/**
 * Another life of the own host, without a restart: for a host that others believe to have begun its life earlier than it had
 * ended the one before, since its clock went back in between. Its names are void with them until it is the later one.
 */
import * as Bucket from "../Bucket.ts"
import { startLife, type Turn, writeOwn } from "./DirectoryState.ts"

/** Lives that a host takes up at once, and how often another one comes back. */
const renewalsMax = 3
const renewalMillis = 5_000

/** How many lives a host may take up: two processes of one name would take them up in turn without end. */
export const allowance = (nowMillis: number): Bucket.Bucket => Bucket.make(renewalsMax, 1000 / renewalMillis, nowMillis)

/** All claims of the own host are made again in a life that begins at `generation`, unless it has begun already. */
export const renew = (turn: Turn, generation: number): void => {
  const { own } = turn.directory
  if (generation <= own.claims.generation) return
  const live = [...own.claims.live.values()]
  startLife(turn, own, generation)
  own.member = { status: own.member.status, host: { ...own.member.host, generation } }
  for (const record of live) writeOwn(turn, record)
}
