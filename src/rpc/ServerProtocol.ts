/**
 * The server's side of calls over flows: an `RpcServer.Protocol`, of which each flow is a client, and the handler of those flows.
 *
 * A flow that ends in good order is told to the server as its end of input, and is answered to the end. One that breaks is told as
 * a disconnect, which interrupts what runs for it.
 */
import { Array as Arrays, type Cause, Context, Deferred, Effect, Queue, type Scope } from "effect"
import type {
  FromClientEncoded,
  FromServerEncoded,
  ResponseChunkEncoded,
  ResponseExitEncoded
} from "effect/rpc/RpcMessage"
import { constEof } from "effect/rpc/RpcMessage"
import type * as RpcServer from "effect/rpc/RpcServer"
import type { Flow, Peer } from "../services/Flow.ts"
import type { FlowError } from "../services/FlowError.ts"
import { CallsExceeded, PayloadMisfit, type Refusal, ReplyUnsendable, RpcDiffers, RpcUnknown } from "./CallError.ts"
import * as Fingerprints from "./Fingerprints.ts"
import * as Holes from "./Holes.ts"
import type { Request, ToClient, ToServer } from "./Wire.ts"

/** The peer of the flow that a call came on, in handlers and middleware of a server over flows; undefined elsewhere. */
export const Caller = Context.Reference<Peer | undefined>("grinta/rpc/ServerProtocol/Caller", {
  defaultValue: () => undefined
})

type ServerFlow = Flow<ToClient, ToServer>
type Write = (clientId: number, message: FromClientEncoded) => Effect.Effect<void>

type Values = ResponseChunkEncoded["values"]

/** A call in flight. */
interface Call {
  readonly payload: Holes.Payload
  /** The parts of a chunk above the limit of a message that have not been sent yet, in order. */
  readonly rest: Array<Values>
}

/** One flow, as the server sees it. */
interface Client {
  readonly id: number
  readonly flow: ServerFlow
  /** Calls in flight: without a last word yet. */
  readonly calls: Map<number, Call>
  /** Done once the server has nothing more to say on the flow, which then ends. */
  readonly ended: Deferred.Deferred<void>
  /** The flow carries one call, without acknowledgements. */
  isAlone: boolean
}

export interface Server {
  readonly protocol: RpcServer.Protocol["Service"]
  readonly serve: (flow: ServerFlow) => Effect.Effect<void, FlowError | Cause.Done, Scope.Scope>
}

export interface Options {
  readonly group: Fingerprints.Group
  /** Calls in flight on one flow. */
  readonly callsMax: number
}

const requestOf = ({ headers, id, isDiscarded, rpc, trace }: Request, payload: Holes.Payload): FromClientEncoded => ({
  _tag: "Request",
  id,
  tag: rpc,
  payload,
  headers: headers.map(([name, value]) => [name, value]),
  ...(isDiscarded ? { discard: true } : {}),
  ...trace
})

/** After a message that cannot be sent the flow goes on. The reader of the flow hears of any other failure. */
const isUnsendable = ({ reason }: FlowError): boolean =>
  reason._tag === "MessageTooLarge" || reason._tag === "MalformedMessage"

