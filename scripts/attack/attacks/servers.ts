/** Whoever is called by a host, and answers as no host does: the caller has to hold, and each call to come to an end. */
import { good } from "../../../test/layers/transport/http2/RawPeer.ts"
import type { Attack } from "../Attack.ts"
import { accept, accepted, called, type Session } from "../Servers.ts"
import { dataOf, envelope, repeated, turnsPerSecond } from "../Sessions.ts"
import * as Streams from "../Streams.ts"
import { bomb, continuation, garbage } from "./http2.ts"

const { code, data, frame, goaway, headers, reset, setting, type, uint32 } = Streams

const pushPromise = 5
const altsvc = 10
const origin = 12

/** The most that a header of HTTP/2 can say. */
const most = 0x7fff_ffff
const highestStream = most

/** Frames on each session, so many a second. */
const flood = (perSecond: number, one: (session: Session) => Uint8Array) => (session: Session) => {
  session.write(...Array.from({ length: perSecond / turnsPerSecond }, () => one(session)))
}

/** Says something of each call that is open. */
const toEach = (say: (stream: number) => ReadonlyArray<Uint8Array>) => (session: Session) => {
  for (const stream of session.calls) session.write(...say(stream))
}

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)])

/** A promise of a stream of the server, in which it says what it would answer. */
const promise = (stream: number, promised: number): Buffer => {
  const block = headers(stream, { ...Streams.request(), ":path": `/${promised}` }).subarray(9)
  return frame(pushPromise, 4, stream, Buffer.concat([uint32(promised), block]))
}

const early = (stream: number): Buffer => headers(stream, { ":status": "103", link: "<x>" })

const rotated = <A>(all: ReadonlyArray<A>) => {
  let count = 0
  return (): A | undefined => all[count++ % all.length]
}

