/** The hosts of a run, life after life, and what happened to them when. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Host from "../../test/net/Host.ts"
import type { Broken } from "../../test/net/HostOrders.ts"
import * as Net from "../../test/net/Net.ts"
import * as Notes from "../../test/net/Notes.ts"
import type * as Judge from "./Judge.ts"
import * as Secrets from "./Secrets.ts"

/** A process of a host. */
export interface Life {
  readonly name: string
  readonly host: Host.Host
  readonly journal: string
  end?: NonNullable<Judge.Life["end"]>
}

/** Something that happened, in milliseconds since 1970. */
export interface Entry {
  readonly at: number
  readonly what: string
}

export interface Field {
  readonly place: Net.Place
  /** Undefined on loopback. */
  readonly net: Net.Net | undefined
  /** Journals, keys and certificates. */
  readonly folder: string
  readonly secrets: Secrets.Secrets
  readonly lives: Array<Life>
  readonly timeline: Array<Entry>
  /** What must not be, beside what the journals show. */
  readonly violations: Array<Judge.Violation>
  readonly say: (what: string) => void
  /** The present life of a host. */
  readonly life: (host: number) => Life
  readonly names: ReadonlyArray<string>
  /** Starts another life of a host, whose traffic begins at once. */
  readonly start: (host: number) => Promise<void>
  readonly kill: (host: number) => Promise<void>
  /** Closes a host in good order. */
  readonly close: (host: number) => Promise<void>
  /** Waits until it is the only one that does something to a host, to all of them or with the secrets. */
  readonly alone: <A>(what: number | "all" | "secrets", body: () => Promise<A>) => Promise<A>
  readonly down: (keepsFolder: boolean) => Promise<void>
}

export interface Options {
  readonly hosts: number
  readonly seed: number
  readonly isOnLoopback: boolean
  /** How hosts are broken on purpose, from the first on. */
  readonly broken?: ReadonlyArray<Broken>
}

/** Exchanges a second in all, as far as the network lets them. */
const exchangesPerSecond = 40

/** What an exchange takes, about. */
const exchangeMillis = 500

const pauseMillisMin = 100

/** How long a host may take to close: it drains for 5 seconds, and says goodbye. */
const closeMillisMax = 20_000

export const open = async ({ broken = [], hosts, isOnLoopback, seed }: Options): Promise<Field> => {
  const net = isOnLoopback ? undefined : await Net.open({ hosts, seed })
  const place = net ?? Net.loopback(hosts)
  const folder = mkdtempSync(join(tmpdir(), "grinta-chaos-"))
  const waiting = new Map<number | "all" | "secrets", Promise<unknown>>()
  const alone: Field["alone"] = (what, body) => {
    const next = (waiting.get(what) ?? Promise.resolve()).then(body)
    waiting.set(
      what,
      next.catch(() => undefined)
    )
    return next
  }
  // A host that starts reads files one after the other: they have to belong to each other meanwhile.
  const secrets = await Secrets.make(folder, hosts, (write) => alone("secrets", write))
  const names = Array.from({ length: hosts }, (_, host) => Host.nameOf(host))
  const lives: Array<Life> = []
  const timeline: Array<Entry> = []
  const violations: Array<Judge.Violation> = []
  const current = new Map<number, Life>()
  const pauseMillis = Math.max(
    pauseMillisMin,
    Math.round((hosts * (hosts - 1) * 1000) / exchangesPerSecond - exchangeMillis)
  )
  const say = (what: string): void => {
    timeline.push({ at: Date.now(), what })
  }
  const life = (host: number): Life => {
    const found = current.get(host)
    if (found === undefined) throw new Error(`${Host.nameOf(host)} was not started`)
    return found
  }
  const start = async (host: number): Promise<void> => {
    const name = Host.nameOf(host)
    const number = lives.filter((other) => other.host.name === name).length + 1
    const journal = join(folder, `${name}.${number}.jsonl`)
    const how = broken[host]
    const numbers = { life: `${name}.${number}`, journal, ...(how && { broken: how }) }
    const started = await alone("secrets", () => Host.start(place, host, { numbers, env: secrets.env(host) }))
    const made: Life = { name: numbers.life, host: started, journal }
    lives.push(made)
    current.set(host, made)
    say(`${made.name} is up, process ${made.host.pid}`)
    const others = names.filter((other) => other !== name)
    await made.host.numbers(others, pauseMillis)
  }
  const ends = async (host: number, by: "kill" | "close", body: (one: Host.Host) => Promise<unknown>) => {
    const dying = life(host)
    if (!dying.host.isRunning())
      violations.push({ law: "nothing uncaught", text: `${dying.name} ended by itself`, lives: [dying.name] })
    dying.end = { at: Date.now(), by }
    say(`${dying.name}: ${by}`)
    await body(dying.host)
  }
  return {
    ...{ place, net, folder, secrets, lives, timeline, violations, say, life, names, start, alone },
    kill: (host) => ends(host, "kill", (one) => one.kill()),
    close: (host) =>
      ends(host, "close", async (one) => {
        const lives = [life(host).name]
        const code = await one.close(closeMillisMax).catch(String)
        if (code !== 0) violations.push({ law: "everything settles", text: `the close of ${lives}: ${code}`, lives })
        await one.kill()
      }),
    down: async (keepsFolder) => {
      await Promise.all(lives.map(({ host }) => host.kill()))
      await net?.down()
      if (!keepsFolder) rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** What is judged of a life. */
export const judged = ({ end, journal, name }: Life): Judge.Life => ({
  ...{ name, notes: Notes.read(journal) },
  ...(end && { end })
})
