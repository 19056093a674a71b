/** X2: how long a member can go unprobed. Source: SWIM, 4.3. */
import * as Config from "../../../src/protocol/swim/Config.ts"
import * as Members from "../../../src/protocol/swim/Members.ts"
import * as Sampling from "../../../src/protocol/swim/Sampling.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Random from "../../../src/testing/Random.ts"
import type { Experiment } from "../Report.ts"

const period = 1000

export interface Gaps {
  readonly periods: number
  /** The longest gap, over the bound 2n - 1 for the largest n within it. */
  readonly worst: number
  readonly exceeded: number
}

const settings: Config.Settings = { ...Config.lan, gossipIntervalMillis: 0, pushPullIntervalMillis: 0 }

/** One host probes members that all answer, while others join and leave. */
export const gaps = (periods: number, seed: string): Gaps => {
  const random = Random.make(seed)
  const env = { now: 0, random }
  const addressOf = (i: number) => ({ bytes: Uint8Array.of(10, i >> 16, (i >> 8) & 0xff, i & 0xff), port: 7946 })
  const state = Swim.make(Config.make({ name: "self", address: addressOf(0), settings }), env)
  const seen = new Map<string, { at: number; n: number }>()
  let made = 0
  let worst = 0
  let exceeded = 0
  const join = (): void => {
    made += 1
    const name = `m${made}`
    const { bytes: address, port } = addressOf(made)
    const node = {
      name,
      address,
      port,
      meta: new Uint8Array(0),
      incarnation: 1,
      state: "alive",
      versions: Config.versions
    } as const
    Swim.step(state, { _tag: "Merge", nodes: [node], join: false }, env)
    const n = Members.count(state.members)
    for (const entry of seen.values()) entry.n = Math.max(entry.n, n)
    seen.set(name, { at: env.now, n })
  }
  const leave = (): void => {
    const names = [...seen.keys()]
    const node = names[Sampling.below(random, names.length)]
    if (node === undefined || names.length < 4) return
    seen.delete(node)
    Swim.step(
      state,
      { _tag: "Received", from: addressOf(1), messages: [{ _tag: "Dead", incarnation: 1, node, from: node }] },
      env
    )
  }
  for (let i = 0; i < 16; i++) join()
  let probe = state.probe
  while (env.now < periods * period) {
    env.now = Math.max(env.now, Swim.nextDeadline(state))
    Swim.step(state, { _tag: "Tick" }, env)
    if (state.probe === undefined || state.probe === probe) continue
    probe = state.probe
    const { name } = probe.target
    const last = seen.get(name)
    if (last !== undefined) {
      const gap = Math.round((env.now - last.at) / period)
      worst = Math.max(worst, gap / (2 * last.n - 1))
      if (gap > 2 * last.n - 1) exceeded += 1
      last.at = env.now
      last.n = Members.count(state.members)
    }
    Swim.step(
      state,
      {
        _tag: "Received",
        from: probe.target.address,
        messages: [{ _tag: "Ack", seq: probe.seq, payload: new Uint8Array(0) }]
      },
      env
    )
    if (random() < 0.01) random() < seen.size / 64 ? leave() : join()
  }
  return { periods, worst, exceeded }
}

export const experiment: Experiment = {
  id: "X2",
  title: "the longest time unprobed",
  criterion:
    "Gaps between two probes of one member, over the bound of 2n - 1 periods, with joins and leaves; holds when none exceeds it.",
  run: (extent) => {
    const { exceeded, periods, worst } = gaps(extent === "quick" ? 100_000 : 1_000_000, "X2")
    const holds = exceeded === 0
    return [
      { what: `gaps beyond the bound in ${periods} periods`, published: 0, ours: exceeded, digits: 0, holds },
      { what: "longest gap over 2n - 1", published: 1, ours: worst, holds }
    ]
  }
}
