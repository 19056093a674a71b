/**
 * The membership protocol of one host, fed with datagrams of strangers and of members, push/pulls, and time.
 *
 * Laws after each step: the host believes that it lives, at an incarnation that only grows; there are no more members than
 * there may be; what it says can be read; and it says no more than so much for each input.
 */
import { crc32 } from "node:zlib"
import { Option, Result } from "effect"
import * as Label from "../../src/protocol/memberlist/Label.ts"
import * as MessageCodec from "../../src/protocol/memberlist/MessageCodec.ts"
import * as Packet from "../../src/protocol/memberlist/Packet.ts"
import * as StreamCodec from "../../src/protocol/memberlist/StreamCodec.ts"
import * as Config from "../../src/protocol/swim/Config.ts"
import * as Swim from "../../src/protocol/swim/Swim.ts"
import * as Random from "../../src/testing/Random.ts"
import * as Legal from "./Legal.ts"
import { reader, step } from "./Program.ts"
import type { Target } from "./Target.ts"

const framing = { label: Label.none, compress: false, crc32, cipher: undefined }
const self = { bytes: Uint8Array.of(127, 0, 0, 1), port: 8021 }

/** What one message may have this host say, at most. */
const outputsPerMessage = 64

const inputOf = (which: number, body: Uint8Array, port: number): Swim.Input | undefined => {
  if (which % 4 === 1) {
    const state = StreamCodec.make(framing, "acceptor")
    let next = StreamCodec.push(state, body)
    while (Result.isSuccess(next) && Option.isNone(next.success) && StreamCodec.isBusy(state))
      next = StreamCodec.push(state, new Uint8Array(0))
    const received = Result.isSuccess(next) ? Option.getOrUndefined(next.success) : undefined
    return received?.message._tag === "PushPull"
      ? { _tag: "Merge", nodes: received.message.nodes, join: received.message.join }
      : undefined
  }
  const decoded = Packet.decode(body, framing)
  if (Result.isFailure(decoded)) return undefined
  const from = { bytes: Uint8Array.of(127, 0, 0, 1 + (port % 4)), port: 8000 + port }
  return { _tag: "Received", from, messages: decoded.success.messages }
}

const run = (input: Uint8Array): void => {
  const random = Random.make("fuzz")
  const config = Config.make({ name: "a", address: self })
  let now = 0
  const state = Swim.make(config, { now, random })
  let incarnation = 0
  const take = (next: Swim.Input): void => {
    const outputs = Swim.step(state, next, { now, random })
    const messages = next._tag === "Received" ? next.messages.length : next._tag === "Merge" ? next.nodes.length : 8
    if (outputs.length > outputsPerMessage * (1 + messages)) throw new Error(`${outputs.length} outputs of one input`)
    for (const output of outputs)
      if (output._tag === "Send")
        for (const part of output.parts)
          if (Result.isFailure(MessageCodec.decode(part))) throw new Error("it says what nobody can read")
    const own = Swim.member(state, "a")
    if (own?.status !== "alive") throw new Error(`it believes that it is ${own?.status}`)
    if (own.incarnation < incarnation) throw new Error(`its incarnation fell from ${incarnation} to ${own.incarnation}`)
    incarnation = own.incarnation
    if (state.members.byName.size > config.limits.membersMax + 1) throw new Error("there are too many members")
    if (Number.isNaN(Swim.nextDeadline(state))) throw new Error("there is no next deadline")
  }
  const program = reader(input)
  while (!program.isOver()) {
    const which = program.byte()
    if (which % 4 === 0) {
      now += 1 + program.byte() * 20
      for (let ticks = 0; ticks < 64 && Swim.nextDeadline(state) <= now; ticks++) take({ _tag: "Tick" })
      continue
    }
    const port = program.byte()
    const next = inputOf(which, program.bytes(), port)
    if (next !== undefined) take(next)
  }
}

const packets = Legal.packets.map((bytes) => step(2, 7, bytes))
const [first = new Uint8Array(0)] = packets

export const swim: Target = {
  name: "swim",
  says: "the membership protocol, step by step",
  legal: [
    ...packets,
    ...Legal.messages.map((bytes) => step(1, 3, bytes)),
    Uint8Array.from([...first, ...step(0, 50), ...first])
  ],
  bytesMax: 8_192,
  bounds: { heapBase: 16 * 1024 * 1024, heapPerByte: 512, millis: 60 },
  run
}
