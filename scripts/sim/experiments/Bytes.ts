/**
 * X9: the load of the interval test in bytes on the wire, compressed as the paper's agents compressed.
 *
 * Source: Lifeguard, table VI; faults.md, X9.
 */

import * as Random from "../../../src/testing/Random.ts"
import * as Anomaly from "../membership/Anomaly.ts"
import { grinta, type Profile, paper, reference } from "../membership/Profiles.ts"
import { advance } from "../membership/Run.ts"
import type { Experiment, Extent, Row } from "../Report.ts"
import { isNear } from "../Statistics.ts"
import { type Cell, cells, members, start, testMillis } from "./Lifeguard.ts"
import { total } from "./Load.ts"

/** One message in so many is compressed. */
const sampleShare = 1 / 16

/** Every so many-th combination of the interval test; coprime to the number of values of each parameter. */
const stride: { readonly [E in Extent]: number } = { quick: 211, subset: 37, full: 1 }

const chosen = (extent: Extent): ReadonlyArray<Cell> => cells("subset").filter((_, i) => i % stride[extent] === 0)

const text = new TextEncoder()

const packed = (value: string): ReadonlyArray<number> => {
  const bytes = text.encode(value)
  return bytes.length < 32 ? [0xa0 | bytes.length, ...bytes] : [0xd9, bytes.length, ...bytes]
}

/** The metadata of a Consul agent of 2017, as Serf encodes tags; each agent has an id of its own. */
export const metaOf = (name: string): Uint8Array => {
  const random = Random.make(name)
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join("")
  const tags = {
    role: "node",
    dc: "dc1",
    id: [8, 4, 4, 4, 12].map(digits).join("-"),
    vsn: "2",
    vsn_min: "2",
    vsn_max: "3",
    build: "0.8.1:'e9ca44d"
  }
  const entries = Object.entries(tags)
  return Uint8Array.of(255, 0x80 | entries.length, ...entries.flat().flatMap(packed))
}

export interface Cost {
  /** Per member and second. */
  readonly messages: number
  readonly bytes: number
  /** The same without compression. */
  readonly plainBytes: number
  readonly stateBytes: number
}

export const cost = (profile: Profile, of: ReadonlyArray<Cell>, tell: (done: number) => void): Cost => {
  let messages = 0
  let bytes = 0
  let plainBytes = 0
  let stateBytes = 0
  for (const [i, { count, durationMillis, gapMillis, rep }] of of.entries()) {
    tell(i)
    const seed = `interval ${count} ${durationMillis} ${gapMillis} ${rep}`
    const { hosts, network } = start(seed, profile, count, { meta: metaOf, sampling: sampleShare })
    const before = { ...network.sizes }
    const at = (): ReadonlyArray<number> => [
      total(network, ({ datagramsSent }) => datagramsSent),
      total(network, ({ bytesSent }) => bytesSent),
      total(network, ({ exchanges }) => exchanges)
    ]
    const [sentBefore = 0, bytesBefore = 0, exchangesBefore = 0] = at()
    Anomaly.begin(network, { hosts, durationMillis, gapMillis, cyclesMillis: testMillis, isPause: false })
    advance(network, testMillis)
    const [sent = 0, plain = 0, exchanges = 0] = at()
    const { sizes } = network
    messages += sent - sentBefore
    plainBytes += plain - bytesBefore
    bytes += ((sent - sentBefore) * (sizes.datagramBytes - before.datagramBytes)) / (sizes.datagrams - before.datagrams)
    stateBytes +=
      ((exchanges - exchangesBefore) * (sizes.stateBytes - before.stateBytes)) / (sizes.states - before.states)
  }
  const perSecond = (sum: number): number => sum / (of.length * members * (testMillis / 1000))
  return {
    messages: perSecond(messages),
    bytes: perSecond(bytes),
    plainBytes: perSecond(plainBytes),
    stateBytes: perSecond(stateBytes)
  }
}

type Figures = readonly [messages: number, bytes: number]

const cases: ReadonlyArray<readonly [string, Profile, Figures | undefined]> = [
  ["SWIM", paper.swim, [6.56, 2410]],
  ["Lifeguard", paper.lifeguard, [7.26, 2360]],
  ["reference", reference, undefined],
  ["ours", grinta, undefined]
]

const row = (what: string, ours: number, published: number | undefined, unit: string, digits: number): Row => {
  const bare = { what, published, ours, unit, digits }
  return published === undefined ? bare : { ...bare, holds: isNear(ours, published, 0.15) }
}

export const experiment: Experiment = {
  id: "X9",
  title: "bytes on the wire while members block in cycles",
  criterion:
    "Every 37th combination of X8, datagrams compressed (one in 16 is measured), metadata like that of the paper's agents; per member and second. Holds within 15 %; ours when its bytes, push/pull included, are at most 80 % of the reference's.",
  run: (extent, tell) => {
    const combinations = chosen(extent)
    const found = cases.map(([name, profile, published], i) => {
      const told = (done: number): void => tell(i * combinations.length + done, cases.length * combinations.length)
      return { name, published, cost: cost(profile, combinations, told) }
    })
    const all = (name: string): number => {
      const { bytes, stateBytes } = found.find((one) => one.name === name)?.cost ?? { bytes: 0, stateBytes: 0 }
      return bytes + stateBytes
    }
    const [theirs, ours] = [all("reference"), all("ours")]
    return [
      ...found.flatMap(({ cost, name, published }) => [
        row(`${name}, datagrams`, cost.messages, published?.[0], "1/s", 2),
        row(`${name}, bytes of datagrams`, cost.bytes, published?.[1], "B/s", 0),
        row(`${name}, bytes a datagram`, cost.bytes / cost.messages, published && published[1] / published[0], "B", 0),
        row(`${name}, bytes of datagrams, not compressed`, cost.plainBytes, undefined, "B/s", 0),
        row(`${name}, bytes of push/pull`, cost.stateBytes, undefined, "B/s", 0)
      ]),
      {
        what: "ours, bytes with push/pull, share of the reference",
        published: 80,
        ours: (100 * ours) / theirs,
        unit: "%",
        digits: 0,
        holds: ours <= 0.8 * theirs
      },
      { what: "runs of each configuration", published: undefined, ours: combinations.length, digits: 0 }
    ]
  }
}
