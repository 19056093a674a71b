/**
 * What connect-node gets of a call: the body of its request in whole envelopes, however they are cut on their way, and the
 * frames of its answer one at a time.
 */
import { Code, ConnectError } from "@connectrpc/connect"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as EnvelopeGuard from "../../../../../src/layers/transport/http2/foreign/EnvelopeGuard.ts"
import * as ForeignLink from "../../../../../src/layers/transport/http2/foreign/ForeignLink.ts"
import * as Envelope from "../../../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../../../src/protocol/flow/Frame.ts"
import * as Progress from "../../../../../src/protocol/flow/Progress.ts"
import { LinkBroken } from "../../../../../src/services/Transport.ts"
import { Cuts, cut, Lengths } from "../../../../protocol/flow/Cuts.ts"

const options = { frameWireBytesMax: 300, hasGzip: false, progress: { ...Progress.defaults, frameMillisMax: 30_000 } }

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

/** What comes of a body in these chunks, and the code of its failure. */
const read = (chunks: ReadonlyArray<Uint8Array>) =>
  Effect.promise(async () => {
    const said = async function* () {
      yield* chunks
    }
    const came: Array<string> = []
    try {
      for await (const envelope of EnvelopeGuard.guard(said(), options).body) came.push(hex(envelope))
      return { came, code: undefined }
    } catch (cause) {
      return { came, code: ConnectError.from(cause).code }
    }
  })

/** A body that says these chunks, and then waits until it is told to go on. */
const waiting = (...chunks: ReadonlyArray<Uint8Array>) => {
  const goOn = Promise.withResolvers<Uint8Array>()
  const said = async function* () {
    yield* chunks
    yield await goOn.promise
  }
  const { body, look } = EnvelopeGuard.guard(said(), options)
  return { goOn: goOn.resolve, iterator: body[Symbol.asyncIterator](), look }
}

const settle = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe("a body that is guarded", () => {
  it.effect.prop("comes in whole envelopes, however they are cut", [Lengths, Cuts], ([lengths, cuts]) =>
    Effect.gen(function* () {
      const sent = lengths.map((length) => Envelope.wrap(new Uint8Array(length).fill(length)))
      const { came, code } = yield* read(cut(Buffer.concat(sent), cuts))
      assert.deepStrictEqual(came, sent.map(hex))
      assert.isUndefined(code)
    })
  )

  it.effect.prop("fails where it breaks off, after what was whole", [Lengths, Cuts], ([lengths, cuts]) =>
    Effect.gen(function* () {
      const sent = lengths.map((length) => Envelope.wrap(new Uint8Array(length)))
      const begun = Envelope.wrap(new Uint8Array(9)).subarray(0, -1)
      const { came, code } = yield* read(cut(Buffer.concat([...sent, begun]), cuts))
      assert.deepStrictEqual(came, sent.map(hex))
      assert.strictEqual(code, Code.InvalidArgument)
    })
  )

  for (const [what, bad] of [
    ["compression", [1, 0, 0, 0, 0]],
    ["an end", [2, 0, 0, 0, 0]],
    ["unknown flags", [0x84, 0, 0, 0, 0]],
    ["a length above the limit", [0, 0, 0, 1, 45]]
  ] as const)
    it.effect.prop(`fails at ${what}, after what was whole`, [Lengths, Cuts], ([lengths, cuts]) =>
      Effect.gen(function* () {
        const sent = lengths.map((length) => Envelope.wrap(new Uint8Array(length)))
        const { came, code } = yield* read(cut(Buffer.concat([...sent, Uint8Array.from(bad), ...sent]), cuts))
        assert.deepStrictEqual(came, sent.map(hex))
        assert.strictEqual(code, Code.Internal)
      })
    )

  it.effect("comes a few in a turn of the event loop, however many have come", () =>
    Effect.gen(function* () {
      const count = 20 * EnvelopeGuard.messagesPerTurn
      const said = async function* () {
        yield Buffer.concat(Array.from({ length: count }, () => Envelope.wrap(new Uint8Array())))
      }
      const { body } = EnvelopeGuard.guard(said(), options)
      let came = 0
      let before = 0
      const turns: Array<number> = []
      const turn = (): void => {
        turns.push(came - before)
        before = came
        if (came < count) setImmediate(turn)
      }
      turn()
      yield* Effect.promise(async () => {
        for await (const _ of body) came += 1
      })
      assert.strictEqual(came, count)
      turns.push(came - before)
      for (const one of turns) assert.isAtMost(one, 2 * EnvelopeGuard.messagesPerTurn)
    })
  )

  it.effect("fails when a frame does not go on", () =>
    Effect.gen(function* () {
      const { iterator, look } = waiting(Envelope.wrap(Uint8Array.of(7)), Uint8Array.of(0, 0))
      assert.strictEqual(hex((yield* Effect.promise(() => iterator.next())).value), "000000000107")
      const next = iterator.next().then(
        () => "a frame",
        (cause) => ConnectError.from(cause).code
      )
      yield* settle
      look(0, true)
      look(9_999, true)
      look(10_000, true)
      assert.strictEqual(yield* Effect.promise(() => next), Code.Internal)
      assert.strictEqual(
        yield* Effect.promise(() => iterator.next().catch((cause) => ConnectError.from(cause).code)),
        Code.Internal
      )
    })
  )

  it.effect("may be silent between two frames, and while nobody reads", () =>
    Effect.gen(function* () {
      const message = Envelope.wrap(Uint8Array.of(7))
      const { goOn, iterator, look } = waiting(Buffer.concat([message, Uint8Array.of(0, 0)]))
      assert.strictEqual(hex((yield* Effect.promise(() => iterator.next())).value), hex(message))
      for (let seconds = 0; seconds < 100; seconds++) look(seconds * 1000, true)
      const next = iterator.next()
      yield* settle
      look(100_000, true)
      goOn(Uint8Array.of(0, 0, 1, 8))
      assert.strictEqual(hex((yield* Effect.promise(() => next)).value), "000000000108")
      const silent = waiting(message)
      yield* Effect.promise(() => silent.iterator.next())
      const later = silent.iterator.next()
      yield* settle
      for (let seconds = 0; seconds < 100; seconds++) silent.look(seconds * 1000, true)
      silent.goOn(message)
      assert.strictEqual(hex((yield* Effect.promise(() => later)).value), hex(message))
    })
  )
})

