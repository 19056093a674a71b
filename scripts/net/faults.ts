/** How soon who waits on a peer is told of a fault, in which words, and what the peer is told. */
import { median } from "../../bench/stats.ts"
import type { Host } from "../../test/net/Host.ts"
import type { Failure, Kind } from "../../test/net/HostOrders.ts"
import * as Lab from "../../test/net/Lab.ts"
import { sleep, until } from "../../test/net/Lines.ts"
import { type Arguments, isAsked } from "./Arguments.ts"
import { begin, type Table } from "./Table.ts"

interface Fault {
  readonly name: string
  /** Whether the peer can tell of it while it lasts. */
  readonly silencesPeer: boolean
  readonly strike: (lab: Lab.Lab, peer: Host) => Promise<unknown>
}

const faultOf = (name: string, silencesPeer: boolean, strike: Fault["strike"]): Fault => ({
  name,
  silencesPeer,
  strike
})

const all: ReadonlyArray<Fault> = [
  faultOf("SIGKILL", true, (_, peer) => peer.kill()),
  faultOf("SIGSTOP", true, async (_, peer) => peer.pause()),
  faultOf("blackhole", false, ({ net }) => net.both(0, 1, { drop: "all" })),
  faultOf("TCP only", false, ({ net }) => net.both(0, 1, { drop: "tcp" })),
  faultOf("UDP only", false, ({ net }) => net.both(0, 1, { drop: "udp" })),
  faultOf("out only", false, ({ net }) => net.link(0, 1, { drop: "all" })),
  faultOf("in only", false, ({ net }) => net.link(1, 0, { drop: "all" }))
]

/** What runs on the path before the fault: no flow at all, flows that wait, and beside them flows that fill it. */
const states = ["no session", "idle", "busy"] as const
type State = (typeof states)[number]

/** Who is told; a load has the name of its operation. */
const operations: ReadonlyArray<readonly [operation: string, kind: Kind]> = [
  ["receive", "hold"],
  ["send to who reads nothing", "stall"],
  ["bulk", "duplex"]
]

const loadsOf = (state: State) =>
  state === "no session" ? [] : operations.filter(([, kind]) => state === "busy" || kind !== "duplex")

const connecting = "connect"

/** How long is waited for who is told nothing, because nothing should. */
const patienceMillis = 30_000
/** How long a peer that was stopped gets to find out, once it goes on. */
const resumedMillis = 10_000

interface Told {
  readonly millis: number
  readonly words: string
}

/** By operation, what the caller and the endpoint were told first. */
interface Outcome {
  readonly crashes: ReadonlyArray<string>
  readonly caller: ReadonlyMap<string, Told>
  readonly endpoint: ReadonlyMap<string, Told>
}

const wordsOf = ({ delivered, reason, tag }: Failure): string =>
  tag === "FlowError" ? `${reason}, ${delivered}` : reason

/** Keeps what was told first of each load. */
const firstOf = (failures: ReadonlyArray<Failure>, since: number): Map<string, Told> => {
  const first = new Map<string, Told>()
  for (const failure of failures)
    if (failure.at >= since && !first.has(failure.load))
      first.set(failure.load, { millis: failure.at - since, words: wordsOf(failure) })
  return first
}

