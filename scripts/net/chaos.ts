/**
 * Random faults on hosts that exchange numbered messages, all with all. Whatever happens, a message comes once and in order or
 * its flow fails by a type; nothing throws what nobody catches; and once all is healed, all pairs exchange again.
 */

import * as Random from "../../src/testing/Random.ts"
import * as Host from "../../test/net/Host.ts"
import * as Lab from "../../test/net/Lab.ts"
import { sleep, until } from "../../test/net/Lines.ts"
import type { Net } from "../../test/net/Net.ts"
import type { Arguments } from "./Arguments.ts"
import * as Ledger from "./Ledger.ts"

/** A fault that is over when its promise is; a host that is killed is another one afterwards. */
interface Fault {
  readonly name: string
  readonly strike: (field: Field, host: number, other: number, millis: number) => Promise<void>
}

interface Field {
  readonly net: Net
  readonly hosts: Array<Host.Host>
  readonly ledger: Ledger.Ledger
}

/** Something on the links between two hosts, or on all of a host. */
const onLinks =
  (change: (net: Net, host: number, other: number) => Promise<void>): Fault["strike"] =>
  async ({ net }, host, other, millis) => {
    await change(net, host, other)
    await sleep(millis)
    const healed = { drop: "none", loss: 0, duplicates: 0, reorder: 0, delayMillis: 0, jitterMillis: 0 } as const
    await net.both(host, "*", healed)
  }

const namesBut = (hosts: ReadonlyArray<Host.Host>, but: number): ReadonlyArray<string> =>
  hosts.map(({ name }) => name).filter((_, at) => at !== but)

const restart: Fault["strike"] = async ({ hosts, ledger, net }, at, _other, millis) => {
  const killed = hosts[at]
  if (killed === undefined) return
  await Ledger.enter(ledger, killed)
  await killed.kill()
  Ledger.close(ledger, killed)
  await sleep(millis / 2)
  const reborn = await Host.start(net, at)
  hosts[at] = reborn
  await reborn.numbers(namesBut(hosts, at))
}

const stop: Fault["strike"] = async ({ hosts }, at, _other, millis) => {
  const host = hosts[at]
  host?.pause()
  await sleep(millis)
  host?.resume()
}

const all: ReadonlyArray<Fault> = [
  { name: "cut between two", strike: onLinks((net, host, other) => net.both(host, other, { drop: "all" })) },
  { name: "cut off", strike: onLinks((net, host) => net.both(host, "*", { drop: "all" })) },
  { name: "one way", strike: onLinks((net, host, other) => net.link(host, other, { drop: "all" })) },
  { name: "deaf", strike: onLinks((net, host) => net.link("*", host, { drop: "all" })) },
  { name: "no TCP", strike: onLinks((net, host, other) => net.both(host, other, { drop: "tcp" })) },
  { name: "no UDP", strike: onLinks((net, host) => net.both(host, "*", { drop: "udp" })) },
  { name: "lost TCP state", strike: onLinks((net, host) => net.both(host, "*", { drop: "old" })) },
  { name: "loss", strike: onLinks((net, host) => net.both(host, "*", { loss: 0.2 })) },
  { name: "delay", strike: onLinks((net, host) => net.both(host, "*", { delayMillis: 200, jitterMillis: 100 })) },
  {
    name: "disorder",
    strike: onLinks((net, host) => net.both(host, "*", { reorder: 0.2, reorderMillis: 50, duplicates: 0.1 }))
  },
  { name: "kill and restart", strike: restart },
  { name: "stop", strike: stop }
]

/** Between faults of one source of them, of which there are two. */
const pauseMillis = { min: 500, max: 5_000 } as const
const faultMillis = { min: 500, max: 12_000 } as const
const sources = 2

/** How long all pairs get to exchange again once all is healed. */
const recoveryMillis = 90_000

const between = (random: () => number, { max, min }: typeof pauseMillis | typeof faultMillis): number =>
  min + random() * (max - min)

/** Faults one after the other, each on a host that no other source has a fault on. */
const plague = async (field: Field, random: () => number, end: number, busy: Set<number>): Promise<void> => {
  while (performance.now() < end) {
    await sleep(between(random, pauseMillis))
    const fault = all[Math.floor(random() * all.length)]
    const host = Math.floor(random() * field.hosts.length)
    const other = (host + 1 + Math.floor(random() * (field.hosts.length - 1))) % field.hosts.length
    const millis = between(random, faultMillis)
    if (fault === undefined || busy.has(host)) continue
    busy.add(host)
    field.ledger.faults.push(fault.name)
    await fault.strike(field, host, other, millis)
    busy.delete(host)
  }
}

/** Pairs that have not exchanged anything since then. */
const stuckPairs = async (field: Field, since: ReadonlyMap<string, number>): Promise<ReadonlyArray<string>> => {
  const counts = await Ledger.pairs(field.hosts)
  return [...counts].filter(([pair, count]) => count <= (since.get(pair) ?? 0)).map(([pair]) => pair)
}

const tellProgress = (ledger: Ledger.Ledger, left: number): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${Math.ceil(left)} s left, ${ledger.faults.length} faults \u001b[K`)
}

/** True if nothing happened that must not. */
export const chaos = async ({ hosts: count, minutes, seed }: Arguments): Promise<boolean> => {
  process.stdout.write(`${count} hosts, ${minutes} minutes, seed ${seed}\n`)
  const lab = await Lab.open({ hosts: count, seed })
  const field: Field = { net: lab.net, hosts: [...(await lab.start())], ledger: Ledger.make() }
  const { hosts, ledger } = field
  for (const [at, host] of hosts.entries()) await host.numbers(namesBut(hosts, at))
  const end = performance.now() + minutes * 60_000
  const busy = new Set<number>()
  const plagues = Array.from({ length: sources }, (_, source) =>
    plague(field, Random.make(`${seed}/${source}`), end, busy)
  )
  const progress = setInterval(() => tellProgress(ledger, (end - performance.now()) / 1000), 1_000)
  await Promise.all(plagues)
  clearInterval(progress)
  await lab.net.reset()
  await Host.allSee(hosts, recoveryMillis).catch((error) => ledger.wrongs.push(String(error)))
  const since = await Ledger.pairs(hosts)
  const isWell = async () => (await stuckPairs(field, since)).length === 0
  await until("that all pairs exchange", recoveryMillis, isWell, 1_000).catch(() => undefined)
  for (const pair of await stuckPairs(field, since)) ledger.wrongs.push(`${pair} exchanges nothing after all is healed`)
  for (const host of hosts) {
    await Ledger.enter(ledger, host)
    if (!host.isRunning()) ledger.wrongs.push(`${host.name} ended by itself`)
    Ledger.close(ledger, host)
  }
  await Promise.all(hosts.map((host) => host.kill()))
  await lab.down()
  process.stdout.write(Ledger.report(ledger))
  return Ledger.isClean(ledger)
}