describe("the frames that connect-node pulls", () => {
  const end = (count: number): Frame.Frame => ({ _tag: "End", count })
  const gone = Frame.fail("Reset", "gone")

  const make = () => {
    const outgoing = ForeignLink.makeOutgoing(() => "open")
    const heard = { rooms: 0, broken: [] as Array<string> }
    outgoing.attach({
      onRoom: () => {
        heard.rooms += 1
      },
      onBroken: (how) => heard.broken.push(how().how)
    })
    const iterator = outgoing.iterable[Symbol.asyncIterator]()
    const pull = () =>
      iterator.next().then(({ value }) => {
        const frame = value === undefined ? undefined : Result.getOrUndefined(Frame.fromProto(value))
        return frame?._tag === "End" ? frame.count : frame?._tag
      })
    /** Fills it with the numbers from one on; the first one that it did not take. */
    const fill = (from: number, to: number) => {
      let next = from
      outgoing.fill(() => {
        if (next > to) return undefined
        next += 1
        return end(next - 1)
      })
      return next
    }
    return { fill, heard, iterator, outgoing, pull }
  }

  it.effect("wait one at a time, and whoever was pulled from hears of room", () =>
    Effect.gen(function* () {
      const { fill, heard, outgoing, pull } = make()
      assert.strictEqual(fill(1, 3), 2)
      assert.strictEqual(yield* Effect.promise(pull), 1)
      assert.strictEqual(heard.rooms, 1)
      const second = pull()
      assert.strictEqual(heard.rooms, 2)
      assert.strictEqual(fill(2, 4), 4)
      outgoing.finish()
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all([second, pull(), pull()])), [2, 3, undefined])
      assert.strictEqual(fill(4, 4), 5)
      assert.deepStrictEqual(heard.broken, ["finished"])
    })
  )

  it.effect("end with the last one of who gives up, if none waits", () =>
    Effect.gen(function* () {
      const free = make()
      free.outgoing.cancel(gone)
      free.outgoing.cancel(gone)
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all([free.pull(), free.pull()])), ["Fail", undefined])
      const full = make()
      full.fill(1, 1)
      full.outgoing.cancel(gone)
      assert.isUndefined(yield* Effect.promise(full.pull))
    })
  )

  it.effect("are lost when the carrier breaks, or connect-node wants no more, which is heard at once", () =>
    Effect.gen(function* () {
      const lost = make()
      lost.fill(1, 1)
      lost.outgoing.breakWith(new LinkBroken({ how: "lost", detail: "" }))
      assert.isUndefined(yield* Effect.promise(lost.pull))
      assert.deepStrictEqual(lost.heard.broken, ["lost"])
      const unwanted = make()
      unwanted.fill(1, 1)
      yield* Effect.promise(async () => unwanted.iterator.return?.())
      assert.deepStrictEqual(unwanted.heard.broken, ["finished"])
      assert.isUndefined(yield* Effect.promise(unwanted.pull))
    })
  )
})
