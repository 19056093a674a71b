/**
 * Callers: the flows that other hosts hold at this one, by the host that opened them, so that they end with it.
 *
 * A caller that membership has declared dead may still be alive on its links: `Link.doubt` asks there for a sign.
 */
import * as Frame from "../../protocol/flow/Frame.ts"
import { PeerLost } from "../../services/FlowError.ts"
import type { FlowEnd } from "./FlowEnd.ts"

type Held = Pick<FlowEnd<never>, "fail" | "writer">

export interface Callers {
  /** Counts a flow until the returned function is called. */
  readonly enter: (caller: string, flow: Held) => () => void
  /** Ends the flows of a host that is declared dead, unless it gives a sign of life on their links. */
  readonly doubt: (caller: string) => void
}

export const make = (): Callers => {
  const flows = new Map<string, Set<Held>>()
  const leave = (caller: string, flow: Held): void => {
    const held = flows.get(caller)
    held?.delete(flow)
    if (held?.size === 0) flows.delete(caller)
  }
  return {
    enter: (caller, flow) => {
      const held = flows.get(caller) ?? new Set()
      flows.set(caller, held.add(flow))
      return () => leave(caller, flow)
    },
    doubt: (caller) => {
      const detail = `host "${caller}" is dead`
      for (const flow of [...(flows.get(caller) ?? [])]) {
        const { link } = flow.writer
        if (link.doubt === undefined) flow.fail(new PeerLost({ detail }), Frame.fail("Closed", detail))
        else link.doubt()
      }
    }
  }
}
