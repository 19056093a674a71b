/**
 * Session: an HTTP/2 session as both its ends need it: bounds, whether it is lost, and the listeners of its streams.
 */
import * as http2 from "node:http2"
import type * as net from "node:net"
import { Clock, Deferred, Duration, Effect } from "effect"
import * as Progress from "../../../protocol/flow/Progress.ts"
import type * as Share from "../../../protocol/flow/Share.ts"
import type { Link } from "../../../services/Transport.ts"
import * as Monotonic from "../../core/Monotonic.ts"
import type * as Signal from "../../core/Signal.ts"
import * as Http2Ends from "./Ends.ts"
import { Http2Room } from "./Room.ts"
import { Http2Socket } from "./Socket.ts"
import * as Teardown from "./Teardown.ts"
import type { Proof } from "./tls/Tenure.ts"

/**
 * Window of a stream: unread data that it may hold at its receiver, two frames and a half. A window of one, 64 KiB,
 * takes no whole frame with its envelope, so each would wait for its last bytes. Source: faults.md, G9; security.md,
 * D-14.
 */
export const streamWindowBytes = 160 * 1024

/**
 * Window of a session: data on its way, and so data that waits in it unread while its own socket is full. Beside that
 * it bounds no memory: Node gives it back as data comes, even of an unread stream, so stalled streams do not take it
 * from their neighbours. A sender that hands over more than it to its session has some streams starve (`Http2Room`).
 */
export const sessionWindowBytes = 16 * 1024 * 1024

/** Memory bound of Node, which by default kills a session of some 9,700 flows; faults.md, section 0, finding 6. */
export const sessionMemoryMegabytes = 1000

/** Bounds of the headers of a call, those of HTTP/2 among them: their number, and their bytes with 32 for each. */
export const headerPairsMax = 64
export const headerListBytesMax = 16 * 1024

/** Whether the headers of a call are too long. Node checks that only once its settings were acknowledged. */
export const isTooLong = (rawHeaders: ReadonlyArray<string>): boolean => {
  let bytes = 16 * rawHeaders.length
  for (const text of rawHeaders) bytes += text.length
  return bytes > headerListBytesMax
}

export const settings: http2.Settings = {
  initialWindowSize: streamWindowBytes,
  enablePush: false,
  maxHeaderListSize: headerListBytesMax
}

/**
 * An HTTP/2 session, which ends with its connection, whatever its streams say.
 *
 * States: open (takes new streams) -> retired (the streams that it has go on, new ones need another session) -> lost.
 */
export interface Session<S extends http2.Http2Session = http2.Http2Session> extends Proof {
  readonly http2: S
  readonly socket: Http2Socket
  readonly room: Http2Room
  readonly isLost: () => boolean
  readonly isOpen: () => boolean
  /** Takes no more streams. A client says so to its server. */
  readonly retire: () => void
  /** Waits until the session is not open any more. */
  readonly retired: Effect.Effect<void>
  readonly closed: Effect.Effect<void>
  /**
   * Waits until the peer has acknowledged the settings of this side, or the session is lost. Before that nothing binds
   * the peer: neither the size of its headers, nor the rule to push nothing.
   */
  readonly agreed: Effect.Effect<void>
  /** Waits until the connection is closed, and closes it after `leaveTimeout`. */
  readonly leave: Effect.Effect<void>
  /** Closes the connection at once, and the session with it, since the peer is gone. */
  readonly abandon: () => void
  /** Closes the session, and tells the peer why by this code of HTTP/2. */
  readonly dismiss: (why: string, code: number) => void
  /** Notes that the peer was declared dead: the session ends soon, unless it gives a sign of life. */
  readonly doubt: () => void
  /** Whether `doubt` was called since this was last asked. */
  readonly isDoubted: () => boolean
  /** Listeners of the open streams. Events that happen once need no `once`, which would cost more than the listener. */
  readonly streams: Map<http2.Http2Stream, StreamListener>
  readonly listeners: ReturnType<typeof listenersOf>
  readonly counts: Counts
  /** As `Link.countedAs`. */
  countedAs: Link["countedAs"]
  /** Sessions that count as the same peer, with their share. */
  peer: Peer | undefined
  /** Keeps the session of a client to the rules. */
  guard: Guard | undefined
  /** Returns the last GOAWAY of the peer. */
  readonly lastWord: () => readonly [code: number, said: Uint8Array | undefined] | undefined
  /** Whether a stream never left, or the peer has said by GOAWAY that it never looked at it. */
  readonly isUnseen: (stream: http2.Http2Stream) => boolean
}

