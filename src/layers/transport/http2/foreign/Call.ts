/**
 * Call: calls of foreign clients, read and written by connect-node: flows over gRPC and gRPC-Web, or over Connect with
 * an option that the direct path lacks, and the services that tools ask a port for.
 */
import * as http2 from "node:http2"
import { type ConnectRouter, createConnectRouter, createContextKey, createContextValues } from "@connectrpc/connect"
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol"
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node"
import { Effect, Option, type Scope } from "effect"
import { FrameParser } from "../../../../protocol/flow/FrameParser.ts"
import type * as Progress from "../../../../protocol/flow/Progress.ts"
import * as Seats from "../../../../protocol/flow/Seats.ts"
import { FlowService } from "../../../../protocol/gen/grinta/v1/flow_pb.ts"
import { Health as HealthService } from "../../../../protocol/gen/grpc/health/v1/health_pb.ts"
import type { Link, Served } from "../../../../services/Transport.ts"
import * as Background from "../../../core/Background.ts"
import * as Monotonic from "../../../core/Monotonic.ts"
import * as Refusals from "../../../core/Refusals.ts"
import * as Signal from "../../../core/Signal.ts"
import type * as Session from "../Session.ts"
import { StreamFate } from "../StreamFate.ts"
import * as Bounds from "./Bounds.ts"
import * as EnvelopeGuard from "./EnvelopeGuard.ts"
import * as ForeignLink from "./ForeignLink.ts"
import * as Health from "./Health.ts"
import * as Reflection from "./Reflection.ts"
import * as Request from "./Request.ts"

/** Facts of a call for its handler, which connect-node does not pass on. */
export interface Call {
  readonly carrier: StreamFate
  readonly stream: http2.ServerHttp2Stream
  /** Time that the caller gives the call; undefined for ever. */
  readonly timeoutMillis: number | undefined
}

export interface Options {
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** Connections of the port, and so calls of it that are no flows: one on each. */
  readonly sessionsMax: number
  readonly served: Served
  /** Serves a flow to its end. Without it there are no flows, and only the health of them is told. */
  readonly serveLink: ((link: Link, call: Call) => Effect.Effect<void, never, Scope.Scope>) | undefined
  readonly run: (effect: Effect.Effect<void>) => unknown
}

/** A call, and the source of its frames. */
interface Asked {
  readonly call: Call
  readonly take: Parameters<typeof ForeignLink.make>[1]
}

type OnCall = (
  session: Session.Session,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  rawHeaders: Array<string>
) => void

const askedKey = createContextKey<Asked | undefined>(undefined, { description: "the call being served" })

/** Time that a served stream has to close by itself; a reset would overtake the end of the response. */
const closeTimeout = "1 second"

/** Waits for a stream to close whose answer has ended, and closes it after `closeTimeout`. */
export const close = ({ carrier, stream }: Pick<Call, "carrier" | "stream">): Effect.Effect<void> =>
  Effect.suspend(() => (stream.destroyed ? Effect.void : Effect.timeoutOption(carrier.closed, closeTimeout))).pipe(
    Effect.andThen(Effect.sync(() => stream.close()))
  )