const once = async (lab: Lab.Lab, { silencesPeer, strike, name }: Fault, state: State): Promise<Outcome> => {
  const [caller, peer] = await Lab.startPair(lab)
  const loads = loadsOf(state)
  for (const [operation, kind] of loads)
    await caller.open(operation, { kind, to: peer.name, flows: kind === "duplex" ? 4 : 1 })
  await until("that all flows are open", 60_000, async () => {
    const { calls } = await caller.progress()
    return loads.every(([operation]) => (calls[operation]?.received ?? 0) > 0)
  })
  await sleep(1_500)
  const since = Date.now()
  await strike(lab, peer)
  const connected = caller.connect(peer.name, "sink").then(({ failure, millis }) => ({
    millis,
    words: failure === undefined ? "connected" : wordsOf(failure)
  }))
  const isTold = (failures: ReadonlyArray<Failure>, isSaid: (kind: Kind) => boolean, by: "load" | "kind") => {
    const first = firstOf(failures, since)
    return loads
      .filter(([, kind]) => isSaid(kind))
      .every(([operation, kind]) => first.has(by === "load" ? operation : kind))
  }
  // The endpoint that reads nothing has nothing that could fail.
  const endpointKnows = () => isTold(peer.broke(), (kind) => kind !== "stall", "kind")
  const callerKnows = () => isTold(caller.lost(), () => true, "load")
  await until("that all are told", patienceMillis, () => callerKnows() && (silencesPeer || endpointKnows())).catch(
    () => undefined
  )
  const connect = await connected
  const resumedAt = Date.now()
  if (name === "SIGSTOP") {
    peer.resume()
    await until("that the peer is told", resumedMillis, endpointKnows).catch(() => undefined)
  }
  const outcome: Outcome = {
    crashes: [...caller.crashes(), ...peer.crashes()],
    caller: firstOf(caller.lost(), since).set(connecting, connect),
    endpoint: firstOf(peer.broke(), name === "SIGSTOP" ? resumedAt : since)
  }
  await lab.clear()
  return outcome
}

/** Median and maximum, and in which words; of those that were told nothing only how many. */
const summaryOf = (told: ReadonlyArray<Told | undefined>): readonly [median: string, max: string, words: string] => {
  const heard = told.filter((one) => one !== undefined)
  const millis = heard.map((one) => one.millis)
  const words = [...new Set(heard.map((one) => one.words))].join(" or ")
  const silent = told.length - heard.length
  const untold = silent === 0 ? "" : `${words === "" ? "" : "; "}none in ${silent} of ${told.length}`
  const text = (value: number) => (heard.length === 0 ? "none" : String(Math.round(value)))
  return [text(median(millis)), text(Math.max(...millis)), `${words}${untold}`]
}

const tell = (table: Table, fault: Fault, state: State, outcomes: ReadonlyArray<Outcome>): void => {
  for (const [operation, kind] of [...loadsOf(state), [connecting, undefined] as const]) {
    const [median, max, words] = summaryOf(outcomes.map(({ caller }) => caller.get(operation)))
    const hasEndpoint = kind !== undefined && kind !== "stall" && fault.name !== "SIGKILL"
    const endpoint = hasEndpoint ? summaryOf(outcomes.map(({ endpoint }) => endpoint.get(kind))) : ["", "", ""]
    table.row(fault.name, state, operation, median, max, words, ...endpoint)
  }
}

/** True if nothing crashed; else it measures, and judges nothing. */
export const faults = async (asked: Arguments): Promise<boolean> => {
  const chosen = all.flatMap((fault) =>
    states.filter((state) => isAsked(asked, `${fault.name}, ${state}`)).map((state) => ({ fault, state }))
  )
  if (chosen.length === 0)
    throw new Error(
      `no row has that in its name; there are ${all.map(({ name }) => name).join(", ")}, with ${states.join(", ")}`
    )
  process.stdout.write(
    `${asked.repeats} times each; milliseconds from the fault on, of a peer that was stopped from when it goes on.\n` +
      `None: not within ${patienceMillis / 1000} s.\n\n`
  )
  const table = begin(
    ...["fault", "path", "who waits", "caller, median:", "caller, max:", "is told"],
    ...["endpoint, median:", "endpoint, max:", "is told"]
  )
  const lab = await Lab.open({ hosts: 2, seed: asked.seed })
  const crashes: Array<string> = []
  for (const { fault, state } of chosen) {
    const outcomes: Array<Outcome> = []
    for (let repeat = 0; repeat < asked.repeats; repeat++) outcomes.push(await once(lab, fault, state))
    tell(table, fault, state, outcomes)
    crashes.push(...outcomes.flatMap((outcome) => outcome.crashes.map((crash) => `${fault.name}, ${state}: ${crash}`)))
  }
  await lab.down()
  for (const crash of crashes) process.stdout.write(`uncaught: ${crash}\n`)
  return crashes.length === 0
}
