/** What a member says of names that are not its own. */
import { encode, type NameRecord, type Parts } from "../../../src/protocol/names/NameRecords.ts"
import { type Attack, prepared } from "../Attack.ts"
import * as Gossip from "../Gossip.ts"
import type { Means } from "../Means.ts"

/** Times of one's own: a host's life is called by when it began, in microseconds. */
const hourMicros = 3_600_000_000

const record = (host: string, more: Partial<NameRecord> = {}): NameRecord => ({
  ...{ host, generation: 1, version: 1, name: `echo.${host}`, ownership: "unique", contract: 1n, isTombstone: false },
  ...more
})

const packetOf = (means: Means, records: ReadonlyArray<NameRecord>, parts: Parts = {}): Uint8Array =>
  Gossip.packetOf(means.target, { _tag: "User", payload: encode(records, parts) })

const everybody = ({ target: { peers, victim } }: Means) => [victim, ...peers]

/** Tells all three hosts something, again and again. */
const tell = async (means: Means, perSecond: number, packet: (count: number) => Uint8Array): Promise<void> => {
  const socket = await means.udp()
  await means.pace(perSecond, (count) => {
    for (const host of everybody(means)) socket.send(packet(count), host)
  })
}

const tombstoneStep = 2 ** 32 - 10

export const names: ReadonlyArray<Attack> = [
  {
    name: "names-last-life",
    says: "one record of each host, of the last life that can be",
    by: "M",
    answer: "counted",
    run: async (means) => {
      const generation = Number.MAX_SAFE_INTEGER
      const all = everybody(means).map(({ name }) => packetOf(means, [record(name, { generation, name: "x" })]))
      await tell(means, 1, (count) => all[count % all.length] ?? new Uint8Array())
    }
  },
  {
    name: "names-later-lives",
    says: "five records of each host, of lives of the next hours",
    by: "M",
    answer: "counted",
    run: (means) => {
      const all = Array.from({ length: 5 }, (_, i) =>
        everybody(means).map(({ generation, name }) =>
          record(name, { generation: generation + (i + 1) * hourMicros, name: "x" })
        )
      )
      return tell(means, 5, (count) => packetOf(means, all[count % all.length] ?? []))
    }
  },
  {
    name: "names-outrun",
    says: "three withdrawals of each host's name, each 2^32 - 10 versions on",
    by: "M",
    answer: "counted",
    run: (means) => {
      const all = [1, 2, 3].map((step) =>
        everybody(means).map(({ generation, name }) =>
          record(name, { generation, version: step * tombstoneStep, isTombstone: true })
        )
      )
      return tell(means, 10, (count) => packetOf(means, all[count % all.length] ?? []))
    }
  },
  {
    name: "names-squatted",
    says: "a made-up host of the first life that can be, which claims the names of all",
    by: "M",
    answer: "counted",
    run: (means) => {
      const claims = everybody(means).map(({ name }, i) => record("aaa", { version: i + 1, name: `echo.${name}` }))
      const alive = Gossip.packetOf(means.target, Gossip.aliveOf({ name: "aaa", generation: 1 }))
      return tell(means, 4, (count) => (count % 2 === 0 ? alive : packetOf(means, claims)))
    }
  },
  {
    name: "names-spoofed",
    says: "records in the names of the hosts and of their present lives: withdrawals, and names that they have not",
    by: "M",
    answer: "borne",
    run: (means) =>
      tell(means, 20, (count) =>
        packetOf(
          means,
          everybody(means).map(({ generation, name }) =>
            record(name, { generation, version: count + 10, isTombstone: count % 2 === 0 })
          )
        )
      )
  },
  {
    name: "names-impossible",
    says: "500 datagrams a second of records with impossible versions, owners, names and lives",
    by: "M",
    answer: "counted",
    run: (means) => {
      const [victim] = everybody(means)
      const host = victim?.name ?? ""
      const generation = victim?.generation ?? 1
      const all = [
        record(host, { version: 0 }),
        record(host, { generation, version: Number.MAX_SAFE_INTEGER }),
        record(host, { generation: 0 }),
        record("", { generation }),
        record(host, { generation, name: "" }),
        record(host, { generation, name: "a..b" }),
        record("x".repeat(300)),
        record(host, { generation, compatible: Array.from({ length: 100 }, (_, i) => BigInt(i)) })
      ]
      return tell(means, 500, (count) => packetOf(means, [all[count % all.length] ?? record(host)]))
    }
  },
  {
    name: "names-many",
    says: "20,000 names a second of a made-up host, in datagrams",
    by: "M",
    answer: "counted",
    run: (means) => {
      const generation = Date.now() * 1000
      const alive = Gossip.packetOf(means.target, Gossip.aliveOf({ name: "eve", generation }))
      return tell(means, 1_000, (count) =>
        count % 100 === 0
          ? alive
          : packetOf(
              means,
              Array.from({ length: 20 }, (_, i) =>
                record("eve", { generation, version: count * 20 + i + 1, name: `n${count * 20 + i}` })
              )
            )
      )
    }
  },
  {
    name: "names-256000",
    says: "a push/pull with 256,000 names of one made-up host each second",
    by: "M",
    answer: "counted",
    seconds: 6,
    ...prepared((target) => {
      const generation = Date.now() * 1000
      const records = Array.from({ length: 256_000 }, (_, i) =>
        record("eve", { generation, version: i + 1, name: `n${i}`, ownership: "group" })
      )
      const node = Gossip.nodeOf({ name: "eve", generation })
      return Gossip.pushing(Gossip.pushPullOf(target, [node], encode(records)))
    })
  },
  {
    name: "names-digests",
    says: "20 push/pulls a second with a digest of 16,384 hosts that asks for an answer",
    by: "M",
    answer: "borne",
    ...prepared((target) => {
      const hosts = Array.from({ length: 16_384 }, (_, i) => ({
        ...{ host: `h${i}`, generation: 1_000_000 + i, complete: i, ahead: i, mark: i }
      }))
      const digest = { sender: "ann", isAsking: true, first: "", until: "", hosts }
      const bytes = Gossip.pushPullOf(target, [], encode([], { digest }))
      return (means) =>
        means.pace(20, () => {
          void Gossip.exchange(means, bytes)
        })
    })
  }
]
