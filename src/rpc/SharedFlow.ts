/**
 * A flow to one owner that carries many calls at a time, at their client.
 *
 * Nothing here waits for one call on behalf of another: chunks of a stream wait for their reader beside the flow, one at a time,
 * since each is acknowledged; an interrupt leaves as soon as there is room, and nobody waits for it.
 *
 * ```text
 *   open ── the endpoint is being withdrawn ──> retired   no more calls; said `end` after the last
 *     │                                            │
 *     └──── it broke ──────────────────────────────┴────> over   calls in flight have failed
 * ```
 */
import { Cause, Effect, Fiber } from "effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import type { Flow } from "../services/Flow.ts"
import { FlowClosed, FlowError } from "../services/FlowError.ts"
import * as CallError from "./CallError.ts"
import type { Request, ToClient, ToServer } from "./Wire.ts"

export type ClientFlow = Flow<ToServer, ToClient>

/** Gives a response to the client of a call. */
export type Respond = (response: FromServerEncoded) => Effect.Effect<void>

type Outcome = Effect.Effect<void, RpcClientError>

const closedBy = ({ endpoint, peer }: ClientFlow, detail: string): FlowError =>
  new FlowError({ endpoint, peer: peer.id, delivered: "maybe", reason: new FlowClosed({ detail }) })

/** The error of a call whose flow has failed: "no" if the flow never took its request. */
export const lost = (
  flow: ClientFlow,
  { isSent, rpc }: { readonly isSent: boolean; readonly rpc: string },
  error: FlowError | Cause.Done
): RpcClientError => {
  const reason = Cause.isDone(error) ? closedBy(flow, "the server has ended it before its last word on a call") : error
  const delivered = isSent ? reason.delivered : "no"
  return CallError.toClientError(new CallError.CallError({ endpoint: flow.endpoint, rpc, reason, delivered }))
}

/** A call from its request to its last word. */
export class Call {
  readonly id: number
  readonly rpc: string
  readonly requestId: string | number
  readonly respond: Respond
  /** The flow has taken its request. */
  isSent = false
  /** Delivers a chunk to its reader. */
  delivering: Fiber.Fiber<void> | undefined
  private outcome: Outcome | undefined
  private resume: ((outcome: Outcome) => void) | undefined

  constructor(id: number, rpc: string, requestId: string | number, respond: Respond) {
    this.id = id
    this.rpc = rpc
    this.requestId = requestId
    this.respond = respond
  }

  settle(outcome: Outcome): void {
    this.outcome = outcome
    this.resume?.(outcome)
  }

  /** Waits until its last word has come, or it has failed. */
  get settled(): Outcome {
    return Effect.callback((resume) => {
      if (this.outcome === undefined) this.resume = resume
      else resume(this.outcome)
    })
  }
}

export class SharedFlow {
  readonly flow: ClientFlow
  /** It takes no more calls. */
  isRetired = false
  /** In flight. */
  private readonly calls = new Map<number, Call>()
  private readonly run: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private lastId = 0

  /** `run` runs what nobody waits for, as long as the flow lives. */
  constructor(flow: ClientFlow, run: SharedFlow["run"]) {
    this.flow = flow
    this.run = run
  }

  /** Calls in flight. */
  get size(): number {
    return this.calls.size
  }

  begin(rpc: string, requestId: string | number, respond: Respond): Call {
    this.lastId += 1
    const call = new Call(this.lastId, rpc, requestId, respond)
    this.calls.set(call.id, call)
    return call
  }

  /** Asks, and completes once the client of the call has its last word. */
  outcome(call: Call, request: Omit<Request, "id" | "isAlone">): Outcome {
    const sending = this.flow.send({ ...request, id: call.id, isAlone: false })
    return Effect.flatMap(
      Effect.mapError(sending, (error) => lost(this.flow, call, error)),
      () => {
        call.isSent = true
        return call.settled
      }
    )
  }

  /** Gives up a call in flight: its server is told if it may have the request. No effect after the last word. */
  leave(call: Call): void {
    if (!this.calls.has(call.id)) return
    this.forget(call)
    if (call.isSent) this.run(Effect.ignore(this.flow.send({ _tag: "Interrupt", id: call.id })))
  }

  acknowledge({ id }: Call): Effect.Effect<void> {
    return this.calls.has(id) ? Effect.ignore(this.flow.send({ _tag: "Ack", id })) : Effect.void
  }

  /** Takes no more calls, and ends the flow once it has none. */
  retire(): void {
    this.isRetired = true
    if (this.calls.size === 0) this.run(Effect.ignore(this.flow.end))
  }

  /** Reads until the flow is over; then all calls in flight have failed. */
  get reading(): Effect.Effect<void> {
    const each = (messages: ReadonlyArray<ToClient>) =>
      Effect.forEach(messages, (message) => this.onMessage(message), { discard: true })
    const reading = Effect.forever(Effect.flatMap(this.flow.receiveAll, each), { disableYield: true })
    const closed = Effect.sync(() => this.fail(closedBy(this.flow, "the scope of its client is over")))
    return Effect.catch(reading, (error) => Effect.sync(() => this.fail(error))).pipe(Effect.onInterrupt(() => closed))
  }

  private forget(call: Call): void {
    this.calls.delete(call.id)
    if (this.isRetired) this.retire()
  }

  private fail(error: FlowError | Cause.Done): void {
    this.isRetired = true
    const all = [...this.calls.values()]
    this.calls.clear()
    for (const call of all) call.settle(Effect.fail(lost(this.flow, call, error)))
  }

  private onMessage(message: ToClient): Effect.Effect<void> {
    const call = this.calls.get(message.id)
    // Nobody waits for the call any more.
    if (call === undefined) return Effect.void
    const { requestId, rpc } = call
    switch (message._tag) {
      case "Exit":
        this.forget(call)
        call.settle(Effect.void)
        return this.deliverLast(call, call.respond({ _tag: "Exit", requestId, exit: message.exit }))
      case "Refused": {
        this.forget(call)
        const error = CallError.refused(this.flow.endpoint, rpc, message.why)
        return this.deliverLast(
          call,
          Effect.sync(() => call.settle(Effect.fail(error)))
        )
      }
      case "Chunk":
        return this.deliver(call, call.respond({ _tag: "Chunk", requestId, values: message.values }))
    }
  }

  /**
   * Delivers a chunk beside the flow. A server that keeps the rules sends the next chunk once this one is acknowledged; one that
   * does not is read no further until then.
   */
  private deliver(call: Call, delivery: Effect.Effect<void>): Effect.Effect<void> {
    const begun = Effect.sync(() => {
      call.delivering = this.run(delivery)
    })
    const { delivering } = call
    return isRunning(delivering) ? Effect.andThen(Fiber.await(delivering), begun) : begun
  }

  /** The last word follows the chunk before it. */
  private deliverLast({ delivering }: Call, delivery: Effect.Effect<void>): Effect.Effect<void> {
    if (!isRunning(delivering)) return delivery
    return Effect.sync(() => {
      this.run(Effect.andThen(Fiber.await(delivering), delivery))
    })
  }
}

const isRunning = (fiber: Fiber.Fiber<void> | undefined): fiber is Fiber.Fiber<void> =>
  fiber !== undefined && fiber.pollUnsafe() === undefined
