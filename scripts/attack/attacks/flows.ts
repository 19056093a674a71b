/** Flows that keep to the rules of HTTP/2, and ask for more than a caller's share. */
import type { Attack } from "../Attack.ts"
import { addressOf } from "../Means.ts"
import { dataOf, deaf, echo, envelope, flowOf, repeated, sessions, turnsPerSecond } from "../Sessions.ts"
import * as Streams from "../Streams.ts"

/** Calls `act` so many times a turn and `most` times in all on each session, as far as the host lets streams be opened. */
const filled = (most: number, perTurn: number, act: (session: Streams.Session) => void) => {
  const counts = new Map<Streams.Session, number>()
  return (session: Streams.Session): void => {
    const count = counts.get(session) ?? 0
    const now = Math.min(perTurn, most - count, session.room())
    counts.set(session, count + Math.max(0, now))
    for (let i = 0; i < now; i++) act(session)
  }
}

export const flows: ReadonlyArray<Attack> = [
  {
    name: "pieces-empty",
    says: "empty pieces of a message that never ends, on four flows",
    by: "C",
    answer: "closed",
    run: (means) => {
      const flow = flowOf()
      const empty = repeated(Streams.piece(new Uint8Array()), 2_000)
      return sessions(means, 4, (session) => session.write(...dataOf(flow(session, deaf(means)), empty)))
    }
  },
  {
    name: "pieces-tiny",
    says: "pieces of one byte of a message that never ends, on four flows",
    by: "C",
    answer: "borne",
    run: (means) => {
      const flow = flowOf()
      const tiny = repeated(Streams.piece(Uint8Array.of(1)), 1_500)
      return sessions(means, 4, (session) => session.write(...dataOf(flow(session, echo(means)), tiny)))
    }
  },
  {
    name: "streams-opened",
    says: "128,000 streams on 8 sessions that never say what they are for",
    by: "C",
    answer: "closed",
    run: (means) =>
      sessions(means, 8, (session) =>
        session.write(...Array.from({ length: 400 }, () => Streams.headers(session.next(), Streams.request())))
      )
  },
  {
    name: "streams-reset",
    says: "64 sessions that open and reset 900 streams a second each",
    by: "C",
    answer: "closed",
    run: (means) =>
      sessions(means, 64, (session) =>
        session.write(
          ...Array.from({ length: 900 / turnsPerSecond }, () => {
            const stream = session.next()
            return Buffer.concat([Streams.headers(stream, Streams.request()), Streams.resetStream(stream)])
          })
        )
      )
  },
  {
    name: "flows-idle",
    says: "10,000 flows of one caller that say nothing, over several sessions",
    by: "C",
    answer: "borne",
    seconds: 8,
    run: (means) =>
      sessions(
        means,
        2,
        filled(5_000, 50, (session) => Streams.openFlow(session, echo(means)))
      )
  },
  {
    name: "windows-closed",
    says: "2,000 flows that are answered and take nothing of it",
    by: "C",
    answer: "borne",
    seconds: 8,
    run: (means) => {
      const bytes = repeated(Streams.messages(new Uint8Array(15_000)), 4)
      const act = (session: Streams.Session) => session.write(...dataOf(Streams.openFlow(session, echo(means)), bytes))
      return sessions(means, 2, filled(1_000, 10, act), () => ({ windowBytes: 0 }))
    }
  },
  {
    name: "handlers-deaf",
    says: "2,000 flows to a handler that reads nothing, each with 120 kB",
    by: "C",
    answer: "borne",
    seconds: 8,
    run: (means) => {
      const bytes = repeated(Streams.messages(new Uint8Array(30_000)), 4)
      const act = (session: Streams.Session) => session.write(...dataOf(Streams.openFlow(session, deaf(means)), bytes))
      return sessions(means, 2, filled(1_000, 10, act))
    }
  },
  {
    name: "frames-begun",
    says: "16,000 streams on two sessions whose first frame never ends",
    by: "C",
    answer: "closed",
    seconds: 8,
    run: (means) => {
      const begun = Buffer.concat([envelope(0, 60_000), new Uint8Array(13_000)])
      const act = (session: Streams.Session) => {
        const stream = session.next()
        session.write(Streams.headers(stream, Streams.request()), Streams.data(stream, begun))
      }
      return sessions(means, 2, filled(8_000, 40, act))
    }
  },
  {
    name: "sessions-many",
    says: "2,000 sessions of 40 addresses with a flow each",
    by: "C",
    answer: "borne",
    seconds: 8,
    run: async (means) => {
      let count = 0
      await means.pace(400, () => {
        if (count >= 2_000) return
        Streams.openFlow(Streams.session(means, { from: addressOf(count++ % 40) }), echo(means))
      })
    }
  }
]
