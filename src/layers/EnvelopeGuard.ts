/**
 * The body of a request before connect-node sees it: whole envelopes, each with one plain message within the limit.
 *
 * connect-node takes unknown flags for none and an end in a request for nothing, makes room for a whole message when its
 * header has come, and counts all pieces of a message again with each: so it gets none. What is compressed is inflated here,
 * each frame when it is asked for, so that a client is held up by its own.
 */
import { Code, ConnectError } from "@connectrpc/connect"
import * as Envelope from "../protocol/flow/Envelope.ts"
import * as Progress from "../protocol/flow/Progress.ts"
import * as Gunzip from "./Gunzip.ts"

export interface Options {
  /** Of a message, compressed or not. */
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** Whether messages may be compressed, with gzip. */
  readonly hasGzip: boolean
}

export interface Guarded {
  readonly body: AsyncIterable<Uint8Array>
  /** Looks whether a frame that has begun goes on coming; one that does not ends the body as a violation. */
  readonly look: (nowMillis: number, isQuiet: boolean) => void
  /** What has come and connect-node has not, in bytes. */
  readonly heldBytes: () => number
}

interface Message {
  readonly bytes: Uint8Array
  readonly isCompressed: boolean
}

const late = "late"

/** Whether a body ended since a frame came too slowly. */
export const isLate = (cause: unknown): boolean => cause instanceof ConnectError && cause.cause === late

export const guard = (body: AsyncIterable<Uint8Array>, options: Options): Guarded => {
  const bytesMax = options.frameWireBytesMax
  const whole: Array<Message> = []
  const parser: Envelope.Parser = Envelope.make({
    bytesMax,
    hasEnd: false,
    hasGzip: options.hasGzip,
    body: Envelope.whole((bytes) => whole.push({ bytes, isCompressed: Envelope.isCompressed(parser) }))
  })
  const progress = Progress.make()
  let givenBytes = 0
  let violation: string | undefined
  /** Told of a violation while the next envelope is awaited. */
  let refuse: ((detail: string) => void) | undefined

  const iterate = (): AsyncIterator<Uint8Array> => {
    const chunks = body[Symbol.asyncIterator]()
    const next = () =>
      new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        const give = (result: IteratorResult<Uint8Array>): void => {
          refuse = undefined
          resolve(result)
        }
        const fail = (cause: unknown): void => {
          refuse = undefined
          reject(cause)
        }
        const giveMessage = (message: Uint8Array) => give({ done: false, value: Envelope.wrap(message) })
        const step = (): void => {
          const message = whole.shift()
          if (message !== undefined) givenBytes += Envelope.headerBytes + message.bytes.byteLength
          if (message?.isCompressed === true) Gunzip.inflate(message.bytes, bytesMax, onInflated)
          else if (message !== undefined) giveMessage(message.bytes)
          else if (violation !== undefined) fail(new ConnectError(violation, Code.Internal))
          else chunks.next().then(onChunk, fail)
        }
        const onInflated = (result: Uint8Array | Gunzip.Failed): void => {
          if (result instanceof Uint8Array) return giveMessage(result)
          violation ??= result.detail
          whole.length = 0
          fail(new ConnectError(result.detail, result.isTooLarge ? Code.ResourceExhausted : Code.Internal))
        }
        const onChunk = (result: IteratorResult<Uint8Array>): void => {
          if (result.done !== true) {
            violation ??= Envelope.push(parser, result.value)
            step()
          } else if (Envelope.isComplete(parser)) give(result)
          else fail(new ConnectError("it stopped within a frame", Code.InvalidArgument))
        }
        refuse = (detail) => fail(new ConnectError(detail, Code.Internal, undefined, undefined, late))
        step()
      })
    return { next, return: (value) => chunks.return?.(value) ?? Promise.resolve({ done: true, value }) }
  }

  return {
    body: { [Symbol.asyncIterator]: iterate },
    heldBytes: () => parser.pushedBytes - givenBytes,
    look: (nowMillis, isQuiet) => {
      if (violation !== undefined) return
      // While connect-node does not ask, nothing is held against the peer.
      const isAwaited = isQuiet && refuse !== undefined && !Envelope.isComplete(parser)
      const frame = !isAwaited ? undefined : parser.wholeCount
      violation = Progress.look(progress, options.progress, { nowMillis, frame, bytes: parser.pushedBytes })
      if (violation !== undefined) refuse?.(violation)
    }
  }
}
