/**
 * Peers that break off at each byte, never read, never accept: on 10,000 flows, each ends typed, and nothing is left of any.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Metric, Option, Stream } from "effect"
import * as Timeouts from "../../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../../src/layers/flow/Answering.ts"
import * as Callers from "../../../../src/layers/flow/Callers.ts"
import * as Serving from "../../../../src/layers/flow/Serving.ts"
import * as DirectCall from "../../../../src/layers/transport/http2/DirectCall.ts"
import * as TransportConnect from "../../../../src/layers/transport/TransportConnect.ts"
import type * as Frame from "../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../src/protocol/flow/FrameBytes.ts"
import { Transport } from "../../../../src/services/Transport.ts"
import * as Caller from "./Caller.ts"
import * as RawPeer from "./RawPeer.ts"

const { code, type } = RawPeer

const flowsMax = 5_000
const codes = [code.cancel, code.none, code.internal, code.refused, code.protocol]
const config: Serving.Config = {
  ...Serving.defaults,
  openTimeout: "500 millis",
  handlerGrace: "100 millis",
  drainTimeout: "100 millis"
}

/** Counts the fibers that run below it. */
const fibers = () => {
  let count = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      count += 1
    },
    recordFiberEnd: () => {
      count -= 1
    }
  }
  return { count: () => count, layer: Layer.succeed(Metric.FiberRuntimeMetrics)(metrics) }
}

/** What a flow gets that hears nothing. */
const patience = "5 seconds"
const timedOut = "TimeoutError: Operation timed out after '5s'"

const settled = (holds: () => boolean, what: () => string) =>
  Effect.repeat(Effect.sleep("20 millis"), { until: holds }).pipe(
    Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => Effect.die(what()) })
  )

/** What a flow that failed failed with, in a word; anything but a reason of ours is none. */
const wordOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit)
    ? "success"
    : Option.match(Exit.findErrorOption(exit), { onNone: () => "none", onSome: Caller.reasonOf })

