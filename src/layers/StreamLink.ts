/**
 * A link over one HTTP/2 stream that speaks Connect: what both ends of a direct call share.
 *
 * What comes is parsed and handed to the listener, or the waiting reader, in the turn in which it came, so that an
 * answer leaves with the same look at the socket. While nobody reads, the stream is paused, and its window stops the
 * peer; a write waits until the stream has passed it on, and what is sent meanwhile goes out as one frame.
 */
import * as http2 from "node:http2"
import { Cause, Effect, Option, Result, Schema } from "effect"
import * as Buffers from "../protocol/flow/Buffers.ts"
import * as Envelope from "../protocol/flow/Envelope.ts"
import type * as Frame from "../protocol/flow/Frame.ts"
import * as FrameBytes from "../protocol/flow/FrameBytes.ts"
import * as Progress from "../protocol/flow/Progress.ts"
import { type Link, LinkBroken, type Listener } from "../services/Transport.ts"
import type { Carrier } from "./ConnectLink.ts"
import * as FlowBuffers from "./FlowBuffers.ts"
import * as Signal from "./Signal.ts"

export const path = "/grinta.v1.FlowService/Open"
export const contentType = "application/connect+proto"
export const protocolVersion = "1"

export interface Options {
  readonly carrier: Carrier
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** The caller reads an answer, which says how it ended; the endpoint writes one. */
  readonly role: "caller" | "endpoint"
  /** Runs before the first bytes are written. */
  readonly begin: () => void
}

export interface StreamLink {
  readonly link: Link
  /** Reads what comes from now on. */
  readonly listen: () => void
  /** Looks whether a frame that has begun goes on coming; one that does not is a violation. */
  readonly look: (nowMillis: number) => void
  /** What comes is no flow, so nobody hears it. */
  readonly refuse: (why: LinkBroken) => void
}

/** Frames that the stream holds: with another one behind it a frame would stop in the middle whenever the window does. */
const writesMax = 1

const End = Schema.fromJsonString(Schema.Struct({ error: Schema.optionalKey(Schema.Unknown) }))
const decodeEnd = Schema.decodeUnknownOption(End)
const decoder = new TextDecoder()

const ignore = () => undefined

const violation = (detail: string) => new LinkBroken({ how: "violation", detail })

/** How an answer ended that said so. */
const endOf = (json: Uint8Array): LinkBroken | Cause.Done => {
  const text = decoder.decode(json)
  const end = decodeEnd(text)
  if (Option.isNone(end)) return violation("the answer ended with something that is no end")
  return end.value.error === undefined ? Cause.Done() : violation(`the answer ended with ${text.slice(0, 200)}`)
}

