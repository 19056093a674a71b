/** One attack on hosts of its own, and the same hosts with a process that uses the processor as the attacker did. */
import type { Child } from "../../test/net/Child.ts"
import { sleep, until } from "../../test/net/Lines.ts"
import type { Attack } from "./Attack.ts"
import * as Camp from "./Camp.ts"
import * as Orders from "./Orders.ts"
import { type Figures, heapMiBKept } from "./Verdict.ts"

/** How long the traffic flows before anything is measured. */
const warmMillis = 1_500
/** How long all may take to be as before. */
const healMillis = 10_000
/** How long an answer of a host may take that is under attack. */
const answerMillis = 60_000
const joinMillis = 8_000

/** What a child answers, or nothing once it has ended. */
const orNothing = async <A>(child: Child, asked: Promise<A>): Promise<A | undefined> => {
  asked.catch(() => undefined)
  return Promise.race([asked.catch(() => undefined), child.ended.then(() => undefined)])
}

interface Moment {
  readonly at: number
  readonly tallies: ReadonlyArray<Orders.Tally | undefined>
  readonly counters: Readonly<Record<string, number>>
}

const momentOf = async ({ hosts, victim }: Camp.Camp): Promise<Moment> => {
  const tallies = await Promise.all(
    hosts.map(({ child }) => orNothing(child, child.ask({ do: "tally" }, Orders.Tally, answerMillis)))
  )
  const asked = await orNothing(victim.child, victim.child.ask({ do: "counters" }, Orders.Counters, answerMillis))
  return { at: performance.now(), tallies, counters: asked?.counters ?? {} }
}

const sum = (tallies: Moment["tallies"], of: (tally: Orders.Tally) => number): number =>
  tallies.reduce((total, tally) => total + (tally === undefined ? 0 : of(tally)), 0)

const lostOf = ({ failures }: Orders.Tally): number =>
  Object.entries(failures).reduce((total, [what, times]) => total + (what.startsWith("flow ") ? times : 0), 0)

const buriedOf = ({ buried }: Orders.Tally): number =>
  Camp.names.reduce((total, name) => total + (buried[name] ?? 0), 0)

/** What was done between two moments. A host that has ended has done nothing. */
export interface Done {
  readonly millis: number
  readonly messages: number
  readonly opens: number
  readonly names: number
  readonly lost: number
  readonly buried: number
  readonly counters: Readonly<Record<string, number>>
}

const doneBetween = (before: Moment, after: Moment): Done => {
  const of = (count: (tally: Orders.Tally) => number) =>
    Math.max(0, sum(after.tallies, count) - sum(before.tallies, count))
  const counters = Object.fromEntries(
    Object.entries(after.counters).map(([reason, times]) => [reason, times - (before.counters[reason] ?? 0)])
  )
  return {
    millis: after.at - before.at,
    messages: of(({ messages }) => messages),
    opens: of(({ opens }) => opens),
    names: of(({ names }) => names),
    lost: of(lostOf),
    buried: of(buriedOf),
    counters
  }
}

/** The control camp, which lives on from one attack to the next, since nobody harms it. */
export interface Control {
  readonly camp: Camp.Camp
  readonly close: () => Promise<void>
}

export const control = async (ground: Camp.Ground, net: number): Promise<Control> => {
  const camp = await Camp.open(ground, net)
  await sleep(warmMillis)
  return { camp, close: camp.close }
}

/** Starts the count of turns anew, waits for `act`, and tells what was done meanwhile. */
const measured = async (camp: Camp.Camp, act: () => Promise<void>): Promise<Done> => {
  const before = await momentOf(camp)
  await orNothing(camp.victim.child, camp.victim.child.ask({ do: "mark" }, Orders.Done, answerMillis))
  await act()
  return doneBetween(before, await momentOf(camp))
}

const callsOf = ({ victim: { child } }: Camp.Camp, to: string, seconds: number) =>
  orNothing(child, child.ask({ do: "call", to, seconds }, Orders.Calls, answerMillis + seconds * 1000))

const tallyOf = ({ child }: Camp.Host) => orNothing(child, child.ask({ do: "tally" }, Orders.Tally, answerMillis))
const memoryOf = ({ child }: Camp.Host) => orNothing(child, child.ask({ do: "memory" }, Orders.Memory, answerMillis))

