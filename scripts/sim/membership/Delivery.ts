/** Carrying what hosts send: datagrams, which may be lost, and exchanges over connections, which may not. */
import type { Address } from "../../../src/protocol/Address.ts"
import type { NodeState, PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import { isToConfirm } from "../../../src/protocol/swim/Beginning.ts"
import * as Reunion from "../../../src/protocol/swim/Reunion.ts"
import { claimant, isToListen, maySpeak } from "../../../src/protocol/swim/Rivalry.ts"
import { isAsking } from "../../../src/protocol/swim/Standing.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import type { Claimant } from "../../../src/protocol/swim/Twin.ts"
import * as Agenda from "../../../src/testing/Agenda.ts"
import {
  type Arrival,
  type Cargo,
  type Demand,
  datagramBytes,
  type Give,
  type Host,
  type Reply,
  type Request,
  streamBytes
} from "./Host.ts"
import { call, connects, hostAt, type Network, note, reaches, schedule } from "./Network.ts"
import * as Sizes from "./Sizes.ts"
import { detailOf } from "./Trace.ts"
import * as Wire from "./Wire.ts"

/** How long one exchange over a connection may take. */
export const exchangeMillisMax = 10_000
/** What a kernel holds for a process that does not read. */
const heldMax = 4096

/** Has a host give something to another over a stream of its own. */
export const give = (network: Network, host: Host, demand: Give): void => {
  if (host.mode === "blocked") host.outbox.push(demand)
  else fulfil(network, host, demand)
}

/** Feeds one input to a host and performs what it asks for. */
export const input = (network: Network, host: Host, event: Swim.Input): void => {
  if (host.state === undefined) return
  network.steps += 1
  for (const output of Swim.step(host.state, event, network)) perform(network, host, output)
  schedule(network, host)
}

const isDemand = (output: Swim.Output): output is Exclude<Demand, Give> =>
  output._tag === "Send" || output._tag === "PushPull" || output._tag === "TcpPing" || output._tag === "AskTwin"

export const perform = (network: Network, host: Host, output: Swim.Output): void => {
  if (isDemand(output)) {
    if (host.mode === "blocked") host.outbox.push(output)
    else fulfil(network, host, output)
    if (output._tag === "Send") return
  }
  note(network, host, 2, detailOf(output))
  for (const observe of network.observers) observe(host, output, network.now)
  host.passenger?.hear(output)
  if (output._tag !== "Changed" || network.options.reunion === undefined) return
  const { address, name, status } = output.member
  Reunion.note(host.lost, name, status, address, network.now)
}

/** Does what a host asks of the network. */
export const fulfil = (network: Network, host: Host, demand: Demand): void => {
  switch (demand._tag) {
    case "Send":
      return transmit(network, host, demand.to, demand.parts, demand.crc)
    case "PushPull":
      return exchange(network, host, demand.to, false, false)
    case "TcpPing": {
      const { seq, timeoutMillis, to } = demand
      return request(network, host, to, { _tag: "Ping", seq, timeoutMillis })
    }
    case "AskTwin":
      return askTwin(network, host, demand.to)
    case "Give":
      load(host, demand.cargo)
      return request(network, host, demand.to, demand)
  }
}

const transmit = (network: Network, from: Host, to: Address, parts: ReadonlyArray<Uint8Array>, crc: boolean): void => {
  const { agenda, faults, random } = network
  from.traffic.datagramsSent += 1
  from.traffic.bytesSent += datagramBytes(parts, crc)
  Sizes.noteDatagram(network.sizes, parts, crc)
  const target = hostAt(network, to)
  if (target === undefined || !reaches(network, from, target)) return
  const copies = faults.duplication > 0 && random() < faults.duplication ? 2 : 1
  for (let copy = 0; copy < copies; copy++) {
    if (faults.loss > 0 && random() < faults.loss) continue
    const extra = faults.reordering > 0 && random() < faults.reordering ? random() * faults.reorderMillis : 0
    const at = network.now + faults.latency(random) + extra
    Agenda.put(agenda, at, { _tag: "Arrive", to: target, from: from.address, parts })
  }
}

const latency = ({ faults, random }: Network): number => faults.latency(random)

const request = (network: Network, from: Host, to: Address, ask: Request["ask"]): void => {
  const target = hostAt(network, to)
  if (target === undefined || from.state === undefined || !connects(network, from, target)) return
  const event: Request = { _tag: "Request", from, to: target, life: from.life, beganAt: network.now, ask }
  Agenda.put(network.agenda, network.now + latency(network), event)
}

/** Asks who of the same name is at an address; nobody, when there is no answer in time. */
const askTwin = (network: Network, host: Host, to: Address): void => {
  const { life } = host
  let isHeard = false
  const heard = (answer: Claimant | undefined): void => {
    if (isHeard || host.life !== life) return
    isHeard = true
    input(network, host, { _tag: "TwinAnswered", address: to, answer })
  }
  request(network, host, to, { _tag: "AskTwin", heard })
  call(network, 2 * network.options.settings.probeTimeoutMillis, () => heard(undefined))
}

/** Counts what the passenger sends. */
const load = ({ traffic }: Host, cargo: Cargo | undefined): void => {
  if (cargo === undefined) return
  traffic.streamBytesSent += cargo.bytes
  traffic.cargoBytesSent += cargo.bytes
}

/** How often a host that asks who has its name looks for the answer. */
const lookMillis = 20

/** Begins a push/pull; `again` repeats it once if the other side is still not seen alive after it. */
export const exchange = (
  network: Network,
  from: Host,
  to: Address,
  join: boolean,
  again: boolean,
  confirms = false
): void => {
  if (from.state === undefined || from.state.standing.isLost) return
  const { life } = from
  const later = () => {
    if (from.life === life) exchange(network, from, to, join, again, confirms)
  }
  // Who has its name is asked first.
  if (!confirms && isAsking(from.state.standing)) return call(network, lookMillis, later)
  const isListening = confirms || isToListen(from.state, join)
  const nodes = isListening ? [] : Swim.localNodes(from.state)
  from.traffic.exchanges += 1
  from.traffic.streamBytesSent += streamBytes(nodes)
  Sizes.noteState(network.sizes, nodes)
  const cargo = maySpeak(from.state) && !isListening ? from.passenger?.localState() : undefined
  load(from, cargo)
  request(network, from, to, { _tag: "PushPull", nodes, join, again, cargo, confirms })
}

/** Has a host join through another. */
export const join = (network: Network, host: Host, seed: Host): void =>
  exchange(network, host, seed.address, true, false)

/** Something reaches a host: it is read at once, or kept for a process that does not read. */
export const arrive = (network: Network, host: Host, event: Arrival | Request | Reply): void => {
  if (host.state === undefined) return
  if (host.mode === "running") read(network, host, event)
  else if (host.held.length < heldMax) host.held.push(event)
}

export const read = (network: Network, host: Host, event: Arrival | Request | Reply): void => {
  switch (event._tag) {
    case "Arrive":
      return receive(network, host, event)
    case "Request":
      return answer(network, host, event)
    case "Reply":
      return conclude(network, host, event)
  }
}

const receive = (network: Network, host: Host, { from, parts }: Arrival): void => {
  const messages: Array<PacketMessage> = []
  for (const part of parts) {
    const message = Wire.decode(network.wire, part)
    if (message !== undefined) messages.push(message)
  }
  host.traffic.datagramsReceived += 1
  note(network, host, 3, parts.length)
  input(network, host, { _tag: "Received", from, messages })
}

const reply = (network: Network, request: Request, nodes: ReadonlyArray<NodeState>, cargo?: Cargo): void =>
  Agenda.put(network.agenda, network.now + latency(network), { _tag: "Reply", request, nodes, cargo })

const answer = (network: Network, host: Host, request: Request): void => {
  const { ask, beganAt, from } = request
  if (host.state === undefined || network.now - beganAt > exchangeMillisMax || !connects(network, from, host)) return
  note(network, host, 4, ask._tag.length)
  if (ask._tag === "Ping") return reply(network, request, [])
  if (ask._tag === "AskTwin") return answerTwin(network, host, request)
  if (ask._tag === "Give") {
    host.passenger?.take(ask.cargo)
    return reply(network, request, [])
  }
  // The acceptor answers with what it knew before it merges.
  const nodes = Swim.localNodes(host.state)
  host.traffic.exchanges += 1
  host.traffic.streamBytesSent += streamBytes(nodes)
  Sizes.noteState(network.sizes, nodes)
  const cargo = maySpeak(host.state) && ask.nodes.length > 0 ? host.passenger?.localState() : undefined
  load(host, cargo)
  reply(network, request, nodes, cargo)
  input(network, host, { _tag: "Merge", nodes: ask.nodes, join: ask.join })
  if (ask.cargo !== undefined) host.passenger?.mergeState(ask.cargo)
}

/** Only a process of the name that has not given it up answers. */
const answerTwin = (network: Network, host: Host, request: Request): void => {
  const { from } = request
  const { state } = host
  if (state === undefined || state.leaving !== "no" || state.standing.isLost || host.name !== from.name) return
  const twin = claimant(state, network.now)
  const reply: Reply = { _tag: "Reply", request, nodes: [], cargo: undefined, twin }
  Agenda.put(network.agenda, network.now + latency(network), reply)
  input(network, host, { _tag: "TwinAsked", address: from.address })
}

const conclude = (network: Network, host: Host, { cargo, nodes, request, twin }: Reply): void => {
  const { ask, beganAt, life, to } = request
  if (host.life !== life || host.state === undefined || !connects(network, host, to)) return
  const spentMillis = network.now - beganAt
  if (ask._tag === "Ping") {
    if (spentMillis < ask.timeoutMillis) input(network, host, { _tag: "TcpPingAnswered", seq: ask.seq })
    return
  }
  if (spentMillis > exchangeMillisMax) return
  if (ask._tag === "Give") return ask.taken()
  if (ask._tag === "AskTwin") return ask.heard(twin)
  input(network, host, { _tag: "Merge", nodes, join: ask.join, from: to.address })
  if (cargo !== undefined) host.passenger?.mergeState(cargo)
  if (ask.confirms || ask.nodes.length > 0) {
    const confirm = () => {
      if (host.life === life) exchange(network, host, to.address, ask.join, ask.again, true)
    }
    if (isToConfirm(host.state, ask.join, nodes)) return call(network, ask.confirms ? lookMillis : 0, confirm)
  } else if (!isToListen(host.state, ask.join)) return exchange(network, host, to.address, ask.join, ask.again)
  const status = Swim.member(host.state, to.name)?.status
  if (ask.again && status !== "alive" && status !== "suspect") exchange(network, host, to.address, true, false)
}
