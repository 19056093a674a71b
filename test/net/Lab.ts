/** A network and the hosts on it, for one run after the other. */
import * as Host from "./Host.ts"
import type { Failure } from "./HostOrders.ts"
import { sleep } from "./Lines.ts"
import * as Net from "./Net.ts"

export interface Lab {
  readonly net: Net.Net
  /** Starts a host in each namespace; resolves when all see each other. */
  readonly start: () => Promise<ReadonlyArray<Host.Host>>
  /** Ends all hosts, and forgets what was done to links. */
  readonly clear: () => Promise<void>
  readonly down: () => Promise<void>
}

export const open = async (options: Net.Options): Promise<Lab> => {
  const net = await Net.open(options)
  let running: ReadonlyArray<Host.Host> = []
  const clear = async () => {
    await Promise.all(running.map((host) => host.kill()))
    running = []
    await net.reset()
  }
  return {
    net,
    start: async () => {
      running = await Host.startAll(net)
      return running
    },
    clear,
    down: async () => {
      await clear()
      await net.down()
    }
  }
}

/** A lab for as long as something runs in it. */
export const use = async <A>(options: Net.Options, body: (lab: Lab) => Promise<A>): Promise<A> => {
  const lab = await open(options)
  try {
    return await body(lab)
  } finally {
    await lab.down()
  }
}

/** Starts two hosts: who calls, and whom it calls. */
export const startPair = async (lab: Lab): Promise<readonly [caller: Host.Host, peer: Host.Host]> => {
  const [caller, peer] = await lab.start()
  if (caller === undefined || peer === undefined) throw new Error("a lab for a pair has two hosts")
  return [caller, peer]
}

/** Bytes of messages that arrived at the peer and back at the caller by now, of one load and its kind. */
export interface Moved {
  readonly out: number
  readonly back: number
  /** The longest silence since the mark, of the direction in which it was longer. */
  readonly silenceMillis: number
  /** How long the slowest flow has been silent by now. */
  readonly slowestMillis: number
  readonly atMillis: number
  readonly flows: number
}

/** What a load has moved. Of a load in one direction only what arrives at the peer counts, of an echo what comes back. */
export const moved = async (caller: Host.Host, peer: Host.Host, load: string, kind: string): Promise<Moved> => {
  const [calling, serving] = await Promise.all([caller.progress(), peer.progress()])
  const back = calling.calls[load]
  const out = serving.serves[kind]
  if (back === undefined || out === undefined) throw new Error(`there is no load ${load} of kind ${kind}`)
  const ways = kind === "sink" ? [out] : kind === "echo" ? [back] : [out, back]
  return {
    out: out.received,
    back: back.received,
    silenceMillis: Math.max(...ways.map(({ silenceMillis }) => silenceMillis)),
    slowestMillis: Math.max(...ways.map(({ slowestMillis }) => slowestMillis)),
    atMillis: serving.millis,
    flows: back.flows
  }
}

export interface Run extends Host.Load {
  /** Until the flows have found their speed: nothing counts until then, but for flows that are lost. */
  readonly warmMillis: number
  readonly seconds: number
}

export interface Result {
  readonly megabytesOut: number
  readonly megabytesBack: number
  readonly silenceMillis: number
  readonly slowestMillis: number
  /** Of each second, the bytes that arrived in both directions. */
  readonly bySecond: ReadonlyArray<{ readonly out: number; readonly back: number }>
  readonly flows: number
  /** Flows that were lost or could not be opened, from the start on. */
  readonly lost: ReadonlyArray<Failure>
  readonly crashes: ReadonlyArray<string>
}

/** How often each failure happened, in words. */
export const tally = (...failures: ReadonlyArray<Failure>): { readonly [failure: string]: number } => {
  const counts = new Map<string, number>()
  for (const { delivered, detail, load, operation, reason } of failures) {
    const words = `${load}, ${operation}: ${reason}, delivered ${delivered} (${detail})`
    counts.set(words, (counts.get(words) ?? 0) + 1)
  }
  return Object.fromEntries(counts)
}

/** Runs a load between two hosts and stops it again. */
export const run = async (caller: Host.Host, peer: Host.Host, what: Run): Promise<Result> => {
  const load = what.kind
  const before = caller.lost().length
  await caller.open(load, what)
  await sleep(what.warmMillis)
  await Promise.all([caller.mark(), peer.mark()])
  const began = await moved(caller, peer, load, what.kind)
  const looks = [began]
  for (let second = 0; second < what.seconds; second++) {
    await sleep(1000)
    looks.push(await moved(caller, peer, load, what.kind))
  }
  const ended = looks.at(-1) ?? began
  const seconds = Math.max(1, ended.atMillis - began.atMillis) / 1000
  const lost = caller.lost().slice(before)
  await caller.stop(load)
  return {
    megabytesOut: (ended.out - began.out) / 1e6 / seconds,
    megabytesBack: (ended.back - began.back) / 1e6 / seconds,
    silenceMillis: ended.silenceMillis,
    slowestMillis: ended.slowestMillis,
    bySecond: looks.slice(1).map(({ back, out }, i) => ({
      out: out - (looks[i]?.out ?? 0),
      back: back - (looks[i]?.back ?? 0)
    })),
    flows: ended.flows,
    lost,
    crashes: [...caller.crashes(), ...peer.crashes()]
  }
}
