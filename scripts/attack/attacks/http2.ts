/** HTTP/2 that brings no message: floods of frames, headers that grow, connections that are not used. */
import { gzipSync } from "node:zlib"
import type { Attack } from "../Attack.ts"
import type { Means } from "../Means.ts"
import { echo, envelope, flowOf, repeated, sessions, turnsPerSecond } from "../Sessions.ts"
import * as Streams from "../Streams.ts"

const { data, frame, headers, type, uint32 } = Streams

const priority = 2
export const continuation = 9

/** Frames on each of some sessions, as fast as they are taken; `frames` gets a stream of an open flow. */
const flood = (
  means: Means,
  perSecond: number,
  frames: (stream: number, session: Streams.Session) => Uint8Array,
  behaviour: Streams.Behaviour = {}
): Promise<void> => {
  const flow = flowOf()
  return sessions(
    means,
    4,
    (session) => {
      const stream = flow(session, echo(means))
      session.write(...Array.from({ length: perSecond / 4 / turnsPerSecond }, () => frames(stream, session)))
    },
    () => behaviour
  )
}

const literal = (name: string, value: string, indexed: boolean): Buffer => {
  // A length of HPACK above 126, in seven bits each.
  const rest = value.length - 127
  const bytes = rest < 0 ? Buffer.from([value.length]) : Buffer.from([127, (rest & 127) | 128, rest >> 7])
  return Buffer.concat([Buffer.from([indexed ? 0x40 : 0, name.length]), Buffer.from(name), bytes, Buffer.from(value)])
}

const start = (): Buffer =>
  Buffer.concat(Object.entries(Streams.request()).map(([name, value]) => literal(name, value, false)))

/** The first entry of the dynamic table. */
const firstEntry = 0x80 | 62

/** Headers that put an entry of 4,000 bytes into the table, and then headers that name it many times in a byte each. */
export const bomb = (stream: number, isFirst: boolean, begin: Uint8Array = start()): Buffer => {
  const entry = isFirst ? literal("x", "y".repeat(3_900), true) : Buffer.alloc(0)
  return frame(type.headers, 4, stream, Buffer.concat([begin, entry, Buffer.alloc(isFirst ? 1 : 60, firstEntry)]))
}

const wrong = (): ReadonlyArray<Readonly<Record<string, string>>> => [
  { ":path": "/none" },
  { ":method": "GET" },
  { "content-type": "application/connect+json" },
  { "content-type": "text/html" },
  { "connect-content-encoding": "br" },
  ...["0", "1", "10000000000", "abc", "-1"].map((millis) => ({ "connect-timeout-ms": millis })),
  Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x${i}`, "y"])),
  Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x${i}`, "y".repeat(120)]))
]

