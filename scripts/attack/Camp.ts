/** The hosts of a trial: the one that is attacked and its two good peers, each a process; and what is asked of them. */
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import { type Authority, make as makeAuthority } from "../../test/layers/transport/http2/tls/Certificates.ts"
import { ask, type Child } from "../../test/net/Child.ts"
import { until } from "../../test/net/Lines.ts"
import * as Orders from "./Orders.ts"

export const fabric = "attack"

export const victimName = "victim"
export const peerNames = ["ann", "bob"] as const
export const names = [victimName, ...peerNames]

/** What the hosts of a fabric have in common: keys and certificates, or none, and their sources. */
export interface Ground {
  readonly keys: ReadonlyArray<string>
  readonly authority: Authority | undefined
  /** The folder of the repository whose hosts these are. */
  readonly folder: string
}

const here = new URL("../..", import.meta.url).pathname

export const groundOf = (isSealed: boolean, folder = here): Ground =>
  isSealed
    ? { keys: [randomBytes(32).toString("base64")], authority: makeAuthority("the authority of a trial"), folder }
    : { keys: [], authority: undefined, folder }

/** A certificate for the attacked host, of an authority that nobody believes. */
export const foreign = () => makeAuthority("another authority").issue(victimName, { fabric })

export interface Host {
  readonly name: string
  readonly address: string
  readonly where: typeof Orders.Up.Type
  readonly child: Child
  /** What it said of itself: warnings of its log, and how it ended. */
  readonly said: Array<string>
}

export interface Camp {
  readonly victim: Host
  readonly peers: ReadonlyArray<Host>
  readonly hosts: ReadonlyArray<Host>
  readonly ground: Ground
  readonly close: () => Promise<void>
}

const patienceMillis = 60_000
const heapMiBMax = 1024

const program = (name: string, folder = here): string => join(folder, "scripts/attack/programs", `${name}.ts`)

const Event = Schema.Union([
  Schema.Struct({ up: Orders.Up }),
  Schema.Struct({ log: Schema.String }),
  Schema.Struct({ crash: Schema.String }),
  Schema.Struct({ over: Schema.String })
])
const decodeEvent = Schema.decodeUnknownSync(Event)

export interface Start {
  readonly name: string
  readonly address: string
  readonly seeds: ReadonlyArray<string>
  readonly ground: Ground
}

/** Starts a host, as a process that can take no more than so much memory for its objects. */
export const startHost = async ({ address, name, ground, seeds }: Start): Promise<Host> => {
  const said: Array<string> = []
  const { promise, resolve, reject } = Promise.withResolvers<typeof Orders.Up.Type>()
  const config: Orders.HostConfig = {
    ...{ name, address, seeds, keys: ground.keys },
    ...(ground.authority === undefined ? {} : { tls: ground.authority.issue(name, { fabric }) })
  }
  const flags = ["--expose-gc", `--max-old-space-size=${heapMiBMax}`]
  const child = ask(
    [process.execPath, ...flags, program("host", ground.folder), JSON.stringify(config)],
    `host ${name}`,
    (event) => {
      const told = decodeEvent(event)
      if ("up" in told) return resolve(told.up)
      const words = "log" in told ? told.log : "crash" in told ? `crashed: ${told.crash}` : `ended: ${told.over}`
      said.push(words)
    }
  )
  void child.ended.then((how) => {
    said.push(`ended: ${how}`)
    reject(new Error(`host ${name} did not come up: ${said.slice(-3).join("; ")}`))
  })
  promise.catch(() => undefined)
  return { name, address, where: await promise, child, said }
}

export const startAttacker = (attack: string): Child =>
  ask([process.execPath, program("attacker")], `the attacker ${attack}`, (event) => {
    if (typeof event === "object" && event !== null && "crash" in event && process.env.ATTACK_DEBUG !== undefined)
      process.stderr.write(`attacker: ${JSON.stringify(event)}\n`)
  })

export const viewOf = (host: Host, of: ReadonlyArray<string>) => host.child.ask({ do: "view", of }, Orders.View)

/** Whether a host sees all of these alive, with their names. */
export const sees = async (host: Host, of: ReadonlyArray<string>): Promise<boolean> => {
  const { alive, named } = await viewOf(host, of)
  return of.every((name) => alive.includes(name) && named.includes(name))
}

const seedOf = ({ address, where }: Host): string => `${address}:${where.gossipPort}`

export const seedsOf = ({ hosts }: Pick<Camp, "hosts">): ReadonlyArray<string> => hosts.map(seedOf)

/** Starts the three, waits until all see each other, and lets them exchange checked traffic. `net`: the third byte of their addresses. */
export const open = async (ground: Ground, net: number): Promise<Camp> => {
  const victim = await startHost({ name: victimName, address: `127.0.${net}.1`, seeds: [], ground })
  const peers = await Promise.all(
    peerNames.map((name, i) => startHost({ name, address: `127.0.${net}.${i + 2}`, seeds: [seedOf(victim)], ground }))
  )
  const hosts = [victim, ...peers]
  const close = async () => {
    await Promise.all(hosts.map(({ child }) => child.kill()))
  }
  await until("that the hosts see each other", patienceMillis, async () =>
    (await Promise.all(hosts.map((host) => sees(host, names)))).every((isSo) => isSo)
  )
  for (const host of hosts) {
    const to = host === victim ? peerNames : [victimName]
    await host.child.ask({ do: "load", to }, Orders.Done)
  }
  return { victim, peers, hosts, ground, close }
}

/** Resident memory of a process, the most that it ever was and now, in bytes; 0 for one that has ended. */
export const residentOf = ({ child }: Host): { readonly most: number; readonly now: number } => {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8")
    const of = (field: string): number => 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0)
    return { most: of("VmHWM"), now: of("VmRSS") }
  } catch {
    return { most: 0, now: 0 }
  }
}
