/**
 * Somebody in a simulated fabric who says what is not so: deaths, leaves, lives and names of others, and hosts that there are
 * not. What it sends comes from an address of no host, as datagrams that hosts decode and believe as they do any.
 */
import type { Alive, PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import { versions } from "../../../src/protocol/swim/Config.ts"
import { input } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import type * as Names from "./Names.ts"
import { metaOf } from "./NamesWire.ts"
import { some } from "./Scenario.ts"

const from = { bytes: Uint8Array.of(192, 0, 2, 66), port: 7946 }

const send = ({ network }: Names.Names, to: Host, messages: ReadonlyArray<PacketMessage>): void => {
  if (to.mode === "running") input(network, to, { _tag: "Received", from, messages })
}

const aliveOf = (node: string, address: Uint8Array, incarnation: number, generation: number): Alive => ({
  _tag: "Alive",
  node,
  incarnation,
  address,
  port: 7946,
  meta: metaOf(generation),
  versions
})

const recordOf = (host: string, generation: number, version: number, name: string, isTombstone: boolean) =>
  ({ host, generation, version, name, ownership: "unique", contract: 1n, isTombstone }) as const

const recordsOf = (...records: ReadonlyArray<NameRecords.NameRecord>): PacketMessage => ({
  _tag: "User",
  payload: NameRecords.encode(records)
})

/** The facts of a victim that any listener knows: the incarnation at `to`, its life, and a name of it. */
const known = ({ peers }: Names.Names, to: Host, victim: Host) => ({
  incarnation: to.state?.members.byName.get(victim.name)?.member.incarnation ?? 1,
  generation: peers[victim.index]?.directory.own.claims.generation ?? 1,
  name: [...(peers[victim.index]?.held ?? [])][0] ?? "none"
})

type Lie = (names: Names.Names, to: Host, victim: Host) => ReadonlyArray<PacketMessage>

const lies = {
  /** That a healthy host is dead, in the words of seven. */
  death: (names, to, { name: node }) => {
    const { incarnation } = known(names, to, names.network.byName.get(node) ?? to)
    return Array.from({ length: 7 }, (_, i) => ({ _tag: "Dead", incarnation, node, from: `h${i}` }))
  },
  /** That it has left. */
  leave: (names, to, victim) => {
    const { incarnation } = known(names, to, victim)
    return [{ _tag: "Dead", incarnation, node: victim.name, from: victim.name }]
  },
  /** That it has later lives: the last that there can be, and five of the near future. */
  lives: (names, to, victim) => {
    const { generation, name } = known(names, to, victim)
    const later = [Number.MAX_SAFE_INTEGER, 1, 2, 3, 4, 5].map((more) => Math.min(generation + more, 2 ** 53 - 1))
    return later.map((life) => recordsOf(recordOf(victim.name, life, 1, name, true)))
  },
  /** The same as the word of membership. */
  metadata: (names, to, victim) => {
    const { generation, incarnation } = known(names, to, victim)
    return [aliveOf(victim.name, victim.address.bytes, incarnation + 1, generation + 7)]
  },
  /** That a name of it is withdrawn, three times as far ahead as one may be. */
  versions: (names, to, victim) => {
    const { generation, name } = known(names, to, victim)
    const jump = 2 ** 32 - 10
    return [1, 2, 3].map((step) => recordsOf(recordOf(victim.name, generation, step * jump, name, true)))
  },
  /** Hosts that there are not, which have its name since 1970. */
  inventions: (names, to, victim) => {
    const { name } = known(names, to, victim)
    const n = Math.floor(names.network.random() * 2 ** 24)
    const address = Uint8Array.of(100, n >> 16, (n >> 8) & 255, n & 255)
    return [aliveOf(`fake-${n}`, address, 1, 1), recordsOf(recordOf(`fake-${n}`, 1, 1, name, false))]
  }
} as const satisfies Record<string, Lie>

export type Kind = keyof typeof lies

export const kinds: ReadonlyArray<Kind> = ["death", "leave", "lives", "metadata", "versions", "inventions"]

/** Tells one host at chance a lie about another at chance; nobody when there are too few. */
export const lie = (names: Names.Names, kind: Kind): void => {
  const [to] = some(names.network, 0)
  const [victim] = some(names.network, 0)
  if (to?.state === undefined || victim?.state === undefined || to === victim) return
  send(names, to, lies[kind](names, to, victim))
}
