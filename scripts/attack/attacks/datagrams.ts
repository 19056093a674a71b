/** Datagrams to the membership plane that are answered with more than they cost, or cost more than they weigh. */
import type { Attack } from "../Attack.ts"
import * as Gossip from "../Gossip.ts"
import { addressOf, type Means } from "../Means.ts"

/** A ping for whoever answers, as short as it can be: its type, and a struct without fields. */
const shortPing = Uint8Array.of(0, 0x80)

const pingsMany = (): Uint8Array => {
  const inner = Gossip.compound(Array.from({ length: 255 }, () => shortPing))
  return Gossip.compressed(Gossip.compound(Array.from({ length: 60 }, () => inner)))
}

const sent = async (means: Means, perSecond: number, bytes: (count: number) => Uint8Array, from?: string) => {
  const socket = await means.udp(from)
  await means.pace(perSecond, (count) => socket.send(bytes(count), means.target.victim))
}

const randomOf = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

const nested = (depth: number, wrap: (bytes: Uint8Array) => Uint8Array): Uint8Array => {
  let bytes: Uint8Array = shortPing
  for (let i = 0; i < depth; i++) bytes = wrap(bytes)
  return bytes
}

const compoundOfOne = (bytes: Uint8Array): Uint8Array => Gossip.compound([bytes])

