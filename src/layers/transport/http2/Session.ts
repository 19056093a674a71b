/**
 * What both ends of an HTTP/2 session need: bounds, whether it is lost, and who hears of its streams.
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
import type { Proof } from "./tls/Tenure.ts"

/**
 * Unread data that a stream may hold at its receiver: two frames and a half. A window of one, 64 KiB, takes no whole
 * frame with its envelope, so each would wait for its last bytes. Source: faults.md, rows D-14 and G9.
 */
export const streamWindowBytes = 160 * 1024

/**
 * What may be on its way on a session, and so what may wait in it unread while its own socket is full. Beside that it bounds
 * no memory: Node gives it back as data comes, even of a stream that nobody reads, so stalled streams do not take it from
 * their neighbours. A sender that hands over more than it to its session has some of its streams starve (`Http2Room`).
 */
export const sessionWindowBytes = 16 * 1024 * 1024

/** Node's own bound kills a session of some 9,700 flows; faults.md, section 0, finding 6. */
export const sessionMemoryMegabytes = 1000

/** Headers of a call, those of HTTP/2 itself among them, and their bytes with 32 for each. */
export const headerPairsMax = 64
export const headerListBytesMax = 16 * 1024

/** Whether the headers of a call are too long. Node sees to that, but not before its settings were acknowledged. */
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
 * A session whose end is known to be the end of its connection, whatever its streams say.
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
  /** Waits until it is not open any more. */
  readonly retired: Effect.Effect<void>
  readonly closed: Effect.Effect<void>
  /**
   * Waits until the peer has acknowledged the settings of this side, or the session is lost. Before that nothing binds what
   * the peer says: neither the bytes of its headers, nor that it may push nothing.
   */
  readonly agreed: Effect.Effect<void>
  /** Waits until its connection is closed, and closes one that is not soon. */
  readonly leave: Effect.Effect<void>
  /** Closes it and its connection at once, with nobody at the other end. */
  readonly abandon: () => void
  /** Somebody says that its peer is dead: it ends soon, unless it gives a sign of life. */
  readonly doubt: () => void
  /** Whether somebody has said so since it was last asked. */
  readonly isDoubted: () => boolean
  /** Who hears of a stream, until it is closed. What happens once needs no `once`, which would cost more than the listener. */
  readonly streams: Map<http2.Http2Stream, Heard>
  readonly listeners: ReturnType<typeof listenersOf>
  readonly counts: Counts
  /** As `Link.countedAs`. */
  countedAs: Link["countedAs"]
  /** All that counts as the same. */
  peer: Peer | undefined
  /** Who keeps a session of a client to the rules. */
  guard: Guard | undefined
  /** What the peer has said by GOAWAY last. */
  readonly lastWord: () => readonly [code: number, said: Uint8Array | undefined] | undefined
  /** True of a stream that never left, or of which the peer has said by GOAWAY that it never looked at it. */
  readonly isUnseen: (stream: http2.Http2Stream) => boolean
}

/** What counts as the same peer. */
export interface Peer {
  readonly share: Share.Share<Heard>
  readonly sessions: Set<Session>
  /** The share was looked at. */
  readonly changed: Signal.Signal
  /** Flows that wait for the bytes of others to go. */
  waiting: number
  lookedMillis: number
  /** What had come on its sessions at the last look. */
  readBytes: number
}

/** What the streams of a session are and were. */
export interface Counts {
  /** Streams that carry something: a first frame has come. */
  begun: number
  /** All that have ever begun. */
  everBegun: number
  /** Pieces of streams that have come, and their bytes. */
  pieces: number
  pieceBytes: number
}

export interface Guard {
  /** A stream carries something. */
  readonly onBegun: () => void
  /** A stream has closed. */
  readonly onGone: (rstCode: number | undefined, hasBegun: boolean) => void
  /** A flow has failed by the fault of its peer. */
  readonly onFault: () => void
  /** More comes that brings nothing than may. */
  readonly onWaste: () => void
}

