/** What befalls the processes: crashes, restarts, pauses, and the blocked loops of the Lifeguard paper. */
import * as Deadlines from "../../../src/protocol/swim/Deadlines.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import type { Timer } from "../../../src/protocol/swim/Timer.ts"
import { fulfil, input, perform, read } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import { type Network, note, schedule, start } from "./Network.ts"

/** Takes a host down without a word. */
export const crash = (network: Network, host: Host): void => {
  host.state = undefined
  host.passenger = undefined
  host.mode = "running"
  host.held.length = 0
  host.outbox.length = 0
  host.stuck.length = 0
  host.lost.clear()
  host.wakeAt = Number.POSITIVE_INFINITY
  note(network, host, 5, 0)
}

/** Starts a crashed host anew, under its old name and address, knowing nobody. */
export const restart = (network: Network, host: Host, meta?: Uint8Array): void => {
  crash(network, host)
  start(network, host, meta)
}

/** Stops the process; the kernel goes on holding what comes in. */
export const pause = (network: Network, host: Host): void => {
  if (host.state === undefined) return
  host.mode = "paused"
  host.wakeAt = Number.POSITIVE_INFINITY
  note(network, host, 6, 0)
}

/** Blocks each loop of the process before its next send and after its next receive. */
export const block = (network: Network, host: Host): void => {
  if (host.state === undefined) return
  host.mode = "blocked"
  note(network, host, 7, 0)
}

/** Goes on: what was about to be sent is sent, what is overdue is done, then what the kernel held is read. */
export const resume = (network: Network, host: Host): void => {
  const { state } = host
  if (state === undefined || host.mode === "running") return
  host.mode = "running"
  note(network, host, 8, host.held.length)
  for (const demand of host.outbox.splice(0)) fulfil(network, host, demand)
  for (const timer of host.stuck.splice(0)) Deadlines.restore(state.deadlines, timer)
  if (Swim.nextDeadline(state) <= network.now) input(network, host, { _tag: "Tick" })
  wakePassenger(network, host)
  for (const event of host.held.splice(0)) read(network, host, event)
  schedule(network, host)
}

/** The wake-up of a host, unless it is stale. */
export const wake = (network: Network, host: Host): void => {
  const { state } = host
  if (state === undefined || host.mode === "paused" || host.wakeAt > network.now) return
  host.wakeAt = Number.POSITIVE_INFINITY
  wakePassenger(network, host)
  if (Swim.nextDeadline(state) > network.now) return schedule(network, host)
  if (host.mode === "blocked") return tickBlocked(network, host, state)
  input(network, host, { _tag: "Tick" })
}

const wakePassenger = ({ now }: Network, { passenger }: Host): void => {
  if (passenger !== undefined && passenger.nextDeadline() <= now) passenger.wake()
}

/** Timers that one loop of a process waits for. */
const loops: ReadonlyArray<ReadonlyArray<Timer["_tag"]>> = [
  ["ProbeTick", "ProbeTimeout", "ProbeDeadline", "RollCallTimeout", "RollCallDeadline"],
  ["GossipTick"],
  ["PushPullTick"]
]

/** Timers run, but a loop that is about to send stops there, and so do its timers. */
const tickBlocked = (network: Network, host: Host, state: Swim.State): void => {
  const tag = state.deadlines.heap[0]?.value._tag
  const before = host.outbox.length
  network.steps += 1
  for (const output of Swim.step(state, { _tag: "Tick" }, network)) perform(network, host, output)
  const loop = loops.find((tags) => tags.some((other) => other === tag))
  if (loop !== undefined && host.outbox.length > before)
    for (const timer of state.deadlines.heap.filter(({ value }) => loop.includes(value._tag))) {
      Deadlines.cancel(state.deadlines, timer)
      host.stuck.push(timer)
    }
  schedule(network, host)
}
