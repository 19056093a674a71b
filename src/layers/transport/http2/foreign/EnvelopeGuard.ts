/**
 * The body of a request before connect-node sees it: whole envelopes, each with one plain message within the limit.
 *
 * connect-node takes unknown flags for none and an end in a request for nothing, makes room for a whole message when
 * its header has come, and counts all pieces of a message again with each: so it gets no such input. Compressed
 * messages are inflated here. Each message is cut out, and inflated, when it is asked for: until then it takes its
 * bytes on the wire, and a client is held up by its own messages. All calls share the turns of the event loop.
 */
import { Code, ConnectError } from "@connectrpc/connect"
import * as Envelope from "../../../../protocol/flow/Envelope.ts"
import * as Progress from "../../../../protocol/flow/Progress.ts"
import { PerTurn } from "../../../core/PerTurn.ts"
import * as Gunzip from "./Gunzip.ts"

export interface Options {
  /** Largest message, compressed or not. */
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** Whether messages may be compressed, with gzip. */
  readonly hasGzip: boolean
  /** Sees each message before connect-node does. Returns the detail of a violation, if it is one. */
  readonly see?: (message: Uint8Array) => string | undefined
  /** Gives connect-node an empty message for each, since it keeps an object of each field of a message. */
  readonly isHidden?: boolean
}

export interface Guarded {
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the body as a violation when a frame that has begun stops coming. */
  readonly look: (nowMillis: number, isQuiet: boolean) => void
  /** Counts bytes that have come and connect-node has not got. */
  readonly heldBytes: () => number
}

/** Bounds the messages that all calls together are given in one turn. */
export const messagesPerTurn = 64

const messages = new PerTurn<Envelope.Parser>(messagesPerTurn)

const nothing = new Uint8Array(0)
const emptyEnvelope = Envelope.wrap(nothing)

const late = "late"

/** Whether a body ended since a frame came too slowly. */
export const isLate = (cause: unknown): boolean => cause instanceof ConnectError && cause.cause === late

export const guard = (body: AsyncIterable<Uint8Array>, options: Options): Guarded => {
  const bytesMax = options.frameWireBytesMax
  let whole: Uint8Array | undefined
  const parser: Envelope.Parser = Envelope.make({
    bytesMax,
    hasEnd: false,
    hasGzip: options.hasGzip,
    body: Envelope.whole((bytes) => {
      whole = bytes
    })
  })
  /** The piece that is being parsed, and the offset of the rest of it. */
  let chunk: Uint8Array = nothing
  let at = 0
  const progress = Progress.make()
  let givenBytes = 0
  let violation: string | undefined
  /** Rejects the next envelope while it is awaited. */
  let refuse: ((detail: string) => void) | undefined

  /** Cuts out the next message; undefined when none has come whole. */
  const cut = (): Uint8Array | undefined => {
    whole = undefined
    while (whole === undefined && violation === undefined && at < chunk.byteLength) {
      const taken = Envelope.takeOne(parser, chunk, at)
      if (typeof taken === "string") violation = taken
      else at = taken
    }
    if (violation !== undefined) givenBytes = parser.pushedBytes
    if (violation !== undefined || at === chunk.byteLength) {
      chunk = nothing
      at = 0
    }
    return whole
  }

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
        const giveMessage = (message: Uint8Array): void => {
          const wrong = options.see?.(message)
          if (wrong !== undefined) {
            violation ??= wrong
            fail(new ConnectError(wrong, Code.Internal))
          } else give({ done: false, value: options.isHidden === true ? emptyEnvelope : Envelope.wrap(message) })
        }
        const step = (): void => {
          const message = cut()
          if (message !== undefined) givenBytes += Envelope.headerBytes + message.byteLength
          if (message !== undefined && Envelope.isCompressed(parser)) Gunzip.inflate(message, bytesMax, onInflated)
          else if (message !== undefined) giveMessage(message)
          else if (violation !== undefined) fail(new ConnectError(violation, Code.Internal))
          else chunks.next().then(onChunk, fail)
        }
        const stepInTurn = (): void => {
          if (chunk === nothing || messages.take()) step()
          else messages.later(parser, step)
        }
        const onInflated = (result: Uint8Array | Gunzip.Failed): void => {
          if (result instanceof Uint8Array) return giveMessage(result)
          violation ??= result.detail
          fail(new ConnectError(result.detail, result.isTooLarge ? Code.ResourceExhausted : Code.Internal))
        }
        const onChunk = (result: IteratorResult<Uint8Array>): void => {
          if (result.done !== true) {
            chunk = result.value
            parser.pushedBytes += chunk.byteLength
            stepInTurn()
          } else if (Envelope.isComplete(parser)) give(result)
          else fail(new ConnectError("it stopped within a frame", Code.InvalidArgument))
        }
        refuse = (detail) => fail(new ConnectError(detail, Code.Internal, undefined, undefined, late))
        stepInTurn()
      })
    return { next, return: (value) => chunks.return?.(value) ?? Promise.resolve({ done: true, value }) }
  }

  return {
    body: { [Symbol.asyncIterator]: iterate },
    heldBytes: () => parser.pushedBytes - givenBytes,
    look: (nowMillis, isQuiet) => {
      if (violation !== undefined) return
      // While connect-node does not ask, a pause is not the peer's fault.
      const isAwaited = isQuiet && refuse !== undefined && !Envelope.isComplete(parser)
      const frame = !isAwaited ? undefined : parser.wholeCount
      violation = Progress.look(progress, options.progress, { nowMillis, frame, bytes: parser.pushedBytes })
      if (violation !== undefined) refuse?.(violation)
    }
  }
}
