/**
 * A session of flows on a memory network, as HTTP/2 has them: streams with windows, PING, GOAWAY. A state machine without
 * I/O; a step changes its state and gives what is to happen.
 *
 * ```text
 *   session   open ── GOAWAY said or heard ──> retired (its streams go on, no new ones) ── connection over ──> lost
 *   stream    each direction: open ── End ──> ended; both: ── Reset, GOAWAY below its number, lost ──> broken
 * ```
 *
 * Invariants: what a sender has on its way on a stream is at most a window, and a frame; on a session, too. The window of a
 * session is given back as data comes, that of a stream as it is read, half a window at a time.
 * Source: RFC 9113; `transport/http2/Session.ts`.
 */
import type { Frame } from "../../../protocol/flow/Frame.ts"
import type { LinkBroken } from "../../../services/Transport.ts"

/** As over HTTP/2, in bytes. */
export const streamWindowBytes = 160 * 1024
export const sessionWindowBytes = 16 * 1024 * 1024

/** What a message takes on the wire beside its frame, in bytes. */
export const headerBytes = 9
const openBytes = 200

export type Message =
  | { readonly _tag: "Settings"; readonly isAnswer: boolean }
  | { readonly _tag: "Open"; readonly id: number }
  | { readonly _tag: "Data"; readonly id: number; readonly frame: Frame; readonly bytes: number }
  | { readonly _tag: "End"; readonly id: number }
  /** `isQuiet`: the sender has said all, and wants no more. */
  | { readonly _tag: "Reset"; readonly id: number; readonly isQuiet: boolean }
  /** `id` 0 is the session. */
  | { readonly _tag: "Window"; readonly id: number; readonly bytes: number }
  | { readonly _tag: "Ping"; readonly token: number; readonly isAnswer: boolean }
  /** Streams above this number were not looked at. */
  | { readonly _tag: "Goaway"; readonly lastId: number }

export const bytesOf = (message: Message): number => {
  if (message._tag === "Data") return headerBytes + message.bytes
  return message._tag === "Open" ? openBytes : 2 * headerBytes
}

export type Broken = Extract<LinkBroken["how"], "lost" | "reset" | "refused">

export interface Stream {
  readonly id: number
  /** What may be sent, and what was read and not given back, in bytes. */
  window: number
  owed: number
  isFinished: boolean
  isEnded: boolean
  broken: Broken | undefined
}

export interface Session {
  readonly role: "client" | "server"
  phase: "open" | "retired" | "lost"
  /** The other side has taken the settings of this one: before that it may break its bounds. */
  isAgreed: boolean
  nextId: number
  /** The last stream that the other side has opened. */
  lastId: number
  window: number
  owed: number
  readonly streams: Map<number, Stream>
}

export type Output =
  | { readonly _tag: "Send"; readonly message: Message }
  | { readonly _tag: "Opened"; readonly stream: Stream }
  | { readonly _tag: "Came"; readonly stream: Stream; readonly frame: Frame; readonly bytes: number }
  | { readonly _tag: "Ended"; readonly stream: Stream }
  | { readonly _tag: "Broke"; readonly stream: Stream }
  /** The other side wants no more of a stream that it has finished. */
  | { readonly _tag: "Stopped"; readonly stream: Stream }
  /** A stream may send again; all of them when there is none. */
  | { readonly _tag: "Room"; readonly stream: Stream | undefined }
  | { readonly _tag: "Agreed" }
  | { readonly _tag: "Answered"; readonly token: number }
  | { readonly _tag: "Retired" }

export type Outputs = ReadonlyArray<Output>

const nothing: Outputs = []
const send = (message: Message): Output => ({ _tag: "Send", message })

const makeStream = (id: number): Stream => ({
  id,
  window: streamWindowBytes,
  owed: 0,
  isFinished: false,
  isEnded: false,
  broken: undefined
})

export const make = (role: Session["role"]): readonly [Session, Outputs] => [
  {
    role,
    phase: "open",
    isAgreed: false,
    nextId: 1,
    lastId: 0,
    window: sessionWindowBytes,
    owed: 0,
    streams: new Map()
  },
  [send({ _tag: "Settings", isAnswer: false })]
]

/** Opens a stream; there is none on a session that takes no more. */
export const open = (session: Session): readonly [Stream, Outputs] | undefined => {
  if (session.phase !== "open") return undefined
  const stream = makeStream(session.nextId)
  session.nextId += 2
  session.streams.set(stream.id, stream)
  return [stream, [send({ _tag: "Open", id: stream.id })]]
}

const isOver = ({ broken, isEnded, isFinished }: Stream): boolean => broken !== undefined || (isFinished && isEnded)

/** Lets go of a stream that has nothing more to say or to hear. */
const settle = (session: Session, stream: Stream): void => {
  if (isOver(stream)) session.streams.delete(stream.id)
}

