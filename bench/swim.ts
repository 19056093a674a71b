/** How many packets a second one host's membership takes on one core: prints one line of JSON. */
import { Result } from "effect"
import type { Address } from "../src/protocol/Address.ts"
import type { PacketMessage } from "../src/protocol/memberlist/Message.ts"
import { decode, encode } from "../src/protocol/memberlist/MessageCodec.ts"
import * as Config from "../src/protocol/swim/Config.ts"
import * as Swim from "../src/protocol/swim/Swim.ts"
import * as Random from "../src/testing/Random.ts"

const members = 128
const packets = 400_000

const addressOf = (i: number): Address => ({ bytes: Uint8Array.of(10, 0, i >> 8, i & 0xff), port: 7946 })

const random = Random.make("bench")
const env = { now: 0, random }
const config = Config.make({ name: "m0", address: addressOf(0), settings: Config.swift, rules: Config.careful })
const state = Swim.make(config, env)
const meta = new Uint8Array(80)

Swim.step(
  state,
  {
    _tag: "Merge",
    join: false,
    nodes: Array.from({ length: members }, (_, i) => ({
      name: `m${i}`,
      address: addressOf(i).bytes,
      port: 7946,
      meta: i === 0 ? new Uint8Array(0) : meta,
      incarnation: 1,
      state: "alive" as const,
      versions: Config.versions
    }))
  },
  env
)

/** What a busy cluster sends: mostly pings, some relayed, and now and then a rumour that is news. */
const packet = (i: number, round: number): ReadonlyArray<PacketMessage> => {
  const other = 1 + (i % (members - 1))
  const source = { sourceAddress: addressOf(other).bytes, sourcePort: 7946, sourceNode: `m${other}` }
  const ping: PacketMessage = { _tag: "Ping", seq: i, node: "m0", ...source }
  switch (i % 8) {
    case 0:
      return [{ _tag: "Ack", seq: i, payload: new Uint8Array(0) }]
    case 1:
      return [ping, { _tag: "Suspect", incarnation: 1, node: `m${other}`, from: "m7" }]
    case 2: {
      const incarnation = 2 + round * 5000 + Math.floor(i / members)
      const { bytes: address, port } = addressOf(other)
      return [{ _tag: "Alive", incarnation, node: `m${other}`, address, port, meta, versions: Config.versions }]
    }
    default:
      return [ping]
  }
}

let rounds = 0

const run = (isDecoding: boolean): number => {
  const round = rounds++
  const encoded = Array.from({ length: packets }, (_, i) => packet(i, round).map(encode))
  const values = isDecoding ? [] : encoded.map((parts) => parts.map((part) => Result.getOrThrow(decode(part))))
  const beganAt = performance.now()
  let sent = 0
  for (let i = 0; i < packets; i++) {
    env.now += 0.01
    const messages = isDecoding ? (encoded[i] ?? []).map((part) => Result.getOrThrow(decode(part))) : (values[i] ?? [])
    const from = addressOf(1 + (i % (members - 1)))
    for (const { _tag } of Swim.step(state, { _tag: "Received", from, messages }, env)) if (_tag === "Send") sent += 1
    if (Swim.nextDeadline(state) <= env.now) Swim.step(state, { _tag: "Tick" }, env)
  }
  if (sent === 0) throw new Error("nothing was answered")
  return Math.round(packets / ((performance.now() - beganAt) / 1000))
}

run(true)
const withDecoding = Math.max(run(true), run(true))
const machineOnly = Math.max(run(false), run(false))
process.stdout.write(
  `${JSON.stringify({ bench: "swim", members, packets, packetsPerSecond: withDecoding, machineOnly, node: process.version })}\n`
)