/**
 * What the attacked host keeps: what the attacker had open costs memory until it is closed and its handlers have had their grace,
 * so it is asked until it is back, or for as long as all else may take.
 */
const keptOf = async (camp: Camp.Camp, heapBytesBefore: number) => {
  const end = performance.now() + healMillis
  while (true) {
    const memory = await memoryOf(camp.victim)
    const isBack = memory === undefined || memory.heapBytes < heapBytesBefore + (heapMiBKept / 2) * 2 ** 20
    if (isBack || performance.now() > end) return memory
    await sleep(250)
  }
}

const targetOf = (attack: Attack, camp: Camp.Camp): Orders.Target => {
  const { authority, keys } = camp.ground
  const at = ({ address, name, where }: Camp.Host) => ({ name, address, ...where })
  const isTold = attack.by === "C" || attack.by === "S" || attack.by === "honest"
  const issue = (name: string) => authority?.issue(name, { fabric: Camp.fabric })
  const own = isTold ? issue(attack.by === "S" ? attack.name : "mallory") : undefined
  return {
    ...{ attack: attack.name, fabric: Camp.fabric, victim: at(camp.victim), peers: camp.peers.map(at) },
    keys: attack.by === "C" || attack.by === "O" ? [] : [...keys],
    isSealed: authority !== undefined,
    ...(own === undefined ? {} : { tls: own }),
    ...(attack.isSealedOnly === true ? { foreign: Camp.foreign() } : {}),
    issued: Object.fromEntries(
      (attack.names ?? []).flatMap((name) => {
        const material = authority?.issue(name, { fabric: Camp.fabric, sharesKey: true })
        return material === undefined ? [] : [[name, material]]
      })
    )
  }
}

/** Lets a newcomer come while the attack goes on; whether it got in. */
const newcomer = async (camp: Camp.Camp, net: number): Promise<boolean> => {
  await sleep(1_000)
  const start = {
    name: "carol",
    address: `127.0.${net}.9`,
    seeds: Camp.seedsOf(camp).slice(0, 1),
    ground: camp.ground
  }
  try {
    const host = await Camp.startHost(start)
    const all = [...Camp.names, "carol"]
    return await until("that the newcomer is in", joinMillis, () => Camp.sees(host, all))
      .then(
        () => true,
        () => false
      )
      .finally(() => host.child.kill())
  } catch {
    return false
  }
}

/** Whether all three see each other and the names within some seconds. */
const heals = async ({ hosts }: Camp.Camp): Promise<{ readonly isNamed: boolean; readonly isMember: boolean }> => {
  const end = performance.now() + healMillis
  while (true) {
    const views = await Promise.all(
      hosts.map(({ child }) => orNothing(child, child.ask({ do: "view", of: Camp.names }, Orders.View)))
    )
    const isNamed = views.every((view) => view?.named.length === Camp.names.length)
    const isMember = views.every((view) => view?.alive.length === Camp.names.length)
    if ((isNamed && isMember) || performance.now() > end) return { isNamed, isMember }
    await sleep(250)
  }
}

const share = (part: number, of: number): number => (of === 0 ? 1 : part / of)

/** Share of what was done in the same time. */
const shareOf = (done: Done, usual: Done, what: "messages" | "opens" | "names"): number =>
  share(done[what] / done.millis, usual[what] / usual.millis)

const beyond = (counters: Done["counters"], usual: Done["counters"]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(counters)
      .map(([reason, times]): [string, number] => [reason, times - (usual[reason] ?? 0)])
      .filter(([, times]) => times > 0)
      .sort(([, a], [, b]) => b - a)
  )

export interface Assault {
  readonly attack: Attack
  readonly camp: Camp.Camp
  /** The third byte of the addresses. */
  readonly net: number
  readonly seconds: number
}

/** What became of hosts that were attacked. */
export interface Outcome {
  readonly done: Done
  readonly spent: Orders.Spent
  readonly isNamed: boolean
  readonly isMember: boolean
  readonly isJoined: boolean | undefined
  /** What became of the calls of a host to the attacker, where it is one that is called. */
  readonly calls: Orders.Calls | undefined
  readonly tally: Orders.Tally | undefined
  readonly memory: typeof Orders.Memory.Type | undefined
  readonly resident: ReturnType<typeof Camp.residentOf>
  readonly ended: string | undefined
}