/** After so many pieces the socket is read no further in the same turn. Those of large messages are fewer than that. */
const piecesPerTurn = 256

/** Who hears of a stream, by the listeners that all streams of its session share. */
export interface Heard {
  readonly onData: (chunk: Uint8Array) => void
  /** The stream says nothing more. */
  readonly onEnd: () => void
  readonly onError: (cause: NodeJS.ErrnoException) => void
  /** It has closed: what it came to is decided, and nobody is told yet. */
  readonly onGone: () => void
  /** It has closed, and whoever is to know is told. */
  readonly onClose: () => void
  /** What has come and is not counted yet, since the stream is not read. */
  readonly unreadBytes: () => number
  /** Counts what it holds, if it does. */
  readonly count: (share: Share.Share<Heard>, nowMillis: number) => void
  /** Ends the flow of the stream, since what it holds has stayed for too long. */
  readonly giveUp: (detail: string) => void
  /** Comes now and then, until the stream is closed. Of a session that is busy it is not known which stream holds up another. */
  readonly look: (nowMillis: number, isQuiet: boolean) => void
}

/** Listeners that find their stream: a closure for each event of each stream would be most of what an idle one costs. */
const listenersOf = (
  streams: Map<http2.Http2Stream, Heard>,
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
  /** Of a stream that was reset, or whose session is lost, the end is told when it closes, in its turn. */
  end(this: http2.Http2Stream): void {
    const heard = streams.get(this)
    if (heard !== undefined && !isLost() && !this.rstCode) Http2Ends.ended(heard)
  },
  error(this: http2.Http2Stream, cause: NodeJS.ErrnoException): void {
    streams.get(this)?.onError(cause)
  },
  close(this: http2.Http2Stream): void {
    const heard = streams.get(this)
    streams.delete(this)
    if (heard === undefined) return
    heard.onGone()
    Http2Ends.closed(heard)
  }
})

/** How long a connection may take to close once its session is over. */
const leaveTimeout = "1 second"

/** Adopts a session as soon as it is connected, on its socket: its window, its listeners. */
export const adopt = <S extends http2.Http2Session>(session: S, under: net.Socket, proof: Proof = {}): Session<S> => {
  const closed = Deferred.makeUnsafe<void>()
  const retired = Deferred.makeUnsafe<void>()
  const disconnected = Deferred.makeUnsafe<void>()
  const agreed = Deferred.makeUnsafe<void>()
  const socket = new Http2Socket(under)
  const streams = new Map<http2.Http2Stream, Heard>()
  const counts: Counts = { begun: 0, everBegun: 0, pieces: 0, pieceBytes: 0 }
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
    // What a client says there is of streams that a server opens, and there are none.
    if (isClient) lastSeenId = lastStreamId
    retire()
  })
  // The socket tells first: its streams close in the same turn, and the session only after them.
  under
    .once("end", lose)
    .once("close", lose)
    .once("close", () => Deferred.doneUnsafe(disconnected, Effect.void))
  session.once("close", lose).on("error", lose)
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
    // Node first writes what there is to be written, and a peer that reads nothing would keep its connection for ever.
    leave: Effect.timeoutOrElse(Deferred.await(disconnected), {
      duration: leaveTimeout,
      orElse: () => Effect.sync(() => under.destroy())
    }),
    abandon: () => {
      lose()
      // In this order: a session that is destroyed ends its socket, and one that is ending cannot be reset.
      socket.reset()
      session.destroy()
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

/** How a stream is watched, when a frame may take so long. */
export const progressOf = (frameTimeout: Duration.Input): Progress.Bounds => ({
  ...Progress.defaults,
  frameMillisMax: Duration.toMillis(frameTimeout)
})

/** Waits until a session has had no stream for so long after its last one. */
export const idle = Effect.fnUntraced(function* (session: http2.ServerHttp2Session, timeout: Duration.Input) {
  const millis = Duration.toMillis(timeout)
  let streams = 0
  let since: number | undefined
  const clock = yield* Clock.Clock
  // One listener for all streams: a closure for each would be a part of what an idle one costs.
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
