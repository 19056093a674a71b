/** What a member says of other members, and of such that there are not. */
import type { NodeState, PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import { type Attack, prepared } from "../Attack.ts"
import * as Gossip from "../Gossip.ts"
import type { Means } from "../Means.ts"

const everybody = ({ target: { peers, victim } }: Means) => [victim, ...peers]

/** Says something of each of the three to the two others, as often as told, with the incarnation that it has. */
const accuse = async (
  means: Means,
  perSecond: number,
  of: (name: string, incarnation: number, count: number) => ReadonlyArray<PacketMessage>
): Promise<void> => {
  const socket = await means.udp()
  let known = await Gossip.incarnationsOf(means)
  const asking = setInterval(() => {
    void Gossip.incarnationsOf(means).then((now) => {
      if (now.size > 0) known = now
    })
  }, 500)
  await means.pace(perSecond, (count) => {
    for (const about of everybody(means)) {
      const messages = of(about.name, known.get(about.name) ?? 1, count)
      for (const host of everybody(means))
        if (host !== about) for (const message of messages) socket.send(Gossip.packetOf(means.target, message), host)
    }
  })
  clearInterval(asking)
}

const accusers = ["ann", "bob", "victim", "dave", "erin", "frank", "grace"]

/** Tells the three something, again and again. */
const tell = async (means: Means, perSecond: number, messages: ReadonlyArray<PacketMessage>): Promise<void> => {
  const socket = await means.udp()
  const packets = messages.map((message) => Gossip.packetOf(means.target, message))
  await means.pace(perSecond, (count) => {
    const packet = packets[count % packets.length]
    if (packet !== undefined) for (const host of everybody(means)) socket.send(packet, host)
  })
}

const none = new Uint8Array()
const port = 9
const good = Gossip.aliveOf({ name: "zoe", port })

const impossible: ReadonlyArray<PacketMessage> = [
  ...["", "a/b", "a\u0007", "u\u0308", "x".repeat(10_000)].map((name) => Gossip.aliveOf({ name })),
  ...["0.0.0.0", "255.255.255.255", "224.0.0.1"].map((address) => Gossip.aliveOf({ name: "zoe", address })),
  {
    ...good,
    ...{ _tag: "Alive", address: none, incarnation: 1, node: "zoe", port, meta: none, versions: Gossip.versions }
  },
  {
    _tag: "Alive",
    ...{ address: Uint8Array.of(127, 0, 0, 1), incarnation: 1, node: "zoe", port },
    meta: new Uint8Array(1_000),
    versions: Gossip.versions
  },
  {
    _tag: "Alive",
    ...{ address: Uint8Array.of(127, 0, 0, 1), incarnation: 1, node: "zoe", port },
    meta: none,
    versions: Uint8Array.of(5, 1, 2, 0, 0, 0)
  },
  { _tag: "Suspect", incarnation: 5, node: "nobody", from: "x" },
  { _tag: "Dead", incarnation: 5, node: "nobody", from: "nobody" }
]

export const members: ReadonlyArray<Attack> = [
  {
    name: "deaths-forged",
    says: "seven datagrams a second that say that the hosts are dead",
    by: "M",
    answer: "borne",
    seconds: 8,
    run: (means) =>
      accuse(means, 7, (node, incarnation, count) => [
        { _tag: "Dead", incarnation, node, from: accusers[count % accusers.length] ?? "x" }
      ])
  },
  {
    name: "leaves-forged",
    says: "a datagram a second that says that the hosts have left",
    by: "M",
    answer: "borne",
    seconds: 8,
    run: (means) => accuse(means, 1, (node, incarnation) => [{ _tag: "Dead", incarnation, node, from: node }])
  },
  {
    name: "suspicions-forged",
    says: "100 suspicions a second of each host, by seven accusers",
    by: "M",
    answer: "borne",
    seconds: 8,
    run: (means) =>
      accuse(means, 100, (node, incarnation, count) => [
        { _tag: "Suspect", incarnation, node, from: accusers[count % accusers.length] ?? "x" }
      ])
  },
  {
    name: "suspicions-foul",
    says: "suspicions of the hosts by accusers whose names have newlines, or turn the direction of writing",
    by: "M",
    answer: "borne",
    run: (means) =>
      accuse(means, 20, (node, incarnation, count) => [
        { _tag: count % 2 === 0 ? "Suspect" : "Dead", incarnation, node, from: `x\nFATAL\u202E${count}` }
      ])
  },
  {
    name: "incarnations-last",
    says: "accusations of the hosts at incarnations that they could never refute",
    by: "M",
    answer: "counted",
    seconds: 8,
    run: (means) =>
      accuse(means, 20, (node, _, count) => [
        { _tag: "Suspect", incarnation: 2 ** 32 - 1 - (count % 3), node, from: "ann" },
        { _tag: "Dead", incarnation: 2 ** 31 + count, node, from: "bob" }
      ])
  },
  {
    name: "members-moved",
    says: "20 times a second that each host is at another address",
    by: "M",
    answer: "borne",
    seconds: 8,
    run: (means) => accuse(means, 20, (name, incarnation) => [Gossip.aliveOf({ name, incarnation: incarnation + 1 })])
  },
  {
    name: "members-altered",
    says: "20 times a second that each host serves flows at another port, with the next incarnation",
    by: "M",
    answer: "borne",
    seconds: 8,
    run: (means) =>
      accuse(means, 20, (name, incarnation) => {
        const host = everybody(means).find((one) => one.name === name)
        if (host === undefined) return []
        const { address, generation, gossipPort } = host
        return [
          Gossip.aliveOf({ name, address, port: gossipPort, generation, incarnation: incarnation + 1, flowPort: 9 })
        ]
      })
  },
  {
    name: "members-impossible",
    says: "500 datagrams a second of members that cannot be: names, addresses, versions, metadata",
    by: "M",
    answer: "counted",
    run: (means) => tell(means, 500, impossible)
  },
  {
    name: "members-made-up",
    says: "2,000 made-up members a second, in datagrams",
    by: "M",
    answer: "counted",
    seconds: 12,
    isJoined: true,
    run: async (means) => {
      const socket = await means.udp()
      await means.pace(400, (count) => {
        const alive = Array.from({ length: 5 }, (_, i) =>
          Gossip.aliveOf({ name: `m${count * 5 + i}`, address: `127.1.${count % 250}.${1 + i}` })
        )
        for (const host of everybody(means)) socket.send(Gossip.packetOf(means.target, ...alive), host)
      })
    }
  },
  {
    name: "members-65000",
    says: "a push/pull with 65,000 made-up members each second",
    by: "M",
    answer: "counted",
    seconds: 12,
    isJoined: true,
    ...prepared((target) => {
      const nodes = Array.from({ length: 65_000 }, (_, i) =>
        Gossip.nodeOf({ name: `m${i}`, address: `127.1.${(i >> 8) & 255}.${i & 255}` })
      )
      return Gossip.pushing(Gossip.pushPullOf(target, nodes))
    })
  },
  {
    name: "states-contradictory",
    says: "20 push/pulls a second in which members come twice, are dead and alive, or speak other versions",
    by: "M",
    answer: "borne",
    run: (means) => {
      const { victim } = means.target
      const own: NodeState = { ...Gossip.nodeOf({ name: victim.name }), state: "dead" }
      const [ann, bob] = means.target.peers.map(({ address, gossipPort, name }) =>
        Gossip.nodeOf({ name, address, port: gossipPort })
      )
      if (ann === undefined || bob === undefined) return Promise.resolve()
      const nodes: ReadonlyArray<NodeState> = [
        ...[own, ann, { ...ann, state: "dead" as const }, { ...ann, state: "left" as const }],
        ...[
          { ...bob, address: Uint8Array.of(127, 0, 0, 9) },
          { ...bob, incarnation: 2 ** 32 - 1 }
        ],
        { ...Gossip.nodeOf({ name: "zoe" }), versions: Uint8Array.of(9, 9, 9, 9, 9, 9) }
      ]
      const bytes = Gossip.pushPullOf(means.target, nodes)
      return means.pace(20, () => {
        void Gossip.exchange(means, bytes)
      })
    }
  }
]