/** Attacks the hosts of a camp, which go on after it. */
export const assault = async ({ attack, camp, net, seconds }: Assault): Promise<Outcome> => {
  const attacker = Camp.startAttacker(attack.name)
  try {
    await attacker.ask({ do: "prepare", target: targetOf(attack, camp) }, Orders.Done)
    if (attack.by === "S")
      await until("that who is to be called is known", answerMillis, () => Camp.sees(camp.victim, [attack.name]))
    const before = await memoryOf(camp.victim)
    const spent: Array<Orders.Spent> = []
    const coming = attack.isJoined === true ? newcomer(camp, net) : undefined
    let calls: Orders.Calls | undefined
    const done = await measured(camp, async () => {
      const calling = attack.by === "S" ? callsOf(camp, attack.name, seconds) : undefined
      spent.push(await attacker.ask({ do: "attack", seconds }, Orders.Spent, answerMillis + seconds * 1000))
      calls = await calling
    })
    await attacker.kill()
    const isJoined = await coming
    const healed = await heals(camp)
    const tally = await tallyOf(camp.victim)
    const memory = await keptOf(camp, before?.heapBytes ?? 0)
    const resident = Camp.residentOf(camp.victim)
    const ended = camp.victim.child.isRunning() ? undefined : (camp.victim.said.at(-1) ?? "ended")
    const [seen] = spent
    if (seen === undefined) throw new Error("the attacker said nothing")
    return { done, spent: seen, isJoined, calls, ...healed, tally, memory, resident, ended }
  } finally {
    await attacker.kill()
  }
}

export interface Options extends Omit<Assault, "camp"> {
  readonly ground: Camp.Ground
  readonly control: Control
}

/** Uses the processor beside the hosts of the control as the attacker did, and tells what they did meanwhile. */
const usualOf = async ({ name }: Attack, { camp }: Control, pace: ReadonlyArray<number>) => {
  const idle = Camp.startAttacker(name)
  try {
    await idle.ask({ do: "wait" }, Orders.Done)
    const done = await measured(camp, async () => {
      await idle.ask({ do: "burn", pace }, Orders.Burnt, answerMillis + pace.length * Orders.sliceMillis)
    })
    return { done, tally: await tallyOf(camp.victim), memory: await memoryOf(camp.victim) }
  } finally {
    await idle.kill()
  }
}

export const run = async ({ attack, control, net, seconds, ground }: Options): Promise<Figures> => {
  const camp = await Camp.open(ground, net)
  try {
    await sleep(warmMillis)
    const { done, spent, tally, memory, resident, ...outcome } = await assault({ attack, camp, net, seconds })
    const usual = await usualOf(attack, control, spent.pace)
    return {
      ...{ name: attack.name, says: attack.says, by: attack.by, answer: attack.answer, seconds },
      isSealed: ground.authority !== undefined,
      messages: shareOf(done, usual.done, "messages"),
      opens: shareOf(done, usual.done, "opens"),
      names: shareOf(done, usual.done, "names"),
      lost: done.lost,
      lostControl: usual.done.lost,
      turnMillis: tally?.turnMillis ?? Number.POSITIVE_INFINITY,
      turnMillisControl: usual.tally?.turnMillis ?? 0,
      rssPeakBytes: resident.most,
      rssAfterBytes: resident.now,
      heapAfterBytes: memory?.heapBytes ?? 0,
      heapControlBytes: usual.memory?.heapBytes ?? 0,
      ...{ connections: spent.connections, closed: spent.closed, streamsRefused: spent.streamsRefused },
      counted: beyond(done.counters, usual.done.counters),
      buried: done.buried,
      ...{ isNamed: outcome.isNamed, isMember: outcome.isMember, isJoined: outcome.isJoined, ended: outcome.ended },
      calls: attack.by === "S" ? (outcome.calls ?? { outcomes: {}, longestMillis: 0 }) : undefined,
      amplification:
        attack.amplificationMax === undefined ? undefined : share(spent.datagramBytesReceived, spent.datagramBytesSent),
      amplificationMax: attack.amplificationMax,
      linesUnclean: tally?.linesUnclean ?? 0,
      ...{ complaints: spent.complaints, notes: spent.notes },
      attackerCpuSeconds: (spent.pace.at(-1) ?? 0) / 1e6
    }
  } finally {
    await camp.close()
  }
}
