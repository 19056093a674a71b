/** One host under test: it is fed by hand, in virtual time, and what it sends is decoded again. */
import { Result } from "effect"
import { type Address, parseHost } from "../../../src/protocol/Address.ts"
import type { Alive, NodeState, PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import { decode } from "../../../src/protocol/memberlist/MessageCodec.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Random from "../../../src/testing/Random.ts"

export interface Harness {
  readonly state: Swim.State
  readonly random: () => number
  now: number
}

export const at = (host: string, port: number): Address => ({ bytes: parseHost(host) ?? new Uint8Array(0), port })

export const selfAddress = at("127.0.0.1", 8021)

/** A host that takes names for members at once: nobody answers its pings. `proof`: it waits for their answer. */
export const make = (config: Partial<Config.Config> = {}, seed = "harness", proof = false): Harness => {
  const random = Random.make(seed)
  const rules = { ...(config.rules ?? Config.memberlist), proof }
  const full = Config.make({ name: "self", address: selfAddress, ...config, rules })
  return { state: Swim.make(full, { now: 0, random }), random, now: 0 }
}

/** LAN timings with the loops other than probing switched off. */
export const quiet: Config.Settings = { ...Config.lan, gossipIntervalMillis: 0, pushPullIntervalMillis: 0 }

export const feed = (harness: Harness, input: Swim.Input): ReadonlyArray<Swim.Output> =>
  Swim.step(harness.state, input, harness)

export const receive = (
  harness: Harness,
  messages: ReadonlyArray<PacketMessage>,
  from: Address = at("127.0.0.1", 8022)
): ReadonlyArray<Swim.Output> => feed(harness, { _tag: "Received", from, messages })

/** Lets time pass, ticking at each deadline. */
export const advance = (harness: Harness, millis: number): ReadonlyArray<Swim.Output> => {
  const until = harness.now + millis
  const outputs: Array<Swim.Output> = []
  for (let due = Swim.nextDeadline(harness.state); due <= until; due = Swim.nextDeadline(harness.state)) {
    harness.now = Math.max(harness.now, due)
    outputs.push(...feed(harness, { _tag: "Tick" }))
  }
  harness.now = until
  return outputs
}

/** Ticks at the next deadline. */
export const tick = (harness: Harness): ReadonlyArray<Swim.Output> => {
  harness.now = Math.max(harness.now, Swim.nextDeadline(harness.state))
  return feed(harness, { _tag: "Tick" })
}

export const aliveOf = (node: string, incarnation: number, address: Address, over: Partial<Alive> = {}): Alive => ({
  _tag: "Alive",
  node,
  incarnation,
  address: address.bytes,
  port: address.port,
  meta: new Uint8Array(0),
  versions: Config.versions,
  ...over
})

export const nodeOf = (
  name: string,
  incarnation: number,
  state: NodeState["state"],
  address: Address,
  over: Partial<NodeState> = {}
): NodeState => ({
  name,
  incarnation,
  state,
  address: address.bytes,
  port: address.port,
  meta: new Uint8Array(0),
  versions: Config.versions,
  ...over
})

/** Adds members `m0` to `m<n-1>` at incarnation 1. */
export const populate = (harness: Harness, n: number, from = 0): void => {
  const nodes: Array<NodeState> = []
  for (let i = from; i < from + n; i++) nodes.push(nodeOf(`m${i}`, 1, "alive", addressOf(i)))
  feed(harness, { _tag: "Merge", nodes, join: false })
}

export const addressOf = (i: number): Address => ({ bytes: Uint8Array.of(10, 1, i >> 8, i & 0xff), port: 7946 })

/** The datagrams among outputs, decoded. */
export const sent = (
  outputs: ReadonlyArray<Swim.Output>
): ReadonlyArray<{ readonly to: Address; readonly crc: boolean; readonly messages: ReadonlyArray<PacketMessage> }> =>
  outputs.flatMap((output) =>
    output._tag === "Send"
      ? [{ to: output.to, crc: output.crc, messages: output.parts.map((part) => Result.getOrThrow(decode(part))) }]
      : []
  )

export const reasons = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<Swim.DropReason> =>
  outputs.flatMap((output) => (output._tag === "Dropped" ? [output.reason] : []))

export const tags = (outputs: ReadonlyArray<Swim.Output>): ReadonlyArray<string> => outputs.map(({ _tag }) => _tag)

/** Lets time pass until a member is probed, and has it answer. */
export const prove = (harness: Harness, name: string): void => {
  for (let ticks = 0; ticks < 1000; ticks++)
    for (const { messages, to } of sent(tick(harness)))
      for (const message of messages) {
        if (message._tag !== "Ping") continue
        receive(harness, [{ _tag: "Ack", seq: message.seq, payload: new Uint8Array(0) }], to)
        if (message.node === name) return
      }
}

/** Status and incarnation as one word, `unknown` for a name not on the list. */
export const view = (harness: Harness, name: string): string => {
  const member = Swim.member(harness.state, name)
  return member === undefined ? "unknown" : `${member.status} ${member.incarnation}`
}
