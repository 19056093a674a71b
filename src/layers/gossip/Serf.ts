/** Members of Serf: what is heard from them, and how they are told that this host leaves. */
import * as Serf from "../../protocol/memberlist/Serf.ts"

export interface SerfClock {
  /** Hears a message that came by gossip. */
  readonly message: (payload: Uint8Array) => void
  /** Hears the state that came with a push/pull. */
  readonly state: (state: Uint8Array) => void
  /** The word before a leave; undefined as long as no member of Serf was heard. */
  readonly farewell: () => Uint8Array | undefined
}

export const make = (self: string): SerfClock => {
  /** The latest Lamport time heard. Only a state is a sign of Serf: a message of any program may look like an intent. */
  let time: number | undefined
  const witness = (told: number | undefined): void => {
    if (told !== undefined) time = Math.max(time ?? 0, told)
  }
  return {
    message: (payload) => {
      if (time !== undefined) witness(Serf.timeOfIntent(payload))
    },
    state: (state) => witness(Serf.timeOfState(state)),
    farewell: () => (time === undefined ? undefined : Serf.leaveIntent(self, time + 1))
  }
}
