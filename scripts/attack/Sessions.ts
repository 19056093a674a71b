/** Sessions of an attacker that are kept, and what is done on each of them now and then. */
import type { Means } from "./Means.ts"
import * as Streams from "./Streams.ts"

export const echo = ({ target }: Means): string => `echo.${target.victim.name}`
export const deaf = ({ target }: Means): string => `deaf.${target.victim.name}`
export const json = ({ target }: Means): string => `json.${target.victim.name}`

const pause = 20

/** Keeps so many sessions, and makes another for each that is closed; `act` is called for each now and then. */
export const sessions = async (
  means: Means,
  count: number,
  act: (session: Streams.Session, number: number) => void,
  behaviour: (number: number) => Streams.Behaviour = () => ({})
): Promise<void> => {
  const open = Array.from({ length: count }, (_, i) => Streams.session(means, behaviour(i)))
  while (!means.isOver()) {
    open.forEach((session, i) => {
      if (session.isOpen()) act(session, i)
      else open[i] = Streams.session(means, behaviour(i))
    })
    await means.sleep(pause)
  }
}

/** How often each session acts in a second. */
export const turnsPerSecond = 1000 / pause

export const repeated = (bytes: Uint8Array, times: number): Buffer =>
  Buffer.concat(Array.from({ length: times }, () => bytes))

/** A flow on a session, opened when it is first used. */
export const flowOf = () => {
  const flows = new Map<Streams.Session, number>()
  return (session: Streams.Session, endpoint: string): number => {
    const known = flows.get(session)
    if (known !== undefined) return known
    const stream = Streams.openFlow(session, endpoint)
    flows.set(session, stream)
    return stream
  }
}

const dataFrameBytesMax = 16_384

/** Bytes as DATA frames of a stream. */
export const dataOf = (stream: number, bytes: Uint8Array): ReadonlyArray<Buffer> => {
  const frames: Array<Buffer> = []
  for (let at = 0; at < bytes.length; at += dataFrameBytesMax)
    frames.push(Streams.data(stream, bytes.subarray(at, at + dataFrameBytesMax)))
  return frames
}

/** Flags, a length, and what of the body there is. */
export const envelope = (flags: number, length: number, ...body: ReadonlyArray<number>): Uint8Array =>
  Buffer.concat([Uint8Array.of(flags), Streams.uint32(length), Uint8Array.from(body)])