export const make = (stream: http2.Http2Stream, options: Options): StreamLink => {
  const { carrier, role } = options
  const parser = Envelope.make({
    bytesMax: options.frameWireBytesMax,
    hasEnd: role === "caller",
    buffers: FlowBuffers.shared,
    isOneMessage: FrameBytes.isOneMessage
  })
  const progress = Progress.make()
  const arrival = Signal.make()
  const room = Signal.make()
  let waiting: Array<Uint8Array> = []
  /** Index in `waiting` of the next frame to hand out. */
  let head = 0
  /** What follows the frames that wait. */
  let ended: (() => LinkBroken | Cause.Done) | undefined
  let listener: Listener | undefined
  /** The listener has taken all that it may. */
  let isHeld = true
  let isEndHeard = false
  let isBegun = false
  let isFinished = false
  let writes = 0

  const endWith = (how: () => LinkBroken | Cause.Done): void => {
    ended ??= how
    notify()
  }

  const hasNews = (): boolean => head < waiting.length || ended !== undefined

  const onData = (chunk: Uint8Array): void => {
    if (ended !== undefined) return
    const detail = Envelope.push(parser, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), waiting)
    if (detail !== undefined) ended = () => violation(detail)
    if (hasNews()) notify()
    if (head < waiting.length) stream.pause()
  }

  const look = (nowMillis: number): void => {
    if (ended !== undefined) return
    const isOpen = !Envelope.isComplete(parser) && !stream.isPaused()
    const frame = isOpen ? parser.wholeCount : undefined
    const detail = Progress.look(progress, options.progress, { nowMillis, frame, bytes: parser.pushedBytes })
    if (detail !== undefined) endWith(() => violation(detail))
  }

  /** The stream says nothing more. One that was reset, or whose peer died, may end as if in good order. */
  const onEnd = (): void => {
    const how = carrier.fate()
    const { end } = parser
    const lost = (detail: string) => endWith(() => new LinkBroken({ how: "lost", detail }))
    if (how !== "open") endWith(() => new LinkBroken({ how, detail: "no more frames" }))
    else if (!Envelope.isComplete(parser)) lost("it stopped within a frame")
    else if (end !== undefined) endWith(() => endOf(end))
    else if (role === "endpoint") endWith(() => Cause.Done())
    else lost("the answer stopped without its end")
  }

  const onBroken = (): void => {
    const broken = carrier.cause()
    if (broken !== undefined) listener?.onBroken(broken)
  }

  const onClose = (): void => {
    if (ended === undefined) onEnd()
    onBroken()
    onRoom()
  }

  /** Reads on once everything was handed out: an ended link throws away what still comes. */
  const goOn = (): void => {
    if (head < waiting.length) return
    waiting = []
    head = 0
    if (stream.isPaused()) stream.resume()
  }

  /** The next frame, if one has come; one that is none ends the link. */
  const take = (): Frame.Frame | undefined => {
    const bytes = waiting[head]
    if (bytes === undefined) return undefined
    head += 1
    goOn()
    const frame = FrameBytes.decode(bytes, FlowBuffers.shared)
    if (Result.isSuccess(frame)) return frame.success
    const { detail } = frame.failure
    ended = () => violation(detail)
    waiting = []
    goOn()
    return undefined
  }

  const read: Link["read"] = Effect.suspend(() => {
    const frame = take()
    if (frame !== undefined) return Effect.succeed(frame)
    return ended === undefined ? Effect.flatMap(Signal.until(arrival, hasNews), () => read) : Effect.fail(ended())
  })

  /** Gives the listener what it may take. */
  const deliver = (): void => {
    while (listener !== undefined && !isHeld) {
      const frame = take()
      if (frame !== undefined) isHeld = !listener.onFrame(frame)
      else if (ended === undefined || isEndHeard) return
      else {
        isEndHeard = true
        listener.onEnd(ended)
      }
    }
  }

  const notify = (): void => {
    if (listener === undefined) Signal.notify(arrival)
    else deliver()
  }

  const attach: Link["attach"] = (to) => {
    listener = to
    return {
      goOn: () => {
        if (!isHeld) return
        isHeld = false
        deliver()
      },
      finish,
      detach: () => {
        listener = undefined
      }
    }
  }

  const begin = (): void => {
    if (isBegun) return
    isBegun = true
    options.begin()
  }

  const isOver = (): boolean => stream.destroyed || stream.closed || stream.writableEnded

  const finish = (): void => {
    if (isFinished) return
    isFinished = true
    Signal.notify(room)
    if (isOver()) return
    begin()
    if (role === "endpoint") stream.end(carrier.fate() === "deadline" ? Envelope.lateEnd : Envelope.goodEnd)
    else stream.end()
  }

  const overBy = (): LinkBroken => {
    if (isFinished) return new LinkBroken({ how: "finished", detail: "this side has finished" })
    const how = carrier.fate()
    return new LinkBroken({ how: how === "open" ? "finished" : how, detail: "the stream takes no more frames" })
  }

  const over = Effect.suspend(() => Effect.fail(overBy()))

  const onRoom = (): void => {
    Signal.notify(room)
    listener?.onRoom()
  }

  const onWritten = (frame: Uint8Array, error: Error | null | undefined): void => {
    if (!error) Buffers.give(FlowBuffers.shared, frame)
    writes -= 1
    if (writes === writesMax - 1) onRoom()
  }

  const hasRoom = (): boolean => writes < writesMax || isFinished || isOver()

  const put = (frame: Frame.Frame): void => {
    begin()
    writes += 1
    const bytes = FrameBytes.encode(frame)
    stream.write(bytes, (error) => onWritten(bytes, error))
  }

  const fill: Link["fill"] = (next) => {
    while (writes < writesMax && !isFinished && !isOver()) {
      const frame = next()
      if (frame === undefined) return
      put(frame)
    }
    if ((isFinished || isOver()) && next() !== undefined) listener?.onBroken(overBy)
  }

  const write: Link["write"] = (frame) =>
    Effect.suspend(() => {
      if (isFinished || isOver()) return over
      if (writes >= writesMax) return Effect.flatMap(Signal.until(room, hasRoom), () => write(frame))
      put(frame)
      if (writes < writesMax) return Effect.void
      return Effect.flatMap(Signal.until(room, hasRoom), () => (isFinished || isOver() ? over : Effect.void))
    })

  const cancel: Link["cancel"] = (last) =>
    Effect.suspend(() => {
      if (isFinished || isOver()) return Effect.void
      if (writes >= writesMax) {
        isFinished = true
        stream.close(http2.constants.NGHTTP2_CANCEL)
        return Effect.void
      }
      begin()
      stream.write(FrameBytes.encode(last))
      finish()
      // Whoever opened the stream lets it flush before it closes it.
      return Effect.void
    })

  carrier.onExpired(onBroken)
  // What happens once needs no `once`, which would cost an idle flow more than the listener.
  stream.on("error", ignore).on("end", onEnd).on("close", onClose)
  return {
    link: {
      write,
      isIdle: () => writes === 0,
      fill,
      read,
      finish: Effect.sync(finish),
      cancel,
      broken: carrier.broken,
      attach,
      ...(role === "endpoint" && { stopped: carrier.stopped })
    },
    look,
    listen: () => stream.on("data", onData),
    refuse: (why) => {
      endWith(() => why)
      stream.resume()
    }
  }
}