/** Sessions that count as the same peer. */
export interface Peer {
  readonly share: Share.Share<StreamListener>
  readonly sessions: Set<Session>
  /** Notified when the share was looked at. */
  readonly changed: Signal.Signal
  /** Flows that wait for room in the share. */
  waiting: number
  lookedMillis: number
  /** Bytes received on its sessions at the last look. */
  readBytes: number
}

/** Counts of the streams of a session. */
export interface Counts {
  /** Open streams that have begun: their first frame has come. */
  begun: number
  /** Streams that have ever begun. */
  everBegun: number
  /** Pieces of streams received, and their bytes. */
  pieces: number
  pieceBytes: number
  /** Pieces of a few bytes in which no frame of a flow ends. */
  fragments: number
}

export interface Guard {
  /** The first frame of a stream has come. */
  readonly onBegun: () => void
  readonly onGone: (rstCode: number | undefined, hasBegun: boolean) => void
  /** A flow has failed by the fault of its peer. */
  readonly onFault: () => void
  /** More bytes come that bring nothing than may. */
  readonly onWaste: () => void
}

/** Pieces after which the socket is read no further in the same turn. Those of large messages are fewer than that. */
const piecesPerTurn = 256

/** Listener of a stream, called by the listeners that all streams of its session share. */
export interface StreamListener {
  readonly onData: (chunk: Uint8Array) => void
  /** The stream sends nothing more. */
  readonly onEnd: () => void
  readonly onError: (cause: NodeJS.ErrnoException) => void
  /** The stream has closed: its fate is decided, and not told yet. */
  readonly onGone: () => void
  /** The stream has closed: its fate is told. */
  readonly onClose: () => void
  /** Counts bytes that have come and are not counted yet, since the stream is not read. */
  readonly unreadBytes: () => number
  /** Counts the bytes that the stream holds, if any. */
  readonly count: (share: Share.Share<StreamListener>, nowMillis: number) => void
  /** Ends the flow of the stream, since bytes that it holds have stayed for too long. */
  readonly giveUp: (detail: string) => void
  /** Called now and then until the stream closes. In a busy session any stream may hold up another. */
  readonly look: (nowMillis: number, isQuiet: boolean) => void
}

/** Makes listeners that find their stream: a closure for each event of each stream would be most of an idle one. */
const listenersOf = (
  streams: Map<http2.Http2Stream, StreamListener>,
  counts: Counts,
  pause: () => void,
  isLost: () => boolean
) => ({
  data(this: http2.Http2Stream, chunk: Uint8Array): void {
    counts.pieces += 1
    counts.pieceBytes += chunk.byteLength
    if (counts.pieces % piecesPerTurn === 0) pause()
    streams.get(this)?.onData(chunk)
  },
  /** For a stream that was reset, or whose session is lost, the end is told when it closes, in its turn. */
  end(this: http2.Http2Stream): void {
    const listener = streams.get(this)
    if (listener !== undefined && !isLost() && !this.rstCode) Http2Ends.ended(listener)
  },
  error(this: http2.Http2Stream, cause: NodeJS.ErrnoException): void {
    streams.get(this)?.onError(cause)
  },
  close(this: http2.Http2Stream): void {
    const listener = streams.get(this)
    streams.delete(this)
    if (listener === undefined) return
    listener.onGone()
    Http2Ends.closed(listener)
  }
})

/** Time that a connection has to close once its session is over. */
const leaveTimeout = "1 second"

