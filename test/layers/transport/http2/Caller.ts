/**
 * A host that calls whatever listens on a port of this machine, and what a flow to it came to.
 */
import { assert } from "@effect/vitest"
import { Cause, Context, Effect, Layer, type Scope } from "effect"
import * as Dialling from "../../../../src/layers/fabric/Dialling.ts"
import * as TransportConnect from "../../../../src/layers/transport/TransportConnect.ts"
import * as Envelope from "../../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../../src/protocol/flow/Limits.ts"
import * as Codec from "../../../../src/services/Codec.ts"
import * as Contract from "../../../../src/services/Contract.ts"
import type { Flow } from "../../../../src/services/Flow.ts"
import { type FlowError, FlowError as FlowErrorClass } from "../../../../src/services/FlowError.ts"
import type { Host } from "../../../../src/services/Host.ts"
import { NetworkError } from "../../../../src/services/NetworkError.ts"
import { Transport } from "../../../../src/services/Transport.ts"
import { started } from "../../../laws/Started.ts"

export const echo = Contract.make("echo", { input: Codec.bytes, output: Codec.bytes })

export const json = Contract.make("json", { input: Codec.json, output: Codec.bytes })

export const hostAt = (flowPort: number, address = "127.0.0.1", id = "server"): Host => ({
  id,
  generation: 1,
  address,
  flowPort,
  locality: "",
  tags: {}
})

export const soon = Effect.timeout("10 seconds")

/** Frames as an answer carries them. */
export const accepted = FrameBytes.encode(Frame.accepted)
export const message = FrameBytes.encode({ _tag: "Data", messages: [Uint8Array.of(7)], partial: false })
export const end = (count: number) => FrameBytes.encode({ _tag: "End", count })
export const goodEnd = Envelope.goodEnd

export interface Caller {
  readonly transport: Transport["Service"]
  readonly open: (
    port: number,
    address?: string,
    id?: string
  ) => Effect.Effect<Flow<Uint8Array, Uint8Array>, NetworkError, Scope.Scope>
}

/** Opens flows as a fabric does: the retry of an open that was provably not seen included. */
export const make = (
  config: TransportConnect.Options = {},
  selfId = "client"
): Effect.Effect<Caller, NetworkError, Scope.Scope> =>
  Effect.gen(function* () {
    const layer = TransportConnect.layer({ port: 0, connectTimeout: "2 seconds", ...config })
    const transport = Context.get(yield* Layer.build(layer), Transport)
    const flows = yield* Dialling.make({
      selfId,
      dial: transport.dial,
      answer: () => Effect.void,
      limits: Limits.defaults
    })
    const open: Caller["open"] = (port, address, id) => Effect.map(flows.open(hostAt(port, address, id), echo), started)
    return { transport, open }
  })

/** The reason of an error, or what else it was. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof NetworkError || error instanceof FlowErrorClass) return error.reason._tag
  return Cause.isDone(error) ? "Done" : String(error)
}

export const deliveredOf = (error: FlowError | Cause.Done | Cause.TimeoutError): string =>
  error._tag === "FlowError" ? error.delivered : error._tag

/** How the incoming direction of a flow ends, after what still comes. */
export const ending = (flow: Flow<Uint8Array, Uint8Array>) => soon(Effect.flip(Effect.forever(flow.receive)))

export const assertReason = (error: unknown, reason: string) =>
  assert.strictEqual(reasonOf(error), reason, String(error))
