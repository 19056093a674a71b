/** How each fault is done. */
import { sleep } from "../../test/net/Lines.ts"
import type { Link, Net } from "../../test/net/Net.ts"
import type { Field } from "./Field.ts"
import type { FaultName, Planned } from "./Plan.ts"

/** Resolves when the fault is over. */
type Strike = (field: Field, planned: Planned) => Promise<void>

const healed: Link = {
  ...{ drop: "none", loss: 0, duplicates: 0, reorder: 0, delayMillis: 0, jitterMillis: 0, mtu: 0, silentMtu: 0 }
}

/** Something on the links between two hosts, or on all of a host. */
const onLinks =
  (change: (net: Net, planned: Planned) => Promise<void>): Strike =>
  async ({ net }, planned) => {
    if (net === undefined) return
    await change(net, planned)
    await sleep(planned.millis)
    await net.both(planned.host, "*", healed)
  }

const onHost = (link: Link): Strike => onLinks((net, { host }) => net.both(host, "*", link))

const restart =
  (ends: (field: Field, host: number) => Promise<void>): Strike =>
  async (field, { host, millis }) => {
    await ends(field, host)
    await sleep(millis / 2)
    await field.start(host)
  }

/** The process dies behind a cut: nobody hears of its connections, and the next life knows nothing of them. */
const halfOpen: Strike = async (field, { host, millis }) => {
  await field.net?.both(host, "*", { drop: "all" })
  await field.kill(host)
  await sleep(millis / 4)
  await field.net?.both(host, "*", healed)
  await field.start(host)
}

const stop: Strike = async ({ life }, { host, millis }) => {
  const { host: process } = life(host)
  process.pause()
  await sleep(millis)
  process.resume()
}

/** How many hosts are restarted one after the other: all of them, if the time allows. */
const rollingMillis = 6_000

const rolling: Strike = async (field, { host, millis }) => {
  const { hosts } = field.place
  const count = Math.max(2, Math.min(hosts, Math.round((millis * 4) / rollingMillis)))
  for (let i = 0; i < count; i++) {
    const next = (host + i) % hosts
    await field.alone(next, async () => {
      await field.close(next)
      await field.start(next)
    })
    await sleep(500)
  }
}

const strikes: Readonly<Record<FaultName, Strike>> = {
  "kill and restart": restart((field, host) => field.kill(host)),
  "half-open TCP": halfOpen,
  stop,
  "restart in good order": restart((field, host) => field.close(host)),
  "cut between two": onLinks((net, { host, other }) => net.both(host, other, { drop: "all" })),
  "cut off": onHost({ drop: "all" }),
  "one way": onLinks((net, { host, other }) => net.link(host, other, { drop: "all" })),
  deaf: onLinks((net, { host }) => net.link("*", host, { drop: "all" })),
  mute: onLinks((net, { host }) => net.link(host, "*", { drop: "all" })),
  "no TCP": onLinks((net, { host, other }) => net.both(host, other, { drop: "tcp" })),
  "no UDP": onHost({ drop: "udp" }),
  "lost TCP state": onHost({ drop: "old" }),
  loss: onHost({ loss: 0.2 }),
  delay: onHost({ delayMillis: 200, jitterMillis: 100 }),
  duplicates: onHost({ duplicates: 0.3 }),
  disorder: onHost({ reorder: 0.2, reorderMillis: 50 }),
  "silent MTU 1280": onHost({ silentMtu: 1280 }),
  "rolling restart": rolling,
  "new keys": ({ secrets }) => secrets.rotateKeys(),
  "new certificates": ({ secrets }) => secrets.rotateCertificates(),
  "MTU 1280": async ({ net }, { millis }) => {
    await net?.both("*", "*", { mtu: 1280 })
    await sleep(millis)
    await net?.both("*", "*", { mtu: 0 })
  }
}

const betweenTwo: ReadonlySet<FaultName> = new Set<FaultName>(["cut between two", "one way", "no TCP"])
const ofAll: ReadonlySet<FaultName> = new Set<FaultName>([
  "rolling restart",
  "new keys",
  "new certificates",
  "MTU 1280"
])

export const wordsOf = ({ fault, host, millis, other }: Planned): string => {
  const seconds = `for ${(millis / 1000).toFixed(1)} s`
  if (ofAll.has(fault)) return fault
  return betweenTwo.has(fault) ? `${fault} of h${host} and h${other}, ${seconds}` : `${fault} of h${host}, ${seconds}`
}

/**
 * Does what is planned, after what is done to the same host. On a busy machine one fault may hold up the next ones until the
 * time of faults is over: then they are left out. Returns whether it was done.
 */
export const strike = (field: Field, planned: Planned, isOver: () => boolean): Promise<boolean> => {
  const words = wordsOf(planned)
  return field.alone(ofAll.has(planned.fault) ? "all" : planned.host, async () => {
    if (isOver()) return false
    field.say(`begins: ${words}`)
    await strikes[planned.fault](field, planned)
    field.say(`over: ${words}`)
    return true
  })
}