/** Bodies that no host may send, with their framing right. */
const malformed: ReadonlyArray<Uint8Array> = [
  Uint8Array.of(),
  Uint8Array.of(0),
  ...[6, 13, 14, 100, 243].map((type) => Uint8Array.of(type, 0x80)),
  Uint8Array.of(12, 1, 2, 3, 4, 0, 0x80),
  Uint8Array.of(12, 1),
  Uint8Array.of(9, 0x82, 0xa4, 0x41, 0x6c, 0x67, 0x6f, 1, 0xa3, 0x42, 0x75, 0x66, 0xc4, 1, 0),
  Uint8Array.of(9, 0x81, 0xa3, 0x42, 0x75, 0x66, 0xc6, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(7, 255),
  Uint8Array.of(7, 1, 0xff, 0xff, 0),
  Uint8Array.of(7, 1, 0, 0),
  Uint8Array.of(7, 0),
  Uint8Array.of(3, 0xdf, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(4, 0xdb, 0xff, 0xff, 0xff, 0xff),
  Uint8Array.from([4, ...Array.from({ length: 1000 }, () => 0x91)]),
  Uint8Array.from([3, 0x81, 0xa4, ...Buffer.from("Node"), 0xa2, 0xc3, 0x28]),
  Uint8Array.from([3, 0x81, 0xa9, ...Buffer.from("__proto__"), 0x80]),
  Uint8Array.of(8),
  nested(3, compoundOfOne),
  nested(1_000, compoundOfOne),
  nested(3, Gossip.compressed),
  nested(8, Gossip.compressed)
]

const rotate = <A>(all: ReadonlyArray<A>, count: number, otherwise: A): A => all[count % all.length] ?? otherwise

const none = new Uint8Array()

export const datagrams: ReadonlyArray<Attack> = [
  {
    name: "ping-compounds",
    says: "40 datagrams a second of 15,300 pings each, compressed and nested",
    by: "M",
    answer: "counted",
    amplificationMax: 3,
    run: (means) => {
      const bytes = Gossip.datagramOf(means.target, pingsMany())
      means.note(`${bytes.length} bytes a datagram`)
      return sent(means, 40, () => bytes)
    }
  },
  {
    name: "ping-flood",
    says: "10,000 pings a second from one address",
    by: "M",
    answer: "counted",
    amplificationMax: 3,
    run: (means) => {
      const bytes = Gossip.datagramOf(means.target, shortPing)
      return sent(means, 10_000, () => bytes)
    }
  },
  {
    name: "ping-sources",
    says: "10,000 pings a second from 200 addresses",
    by: "M",
    answer: "borne",
    amplificationMax: 3,
    run: async (means) => {
      const bytes = Gossip.datagramOf(means.target, shortPing)
      const sockets = await Promise.all(Array.from({ length: 200 }, (_, i) => means.udp(addressOf(i))))
      await means.pace(10_000, (count) => sockets[count % sockets.length]?.send(bytes, means.target.victim))
    }
  },
  {
    name: "ping-elsewhere",
    says: "500 pings a second that ask for their answer at an address that never asked",
    by: "M",
    // Each is answered where it comes from, as one of a host behind NAT, and they are fewer than one address may send.
    answer: "borne",
    amplificationMax: 3,
    run: async (means) => {
      const other = await means.udp(addressOf(1), () => means.complain("the other address was sent something"))
      const body = Gossip.packetOf(means.target, {
        ...{ _tag: "Ping", seq: 7, node: means.target.victim.name, sourceNode: "x" },
        ...{ sourceAddress: Gossip.bytesOf(addressOf(1)), sourcePort: other.port }
      })
      await sent(means, 500, () => body)
    }
  },
  {
    name: "ping-relays",
    says: "1,000 indirect pings a second to ports of others: DNS, a multicast address, the host itself",
    by: "M",
    answer: "counted",
    amplificationMax: 3,
    run: (means) => {
      const targets = ["127.0.0.1", "224.0.0.1", "8.8.8.8", means.target.victim.address]
      const bodies = targets.map((target) =>
        Gossip.packetOf(means.target, {
          ...{ _tag: "IndirectPing", seq: 9, target: Gossip.bytesOf(target), port: 53, node: "x", nack: true },
          ...{ sourceAddress: none, sourcePort: 0, sourceNode: "" }
        })
      )
      return sent(means, 1_000, (count) => rotate(bodies, count, none))
    }
  },
  {
    name: "acks-forged",
    says: "2,000 acks and nacks a second to probes that nobody sent, with 64 KiB of payload now and then",
    by: "M",
    answer: "borne",
    run: (means) => {
      const large = Gossip.packetOf(means.target, { _tag: "Ack", seq: 1, payload: new Uint8Array(60_000) })
      return sent(means, 2_000, (count) =>
        count % 100 === 0
          ? large
          : Gossip.packetOf(means.target, { _tag: "Ack", seq: (count * 2_654_435_761) >>> 0, payload: none })
      )
    }
  },
  {
    name: "datagrams-malformed",
    says: "2,000 datagrams a second that no host may send: cut, nested, of unknown types, with impossible lengths",
    by: "M",
    answer: "counted",
    amplificationMax: 3,
    run: (means) => {
      const all = malformed.map((body) => Gossip.datagramOf(means.target, body))
      return sent(means, 2_000, (count) => rotate(all, count, none))
    }
  },
  {
    name: "datagrams-foreign",
    says: "2,000 datagrams a second of no fabric or another one, of random bytes up to 60 kB",
    by: "O",
    answer: "counted",
    amplificationMax: 0,
    run: (means) => {
      const other = { ...means.target, fabric: "another", keys: [] }
      const wrong = [
        ...[1, 30, 1_400, 60_000].map(randomOf),
        Uint8Array.of(244),
        Uint8Array.of(244, 0),
        Uint8Array.of(244, 255, 1),
        Gossip.datagramOf(other, shortPing),
        Buffer.concat([Gossip.datagramOf(other, none), Gossip.datagramOf(means.target, randomOf(1_000))])
      ]
      return sent(means, 2_000, (count) => rotate(wrong, count, none))
    }
  },
  {
    name: "datagrams-unsealed",
    says: "500 datagrams and 50 streams a second in plaintext, of deaths and made-up members, to hosts with keys",
    by: "O",
    answer: "counted",
    isSealedOnly: true,
    amplificationMax: 0,
    run: async (means) => {
      const plain = { ...means.target, keys: [] }
      const node = means.target.peers[0]?.name ?? ""
      const packets = [
        Gossip.packetOf(plain, { _tag: "Dead", incarnation: 1, node, from: node }),
        Gossip.packetOf(plain, Gossip.aliveOf({ name: "eve" })),
        Gossip.datagramOf(plain, shortPing)
      ]
      const state = Gossip.pushPullOf(plain, [Gossip.nodeOf({ name: "eve" })])
      const streams = means.pace(50, () => {
        void Gossip.exchange(means, state).then((answer) => {
          if (answer !== undefined) means.complain("a stream in plaintext was answered")
        })
      })
      await Promise.all([streams, sent(means, 500, (count) => rotate(packets, count, none))])
    }
  },
  {
    name: "datagrams-replayed",
    says: "1,000 datagrams a second that hosts have sent before, from another address: pings, acks, states of earlier incarnations",
    by: "M",
    answer: "counted",
    seconds: 8,
    amplificationMax: 3,
    run: async (means) => {
      const node = means.target.victim.name
      const seen = [
        ...(await Gossip.nodesOf(means)).flatMap(({ state: _, ...alive }) => [
          Gossip.packetOf(means.target, { _tag: "Alive", ...alive, node: alive.name }),
          ...(["Suspect", "Dead"] as const).map((_tag) =>
            Gossip.packetOf(means.target, { _tag, incarnation: alive.incarnation - 1, node: alive.name, from: node })
          )
        ]),
        Gossip.packetOf(means.target, { _tag: "Ack", seq: 1, payload: none }),
        Gossip.datagramOf(means.target, shortPing)
      ]
      await sent(means, 1_000, (count) => rotate(seen, count, none), addressOf(3))
    }
  },
  {
    name: "sources-forged",
    says: "5,000 datagrams a second under the address of each good peer, which nobody can open",
    by: "O",
    answer: "counted",
    seconds: 12,
    isJoined: true,
    amplificationMax: 0,
    run: async (means) => {
      // Hosts of loopback are told apart by address: whoever takes that of another forges it, whatever the port.
      const bytes = Gossip.datagramOf({ ...means.target, fabric: "another", keys: [] }, shortPing)
      await Promise.all(means.target.peers.map(({ address }) => sent(means, 5_000, () => bytes, address)))
    }
  },
  {
    name: "datagrams-inflating",
    says: "200 datagrams a second of 1.4 kB that inflate beyond 64 KiB, and as many that stay just below",
    by: "M",
    answer: "counted",
    run: (means) => {
      const bomb = Gossip.datagramOf(means.target, Gossip.compressed(new Uint8Array(600_000)))
      const below = Gossip.datagramOf(means.target, Gossip.compressed(new Uint8Array(65_000).fill(8)))
      return sent(means, 400, (count) => (count % 2 === 0 ? bomb : below))
    }
  },
  {
    name: "users-unknown",
    says: "2,000 messages a second of applications that there are not, and of names that cannot be read",
    by: "M",
    answer: "borne",
    run: (means) => {
      const bodies = [Uint8Array.of(0), Uint8Array.of(0x67), Uint8Array.of(0x67, 0xff), randomOf(1_200)]
      const all = bodies.map((payload) => Gossip.packetOf(means.target, { _tag: "User", payload }))
      return sent(means, 2_000, (count) => rotate(all, count, none))
    }
  }
]
