/**
 * The flows that other hosts hold at this one, by who opened them, so that they end with their caller.
 *
 * A caller that the membership plane has declared dead may be alive where flows go: the links are asked, where they can be.
 */
import * as Frame from "../../protocol/flow/Frame.ts"
import { PeerLost } from "../../services/FlowError.ts"
import type { FlowEnd } from "./FlowEnd.ts"

type Held = Pick<FlowEnd<never>, "fail" | "writer">

export interface Callers {
  /** Counts a flow until the function that it gives is called. */
  readonly enter: (caller: string, flow: Held) => () => void
  /** Ends all flows of a host that gives no sign of life any more. */
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
