/** What no caller says within a flow. */
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import type { Attack } from "../Attack.ts"
import type { Means } from "../Means.ts"
import { dataOf, echo, envelope, flowOf, json, sessions } from "../Sessions.ts"
import * as Streams from "../Streams.ts"

/** Frames of flows that no caller says, each in an envelope. */
const frameOf = (tag: "Accepted" | "twice" | "count" | "word"): Uint8Array => {
  switch (tag) {
    case "Accepted":
      return FrameBytes.encode({ _tag: "Accepted" })
    case "twice":
      return Streams.open("echo.victim")
    case "count":
      return FrameBytes.encode({ _tag: "End", count: 1_000_000 })
    case "word":
      return FrameBytes.encode({ _tag: "Data", messages: [], partial: false })
  }
}

const malformed = (means: Means): ReadonlyArray<Uint8Array> => {
  const open = Streams.open(echo(means))
  const after = (bytes: Uint8Array) => Buffer.concat([open, bytes])
  return [
    envelope(0, 0xffff_ffff),
    envelope(0, 4 * 2 ** 20, 1, 2, 3),
    ...[0x80, 0x7f, 0x04, 0x01, 0x02].map((flags) => envelope(flags, 2, 1, 2)),
    envelope(0, 3, 0x0a, 0xff, 0xff),
    envelope(0, 2, 0, 0),
    envelope(0, 2, 0x0f, 1),
    envelope(0, 12, 0x08, ...Array.from({ length: 11 }, () => 0xff)),
    envelope(0, 60_000, ...Array.from({ length: 60_000 }, () => 0x0b)),
    frameOf("word"),
    after(frameOf("Accepted")),
    after(frameOf("twice")),
    after(frameOf("count")),
    after(envelope(0, 4, 1)),
    ...["", "x".repeat(129), "..", "a\u0000b", "ends.", "ünicode"].map((name) => Streams.open(name))
  ]
}

export const frames: ReadonlyArray<Attack> = [
  {
    name: "json-deep",
    says: "a message of 4 MiB of opening brackets each half second, to an endpoint that takes JSON",
    by: "C",
    answer: "closed",
    // Thirty flows may fail so before it is a flood.
    seconds: 26,
    run: async (means) => {
      const bytes = Buffer.alloc(4 * 2 ** 20 - 16, "[")
      const pieces: Array<Uint8Array> = []
      for (let at = 0; at < bytes.length; at += 60_000) pieces.push(Streams.piece(bytes.subarray(at, at + 60_000)))
      const last = Streams.messages(new Uint8Array())
      const session = Streams.session(means)
      for (; !means.isOver(); await means.sleep(500)) {
        if (!session.isOpen()) return
        const stream = Streams.openFlow(session, json(means))
        session.socket.write(Buffer.concat(dataOf(stream, Buffer.concat([...pieces, last]))))
      }
    }
  },
  {
    name: "caller-forged",
    says: "flows of callers whose names have newlines, controls, 60 kB, or turn the direction of writing",
    by: "C",
    answer: "borne",
    run: (means) => {
      const callers = ["a\nFATAL all is lost", "\u001b[31mred", "x".repeat(60_000), "abc\u202Eexe", "a\u0000b"]
      return sessions(means, 1, (session, number) => {
        callers.forEach((caller, i) => {
          const stream = session.next()
          const open = Streams.open(i % 2 === number % 2 ? echo(means) : `no\nsuch${number}`, caller)
          session.write(Streams.headers(stream, Streams.request()), ...dataOf(stream, open))
        })
      })
    }
  },
  {
    name: "frames-malformed",
    says: "1,000 flows a second whose envelopes, frames or names are none",
    by: "C",
    answer: "closed",
    run: (means) => {
      const all = malformed(means)
      let count = 0
      return sessions(means, 2, (session) => {
        for (let i = 0; i < 10; i++) {
          const stream = session.next()
          const said = all[count++ % all.length] ?? new Uint8Array()
          session.write(
            Streams.headers(stream, Streams.request()),
            ...dataOf(stream, said),
            Streams.data(stream, new Uint8Array(), true)
          )
        }
      })
    }
  },
  {
    name: "bytes-single",
    says: "frames of a flow in DATA frames of one byte",
    by: "C",
    answer: "closed",
    run: (means) => {
      const flow = flowOf()
      const said = Streams.messages(new Uint8Array(1_000))
      return sessions(means, 4, (session) => {
        const stream = flow(session, echo(means))
        session.write(...Array.from(said, (byte) => Streams.data(stream, Uint8Array.of(byte))))
      })
    }
  }
]