export const make = Effect.fnUntraced(function* ({ callsMax, group }: Options): Effect.fn.Return<Server> {
  const known = Fingerprints.make(group)
  const clients = new Map<number, Client>()
  const disconnects = yield* Queue.unbounded<number>()
  /** Hands a message to the server of Effect; there once that runs. */
  const running = yield* Deferred.make<Write>()
  let lastId = 0

  const refuse = (client: Client, id: number, why: Refusal): Effect.Effect<void> => {
    client.calls.delete(id)
    const sent = Effect.ignore(client.flow.send({ _tag: "Refused", id, why }))
    return client.isAlone ? Effect.andThen(sent, Deferred.succeed(client.ended, undefined)) : sent
  }

  const refusalOf = (client: Client, { fingerprint, rpc }: Request): Refusal | undefined => {
    const found = known(rpc)
    if (found === undefined) return new RpcUnknown({ rpc })
    if (found.fingerprint !== fingerprint) return new RpcDiffers({ rpc, ours: fingerprint, theirs: found.fingerprint })
    return client.calls.size >= callsMax ? new CallsExceeded({ callsMax }) : undefined
  }

  const onRequest = (write: Write, client: Client, request: Request): Effect.Effect<void> => {
    const { id, isAlone } = request
    if (client.isAlone || client.calls.has(id) || (isAlone && client.calls.size > 0))
      // Two calls by one number, or beside one that has the flow to itself: the caller breaks the rules, and loses the flow.
      return Effect.andThen(Deferred.succeed(client.ended, undefined), Effect.never)
    client.isAlone = isAlone
    const refusal = refusalOf(client, request)
    if (refusal !== undefined) return refuse(client, id, refusal)
    const payload = new Holes.Payload(request.payload)
    client.calls.set(id, { payload, rest: [] })
    const written = write(client.id, requestOf(request, payload))
    return isAlone ? Effect.andThen(written, write(client.id, constEof)) : written
  }

  const onMessage = (write: Write, client: Client, message: ToServer): Effect.Effect<void> => {
    if (message._tag === "Request") return onRequest(write, client, message)
    const call = client.calls.get(message.id)
    if (call === undefined) return Effect.void
    if (message._tag === "Ack") return acknowledged(write, client, message.id, call)
    return write(client.id, { _tag: "Interrupt", requestId: message.id })
  }

  /** Reads the flow until its caller has ended, and answers what it has asked. */
  const serve: Server["serve"] = Effect.fnUntraced(function* (flow) {
    const write = yield* Deferred.await(running)
    lastId += 1
    const client: Client = { id: lastId, flow, calls: new Map(), ended: yield* Deferred.make<void>(), isAlone: false }
    clients.set(client.id, client)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        clients.delete(client.id)
        Queue.offerUnsafe(disconnects, client.id)
      })
    )
    const each = (messages: ReadonlyArray<ToServer>) =>
      Effect.forEach(messages, (message) => onMessage(write, client, message), { discard: true })
    const reading = Effect.forever(Effect.flatMap(flow.receiveAll, each), { disableYield: true })
    const ending = Effect.catchTag(reading, "Done", () =>
      Effect.andThen(client.isAlone ? Effect.void : write(client.id, constEof), Effect.never)
    )
    // Handlers of a caller that has reset the flow are interrupted as Effect does for a client that aborts.
    const heard = Effect.tapError(ending, (error) =>
      error.reason._tag === "FlowReset"
        ? Effect.forEach([...client.calls.keys()], (requestId) => write(client.id, { _tag: "Interrupt", requestId }))
        : Effect.void
    )
    yield* Effect.raceFirst(Deferred.await(client.ended), heard)
  })

  /** Goes on with a stream whose reader has room for another chunk. */
  const acknowledged = (write: Write, client: Client, id: number, call: Call): Effect.Effect<void> => {
    const next = call.rest.shift()
    return next === undefined
      ? write(client.id, { _tag: "Ack", requestId: id })
      : sendChunk(write, client, id, call, next)
  }

  /**
   * Sends a chunk; in parts if it is too large, as long as it has several values. The next part waits for the acknowledgement of
   * the one before; on a flow with one call for room alone.
   */
  const sendChunk = (write: Write, client: Client, id: number, call: Call, values: Values): Effect.Effect<void> =>
    Effect.matchEffect(client.flow.send({ _tag: "Chunk", id, values }), {
      onSuccess: () => (client.isAlone ? acknowledged(write, client, id, call) : Effect.void),
      onFailure: (error) => {
        if (!isUnsendable(error)) return Effect.void
        const [first, rest] = Arrays.splitAt(values, Math.ceil(values.length / 2))
        if (Arrays.isReadonlyArrayNonEmpty(first) && Arrays.isReadonlyArrayNonEmpty(rest)) {
          call.rest.unshift(rest)
          return sendChunk(write, client, id, call, first)
        }
        const refused = refuse(client, id, new ReplyUnsendable({ detail: error.reason.message }))
        return Effect.andThen(refused, write(client.id, { _tag: "Interrupt", requestId: id }))
      }
    })

  const sendExit = (client: Client, id: number, { payload }: Call, exit: ResponseExitEncoded["exit"]) => {
    if (payload.misfit !== undefined) return refuse(client, id, new PayloadMisfit({ detail: payload.misfit }))
    client.calls.delete(id)
    return Effect.catch(client.flow.send({ _tag: "Exit", id, exit }), (error) =>
      isUnsendable(error) ? refuse(client, id, new ReplyUnsendable({ detail: error.reason.message })) : Effect.void
    )
  }

  const send = (clientId: number, response: FromServerEncoded): Effect.Effect<void> => {
    const client = clients.get(clientId)
    if (client === undefined) return Effect.void
    switch (response._tag) {
      case "Exit":
      case "Chunk": {
        const id = Number(response.requestId)
        const call = client.calls.get(id)
        if (call === undefined) return Effect.void
        if (response._tag === "Exit") return sendExit(client, id, call, response.exit)
        return Effect.flatMap(Deferred.await(running), (write) => sendChunk(write, client, id, call, response.values))
      }
      case "Defect":
        // A defect of no known call ends the flow.
        return Effect.asVoid(Deferred.die(client.ended, response.defect))
      default:
        return Effect.void
    }
  }

  const protocol: Server["protocol"] = {
    run: (write) => Effect.andThen(Deferred.succeed(running, write), Effect.never),
    disconnects,
    send,
    end: (clientId) => {
      const client = clients.get(clientId)
      return client === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(client.ended, undefined))
    },
    clientIds: Effect.sync(() => new Set(clients.keys())),
    initialMessage: Effect.succeedNone,
    supportsAck: true,
    supportsTransferables: false,
    supportsSpanPropagation: true,
    supportsNotifications: false,
    codecFor: Holes.serverCodecFor(group)
  }
  return {
    protocol,
    serve: (flow) => Effect.provideService(serve(flow), Caller, flow.peer)
  }
})
