/**
 * The gossip port with faults and a record of what passed; and single words said to a peer outside of any membership.
 */
import { crc32 } from "node:zlib"
import { Effect, Layer, Option, Result } from "effect"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Keys from "../../src/layers/gossip/Keys.ts"
import * as PushPull from "../../src/layers/gossip/StreamExchange.ts"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import { type Address, parseHost } from "../../src/protocol/Address.ts"
import type { Framing } from "../../src/protocol/memberlist/Framing.ts"
import * as Label from "../../src/protocol/memberlist/Label.ts"
import type { NodeState, PacketMessage } from "../../src/protocol/memberlist/Message.ts"
import { encode } from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Packet from "../../src/protocol/memberlist/Packet.ts"
import * as StreamCodec from "../../src/protocol/memberlist/StreamCodec.ts"
import { type Datagram, GossipSocket } from "../../src/services/GossipSocket.ts"
import { loopback } from "./Processes.ts"

export interface Passed {
  readonly direction: "in" | "out"
  /** Port of the other side. */
  readonly port: number
  readonly payload: Uint8Array
}

/** What goes wrong at one port; changed while it runs. */
export interface Faults {
  /** Share of the datagrams that are dropped when sent. */
  loss: number
  /** Ports to and from which no datagram passes. */
  isBlocked: (port: number) => boolean
  /** Incoming streams are closed without a word. */
  refusesStreams: boolean
  /** Datagrams that passed, and how many did not. */
  readonly passed: Array<Passed>
  dropped: number
}

export const makeFaults = (): Faults => ({
  loss: 0,
  isBlocked: () => false,
  refusesStreams: false,
  passed: [],
  dropped: 0
})

const faulty = (inner: GossipSocket["Service"], faults: Faults): GossipSocket["Service"] => {
  const isPassing = (direction: Passed["direction"], port: number, payload: Uint8Array): boolean => {
    if (faults.isBlocked(port) || (direction === "out" && Math.random() < faults.loss)) {
      faults.dropped += 1
      return false
    }
    faults.passed.push({ direction, port, payload: payload.slice() })
    return true
  }
  const receive: GossipSocket["Service"]["receive"] = Effect.flatMap(inner.receive, (datagrams) => {
    const kept: ReadonlyArray<Datagram> = datagrams.filter(({ from, payload }) => isPassing("in", from.port, payload))
    return isReadonlyArrayNonEmpty(kept) ? Effect.succeed(kept) : receive
  })
  return {
    ...inner,
    receive,
    send: (to, payload) =>
      Effect.suspend(() => (isPassing("out", to.port, payload) ? inner.send(to, payload) : Effect.void)),
    serve: (onStream) =>
      inner.serve((stream) => Effect.suspend(() => (faults.refusesStreams ? Effect.void : onStream(stream))))
  }
}

/** A gossip port on loopback. */
export const layer = (port: number, faults: Faults) =>
  Layer.effect(
    GossipSocket,
    Effect.map(GossipSocket, (inner) => faulty(inner, faults))
  ).pipe(Layer.provide(Layer.fresh(GossipSocketNode.layer({ host: loopback, port }))))

/** What a cluster agrees on; nothing unless said otherwise. */
export interface Cluster {
  readonly label?: string
  /** In hex, the primary first. */
  readonly keys?: ReadonlyArray<string>
  readonly compress?: boolean
}

export const toBase64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64")

const framingOf = ({ compress = true, keys = [], label = "" }: Cluster): Effect.Effect<Framing> =>
  Keys.make({ keys: keys.map(toBase64) }).pipe(
    Effect.map(({ cipher }) => ({
      label: Option.getOrThrow(Label.fromString(label)),
      compress,
      crc32,
      cipher: cipher()
    })),
    Effect.orDie
  )

const plain: Framing = { label: Label.none, compress: true, crc32, cipher: undefined }

/** The messages of this tag that passed, in the clear and without a label, in one direction, to or from this port. */
export const messages = <Tag extends PacketMessage["_tag"]>(
  faults: Faults,
  direction: Passed["direction"],
  port: number,
  tag: Tag
): ReadonlyArray<Extract<PacketMessage, { readonly _tag: Tag }>> =>
  faults.passed
    .filter((passed) => passed.direction === direction && passed.port === port)
    .flatMap(({ payload }) =>
      Result.match(Packet.decode(payload, plain), { onSuccess: (all) => all.messages, onFailure: () => [] })
    )
    .filter((message): message is Extract<PacketMessage, { readonly _tag: Tag }> => message._tag === tag)

/** Probes that this port asked others to carry, or was asked to ("in"), and which of them were answered with an ack. */
export const carried = (faults: Faults, direction: Passed["direction"], port: number) => {
  const asked = new Set(messages(faults, direction, port, "IndirectPing").map(({ seq }) => seq))
  const acks = messages(faults, direction === "in" ? "out" : "in", port, "Ack")
  const acked = new Set(acks.map(({ seq }) => seq).filter((seq) => asked.has(seq)))
  return { asked: asked.size, acked: acked.size }
}

const addressOf = (text: string): Address => {
  const [host = "", port = ""] = text.split(":")
  return { bytes: parseHost(host) ?? Uint8Array.of(), port: Number(port) }
}

const withSocket = <A, E>(use: (socket: GossipSocket["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(GossipSocket, use).pipe(
    Effect.provide(Layer.fresh(GossipSocketNode.layer({ host: loopback, port: 0 })))
  )

/** What a peer remembers, by asking for its state and giving it none. */
export const statesOf = (peer: string, cluster: Cluster = {}) =>
  withSocket((socket) =>
    Effect.flatMap(framingOf(cluster), (framing) =>
      PushPull.pushPull({ socket, framing, streamTimeout: "5 seconds" }, addressOf(peer), {
        _tag: "PushPull",
        join: false,
        nodes: [],
        userState: Uint8Array.of()
      })
    )
  ).pipe(Effect.map(({ message }): ReadonlyArray<NodeState> => message.nodes))

/** What a peer believes of one member. */
export const stateOf = (peer: string, name: string, cluster: Cluster = {}) =>
  Effect.map(statesOf(peer, cluster), (nodes) => nodes.find((node) => node.name === name))

/** Sends a user message over a stream, which has no answer. */
export const sendReliable = (peer: string, payload: Uint8Array, cluster: Cluster = {}) =>
  withSocket((socket) =>
    Effect.scoped(
      Effect.gen(function* () {
        const bytes = StreamCodec.encode({ _tag: "User", payload }, yield* framingOf(cluster), "dialler")
        const stream = yield* socket.dial(addressOf(peer))
        yield* stream.write(bytes)
        yield* stream.end
        yield* Effect.ignore(stream.read)
      })
    )
  )

/** Sends an encoded message in a datagram. */
export const sendPart = (peer: string, part: Uint8Array, cluster: Cluster = {}) =>
  withSocket((socket) =>
    Effect.flatMap(framingOf(cluster), (framing) =>
      Effect.forEach(
        Packet.encode({ parts: [part], crc: true }, framing),
        (bytes) => socket.send(addressOf(peer), bytes),
        { discard: true }
      )
    )
  )

/** Sends a user message in a datagram. */
export const sendBestEffort = (peer: string, payload: Uint8Array, cluster: Cluster = {}) =>
  sendPart(peer, encode({ _tag: "User", payload }), cluster)
