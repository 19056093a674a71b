/**
 * What both ends of an HTTP/2 session need: bounds, keepalive, whether it is lost, and who hears of its streams.
 */
import * as http2 from "node:http2"
import type * as tls from "node:tls"
import { Clock, Deferred, Duration, Effect, Option } from "effect"
import * as Progress from "../protocol/flow/Progress.ts"
import type { Link } from "../services/Transport.ts"
import * as FlowDeadline from "./FlowDeadline.ts"

/**
 * Unread data that a stream may hold at its receiver: two frames and a half. A window of one, 64 KiB, takes no whole
 * frame with its envelope, so each would wait for its last bytes. Source: faults.md, rows D-14 and G9.
 */
export const streamWindowBytes = 160 * 1024

/**
 * What may be on its way on a session. It bounds no memory: Node gives it back as data comes, even of a stream that nobody
 * reads, so stalled streams do not take it from their neighbours.
 */
export const sessionWindowBytes = 64 * 1024 * 1024

/** Node's own bound kills a session of some 9,700 flows; faults.md, section 0, finding 6. */
export const sessionMemoryMegabytes = 1000

export const settings: http2.Settings = {
  initialWindowSize: streamWindowBytes,
  enablePush: false,
  maxHeaderListSize: 16 * 1024
}

export interface Keepalive {
  /** How often a peer is asked for a sign of life. */
  readonly interval: Duration.Input
  /** How long the sign of life may take. */
  readonly timeout: Duration.Input
}

/**
 * A session whose end is known to be the end of its connection, whatever its streams say.
 *
 * States: open (takes new streams) -> retired (the streams that it has go on, new ones need another session) -> lost.
 */
export interface Session<S extends http2.Http2Session = http2.Http2Session> {
  readonly http2: S
  /** As `Link.proven`. */
  readonly proven: Link["proven"]
  readonly isLost: () => boolean
  readonly isOpen: () => boolean
  /** Takes no more streams. */
  readonly retire: () => void
  /** Waits until it is not open any more. */
  readonly retired: Effect.Effect<void>
  readonly closed: Effect.Effect<void>
  /** Waits until its connection is closed, and resets one that is not soon. */
  readonly leave: Effect.Effect<void>
  /** Who hears of a stream, until it is closed. What happens once needs no `once`, which would cost more than the listener. */
  readonly streams: Map<http2.Http2Stream, Heard>
  readonly listeners: ReturnType<typeof listenersOf>
  /** True of a stream that never left, or of which the peer has said by GOAWAY that it never looked at it. */
  readonly isUnseen: (stream: http2.Http2Stream) => boolean
}

/** Who hears of a stream, by the listeners that all streams of its session share. */
export interface Heard {
  readonly onData: (chunk: Uint8Array) => void
  /** The stream says nothing more. */
  readonly onEnd: () => void
  readonly onError: (cause: NodeJS.ErrnoException) => void
  /** All that was written is out. */
  readonly onFinish: () => void
  readonly onClose: () => void
  /** Comes now and then, until the stream is closed. */
  readonly look: (nowMillis: number) => void
}

/** Listeners that find their stream: a closure for each event of each stream would be most of what an idle one costs. */
const listenersOf = (streams: Map<http2.Http2Stream, Heard>) => ({
  data(this: http2.Http2Stream, chunk: Uint8Array): void {
    streams.get(this)?.onData(chunk)
  },
  end(this: http2.Http2Stream): void {
    streams.get(this)?.onEnd()
  },
  error(this: http2.Http2Stream, cause: NodeJS.ErrnoException): void {
    streams.get(this)?.onError(cause)
  },
  finish(this: http2.Http2Stream): void {
    streams.get(this)?.onFinish()
  },
  close(this: http2.Http2Stream): void {
    const heard = streams.get(this)
    streams.delete(this)
    heard?.onClose()
  }
})

/** How long a connection may take to close once its session is over. */
const leaveTimeout = "1 second"

/** What TLS knows of a session. */
export interface Secured {
  readonly socket: tls.TLSSocket
  readonly proven: ReadonlyArray<string>
}

