/** A host of grinta in a namespace, asked from a test. */
import { Schema } from "effect"
import { type Child, spawn } from "./Child.ts"
import * as Orders from "./HostOrders.ts"
import { until, within } from "./Lines.ts"
import type { Place } from "./Net.ts"

export interface Load {
  readonly kind: Orders.Kind
  readonly to: string
  readonly flows: number
  readonly messageBytes?: number
  /** Whether a flow that is lost is opened again. */
  readonly isKept?: boolean
}

export interface Host {
  readonly name: string
  readonly pid: number
  readonly isRunning: () => boolean
  /** All that it has said of itself so far. */
  readonly events: ReadonlyArray<Orders.Event>
  /** Flows that it called and lost, or could not open. */
  readonly lost: () => ReadonlyArray<Orders.Failure>
  /** Flows that it served and that failed. */
  readonly broke: () => ReadonlyArray<Orders.Failure>
  readonly crashes: () => ReadonlyArray<string>
  readonly open: (load: string, what: Load) => Promise<unknown>
  readonly stop: (load: string) => Promise<unknown>
  readonly connect: (to: string, kind?: Orders.Kind, timeoutMillis?: number) => Promise<typeof Orders.Connected.Type>
  readonly numbers: (to: ReadonlyArray<string>, pauseMillis: number) => Promise<unknown>
  readonly numbersEnd: () => Promise<unknown>
  readonly numbersSeen: () => Promise<typeof Orders.NumbersSeen.Type>
  readonly mark: () => Promise<unknown>
  readonly progress: () => Promise<Orders.Progress>
  readonly vitals: () => Promise<Orders.Vitals>
  /** Holds up its event loop; resolves when it goes on. */
  readonly block: (millis: number) => Promise<unknown>
  readonly alive: () => Promise<ReadonlyArray<string>>
  readonly names: () => Promise<Orders.Names>
  /** SIGSTOP and SIGCONT. */
  readonly pause: () => void
  readonly resume: () => void
  readonly kill: () => Promise<void>
  /** Has it close in good order; its exit code. Rejects when that takes longer than so. */
  readonly close: (patienceMillis: number) => Promise<number | NodeJS.Signals | null>
}

const decode = Schema.decodeUnknownSync(Orders.Event)

const defaultMessageBytes = 32_000

/** How long a host may take to come up; the machine may be busy. */
const upMillis = 120_000

const hostOf = (name: string, child: Child, events: ReadonlyArray<Orders.Event>): Host => {
  const ask = <A>(order: Orders.Order, answer: Schema.Codec<A, unknown>, patienceMillis?: number) =>
    child.ask(order, answer, patienceMillis)
  return {
    name,
    pid: child.pid,
    isRunning: child.isRunning,
    events,
    lost: () => events.flatMap((event) => ("lost" in event ? [event.lost] : [])),
    broke: () => events.flatMap((event) => ("broke" in event ? [event.broke] : [])),
    crashes: () => events.flatMap((event) => ("crash" in event ? [event.crash] : [])),
    open: (load, { flows, isKept = false, kind, messageBytes = defaultMessageBytes, to }) =>
      ask({ do: "open", load, kind, to, flows, messageBytes, isKept }, Orders.Done),
    stop: (load) => ask({ do: "stop", load }, Orders.Done, 60_000),
    connect: (to, kind = "hold", timeoutMillis = 10_000) =>
      ask({ do: "connect", to, kind, timeoutMillis }, Orders.Connected, timeoutMillis + 30_000),
    numbers: (to, pauseMillis) => ask({ do: "numbers", to, pauseMillis }, Orders.Done),
    numbersEnd: () => ask({ do: "numbersEnd" }, Orders.Done),
    numbersSeen: () => ask({ do: "numbersSeen" }, Orders.NumbersSeen, 60_000),
    mark: () => ask({ do: "mark" }, Orders.Done),
    progress: () => ask({ do: "progress" }, Orders.Progress, 30_000),
    vitals: () => ask({ do: "vitals" }, Orders.Vitals, 30_000),
    block: (millis) => ask({ do: "block", millis }, Orders.Done, millis + 60_000),
    alive: async () => (await ask({ do: "alive" }, Orders.Alive)).names,
    names: () => ask({ do: "names" }, Orders.Names),
    pause: () => process.kill(child.pid, "SIGSTOP"),
    resume: () => process.kill(child.pid, "SIGCONT"),
    kill: child.kill,
    close: async (patienceMillis) => {
      await ask({ do: "close" }, Orders.Done)
      return within(patienceMillis, `the end of host ${name}`, child.ended)
    }
  }
}

/** The name of a host by its number. */
export const nameOf = (host: number): string => `h${host}`

export interface Options {
  /** Where it listens, unless at the address of its place. */
  readonly address?: string
  readonly numbers?: (typeof Orders.Config.Type)["numbers"]
  /** Variables of its environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts the host of a place, with all others as its seeds; resolves when it is up. */
export const start = async (net: Place, host: number, options: Options = {}): Promise<Host> => {
  const { address = net.address(host), env, numbers } = options
  const name = nameOf(host)
  const others = Array.from({ length: net.hosts }, (_, other) => other).filter((other) => other !== host)
  const seeds = others.map((other) => `${net.address(other)}:7946`)
  const events: Array<Orders.Event> = []
  const config: typeof Orders.Config.Type = { name, address, seeds, ...(numbers && { numbers }) }
  const child = spawn({
    net,
    host,
    program: "host.ts",
    args: [JSON.stringify(config)],
    ...(env && { env }),
    onEvent: (event) => events.push(decode(event))
  })
  const isUp = () => events.some((event) => "up" in event)
  await until(`the start of host ${name}`, upMillis, () => {
    if (!child.isRunning()) throw new Error(`host ${name} ended at its start: ${JSON.stringify(events.at(-1))}`)
    return isUp()
  })
  return hostOf(name, child, events)
}

/** Starts all hosts of a network; resolves when each sees all others. */
export const startAll = async (net: Place): Promise<ReadonlyArray<Host>> => {
  const hosts = await Promise.all(Array.from({ length: net.hosts }, (_, host) => start(net, host)))
  await allSee(hosts)
  return hosts
}

/** Waits until each of these hosts sees all of them alive, and what they serve. */
export const allSee = (hosts: ReadonlyArray<Host>, millis = 30_000): Promise<void> =>
  until("that all hosts see each other", millis, async () => {
    const views = await Promise.all(hosts.map((host) => host.alive()))
    return views.every((names) => hosts.every(({ name }) => names.includes(name)))
  })