/** Adopts a session as soon as it is connected, on its socket: sets its window and its listeners. */
export const adopt = <S extends http2.Http2Session>(session: S, under: net.Socket, proof: Proof = {}): Session<S> => {
  const closed = Deferred.makeUnsafe<void>()
  const retired = Deferred.makeUnsafe<void>()
  const disconnected = Deferred.makeUnsafe<void>()
  const agreed = Deferred.makeUnsafe<void>()
  const socket = new Http2Socket(under)
  const streams = new Map<http2.Http2Stream, StreamListener>()
  const counts: Counts = { begun: 0, everBegun: 0, pieces: 0, pieceBytes: 0, fragments: 0 }
  let isLost = false
  let isDoubted = false
  let lastSeenId = Number.POSITIVE_INFINITY
  let lastWord: ReturnType<Session["lastWord"]>
  const isClient = session.type === http2.constants.NGHTTP2_SESSION_CLIENT
  const retire = (): void => void Deferred.doneUnsafe(retired, Effect.void)
  const lose = () => {
    isLost = true
    retire()
    Deferred.doneUnsafe(agreed, Effect.void)
    Deferred.doneUnsafe(closed, Effect.void)
  }
  session.on("goaway", (code, lastStreamId, said) => {
    lastWord = [code, said]
    // The last stream of a client's GOAWAY is one that its server opened, and there are none.
    if (isClient) lastSeenId = lastStreamId
    retire()
  })
  // The socket tells first: its streams close in the same turn, and the session only after them.
  under
    .once("end", lose)
    .once("close", lose)
    .once("close", () => Deferred.doneUnsafe(disconnected, Effect.void))
  session.once("close", lose).on("error", lose)
  Teardown.watch(under, streams, lose)
  session.once("localSettings", () => Deferred.doneUnsafe(agreed, Effect.void))
  session.setLocalWindowSize(sessionWindowBytes)
  const isGone = () => isLost || session.destroyed
  return {
    http2: session,
    socket,
    room: new Http2Room(socket, () => session.state.remoteWindowSize ?? Number.POSITIVE_INFINITY),
    proven: proof.proven,
    grants: proof.grants,
    shown: proof.shown,
    isLost: isGone,
    isOpen: () => !isGone() && !session.closed && !Deferred.isDoneUnsafe(retired),
    retire: () => {
      if (isClient && !isGone() && !session.closed && !Deferred.isDoneUnsafe(retired)) session.goaway()
      retire()
    },
    retired: Deferred.await(retired),
    closed: Deferred.await(closed),
    agreed: Effect.suspend(() => (session.pendingSettingsAck ? Deferred.await(agreed) : Effect.void)),
    // Node first writes all pending data, and a peer that reads nothing would keep its connection for ever.
    leave: Effect.timeoutOrElse(Deferred.await(disconnected), {
      duration: leaveTimeout,
      orElse: () => Effect.sync(() => under.destroy())
    }),
    abandon: () => socket.reset(),
    dismiss: (why, code) => {
      lose()
      socket.pause(1 + streams.size / Teardown.closingsPerTurn)
      Teardown.close(under, streams, () => session.destroy(new Error(why), code))
    },
    doubt: () => {
      isDoubted = true
    },
    isDoubted: () => {
      const was = isDoubted
      isDoubted = false
      return was
    },
    streams,
    listeners: listenersOf(streams, counts, () => socket.pause(), isGone),
    counts,
    countedAs: undefined,
    peer: undefined,
    guard: undefined,
    lastWord: () => lastWord,
    isUnseen: ({ id }) => (id === undefined ? isGone() : id > lastSeenId)
  }
}

/** Returns the bounds of a stream's progress, for frames that may take `frameTimeout`. */
export const progressOf = (frameTimeout: Duration.Input): Progress.Bounds => ({
  ...Progress.defaults,
  frameMillisMax: Duration.toMillis(frameTimeout)
})

/** Waits until a session has had no stream for `timeout` after its last one; for ever if it never had one. */
export const idle = Effect.fnUntraced(function* (session: http2.ServerHttp2Session, timeout: Duration.Input) {
  const millis = Duration.toMillis(timeout)
  let streams = 0
  let since: number | undefined
  const clock = yield* Clock.Clock
  // One listener for all streams: a closure for each would be a part of the cost of an idle one.
  const onClose = (): void => {
    streams -= 1
    since = Monotonic.nowOf(clock)
  }
  session.on("stream", (stream) => {
    streams += 1
    stream.on("close", onClose)
  })
  while (true) {
    const left = streams > 0 || since === undefined ? millis : since + millis - (yield* Monotonic.now)
    if (left <= 0) return
    yield* Effect.sleep(Monotonic.timer(left))
  }
})
