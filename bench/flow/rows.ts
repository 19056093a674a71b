/**
 * The flow rows: grinta, and what its users would otherwise use, in the same run against the same process.
 *
 * Each measurement gives one figure in the unit of its row; a throughput counts only if the receiver has counted all.
 */
import { fork } from "node:child_process"
import * as http2 from "node:http2"
import { create } from "@bufbuild/protobuf"
import { createClient } from "@connectrpc/connect"
import { createConnectTransport } from "@connectrpc/connect-node"
import { Effect, Schedule, Schema, type Scope } from "effect"
import { Fabric } from "../../src/index.ts"
import { FlowService, type Frame, FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import { percentile } from "../stats.ts"
import { Echo, Hold, Sink } from "./endpoints.ts"

const Where = Schema.Struct({ name: Schema.String, gossip: Schema.String, bare: Schema.String, raw: Schema.String })

export type Peer = typeof Where.Type & { readonly kill: Effect.Effect<void> }

/** Starts the peer process, for the scope. */
export const startPeer = Effect.fnUntraced(function* () {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(new URL("./peer.ts", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] })),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const message = yield* Effect.callback<unknown>((resume) => {
    child.once("message", (said) => resume(Effect.succeed(said)))
  })
  const where = yield* Effect.orDie(Schema.decodeUnknownEffect(Where)(message))
  const peer: Peer = { ...where, kill: Effect.sync(() => child.kill("SIGKILL")) }
  return peer
})

/** A figure of one repeat. `better` says which way is up. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly better: "higher" | "lower"
  readonly candidates: ReadonlyArray<{
    readonly name: string
    readonly measure: (peer: Peer) => Effect.Effect<number, unknown, Fabric | Scope.Scope>
  }>
}

const message = new Uint8Array(100)
const warmUp = 500
const roundTrips = 4_000
const singles = 1_000_000
const batched = 2_000_000
const batch = Array.from({ length: 256 }, () => message)

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.retry(effect, Schedule.spaced("50 millis"))

const connect = Effect.flatMap(Fabric, (fabric) => eventually(fabric.connect(Echo)))
const connectSink = Effect.flatMap(Fabric, (fabric) => eventually(fabric.connect(Sink)))

const perSecond = (count: number, began: number): number => (count / (performance.now() - began)) * 1000

const counted = (count: number, got: number | undefined): Effect.Effect<void> =>
  got === count ? Effect.void : Effect.die(`${count} messages were sent, ${got} arrived`)

const dataFrame = (messages: ReadonlyArray<Uint8Array>): Frame =>
  create(FrameSchema, { kind: { case: "data", value: { messages: [...messages] } } })

const bareClient = (baseUrl: string) =>
  createClient(FlowService, createConnectTransport({ httpVersion: "2", baseUrl, acceptCompression: [] }))

const barePingPong = ({ bare }: Peer) =>
  Effect.promise(async () => {
    const queue: Array<Frame> = []
    let wake = () => {}
    let isDone = false
    const frames = async function* () {
      while (!isDone) {
        for (let frame = queue.shift(); frame !== undefined; frame = queue.shift()) yield frame
        if (!isDone) await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const answers = bareClient(bare).open(frames())[Symbol.asyncIterator]()
    const micros: Array<number> = []
    for (let i = 0; i < roundTrips; i++) {
      const began = performance.now()
      queue.push(dataFrame([message]))
      wake()
      await answers.next()
      if (i >= warmUp) micros.push((performance.now() - began) * 1000)
    }
    isDone = true
    wake()
    await answers.next()
    return percentile(micros, 0.5)
  })

const bareThroughput = (count: number, perFrame: number) => (peer: Peer) =>
  Effect.gen(function* () {
    const began = performance.now()
    const got = yield* Effect.promise(async () => {
      const frames = async function* () {
        yield create(FrameSchema, { kind: { case: "open", value: {} } })
        const messages = batch.slice(0, perFrame)
        for (let sent = 0; sent < count; sent += perFrame) yield dataFrame(messages)
      }
      for await (const { kind } of bareClient(peer.bare).open(frames()))
        if (kind.case === "end") return Number(kind.value.count)
      return undefined
    })
    const rate = perSecond(count, began)
    yield* counted(count, got)
    return rate
  })

/** A stream of a plain HTTP/2 session: what is under grinta and connect-node, with nothing on it. */
const rawStream = (raw: string, path: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => http2.connect(raw)),
      (session) => Effect.sync(() => session.destroy())
    ),
    (session) => session.request({ ":method": "POST", ":path": path })
  )

