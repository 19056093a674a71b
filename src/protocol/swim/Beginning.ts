/**
 * When a host that starts may say that it is up: once its name is its own.
 *
 * A host that starts is `isStarting`, then up, or it has given its name up. While it starts, it tells nobody but its seeds of
 * itself, and it asks each of them again until the answer has its name.
 *
 * Why of two processes of one name that start at the same time, and have a seed in common that answers, one stays:
 * - The seed knows one process by the name: that which it heard first. It is the only one that can become known, since nobody
 *   else has heard of either. Until it gives up or is dead for the seed, the other is not known, and hears of it there.
 * - Who is not known does not begin while a process at the other address answers. So at most one begins.
 * - Who is not known gives way to who is, at once; who is known never gives way to who is not. Of two that are not known, or
 *   that are both known, each by another seed, the one that was born later gives way. Being known begins and does not end while
 *   a host starts, and who has given up answers nothing: so both give way never, and one does as soon as the other is known.
 * - Who has several seeds waits for all of them, if only for a moment: each shows the process that it knows.
 *
 * Hosts whose seeds are different ones, and do not know of each other's newcomers yet, may both begin. They settle it as two
 * that meet later do, see `Rivalry`.
 */
import type { NodeState } from "../memberlist/Message.ts"
import type { Standing } from "./Standing.ts"
import type { State } from "./State.ts"

/** Whether a host keeps its name to itself and its seeds. */
export const isUnproven = ({ isStarting, knownAt }: Standing): boolean => isStarting && knownAt === undefined

/** Whether a member that a host joins by is to be asked once more: what it knows does not have the name of that host. */
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

/** Whether a process at another address has answered of late, so that it is not to be passed over. */
export const isContested = (standing: Standing): boolean => isOpen(standing) && standing.rival?.verdict !== undefined

/** Whether a host may begin, as far as those know that have answered by now. */
export const isSettled = (standing: Standing): boolean =>
  !isOpen(standing) && (standing.knownAt !== undefined || standing.rival !== undefined)