export const garbage: ReadonlyArray<(session: Pick<Streams.Session, "next">) => Uint8Array> = [
  () => Buffer.alloc(1_000, 0xff),
  () => Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
  () => data(99, new Uint8Array(10)),
  (session) => frame(type.headers, 4, session.next(), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
  (session) => frame(type.headers, 4, session.next() + 1, start()),
  () => frame(type.windowUpdate, 0, 0, uint32(0x7fff_ffff)),
  () => frame(type.windowUpdate, 0, 0, uint32(0)),
  () => frame(type.settings, 0, 0, Buffer.alloc(5)),
  () => frame(type.settings, 0, 1, Buffer.alloc(6)),
  () => frame(type.ping, 0, 0, Buffer.alloc(7)),
  () => frame(continuation, 4, 1, Buffer.alloc(1)),
  () => frame(5, 4, 2, Buffer.alloc(10)),
  () => Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
]

export const http2: ReadonlyArray<Attack> = [
  {
    name: "data-empty",
    says: "200,000 empty DATA frames a second on four flows",
    by: "C",
    answer: "closed",
    run: (means) => flood(means, 200_000, (stream) => data(stream, new Uint8Array()))
  },
  {
    name: "windows-raised",
    says: "200,000 WINDOW_UPDATE frames a second on four sessions, of one byte each",
    by: "C",
    answer: "closed",
    // A connection may waste two megabytes at once.
    seconds: 8,
    run: (means) => flood(means, 200_000, (stream) => frame(type.windowUpdate, 0, stream, uint32(1)))
  },
  {
    name: "priorities",
    says: "200,000 PRIORITY frames a second on four sessions",
    by: "C",
    answer: "closed",
    run: (means) => flood(means, 200_000, (stream) => frame(priority, 0, stream, Buffer.from([0, 0, 0, 0, 1])))
  },
  {
    name: "frames-unknown",
    says: "200,000 frames a second of a type that there is not, on four sessions",
    by: "C",
    answer: "closed",
    run: (means) => flood(means, 200_000, (stream) => frame(0x42, 0, stream, Buffer.alloc(4)))
  },
  {
    name: "settings-flood",
    says: "10,000 SETTINGS frames a second on four sessions that read nothing",
    by: "C",
    answer: "closed",
    run: (means) => flood(means, 10_000, () => frame(type.settings, 0, 0))
  },
  {
    name: "pings-flood",
    says: "10,000 HTTP/2 PING frames a second on four sessions",
    by: "C",
    answer: "closed",
    run: (means) => flood(means, 10_000, () => frame(type.ping, 0, 0, Buffer.alloc(8)))
  },
  {
    name: "headers-inflating",
    says: "20,000 header blocks a second that name one of 4 kB sixty times, in a byte each",
    by: "C",
    answer: "closed",
    // A connection may waste two megabytes at once.
    seconds: 8,
    run: (means) => {
      const first = new Set<Streams.Session>()
      return flood(means, 20_000, (_, session) => {
        const isFirst = !first.has(session)
        first.add(session)
        return bomb(session.next(), isFirst)
      })
    }
  },
  {
    name: "headers-continued",
    says: "CONTINUATION frames without end on four sessions, 9.5 kB each",
    by: "C",
    answer: "closed",
    run: (means) =>
      sessions(means, 4, (session) => {
        const stream = session.next()
        const more = frame(continuation, 0, stream, Buffer.alloc(9_500, 0x82))
        session.write(frame(type.headers, 0, stream, start()), repeated(more, 200))
      })
  },
  {
    name: "headers-unfinished",
    says: "200 sessions whose first headers are not finished",
    by: "C",
    answer: "closed",
    seconds: 13,
    run: (means) => {
      const begun = new Set<Streams.Session>()
      return sessions(means, 200, (session) => {
        if (begun.has(session)) return
        begun.add(session)
        session.write(frame(type.headers, 0, 1, start()))
      })
    }
  },
  {
    name: "connections-silent",
    says: "300 connections to the port for flows that say nothing",
    by: "O",
    answer: "closed",
    seconds: 13,
    run: async (means) => {
      const { flowPort } = means.target.victim
      let open = 0
      while (!means.isOver()) {
        for (; open < 300; open++)
          means.tcp(flowPort).on("close", () => {
            open -= 1
          })
        await means.sleep(200)
      }
    }
  },
  {
    name: "connections-churned",
    says: "1,000 connections a second of one address to the port for flows, closed at once",
    by: "O",
    answer: "closed",
    run: (means) =>
      means.pace(1_000, () => {
        const socket = means.tcp(means.target.victim.flowPort)
        socket.on("connect", () => socket.destroy())
      })
  },
  {
    name: "streams-beyond",
    says: "two sessions with 20,000 flows each, more than a session may have",
    by: "C",
    answer: "closed",
    seconds: 8,
    run: (means) => {
      const counts = new Map<Streams.Session, number>()
      return sessions(means, 2, (session) => {
        const count = counts.get(session) ?? 0
        if (count >= 20_000) return
        counts.set(session, count + 100)
        for (let i = 0; i < 100; i++) Streams.openFlow(session, echo(means))
      })
    }
  },
  {
    name: "requests-wrong",
    says: "1,000 requests a second that no caller makes: paths, methods, types, times, headers",
    by: "C",
    answer: "closed",
    run: (means) => {
      const all = wrong()
      let count = 0
      const onData = (_: number, bytes: Buffer) => {
        if (/node:internal|\.ts:\d|\.js:\d/.test(bytes.toString("latin1"))) means.complain("an answer shows a stack")
      }
      return sessions(
        means,
        2,
        (session) => {
          for (let i = 0; i < 10; i++)
            session.write(headers(session.next(), Streams.request(all[count++ % all.length] ?? {}), true))
        },
        () => ({ onData })
      )
    }
  },
  {
    name: "garbage",
    says: "200 sessions a second that break the rules of HTTP/2, each in another way",
    by: "C",
    answer: "closed",
    run: (means) =>
      means.pace(200, (count) => {
        const session = Streams.session(means)
        const said = garbage[count % garbage.length]?.(session)
        if (said !== undefined) session.write(said)
        setTimeout(() => session.socket.destroy(), 1_000)
      })
  },
  {
    name: "gzip-inflating",
    says: "10 calls of gRPC a second whose message of 100 kB inflates to 100 MiB",
    by: "C",
    answer: "borne",
    run: (means) => {
      const zipped = gzipSync(Buffer.alloc(100 * 2 ** 20))
      const said = Buffer.concat([envelope(1, zipped.length), zipped])
      const asked = {
        ...{ ":method": "POST", ":scheme": "http", ":path": "/grpc.health.v1.Health/Check", ":authority": "a" },
        ...{ "content-type": "application/grpc", "grpc-encoding": "gzip", te: "trailers" }
      }
      const session = Streams.session(means)
      return means.pace(10, () => {
        const stream = session.next()
        session.write(headers(stream, asked))
        for (let at = 0; at < said.length; at += 16_384)
          session.write(data(stream, said.subarray(at, at + 16_384), at + 16_384 >= said.length))
      })
    }
  }
]
