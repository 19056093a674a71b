/** How an attacker speaks on the membership plane: datagrams and streams of memberlist, made by hand or by our own codecs. */

import type * as net from "node:net"
import { crc32 } from "node:zlib"
import { Option, Result } from "effect"
import * as AesGcm from "../../src/layers/gossip/AesGcm.ts"
import * as Compression from "../../src/protocol/memberlist/Compression.ts"
import type { Framing } from "../../src/protocol/memberlist/Framing.ts"
import * as Keyring from "../../src/protocol/memberlist/Keyring.ts"
import * as Label from "../../src/protocol/memberlist/Label.ts"
import type { NodeState, PacketMessage, StreamMessage } from "../../src/protocol/memberlist/Message.ts"
import * as MessageCodec from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Packet from "../../src/protocol/memberlist/Packet.ts"
import * as StreamCodec from "../../src/protocol/memberlist/StreamCodec.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"
import type { Run } from "./Attack.ts"
import type { Means } from "./Means.ts"
import type { Target } from "./Orders.ts"

export const labelOf = ({ fabric }: Target): Uint8Array => Option.getOrElse(Label.fromString(fabric), () => Label.none)

/** With the keys that the attacker has, or without. */
export const framingOf = (target: Target): Framing => {
  const ring = Result.getOrUndefined(Keyring.make(target.keys.map((key) => new Uint8Array(Buffer.from(key, "base64")))))
  return {
    label: labelOf(target),
    compress: false,
    crc32,
    cipher: ring === undefined ? undefined : AesGcm.make(() => ring)
  }
}

/** Bytes of any kind as a datagram of the fabric. */
export const datagramOf = (target: Target, body: Uint8Array): Uint8Array => {
  const { cipher, label } = framingOf(target)
  const sealed = cipher === undefined ? body : cipher.seal(body, label)
  return Buffer.concat([Label.header(label), sealed])
}

/** Messages as one datagram. */
export const packetOf = (target: Target, ...messages: ReadonlyArray<PacketMessage>): Uint8Array =>
  Packet.encode({ parts: messages.map(MessageCodec.encode), crc: false }, framingOf(target))[0] ?? new Uint8Array()

/** A compound, which may hold what no encoder of ours puts into one. */
export const compound = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const lengths = Buffer.alloc(2 * parts.length)
  parts.forEach((part, i) => {
    lengths.writeUInt16BE(part.length, 2 * i)
  })
  return Buffer.concat([Uint8Array.of(7, parts.length), lengths, ...parts])
}

export const compressed = Compression.encode

export const bytesOf = (address: string): Uint8Array => Uint8Array.from(address.split("."), Number)

export const versions = Uint8Array.of(1, 5, 2, 0, 0, 0)

export interface MadeUp {
  readonly name: string
  readonly address?: string
  readonly port?: number
  readonly incarnation?: number
  readonly generation?: number
  readonly flowPort?: number
}

const metaOf = ({ flowPort = 1, generation = Date.now() * 1000 }: MadeUp): Uint8Array =>
  Result.getOrThrow(HostMeta.encode({ flowPort, generation, locality: "", tags: {} }))

export const aliveOf = (made: MadeUp): PacketMessage => ({
  ...{ _tag: "Alive", incarnation: made.incarnation ?? 1, node: made.name, versions, meta: metaOf(made) },
  ...{ address: bytesOf(made.address ?? "127.0.99.9"), port: made.port ?? 9 }
})

export const nodeOf = (made: MadeUp): NodeState => ({
  ...{ name: made.name, incarnation: made.incarnation ?? 1, state: "alive", versions, meta: metaOf(made) },
  ...{ address: bytesOf(made.address ?? "127.0.99.9"), port: made.port ?? 9 }
})

/** All that one side of a stream says, in the framing of the fabric. */
export const streamOf = (target: Target, message: StreamMessage): Uint8Array =>
  StreamCodec.encode(message, framingOf(target), "dialler")

export const pushPullOf = (
  target: Target,
  nodes: ReadonlyArray<NodeState>,
  userState: Uint8Array = new Uint8Array(),
  join = false
) => streamOf(target, { _tag: "PushPull", join, nodes, userState })

/** Says something on a stream to the victim, and calls back with what comes, as a message, or with nothing. */
export const exchange = (means: Means, bytes: Uint8Array, from?: string): Promise<StreamMessage | undefined> => {
  const socket: net.Socket = means.tcp(means.target.victim.gossipPort, from)
  const reader = StreamCodec.make(framingOf(means.target), "dialler")
  const { promise, resolve } = Promise.withResolvers<StreamMessage | undefined>()
  const end = (message?: StreamMessage) => {
    resolve(message)
    socket.destroy()
  }
  socket.on("error", () => end()).on("close", () => end())
  socket.on("data", (chunk) => {
    const taken = StreamCodec.push(reader, chunk)
    if (Result.isFailure(taken)) return end()
    if (Option.isSome(taken.success)) end(taken.success.value.message)
  })
  socket.write(bytes)
  return promise
}

/** What the victim says of the members: how an attacker that is one knows their incarnations. */
export const nodesOf = async (means: Means): Promise<ReadonlyArray<NodeState>> => {
  const answer = await exchange(means, pushPullOf(means.target, []))
  return answer?._tag === "PushPull" ? answer.nodes : []
}

export const incarnationsOf = async (means: Means): Promise<ReadonlyMap<string, number>> =>
  new Map((await nodesOf(means)).map(({ incarnation, name }) => [name, incarnation]))

/** Says the same on a stream again and again, a second after each answer. */
export const pushing =
  (bytes: Uint8Array): Run =>
  async (means) => {
    means.note(`${(bytes.length / 2 ** 20).toFixed(1)} MiB each`)
    while (!means.isOver()) {
      await Promise.race([exchange(means, bytes), means.sleep(3_000)])
      await means.sleep(1_000)
    }
  }
