/** What a client of another make does with a flow: frame by frame, so that its test decides what is said when. */
import { fromJsonString, type MessageInitShape } from "@bufbuild/protobuf"
import { Effect, Queue } from "effect"
import { type Frame, FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"

export type FrameInit = MessageInitShape<typeof FrameSchema>

/** The call is over, by a code of Connect in its own spelling; "ok" when it ended in good order. */
export interface Over {
  readonly case: "over"
  readonly code: string
}

export type Said = Frame["kind"] | Over

export interface Call {
  readonly send: (frame: FrameInit) => Effect.Effect<void>
  /** Finishes the caller's side of the stream. */
  readonly finish: Effect.Effect<void>
  /** Gives the call up, as the client does it. */
  readonly cancel: Effect.Effect<void>
  /** What came next. */
  readonly next: Effect.Effect<Said>
}

/** What has come of a call, until somebody asks for it. */
export interface Inbox {
  readonly frame: (frame: Frame) => void
  readonly json: (frame: unknown) => void
  readonly over: (code: string) => void
  readonly next: Call["next"]
}

export const makeInbox: Effect.Effect<Inbox> = Effect.map(Queue.unbounded<Said>(), (said) => ({
  frame: ({ kind }) => Queue.offerUnsafe(said, kind),
  json: (frame) => Queue.offerUnsafe(said, fromJsonString(FrameSchema, JSON.stringify(frame)).kind),
  over: (code) => Queue.offerUnsafe(said, { case: "over", code }),
  next: Effect.timeoutOrElse(Queue.take(said), {
    duration: "20 seconds",
    orElse: () => Effect.die(new Error("the host says nothing"))
  })
}))

export const open = (endpoint: string): FrameInit => ({ kind: { case: "open", value: { endpoint, wireVersion: 1 } } })

export const data = (...messages: ReadonlyArray<Uint8Array>): FrameInit => ({
  kind: { case: "data", value: { messages: [...messages] } }
})

export const partial = (piece: Uint8Array): FrameInit => ({
  kind: { case: "data", value: { messages: [piece], partial: true } }
})

export const end = (count: number): FrameInit => ({ kind: { case: "end", value: { count: BigInt(count) } } })

export interface Answer {
  readonly messages: ReadonlyArray<Uint8Array>
  /** What came instead of more messages. */
  readonly last: Said
}

/** All messages of an answer, joined where they were cut, up to so many or to what is no Data. */
export const readMessages = Effect.fnUntraced(function* (call: Call, atMost = Number.POSITIVE_INFINITY) {
  const messages: Array<Uint8Array> = []
  let cut: ReadonlyArray<Uint8Array> = []
  while (messages.length < atMost) {
    const last = yield* call.next
    if (last.case !== "data") return { messages, last }
    for (const [at, piece] of last.value.messages.entries()) {
      const pieces = [...cut, piece]
      const isCut = last.value.partial && at === last.value.messages.length - 1
      cut = isCut ? pieces : []
      if (!isCut) messages.push(Buffer.concat(pieces))
    }
  }
  return { messages, last: { case: undefined } satisfies Said }
})
