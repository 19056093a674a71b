/**
 * A host that has just started may have a clock that is behind: then its life seems to begin before those that it comes after,
 * and it would be the first owner of names that are not its own.
 *
 * Who joins hears a state before it says anything. If that shows a life of its own name that is later than its own, or lives
 * of others that began in its own future, the host begins its life after them, before it has said a word.
 * Limits: the word of whoever answered is believed within what `Lives.begin` takes for possible.
 */
import type { Address } from "../Address.ts"
import type { NodeState } from "../memberlist/Message.ts"
import { isSamePlace } from "./Packets.ts"
import type { Turn } from "./State.ts"
import { updateMeta } from "./Update.ts"

/** Takes note of a state that came from the member `from`, in an exchange that this host began. */
export const grow = (turn: Turn, nodes: ReadonlyArray<NodeState>, from: Address | undefined): Turn => {
  const { config, leaving, members, self, startedAt } = turn.state
  if (from === undefined || leaving !== "no") return turn
  const others = nodes.filter(({ name, state }) => name !== config.name && (state === "alive" || state === "suspect"))
  const meta = config.lives.begin(self.member.meta, {
    ageMillis: turn.now - startedAt,
    formers: nodes.filter(({ name }) => name === config.name).map((node) => node.meta),
    others: others.map((node) => node.meta),
    shown: [
      ...others.filter(({ address, port }) => isSamePlace({ bytes: address, port }, from)).map((node) => node.meta),
      ...members.order.filter((entry) => entry !== self).map(({ member }) => member.meta)
    ]
  })
  return meta === undefined ? turn : updateMeta(turn, meta)
}
