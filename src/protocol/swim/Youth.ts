/**
 * Corrects the start of a host whose clock is behind: its life would seem to begin before earlier lives, and it would
 * be the first owner of names that belong to others.
 *
 * A joining host hears a state before it says anything. If the state shows a later life of its own name, or lives of
 * others that began in its future, the host begins its life after them, before its first message.
 * Limits: the answering host is believed within the bounds of `Lives.begin`.
 */
import type { Address } from "../Address.ts"
import type { NodeState } from "../memberlist/Message.ts"
import { isSamePlace } from "./Packets.ts"
import type { Turn } from "./State.ts"
import { updateMeta } from "./Update.ts"

/** Begins this host's life anew if a state, sent on request by the member at `from`, shows later lives. */
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