const rawPingPong = ({ raw }: Peer) =>
  Effect.flatMap(rawStream(raw, "/echo"), (stream) =>
    Effect.callback<number>((resume) => {
      const micros: Array<number> = []
      let turn = 0
      let bytes = 0
      let began = 0
      const ping = () => {
        began = performance.now()
        stream.write(message)
      }
      stream.on("data", (chunk: Uint8Array) => {
        bytes += chunk.byteLength
        if (bytes % message.byteLength !== 0) return
        if (turn++ >= warmUp) micros.push((performance.now() - began) * 1000)
        if (turn < roundTrips) ping()
        else resume(Effect.succeed(percentile(micros, 0.5)))
      })
      ping()
    })
  )

const rawThroughput = (count: number, perWrite: number) => (peer: Peer) =>
  Effect.gen(function* () {
    const stream = yield* rawStream(peer.raw, "/count")
    const chunk = new Uint8Array(message.byteLength * perWrite)
    const began = performance.now()
    const got = yield* Effect.callback<number>((resume) => {
      let sent = 0
      const fill = () => {
        while (sent < count) {
          sent += perWrite
          if (!stream.write(chunk)) return stream.once("drain", fill)
        }
        return stream.end()
      }
      stream.setEncoding("utf8").on("data", (bytes: string) => resume(Effect.succeed(Number(bytes))))
      fill()
    })
    const rate = perSecond(count, began)
    yield* counted(count, got / message.byteLength)
    return rate
  })

const rounded = (count: number): number => Math.floor(count / batch.length) * batch.length

export const rows: ReadonlyArray<Row> = [
  {
    name: "ping-pong",
    unit: "us p50",
    better: "lower",
    candidates: [
      {
        name: "grinta",
        measure: () =>
          Effect.gen(function* () {
            const flow = yield* connect
            const micros: Array<number> = []
            for (let i = 0; i < roundTrips; i++) {
              const began = performance.now()
              yield* flow.send(message)
              yield* flow.receive
              if (i >= warmUp) micros.push((performance.now() - began) * 1000)
            }
            return percentile(micros, 0.5)
          })
      },
      { name: "bare connect-node", measure: barePingPong },
      { name: "raw http2 stream", measure: rawPingPong }
    ]
  },
  {
    name: "send",
    unit: "messages/s",
    better: "higher",
    candidates: [
      {
        name: "grinta",
        measure: () =>
          Effect.gen(function* () {
            const flow = yield* connectSink
            const began = performance.now()
            for (let i = 0; i < singles; i++) yield* flow.send(message)
            yield* flow.end
            const got = yield* flow.receive
            const rate = perSecond(singles, began)
            yield* counted(singles, got)
            return rate
          })
      },
      { name: "bare connect-node, one a frame", measure: bareThroughput(100_000, 1) },
      { name: "raw http2 stream, one a write", measure: rawThroughput(200_000, 1) }
    ]
  },
  {
    name: "sendAll",
    unit: "messages/s",
    better: "higher",
    candidates: [
      {
        name: "grinta",
        measure: () =>
          Effect.gen(function* () {
            const flow = yield* connectSink
            const count = rounded(batched)
            const began = performance.now()
            for (let i = 0; i < count; i += batch.length) yield* flow.sendAll(batch)
            yield* flow.end
            const got = yield* flow.receive
            const rate = perSecond(count, began)
            yield* counted(count, got)
            return rate
          })
      },
      { name: "bare connect-node, 256 a frame", measure: bareThroughput(rounded(batched), batch.length) },
      { name: "raw http2 stream, 256 a write", measure: rawThroughput(rounded(batched), batch.length) }
    ]
  },
  {
    name: "kill",
    unit: "ms from SIGKILL to PeerLost",
    better: "lower",
    candidates: [
      {
        name: "grinta",
        measure: () =>
          Effect.gen(function* () {
            const peer = yield* startPeer()
            const fabric = yield* Fabric
            yield* eventually(fabric.join([peer.gossip]))
            const flow = yield* eventually(fabric.connect(Hold, { select: { host: peer.name } }))
            yield* flow.send(message)
            const began = performance.now()
            yield* peer.kill
            const error = yield* Effect.flip(flow.receive)
            const elapsed = performance.now() - began
            const isLost = error._tag === "FlowError" && error.reason._tag === "PeerLost"
            return isLost ? elapsed : yield* Effect.die(error)
          })
      }
    ]
  }
]