/** Adopts a session as soon as it is connected: its window, its listeners. */
export const adopt = <S extends http2.Http2Session>(session: S, secured?: Secured): Session<S> => {
  const closed = Deferred.makeUnsafe<void>()
  const retired = Deferred.makeUnsafe<void>()
  const disconnected = Deferred.makeUnsafe<void>()
  // Bound to the connection, which a session that was destroyed does not show any more. Under TLS none can be reset.
  const reset: () => unknown = secured === undefined ? session.socket.resetAndDestroy : () => secured.socket.destroy()
  const streams = new Map<http2.Http2Stream, Heard>()
  let isLost = false
  let lastSeenId = Number.POSITIVE_INFINITY
  const retire = () => {
    Deferred.doneUnsafe(retired, Effect.void)
  }
  const lose = () => {
    isLost = true
    retire()
    Deferred.doneUnsafe(closed, Effect.void)
  }
  session.on("goaway", (_code, lastStreamId) => {
    // What a client says there is of streams that a server opens, and there are none.
    if (session.type === http2.constants.NGHTTP2_SESSION_CLIENT) lastSeenId = lastStreamId
    retire()
  })
  // The socket tells first: its streams close in the same turn, and the session only after them.
  session.socket
    .once("end", lose)
    .once("close", lose)
    .once("close", () => Deferred.doneUnsafe(disconnected, Effect.void))
  session.once("close", lose).on("error", lose)
  session.setLocalWindowSize(sessionWindowBytes)
  const isGone = () => isLost || session.destroyed
  return {
    http2: session,
    proven: secured?.proven,
    isLost: isGone,
    isOpen: () => !isGone() && !session.closed && !Deferred.isDoneUnsafe(retired),
    retire,
    retired: Deferred.await(retired),
    closed: Deferred.await(closed),
    // Node first writes what there is to be written, and a peer that reads nothing would keep its connection for ever.
    leave: Effect.timeoutOrElse(Deferred.await(disconnected), {
      duration: leaveTimeout,
      orElse: () => Effect.sync(reset)
    }),
    streams,
    listeners: listenersOf(streams),
    isUnseen: ({ id }) => (id === undefined ? isGone() : id > lastSeenId)
  }
}

/**
 * Asks the peer for signs of life until the session is closed, and closes it when none comes.
 *
 * A process that was busy itself must not accuse its peer: its timers run before it reads what has come. So an answer that
 * is overdue gets one more look, after the event loop has read its sockets (faults.md, section 0, finding 10).
 */
export const keepAlive = Effect.fnUntraced(function* (session: http2.Http2Session, keepalive: Keepalive) {
  while (true) {
    yield* Effect.sleep(keepalive.interval)
    if (session.destroyed) return
    const answered = Deferred.makeUnsafe<void>()
    session.ping(() => Deferred.doneUnsafe(answered, Effect.void))
    const inTime = yield* Effect.timeoutOption(Deferred.await(answered), keepalive.timeout)
    if (Option.isSome(inTime)) continue
    yield* Effect.sleep("10 millis")
    if (!Deferred.isDoneUnsafe(answered)) return session.destroy()
  }
})

/** How a stream is watched, when a frame may take so long. */
export const progressOf = (frameTimeout: Duration.Input): Progress.Bounds => ({
  ...Progress.defaults,
  frameMillisMax: Duration.toMillis(frameTimeout)
})

/** How often streams are looked at, in milliseconds: more often when a frame may take less than four times as long. */
const lookMillis = { most: 1000, least: 10 } as const

/** Looks at the streams of a session until it is closed: one timer for all of them. */
export const watch = Effect.fnUntraced(function* (session: Session, frameTimeout: Duration.Input) {
  const pause = Math.max(lookMillis.least, Math.min(lookMillis.most, Duration.toMillis(frameTimeout) / 4))
  while (!session.isLost()) {
    yield* Effect.sleep(pause)
    const nowMillis = yield* FlowDeadline.now
    for (const heard of session.streams.values()) heard.look(nowMillis)
  }
})

/** Waits until a session has had no stream for so long after its last one. `onClosed` is told of each that has closed. */
export const idle = Effect.fnUntraced(function* (
  session: http2.ServerHttp2Session,
  timeout: Duration.Input,
  onClosed: (stream: http2.Http2Stream) => void
) {
  const millis = Duration.toMillis(timeout)
  let streams = 0
  let since: number | undefined
  const clock = yield* Clock.Clock
  // One listener for all streams: a closure for each would be a part of what an idle one costs.
  function onClose(this: http2.Http2Stream): void {
    streams -= 1
    since = FlowDeadline.nowOf(clock)
    onClosed(this)
  }
  session.on("stream", (stream) => {
    streams += 1
    stream.on("close", onClose)
  })
  while (true) {
    const left = streams > 0 || since === undefined ? millis : since + millis - (yield* FlowDeadline.now)
    if (left <= 0) return
    yield* Effect.sleep(FlowDeadline.timer(left))
  }
})
