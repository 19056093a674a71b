/** Serf: follows the Lamport time of Serf members, and makes the intent by which this host leaves. */
import * as Serf from "../../protocol/memberlist/Serf.ts"

export interface SerfClock {
  /** Reads the Lamport time of a gossiped message. */
  readonly message: (payload: Uint8Array) => void
  /** Reads the Lamport time of a push/pull state. */
  readonly state: (state: Uint8Array) => void
  /** Returns the leave intent to send before a leave; undefined until a member of Serf was heard. */
  readonly farewell: () => Uint8Array | undefined
}

export const make = (self: string): SerfClock => {
  /** Latest Lamport time heard. Only a state is a sign of Serf: a message of any program may look like an intent. */
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
