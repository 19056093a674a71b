/**
 * Decides when a starting host may say that it is up: once its name is its own.
 *
 * A starting host is `isStarting`, then either up or without its name. Until it is up, only its seeds hear of it, and
 * it asks each seed again until the answer contains its name.
 *
 * Of two processes that start with one name at the same time, and share a seed that answers, one stays:
 * - The seed knows the first process that it heard, which alone can become known, since no other host has heard of
 *   either. Until that process gives up or is dead for the seed, the other one is not known, and hears of it there.
 * - An unknown process does not begin while the process at the other address answers. So at most one begins.
 * - An unknown process gives way to a known one at once, a known one never to an unknown one. If both are unknown, or
 *   each is known to another seed, the process born later gives way. A known process stays known while it starts, and
 *   one that has given up answers nothing: so they never both give way, and one does once the other is known.
 * - A process with several seeds waits for all, if only for a moment: each seed shows the process that it knows.
 *
 * Processes whose different seeds have not yet heard of each other's newcomers may both begin. They settle it as two
 * that meet later do, see `Rivalry`.
 */
import type { NodeState } from "../memberlist/Message.ts"
import type { Standing } from "./Standing.ts"
import type { State } from "./State.ts"

/** Whether only the seeds of a host may hear of its name. */
export const isUnproven = ({ isStarting, knownAt }: Standing): boolean => isStarting && knownAt === undefined

/** Whether a starting host must ask a seed again: the seed's state does not contain the host's name. */
export const isToConfirm = (
  { config, standing }: State,
  isJoin: boolean,
  nodes: ReadonlyArray<Pick<NodeState, "name">>
): boolean => config.rules.twins && isJoin && standing.isStarting && !nodes.some(({ name }) => name === config.name)

/** Whether a process at another address may still get the name, or keep it. */
export const isOpen = ({ knownAt, rival }: Standing): boolean => {
  if (rival === undefined || rival.isOwn || rival.verdict === "silent") return false
  return rival.verdict !== "keeps" || knownAt === undefined
}

/** Whether a process at another address has answered lately, so that it cannot be ignored. */
export const isContested = (standing: Standing): boolean => isOpen(standing) && standing.rival?.verdict !== undefined

/** Whether a host may begin, judging by the answers so far. */
export const isSettled = (standing: Standing): boolean =>
  !isOpen(standing) && (standing.knownAt !== undefined || standing.rival !== undefined)