const isBytes = (body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> =>
  body !== null && typeof body === "object" && Symbol.asyncIterator in body

/** Compression named to clients that ask for another. connect-node gets nothing compressed, and compresses nothing. */
const inflatedBefore = {
  name: Request.compression,
  compress: () => Promise.reject(new Error("answers are not compressed")),
  decompress: () => Promise.reject(new Error("requests are inflated before"))
}

/**
 * Counts bytes when they come, since connect-node reads them when asked, and a window of them may wait until then;
 * counts bytes that it writes as well. Resets a call beyond its bound, and keeps nothing more of it.
 */
const count = ({ carrier, stream }: Call, bytesMax = Number.POSITIVE_INFINITY): void => {
  const { push, write } = stream
  stream.write = (chunk: unknown, ...rest: ReadonlyArray<unknown>): boolean => {
    if (chunk instanceof Uint8Array) carrier.said(chunk.byteLength)
    return Reflect.apply(write, stream, [chunk, ...rest])
  }
  let bytes = 0
  const mayHave = (more: number): boolean => {
    carrier.arrived(more)
    bytes += more
    if (bytes > bytesMax && !stream.closed) stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    return bytes <= bytesMax
  }
  stream.push = (chunk: Uint8Array | null, encoding) =>
    chunk === null || mayHave(chunk.byteLength) ? push.call(stream, chunk, encoding) : true
  // Bytes that came while the call waited for its turn.
  if (stream.readableLength > 0) mayHave(stream.readableLength)
}

/** Returns the bounds of a call that is no flow; undefined for a flow. */
const boundsOf = ({ method, service }: UniversalHandler): Bounds.Bounds | undefined => {
  if (service.typeName === FlowService.typeName) return undefined
  if (service.typeName !== HealthService.typeName) return Bounds.reflection
  return method.methodKind === "unary" ? Bounds.check : Bounds.watch
}

export const make = ({ frameWireBytesMax, progress, run, served, serveLink, sessionsMax }: Options): OnCall => {
  const routeFlows = (router: ConnectRouter, serve: NonNullable<Options["serveLink"]>): ConnectRouter => {
    const serveCall = (turns: AsyncIterable<unknown>, outgoing: ForeignLink.Outgoing, { call, take }: Asked) =>
      Effect.gen(function* () {
        const { carrier } = call
        const broken = Effect.catch(carrier.broken, (cause) => Effect.sync(() => outgoing.breakWith(cause)))
        yield* Background.run("the end of a call", broken)
        yield* serve(ForeignLink.make(turns, take, outgoing, carrier), call)
      }).pipe(Effect.scoped)
    return router.service(FlowService, {
      open: (turns, context) => {
        const asked = context.values.get(askedKey)
        const outgoing = ForeignLink.makeOutgoing(() => asked?.call.carrier.fate() ?? "lost")
        if (asked === undefined) outgoing.finish()
        else run(serveCall(turns, outgoing, asked))
        return outgoing.iterable
      }
    })
  }

  const router = createConnectRouter({
    acceptCompression: [inflatedBefore],
    readMaxBytes: frameWireBytesMax,
    writeMaxBytes: frameWireBytesMax,
    requireConnectProtocolHeader: true
  })
  Health.route(router, served)
  if (serveLink !== undefined) Reflection.route(routeFlows(router, serveLink))
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]))
  const reflection = handlers.get(Reflection.path)
  if (reflection !== undefined) handlers.set(Reflection.pathBefore, reflection)

  /** Closes a call that is no flow once it was answered, or its time is over. */
  const finish = (call: Call, bounds: Bounds.Bounds, asked: Effect.Effect<void>, answered: Promise<void>) => {
    const { carrier, stream, timeoutMillis = Number.NaN } = call
    const over = Monotonic.timer(Number.isNaN(timeoutMillis) ? Number.POSITIVE_INFINITY : timeoutMillis)
    const done = Effect.raceFirst(
      carrier.closed,
      Effect.promise(() => answered)
    )
    const begun = Effect.timeoutOption(Effect.raceFirst(done, asked), Bounds.requestTimeout)
    const wait = Effect.flatMap(begun, (is) =>
      Option.isNone(is) ? Effect.succeed(is) : Effect.timeoutOption(done, bounds.age)
    )
    const cancel = Effect.sync(() => stream.close(http2.constants.NGHTTP2_CANCEL))
    run(
      Effect.flatMap(Effect.timeoutOption(wait, over), (is) =>
        Option.isNone(Option.flatten(is)) ? cancel : close(call)
      )
    )
  }

  /** Seats of calls that are no flows, and of silent flows: a stranger may have many connections with many of them. */
  const seats = Seats.make<Call>(sessionsMax)
  const silent = Seats.make<Call>(Bounds.silentMax)

  /** Gives a call a seat until its stream is closed, or it sends a message. Returns false when there is none. */
  const seat = (call: Call, of: Seats.Seats<Call>): boolean => {
    const { countedAs } = call.carrier
    if (!Seats.isFree(of, countedAs)) return false
    Seats.take(of, call, countedAs)
    call.stream.once("close", () => Seats.give(of, call, countedAs))
    return true
  }

  /** Counts the messages of a call that is no flow; `asked` waits for the first. */
  const counting = ({ carrier }: Call, { messagesMax }: Bounds.Bounds) => {
    const came = Signal.make()
    let messages = 0
    const see = (): string | undefined => {
      carrier.begin()
      messages += 1
      Signal.notify(came)
      return messages > messagesMax ? `more than ${messagesMax} messages` : undefined
    }
    return { asked: Signal.until(came, () => messages > 0), see }
  }

  /** Parses the frames of a flow for its link. A message that is no frame is answered by the flow, with a last word. */
  const reading = (call: Call) => {
    const { carrier } = call
    const frames = new FrameParser()
    let wrong: string | undefined
    const see = (message: Uint8Array): undefined => {
      Seats.give(silent, call, carrier.countedAs)
      wrong ??= frames.takeFrame(message)
      if (wrong === undefined) carrier.begin()
    }
    return { see, take: () => frames.frames.shift() ?? wrong }
  }

  return (session, stream, headers, rawHeaders) => {
    const timeoutMillis = Request.timeoutOf(headers)
    const call: Call = {
      carrier: new StreamFate(session, stream, Request.metadataOf(rawHeaders)),
      stream,
      timeoutMillis
    }
    const handler = handlers.get(headers[":path"] ?? "")
    const bounds = handler && boundsOf(handler)
    count(call, bounds?.bodyBytesMax)
    if (stream.closed) return
    const refusal = Request.refusalOf(headers, handler !== undefined)
    if (handler === undefined || refusal !== undefined) {
      stream.respond({ ...refusal }, { endStream: true })
      stream.resume()
      run(close(call))
      return
    }
    if (!seat(call, bounds === undefined ? silent : seats)) {
      run(Refusals.flowRefused("calls"))
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
      return
    }
    if (Request.isCautious(headers)) stream.additionalHeaders({ ":status": 100 })
    const request = new http2.Http2ServerRequest(stream, Request.shown(headers), {}, rawHeaders)
    const response = new http2.Http2ServerResponse(stream)
    const { see, take } = reading(call)
    const counted = bounds && counting(call, bounds)
    const values = createContextValues().set(askedKey, { call, take })
    // A failure of a response is one of its stream, and its link tells it.
    const ignore = () => undefined
    const asked = universalRequestFromNodeRequest(request, response, undefined, values)
    const hasGzip = Request.isCompressed(headers)
    const guarded = isBytes(asked.body)
      ? EnvelopeGuard.guard(asked.body, {
          ...{ frameWireBytesMax: bounds?.bodyBytesMax ?? frameWireBytesMax, hasGzip, progress },
          see: counted?.see ?? see,
          isHidden: bounds === undefined
        })
      : undefined
    if (guarded !== undefined) call.carrier.attach(guarded)
    const answered = handler(guarded === undefined ? asked : { ...asked, body: guarded.body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch(ignore)
    if (bounds !== undefined && counted !== undefined) finish(call, bounds, counted.asked, answered)
  }
}