export const servers: ReadonlyArray<Attack> = [
  {
    name: "server-mute",
    says: "a host that is called, and answers no call",
    answer: "borne",
    ...called(() => ({}))
  },
  {
    name: "server-streams-none",
    says: "a host that is called, and allows no call at all",
    answer: "borne",
    ...called(() => ({ settings: Buffer.concat([setting(3, 0), setting(1, 2 ** 32 - 1), setting(6, 0)]) }))
  },
  {
    name: "server-windows-closed",
    says: "a host that is called, takes each call, and none of what is sent on it",
    answer: "borne",
    ...called(() => ({ settings: setting(4, 100), onCall: accept }))
  },
  {
    name: "server-unaccepted",
    says: "a host that is called, and sends messages on calls that it has not taken",
    answer: "borne",
    ...called(() => ({
      onCall: (stream, session) =>
        session.write(headers(stream, good), data(stream, Streams.messages(new Uint8Array(1_000))))
    }))
  },
  {
    name: "server-frames-begun",
    says: "a host that is called, and answers by a frame that never ends",
    answer: "borne",
    ...called(() => ({
      onCall: (stream, session) => session.write(headers(stream, good), data(stream, envelope(0, 60_000, 1))),
      onTurn: toEach((stream) => [data(stream, Uint8Array.of(1))])
    }))
  },
  {
    name: "server-resets",
    says: "a host that is called, and resets each call, for every reason that there is",
    answer: "borne",
    ...called(() => {
      const why = rotated(Object.values(code))
      return {
        onCall: (stream, session) => session.write(headers(stream, good), reset(stream, why() ?? 0), reset(stream, 0))
      }
    })
  },
  {
    name: "server-goaways",
    says: "a host that is called, and says GOAWAY 10,000 times a second, of no call or of all",
    answer: "borne",
    ...called(() => ({
      onCall: (_, session) => session.write(goaway(0, code.none)),
      onTurn: flood(10_000, () => goaway(highestStream, code.none))
    }))
  },
  {
    name: "server-accepted-endless",
    says: "a host that is called, and takes each call as often as the connection lets it, a gigabyte of it",
    answer: "closed",
    ...called(() => {
      const many = repeated(accepted, 4_000)
      return { onCall: accept, onTurn: toEach((stream) => dataOf(stream, many)) }
    })
  },
  {
    name: "server-data-beyond",
    says: "a host that is called, and sends on calls that are over, and beyond what it may",
    answer: "closed",
    ...called(() => {
      const piece = new Uint8Array(16_000)
      return { onCall: accept, onTurn: flood(2_000, () => data(1, piece)) }
    })
  },
  {
    name: "server-data-empty",
    says: "a host that is called, and sends 200,000 empty DATA frames a second",
    answer: "closed",
    ...called(() => ({
      onCall: accept,
      onTurn: toEach((stream) => [repeated(data(stream, new Uint8Array()), 200_000 / turnsPerSecond / 8)])
    }))
  },
  {
    name: "server-headers-early",
    says: "a host that is called, and sends 100,000 informational answers a second before none",
    answer: "closed",
    ...called(() => ({ onTurn: toEach((stream) => [repeated(early(stream), 100_000 / turnsPerSecond / 8)]) }))
  },
  {
    name: "server-headers-inflating",
    says: "a host that is called, and answers by headers that name one of 4 kB sixty times, in a byte each",
    answer: "closed",
    ...called(() => {
      const first = new Set<Session>()
      return {
        onTurn: (session) => {
          for (const stream of session.calls) {
            session.write(bomb(stream, !first.has(session), early(stream).subarray(9)))
            first.add(session)
            session.write(repeated(bomb(stream, false, early(stream).subarray(9)), 50))
          }
        }
      }
    })
  },
  {
    name: "server-unbound",
    says: "a host that is called, keeps to none of its caller's settings, and answers by such headers, and by pushes",
    answer: "borne",
    ...called(() => {
      const first = new Set<Session>()
      return {
        isUnbound: true,
        onTurn: (session) => {
          for (const stream of session.calls) {
            session.write(bomb(stream, !first.has(session), early(stream).subarray(9)))
            first.add(session)
            session.write(repeated(bomb(stream, false, early(stream).subarray(9)), 50), promise(stream, 2))
          }
        }
      }
    })
  },
  {
    name: "server-headers-continued",
    says: "a host that is called, and answers by headers that never end, 9.5 kB each",
    answer: "closed",
    ...called(() => ({
      onCall: (stream, session) => {
        session.write(
          frame(type.headers, 0, stream, headers(stream, good).subarray(9)),
          repeated(frame(continuation, 0, stream, Buffer.alloc(9_500, 0x82)), 200)
        )
      }
    }))
  },
  {
    name: "server-trailers",
    says: "a host that is called, takes each call, and ends it with trailers: many, twice, or with messages behind them",
    answer: "borne",
    ...called(() => {
      const trailers = (stream: number, count: number, isLast: boolean) =>
        headers(stream, Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, "y".repeat(100)])), isLast)
      const all = rotated<(stream: number) => ReadonlyArray<Uint8Array>>([
        (stream) => [trailers(stream, 100, true)],
        (stream) => [trailers(stream, 10, false), trailers(stream, 10, true)],
        (stream) => [trailers(stream, 1, true), data(stream, Streams.messages(new Uint8Array(10)))],
        (stream) => [trailers(stream, 1, true), trailers(stream, 1, true)]
      ])
      return {
        onCall: (stream, session) => {
          accept(stream, session)
          session.write(...(all()?.(stream) ?? []))
        }
      }
    })
  },
  {
    name: "server-settings",
    says: "a host that is called, and sends 10,000 SETTINGS a second on each session",
    answer: "closed",
    ...called(() => ({ onCall: accept, onTurn: flood(10_000, () => frame(type.settings, 0, 0, setting(4, 65_535))) }))
  },
  {
    name: "server-pings",
    says: "a host that is called, and sends 10,000 PINGs a second on each session",
    answer: "closed",
    ...called(() => ({ onCall: accept, onTurn: flood(10_000, () => frame(type.ping, 0, 0, Buffer.alloc(8))) }))
  },
  {
    name: "server-windows-raised",
    says: "a host that is called, and sends 200,000 WINDOW_UPDATE a second, of one byte each",
    answer: "closed",
    ...called(() => ({ onCall: accept, onTurn: flood(200_000, () => frame(type.windowUpdate, 0, 0, uint32(1))) }))
  },
  {
    name: "server-pushes",
    says: "a host that is called, and pushes answers that nobody asked for, before it knows that it may not",
    answer: "closed",
    ...called(() => ({
      onCall: (stream, session) => {
        for (let promised = 2; promised < 200; promised += 2)
          session.write(promise(stream, promised), headers(promised, good))
      }
    }))
  },
  {
    name: "server-origins",
    says: "a host that is called, and names 50,000 origins and other services a second",
    answer: "closed",
    ...called(() => {
      let count = 0
      return {
        onCall: accept,
        onTurn: flood(50_000, () =>
          count++ % 2 === 0
            ? frame(origin, 0, 0, text(`https://a${count}.example`))
            : frame(altsvc, 0, 0, Buffer.concat([text(`https://a${count}.example`), Buffer.from('h2=":9"')]))
        )
      }
    })
  },
  {
    name: "server-garbage",
    says: "a host that is called, and breaks the rules of HTTP/2, of each session in another way",
    answer: "borne",
    ...called(() => {
      const next = rotated(garbage)
      const said = () => next()?.({ next: () => 1 }) ?? Buffer.alloc(0)
      return {
        first: () => (Math.random() < 0.3 ? said() : frame(type.settings, 0, 0)),
        onCall: (stream, session) => {
          if (stream > 1) accept(stream, session)
          session.write(said())
        }
      }
    })
  }
]
