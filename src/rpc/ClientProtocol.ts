/**
 * The client's side of calls over flows: an `RpcClient.Protocol` for one group under one name.
 *
 * A call that returns one result shares a flow with others, see `SharedFlow`. A stream has a flow to itself: what its reader does
 * not take stops its sender and nobody else, and leaving it resets the flow, which interrupts the handler.
 */
import { type Cause, Context, Effect, type Scope } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { RequestEncoded } from "effect/rpc/RpcMessage"
import { type ConnectOptions, Fabric, type Select } from "../services/Fabric.ts"
import type { FlowError } from "../services/FlowError.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import { Registry } from "../services/Registry.ts"
import * as CallError from "./CallError.ts"
import * as Fingerprints from "./Fingerprints.ts"
import * as Holes from "./Holes.ts"
import * as Routes from "./Routes.ts"
import * as SharedFlow from "./SharedFlow.ts"
import * as Wire from "./Wire.ts"

/** How a client opens its flows, as `Fabric.connect` does. `select` is the owner of each call that does not say otherwise. */
export interface Options extends Pick<ConnectOptions, "metadata" | "select" | "timeout" | "wait"> {}

/** The options of a call beside its payload. */
export interface CallOptions {
  /** Its owner; that of the client unless said otherwise. */
  readonly select?: Select
  /** "own" for streams and "shared" for all others, unless said otherwise. */
  readonly flow?: "own" | "shared"
}

/** The options of the calls that a fiber makes. */
export const CurrentCall = Context.Reference<CallOptions>("grinta/rpc/ClientProtocol/CurrentCall", {
  defaultValue: () => ({})
})

type Outcome = Effect.Effect<void, RpcClientError>

export const make = (
  name: string,
  group: Fingerprints.Group,
  options: Options = {}
): Effect.Effect<RpcClient.Protocol["Service"], never, Fabric | Registry | Scope.Scope> =>
  RpcClient.Protocol.make(
    Effect.fnUntraced(function* (respond) {
      const fabric = yield* Fabric
      const registry = yield* Registry
      const { select: usual = "nearest", ...rest } = options
      const endpoint = Wire.endpoint(name)
      const connect = (select: Select) => fabric.connect(endpoint, { ...rest, select })
      const routes = yield* Routes.make({ name, registry, connect })
      const known = Fingerprints.make(group)
      /** On shared flows, by the ids of their clients. */
      const calls = new Map<
        string | number,
        { readonly call: SharedFlow.Call; readonly shared: SharedFlow.SharedFlow }
      >()

      const requestOf = (request: RequestEncoded, fingerprint: string): Omit<Wire.Request, "id" | "isAlone"> => {
        const { discard, headers, payload, sampled = false, spanId, tag, traceId } = request
        const trace = traceId === undefined || spanId === undefined ? undefined : { traceId, spanId, sampled }
        return { _tag: "Request", rpc: tag, fingerprint, payload, isDiscarded: discard === true, headers, trace }
      }

      const unreached = (rpc: string) => (reason: NetworkError) => {
        const { delivered } = reason
        return CallError.toClientError(new CallError.CallError({ endpoint: name, rpc, reason, delivered }))
      }

      const onShared = (
        clientId: number,
        request: RequestEncoded,
        sent: Omit<Wire.Request, "id" | "isAlone">,
        select: Select
      ): Outcome =>
        Effect.flatMap(Effect.mapError(routes.get(select), unreached(request.tag)), (shared) => {
          const { id } = request
          const call = shared.begin(request.tag, id, (response) => respond(clientId, response))
          calls.set(id, { call, shared })
          // Whoever waits for a call no more has interrupted it.
          const left = Effect.sync(() => {
            calls.delete(id)
            shared.leave(call)
          })
          return Effect.ensuring(shared.outcome(call, sent), left)
        })

      const onOwn = Effect.fnUntraced(function* (
        clientId: number,
        { id, tag }: RequestEncoded,
        sent: Omit<Wire.Request, "id" | "isAlone">,
        select: Select
      ) {
        const flow = yield* Effect.mapError(connect(select), unreached(tag))
        const lost = (isSent: boolean) => (error: FlowError | Cause.Done) =>
          SharedFlow.lost(flow, { isSent, rpc: tag }, error)
        yield* flow.send({ ...sent, id: 0, isAlone: true }).pipe(Effect.mapError(lost(false)))
        while (true)
          for (const message of yield* flow.receiveAll.pipe(Effect.mapError(lost(true)))) {
            if (message._tag === "Chunk") {
              yield* respond(clientId, { _tag: "Chunk", requestId: id, values: message.values })
              continue
            }
            yield* Effect.ignore(flow.end)
            if (message._tag === "Refused") return yield* Effect.fail(CallError.refused(name, tag, message.why))
            return yield* respond(clientId, { _tag: "Exit", requestId: id, exit: message.exit })
          }
      }, Effect.scoped)

      const onRequest = (clientId: number, request: RequestEncoded): Outcome =>
        Effect.flatMap(CurrentCall, ({ flow, select = usual }) => {
          const { id, tag } = request
          const found = known(tag)
          if (found === undefined) {
            const reason = new CallError.RpcUnknown({ rpc: tag })
            return Effect.fail(CallError.refused(name, tag, reason))
          }
          if (calls.has(id)) return Effect.die(`two calls are in flight by the id ${id}`)
          const sent = requestOf(request, found.fingerprint)
          // One whose result nobody waits for outlives its last word.
          const isOwn = request.discard !== true && (flow ?? (found.isStream ? "own" : "shared")) === "own"
          return isOwn ? onOwn(clientId, request, sent, select) : onShared(clientId, request, sent, select)
        })

      return {
        send: (clientId, request) => {
          switch (request._tag) {
            case "Request":
              return onRequest(clientId, request)
            // The flow of a call of its own has its backpressure in place of acknowledgements, and is reset as its fiber ends.
            case "Ack":
            case "Interrupt": {
              const found = calls.get(request.requestId)
              if (found === undefined) return Effect.void
              if (request._tag === "Ack") return found.shared.acknowledge(found.call)
              return Effect.sync(() => found.shared.leave(found.call))
            }
            default:
              return Effect.void
          }
        },
        supportsAck: true,
        supportsTransferables: false,
        codecFor: Holes.codecFor
      }
    })
  )
