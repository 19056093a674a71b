/** A stream that is held back takes what its window has left and little more, and gives all of it once it is let go. */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Pausing from "../../../../src/layers/transport/http2/Pausing.ts"

const windowBytes = 100_000
const chunk = Uint8Array.from({ length: 1000 }, (_, index) => index)
const chunks = 400

/** A stream between two sockets: the end that writes, and the one that reads. */
const connect = Effect.gen(function* () {
  const accepted = yield* Deferred.make<http2.ServerHttp2Stream>()
  const server = http2.createServer({ settings: { initialWindowSize: windowBytes } })
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200 })
    Deferred.doneUnsafe(accepted, Effect.succeed(stream))
  })
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    })
  })
  const session = http2.connect(`http://127.0.0.1:${port}`)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      session.destroy()
      server.close()
    })
  )
  const writer = session.request({ ":method": "POST" })
  return { session, writer, reader: yield* Deferred.await(accepted) }
})

const trip = (session: http2.ClientHttp2Session) =>
  Effect.callback<void>((resume) => {
    session.ping(() => resume(Effect.void))
  })

const until = (holds: () => boolean) =>
  Effect.timeout(Effect.repeat(Effect.sleep("1 millis"), { until: () => holds() }), "10 seconds")

describe("a stream that is held back", () => {
  it.live("takes its window and little more, each time, and loses nothing", () =>
    Effect.gen(function* () {
      const { reader, session, writer } = yield* connect
      let heard = 0
      let holdAt = 1
      const wrong: Array<number> = []
      reader.on("data", (bytes: Uint8Array) => {
        for (const [at, byte] of bytes.entries()) if (byte !== (((heard + at) % chunk.byteLength) & 255)) wrong.push(at)
        heard += bytes.byteLength
        if (heard >= holdAt) Pausing.hold(reader)
        else Pausing.readOn(reader)
      })
      let isEnded = false
      reader.on("end", () => {
        isEnded = true
      })
      for (let i = 0; i < chunks; i++) writer.write(chunk)
      writer.end()
      while (heard < 2 * windowBytes) {
        const from = heard
        yield* until(() => heard > from && reader.isPaused() && reader.readableLength >= windowBytes * 0.9)
        for (let i = 0; i < 20; i++) yield* trip(session)
        assert.isAtMost(reader.readableLength, windowBytes + Pausing.aheadBytes)
        holdAt = heard + reader.readableLength - Pausing.aheadBytes / 2
        Pausing.release(reader)
      }
      holdAt = Number.POSITIVE_INFINITY
      Pausing.release(reader)
      yield* until(() => isEnded)
      assert.strictEqual(heard, chunks * chunk.byteLength)
      assert.deepStrictEqual(wrong, [])
    })
  )
})