describe("nothing is left", () => {
  it.live(
    "of 5,000 callers that break off at each byte of what they say, or do not read",
    () =>
      Effect.gen(function* () {
        const running = fibers()
        const callers = Callers.make()
        const held = { flows: 0, handlers: 0 }
        const words = new Map<string, number>()
        const counted: Callers.Callers = {
          ...callers,
          enter: (caller, flow) => {
            const forget = callers.enter(caller, flow)
            held.flows++
            return () => {
              held.flows--
              forget()
            }
          }
        }
        const endpoint = Serving.expose(
          Caller.echo,
          (flow) =>
            Effect.suspend(() => {
              held.handlers += 1
              // Echoes, and then never stops: some of the callers never read that.
              return Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)).pipe(
                Effect.andThen(Effect.forever(flow.send(new Uint8Array(4096)))),
                Effect.onExit((exit) =>
                  Effect.sync(() => {
                    held.handlers -= 1
                    words.set(wordOf(exit), (words.get(wordOf(exit)) ?? 0) + 1)
                  })
                )
              )
            }),
          { context: Context.empty(), config }
        )
        const layer = Layer.provide(TransportConnect.layer({ port: 0, idleTimeout: "1 hour" }), running.layer)
        const transport = Context.get(yield* Layer.build(layer), Transport)
        const opening = yield* Timeouts.make(config.openTimeout)
        yield* transport.serve((link) =>
          Answering.answer(link, { self: "server", find: () => endpoint, opening, callers: counted })
        )
        const session = yield* Effect.acquireRelease(
          Effect.callback<http2.ClientHttp2Session>((resume) => {
            const made = http2.connect(`http://127.0.0.1:${transport.flowPort}`)
            made.on("error", () => undefined).once("connect", () => resume(Effect.succeed(made)))
          }),
          (made) => Effect.sync(() => made.destroy())
        )
        const open: Frame.Frame = {
          _tag: "Open",
          ...{ endpoint: "echo", wireVersion: 1, contract: 0n, codec: "", caller: "stranger", host: "" }
        }
        const script = Buffer.concat([FrameBytes.encode(open), Caller.message, Caller.message, Caller.end(2)])
        const breakOff = (index: number) =>
          Effect.callback<void>((resume) => {
            const stream = session.request({
              ":method": "POST",
              ":path": DirectCall.path,
              "content-type": DirectCall.contentType,
              "connect-protocol-version": DirectCall.protocolVersion
            })
            stream.on("error", () => undefined).once("close", () => resume(Effect.void))
            const bytes = script.subarray(0, index % (script.byteLength + 1))
            const leave = () => {
              stream.close(codes[index % codes.length])
              stream.resume()
            }
            const isEnded = index % 7 === 0
            // Some read, some do not; some go at once, some when they got an answer, and some end their side before.
            if (index % 2 === 0) stream.resume()
            if (isEnded) stream.end(bytes)
            else stream.write(bytes)
            if (index % 3 === 0) stream.once("response", leave)
            setTimeout(leave, index % 3 === 0 ? 100 : index % 11)
          })
        const run = (from: number, count: number) =>
          Effect.forEach(Array.from({ length: count }), (_, i) => breakOff(from + i), {
            concurrency: 100,
            discard: true
          })
        const isQuiet = () => held.flows === 0 && held.handlers === 0
        const state = () => JSON.stringify({ ...held, fibers: running.count(), streams: session.state })
        yield* run(0, 200)
        yield* settled(isQuiet, state)
        // What runs now is what always runs: what serves the session, which stays.
        const before = running.count()
        yield* run(200, flowsMax)
        yield* settled(() => isQuiet() && running.count() <= before, state)
        yield* Caller.soon(endpoint.idle)
        assert.deepStrictEqual(
          [...words.keys()].sort().filter((word) => !["FlowReset", "PeerLost", "FlowClosed"].includes(word)),
          []
        )
        assert.isAbove(
          [...words.values()].reduce((sum, count) => sum + count, 0),
          500
        )
      }),
    120_000
  )

  it.live(
    "of 5,000 flows to a peer that breaks off at each byte of its answer, or never answers",
    () =>
      Effect.gen(function* () {
        const running = fibers()
        const answer = Buffer.concat([Caller.accepted, Caller.message, Caller.message, Caller.end(2), Caller.goodEnd])
        let asked = 0
        let reset = 0
        let unanswered = 0
        const peer = yield* RawPeer.serve({
          onFrame: ({ kind, stream }, { write }) => {
            if (kind === type.reset) reset += 1
            if (kind !== type.headers) return
            const index = asked++
            if (index % 10 === 0) {
              unanswered += 1
              return
            }
            const length = index % (answer.byteLength + 1)
            const isWhole = length === answer.byteLength
            write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, answer.subarray(0, length), isWhole))
            if (!isWhole) write(RawPeer.reset(stream, codes[index % codes.length] ?? 0))
          }
        })
        const caller = yield* Effect.provide(Caller.make({ idleTimeout: "100 millis" }), running.layer)
        const before = running.count()
        const words = new Map<string, number>()
        const one = Effect.gen(function* () {
          const flow = yield* caller.open(peer.port)
          yield* flow.send(Uint8Array.of(1))
          yield* flow.end
          yield* Stream.runDrain(flow.messages)
        }).pipe(
          Effect.scoped,
          // An open has no bound of its own: `connect` gives it one.
          Effect.timeout(patience),
          Effect.exit,
          Effect.map((exit) => words.set(wordOf(exit), (words.get(wordOf(exit)) ?? 0) + 1)),
          Effect.provide(running.layer)
        )
        const run = (count: number) =>
          Effect.forEach(Array.from({ length: count }), () => one, { concurrency: 200, discard: true })
        yield* run(flowsMax)
        yield* settled(
          () => running.count() <= before,
          () => JSON.stringify({ fibers: running.count(), before })
        )
        const known = ["success", "HostUnreachable", "PeerLost", "FlowReset", timedOut]
        assert.deepStrictEqual(
          [...words.keys()].filter((word) => !known.includes(word)),
          []
        )
        assert.strictEqual(
          [...words.values()].reduce((sum, count) => sum + count, 0),
          flowsMax
        )
        for (const word of known) assert.isAbove(words.get(word) ?? 0, 0, word)
        // Only those that the peer never answered: whoever was told anything ends by that.
        assert.strictEqual(words.get(timedOut), unanswered)
        assert.isAbove(reset, 0)
      }),
    120_000
  )
})
