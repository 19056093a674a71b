/**
 * ForeignLink: a link over one Connect call: frames in and out of the async iterables that connect-node works with.
 *
 * Connect reports a lost peer, a cancelled call and a closed session alike, so how a link broke is never read from its
 * errors: `Carrier.fate` tells what happened to the stream and its session.
 */
import { Code, ConnectError } from "@connectrpc/connect"
import { Cause } from "effect"
import * as Foreign from "../../../../protocol/Foreign.ts"
import * as Frame from "../../../../protocol/flow/Frame.ts"
import type { Frame as ProtoFrame } from "../../../../protocol/gen/grinta/v1/flow_pb.ts"
import { type FrameListener, type Link, LinkBroken } from "../../../../services/Transport.ts"
import { AskedFrames } from "../../link/AskedFrames.ts"
import type { Carrier } from "../Carrier.ts"
import * as EnvelopeGuard from "./EnvelopeGuard.ts"

/** Frames that connect-node pulls: it asks for the next one when the stream has room for it. */
export interface Outgoing extends Pick<Link, "fill" | "finish" | "cancel"> {
  readonly iterable: AsyncIterable<ProtoFrame>
  /** Sets the listener for room, and for the failure of the call. */
  readonly attach: (listener: Pick<FrameListener, "onBroken" | "onRoom">) => void
  readonly breakWith: (broken: LinkBroken) => void
  /** Finishes with an error of Connect, for a call that connect-node rejects. */
  readonly refuse: (cause: unknown) => void
}

type Pulled = IteratorResult<ProtoFrame, undefined>

/** Makes the outgoing half. A frame waits only while nothing is pulled, and is the next to be pulled. */
export const makeOutgoing = (fate: Carrier["fate"]): Outgoing => {
  const finished: Pulled = { done: true, value: undefined }
  let listener: Pick<FrameListener, "onBroken" | "onRoom"> | undefined
  let pull: ((result: Pulled | Promise<never>) => void) | undefined
  let waiting: Frame.Frame | undefined
  let isFinished = false
  let broken: LinkBroken | undefined
  let refusal: unknown

  const result = (frame: Frame.Frame): Pulled => ({ done: false, value: Frame.toProto(frame) })

  const last = () => {
    if (fate() === "deadline") refusal ??= new ConnectError("the time of the call is over", Code.DeadlineExceeded)
    return refusal === undefined ? finished : Promise.reject(refusal)
  }

  const give = (what: Pulled | Promise<never>): void => {
    const to = pull
    pull = undefined
    to?.(what)
  }

  const put = (frame: Frame.Frame): void => {
    if (pull === undefined) waiting = frame
    else give(result(frame))
  }

  const finish = (): void => {
    isFinished = true
    if (pull !== undefined) give(last())
  }

  const breakWith = (cause: LinkBroken): void => {
    waiting = undefined
    if (!isFinished) broken ??= cause
    finish()
    listener?.onBroken(() => cause)
  }

  const next = (): Promise<Pulled> => {
    const frame = waiting
    waiting = undefined
    const pulled =
      frame !== undefined
        ? Promise.resolve(result(frame))
        : isFinished
          ? Promise.resolve(last())
          : new Promise<Pulled>((resolve) => {
              pull = resolve
            })
    listener?.onRoom()
    return pulled
  }

  /** Called when connect-node wants no more frames: the stream has broken, or the peer has finished. */
  const stopped = () => {
    const how = fate()
    breakWith(new LinkBroken({ how: how === "open" ? "finished" : how, detail: "the stream takes no more frames" }))
    return Promise.resolve(finished)
  }

  return {
    iterable: { [Symbol.asyncIterator]: () => ({ next, return: stopped, throw: stopped }) },
    attach: (who) => {
      listener = who
    },
    fill: (next) => {
      while (!isFinished && waiting === undefined) {
        const frame = next()
        if (frame === undefined) return
        put(frame)
      }
      if (isFinished && next() !== undefined)
        listener?.onBroken(() => broken ?? new LinkBroken({ how: "finished", detail: "this side has finished" }))
    },
    finish,
    cancel: (last) => {
      if (isFinished) return
      if (waiting === undefined) put(last)
      else waiting = undefined
      finish()
    },
    breakWith,
    refuse: (cause) => {
      refusal = cause
      finish()
    }
  }
}

const detailOf = (cause: unknown): string =>
  Foreign.text(
    cause instanceof ConnectError ? cause.rawMessage : cause instanceof Error ? cause.message : String(cause)
  )

/**
 * Tells how a link broke. Unimplemented is an answer that is no flow, such as HTTP status 404, and nothing else is. On
 * a stream that is still open InvalidArgument is a stream that stopped too early, any other code a violation.
 */
const howOf = (fate: ReturnType<Carrier["fate"]>, cause: unknown): LinkBroken["how"] => {
  const code = cause instanceof ConnectError ? cause.code : undefined
  if (code === Code.Unimplemented) return "violation"
  if (fate !== "open") return fate
  return code === undefined || code === Code.InvalidArgument ? "lost" : "violation"
}

/**
 * Makes the link of a call. For each of its `turns` connect-node has let a frame pass, which `take` returns, or why it
 * is none; connect-node pulls from `outgoing`.
 */
export const make = (
  turns: AsyncIterable<unknown>,
  take: () => Frame.Frame | string | undefined,
  outgoing: Outgoing,
  carrier: Carrier
): Link => {
  const iterator = turns[Symbol.asyncIterator]()
  // connect-node rejects a cancelled call whether or not it is read, and a rejection without a handler ends the
  // process. So the first frame is asked for at once, and handled even when the flow is given up before its first read.
  let first: Promise<IteratorResult<unknown>> | undefined = iterator.next()
  first.catch(outgoing.refuse)

  const endWith = (cause: unknown): void => {
    const how = howOf(carrier.fate(), cause)
    // A path may be slow by nobody's fault.
    if (how === "violation" && !EnvelopeGuard.isLate(cause)) carrier.blame()
    incoming.end(() => new LinkBroken({ how, detail: detailOf(cause) }))
  }

  const onResult = ({ done }: IteratorResult<unknown>): void => {
    const frame = done === true ? undefined : take()
    if (typeof frame === "string") {
      carrier.blame()
      return incoming.end(() => new LinkBroken({ how: "violation", detail: frame }))
    }
    if (frame !== undefined) return incoming.come(frame)
    // The iterable of a stream that was reset ends as if in good order.
    if (carrier.fate() === "open") incoming.end(() => Cause.Done())
    else endWith("no more frames")
  }

  const incoming = new AskedFrames(() => {
    const asked = first ?? iterator.next()
    first = undefined
    asked.then(onResult, endWith)
  })
  outgoing.attach(incoming)

  return {
    proven: carrier.proven,
    countedAs: carrier.countedAs,
    metadata: carrier.metadata,
    doubt: () => carrier.doubt(),
    blame: () => carrier.blame(),
    attach: (listener) => {
      carrier.heldBy(listener)
      incoming.attach(listener)
    },
    detach: (listener) => incoming.detach(listener),
    goOn: () => incoming.goOn(),
    isBroken: () => carrier.cause() !== undefined,
    isIdle: () => false,
    fill: outgoing.fill,
    finish: outgoing.finish,
    cancel: outgoing.cancel,
    stopped: carrier.stopped
  }
}