export const mayWrite = (session: Session, stream: Stream): boolean =>
  !stream.isFinished && stream.broken === undefined && session.window > 0 && stream.window > 0

export const write = (session: Session, stream: Stream, frame: Frame, bytes: number): Outputs => {
  session.window -= bytes
  stream.window -= bytes
  return [send({ _tag: "Data", id: stream.id, frame, bytes })]
}

export const finish = (session: Session, stream: Stream): Outputs => {
  if (stream.isFinished || stream.broken !== undefined) return nothing
  stream.isFinished = true
  settle(session, stream)
  return [send({ _tag: "End", id: stream.id })]
}

const breakOne = (session: Session, stream: Stream, broken: Broken): Outputs => {
  if (stream.broken !== undefined) return nothing
  stream.broken = broken
  session.streams.delete(stream.id)
  return [{ _tag: "Broke", stream }]
}

/** Gives a stream up; no effect on one that both sides have finished. */
export const reset = (session: Session, stream: Stream): Outputs => {
  if (isOver(stream)) return nothing
  return [send({ _tag: "Reset", id: stream.id, isQuiet: false }), ...breakOne(session, stream, "reset")]
}

/** Wants no more of a stream that this side has finished. */
export const stop = (session: Session, stream: Stream): Outputs => {
  if (isOver(stream)) return nothing
  stream.isEnded = true
  settle(session, stream)
  return [send({ _tag: "Reset", id: stream.id, isQuiet: true })]
}

/** So many bytes of a stream were read. */
export const read = (stream: Stream, bytes: number): Outputs => {
  stream.owed += bytes
  if (stream.owed < streamWindowBytes / 2 || stream.isEnded || stream.broken !== undefined) return nothing
  const owed = stream.owed
  stream.owed = 0
  return [send({ _tag: "Window", id: stream.id, bytes: owed })]
}

/** Takes no more streams, and says so. */
export const retire = (session: Session): Outputs => {
  if (session.phase !== "open") return nothing
  session.phase = "retired"
  return [send({ _tag: "Goaway", lastId: session.lastId }), { _tag: "Retired" }]
}

/** The connection is over. */
export const lose = (session: Session): Outputs => {
  if (session.phase === "lost") return nothing
  session.phase = "lost"
  const broke = [...session.streams.values()].flatMap((stream) => breakOne(session, stream, "lost"))
  return [...broke, { _tag: "Agreed" }, { _tag: "Retired" }]
}

const data = (session: Session, message: Extract<Message, { readonly _tag: "Data" }>): Outputs => {
  const { bytes, frame, id } = message
  const stream = session.streams.get(id)
  const came: Array<Output> = stream === undefined ? [] : [{ _tag: "Came", stream, frame, bytes }]
  session.owed += bytes
  if (session.owed < sessionWindowBytes / 2) return came
  const owed = session.owed
  session.owed = 0
  return [...came, send({ _tag: "Window", id: 0, bytes: owed })]
}

const goaway = (session: Session, lastId: number): Outputs => {
  if (session.role === "server") return nothing
  const unseen = [...session.streams.values()].filter(({ id }) => id > lastId)
  const broke = unseen.flatMap((stream) => breakOne(session, stream, "refused"))
  if (session.phase !== "open") return broke
  session.phase = "retired"
  return [...broke, { _tag: "Retired" }]
}

/** What has come from the other side. */
export const receive = (session: Session, message: Message): Outputs => {
  if (session.phase === "lost") return nothing
  switch (message._tag) {
    case "Settings":
      if (!message.isAnswer) return [send({ _tag: "Settings", isAnswer: true })]
      session.isAgreed = true
      return [{ _tag: "Agreed" }]
    case "Open": {
      // A stream that comes after GOAWAY is not looked at, and its opener knows.
      if (session.phase !== "open") return nothing
      const stream = makeStream(message.id)
      session.lastId = message.id
      session.streams.set(message.id, stream)
      return [{ _tag: "Opened", stream }]
    }
    case "Data":
      return data(session, message)
    case "End": {
      const stream = session.streams.get(message.id)
      if (stream === undefined) return nothing
      stream.isEnded = true
      settle(session, stream)
      return [{ _tag: "Ended", stream }]
    }
    case "Reset": {
      const stream = session.streams.get(message.id)
      if (stream === undefined) return nothing
      if (!message.isQuiet || !stream.isEnded) return breakOne(session, stream, "reset")
      stream.isFinished = true
      settle(session, stream)
      return [{ _tag: "Stopped", stream }]
    }
    case "Window": {
      const stream = session.streams.get(message.id)
      if (message.id === 0) session.window += message.bytes
      else if (stream === undefined) return nothing
      else stream.window += message.bytes
      return [{ _tag: "Room", stream }]
    }
    case "Ping":
      if (message.isAnswer) return [{ _tag: "Answered", token: message.token }]
      return [send({ ...message, isAnswer: true })]
    case "Goaway":
      return goaway(session, message.lastId)
  }
}
