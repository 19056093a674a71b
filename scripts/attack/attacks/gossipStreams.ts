/** Streams to the membership plane: seats that are taken and not used, states that are asked for or too large. */
import type * as net from "node:net"
import * as Label from "../../../src/protocol/memberlist/Label.ts"
import type { Attack } from "../Attack.ts"
import * as Gossip from "../Gossip.ts"
import { addressOf, type Means, waitingBytesMax } from "../Means.ts"

const labelled = (means: Means, body: Uint8Array): Uint8Array =>
  Buffer.concat([Label.header(Gossip.labelOf(means.target)), body])

const uint32 = (value: number): ReadonlyArray<number> => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255
]

/** Keeps so many connections to the port, and opens another one for each that is closed. */
const seats = async (means: Means, count: number, onOpen: (socket: net.Socket) => void): Promise<void> => {
  const open = new Set<net.Socket>()
  while (!means.isOver()) {
    for (let i = open.size; i < count; i++) {
      const socket = means.tcp(means.target.victim.gossipPort)
      open.add(socket)
      socket.on("connect", () => onOpen(socket)).on("close", () => open.delete(socket))
    }
    await means.sleep(100)
  }
}

const mebi = 1024 * 1024

/** Says nothing of what is in it, or what is not so. */
const malformed = (means: Means): ReadonlyArray<Uint8Array> => {
  const header = (nodes: number, userStateBytes: number) => {
    const field = (name: string, value: number) => [0xa0 + name.length, ...Buffer.from(name), 0xd2, ...uint32(value)]
    return Uint8Array.from([
      6,
      0x83,
      ...field("Nodes", nodes),
      ...field("UserStateLen", userStateBytes),
      0xa4,
      ...Buffer.from("Join"),
      0xc2
    ])
  }
  return [
    Uint8Array.of(10, ...uint32(0)),
    Uint8Array.of(10, ...uint32(21 * mebi)),
    Uint8Array.of(10, ...uint32(100), 1, 2, 3),
    header(-1, 0),
    header(2 ** 20, 0),
    header(2 ** 20 + 1, 0),
    header(0, -1),
    header(0, 21 * mebi),
    header(1, 0),
    Uint8Array.of(99),
    Uint8Array.of(13, 0x80),
    Uint8Array.of(8, 0x81, 0xaa, ...Buffer.from("UserMsgLen"), 0xd2, ...uint32(21 * mebi)),
    Gossip.compressed(new Uint8Array(2 * mebi)),
    Gossip.compressed(Gossip.compressed(Uint8Array.of(0, 0x80)))
  ].map((body) => labelled(means, body))
}

export const gossipStreams: ReadonlyArray<Attack> = [
  {
    name: "gossip-silent",
    says: "140 connections to the membership port that say nothing",
    by: "O",
    answer: "closed",
    seconds: 12,
    isJoined: true,
    run: (means) => seats(means, 140, () => undefined)
  },
  {
    name: "gossip-slow",
    says: "60 connections to the membership port that say one byte a second",
    by: "O",
    answer: "closed",
    seconds: 12,
    isJoined: true,
    run: (means) => {
      const bytes = labelled(means, Uint8Array.of(6, 0x83))
      return seats(means, 60, (socket) => {
        let at = 0
        const timer = setInterval(() => {
          socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1))
          at += 1
        }, 1_000)
        socket.on("close", () => clearInterval(timer))
      })
    }
  },
  {
    name: "gossip-sealed",
    says: "120 streams of 20 MiB each that say that they are sealed",
    by: "O",
    answer: "closed",
    seconds: 8,
    isJoined: true,
    run: async (means) => {
      const header = labelled(means, Uint8Array.of(10, ...uint32(20 * mebi)))
      const chunk = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)))
      await seats(means, 120, (socket) => {
        socket.write(header)
        let left = 20 * mebi - 1
        const timer = setInterval(() => {
          for (; left > 0 && socket.writableLength < waitingBytesMax / 16; left -= chunk.length)
            socket.write(chunk.subarray(0, Math.min(left, chunk.length)))
        }, 20)
        socket.on("close", () => clearInterval(timer))
      })
    }
  },
  {
    name: "gossip-malformed",
    says: "200 streams a second to the membership port that no host may send",
    by: "O",
    answer: "closed",
    run: (means) => {
      const all = malformed(means)
      return means.pace(200, (count) => {
        const socket = means.tcp(means.target.victim.gossipPort)
        socket.write(all[count % all.length] ?? new Uint8Array())
        setTimeout(() => socket.end(), 500)
      })
    }
  },
  {
    name: "gossip-cut",
    says: "100 push/pulls a second that are broken off while the host answers",
    by: "M",
    answer: "borne",
    run: (means) => {
      const bytes = Gossip.pushPullOf(means.target, [])
      return means.pace(100, () => {
        const socket = means.tcp(means.target.victim.gossipPort)
        socket.on("connect", () => {
          socket.write(bytes)
          setTimeout(() => socket.resetAndDestroy(), 2)
        })
      })
    }
  },
  {
    name: "states-asked",
    says: "300 push/pulls a second, 35 bytes each, which with keys are one that was captured",
    by: "M",
    answer: "counted",
    run: (means) => {
      const bytes = Gossip.pushPullOf(means.target, [], new Uint8Array(), true)
      means.note(`${bytes.length} bytes each`)
      return means.pace(300, () => {
        void Gossip.exchange(means, bytes)
      })
    }
  },
  {
    name: "states-asked-by-many",
    says: "300 push/pulls a second from 200 addresses",
    by: "M",
    answer: "borne",
    run: (means) => {
      const bytes = Gossip.pushPullOf(means.target, [], new Uint8Array(), true)
      return means.pace(300, (count) => {
        void Gossip.exchange(means, bytes, addressOf(count % 200))
      })
    }
  }
]
