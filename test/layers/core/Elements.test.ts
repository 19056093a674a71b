/** Streams of what takes the place of keys, certificates, lists and stages, as a program without types may give them. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Queue, type Scope, Stream } from "effect"
import * as Background from "../../../src/layers/core/Background.ts"
import * as Keys from "../../../src/layers/gossip/Keys.ts"
import * as Renewal from "../../../src/layers/transport/http2/tls/Renewal.ts"
import * as Stage from "../../../src/layers/transport/http2/tls/Stage.ts"
import * as Tenure from "../../../src/layers/transport/http2/tls/Tenure.ts"
import { make as makeAuthority } from "../transport/http2/tls/Certificates.ts"

const authority = makeAuthority("authority")
const key = Buffer.alloc(32, 7).toString("base64")
const other = Buffer.alloc(32, 8).toString("base64")

/** What each is made with, the next good element, and whether that is in use by now. */
const streams: ReadonlyArray<
  readonly [string, unknown, (elements: Stream.Stream<never>) => Effect.Effect<() => boolean, unknown, Scope.Scope>]
> = [
  [
    "revocations",
    { certificates: [], hosts: ["b"] },
    Effect.fnUntraced(function* (revocations) {
      const { doubtOf } = yield* Tenure.make({ revocations }, () => undefined)
      return () => doubtOf({ fingerprints: [], hosts: ["b"] }) !== undefined
    })
  ],
  [
    "stages",
    {},
    Effect.fnUntraced(function* (stages) {
      const { takesPlaintext } = yield* Stage.make({ stages, verifyIncoming: false }, "1 second")
      return () => !takesPlaintext()
    })
  ],
  [
    "renewals of certificates",
    authority.issue("a"),
    Effect.fnUntraced(function* (renewals) {
      let isUsed = false
      const owner = { ...authority.issue("a"), fabric: "", host: "a" }
      yield* Renewal.make(owner, renewals, () => {
        isUsed = true
      })
      return () => isUsed
    })
  ],
  [
    "renewals of keys",
    { keys: [other, key] },
    Effect.fnUntraced(function* (renewals) {
      const { keyring, renew } = yield* Keys.make({ keys: [key], renewals })
      yield* Background.run("keys", renew)
      return () => Effect.runSync(keyring.size) === 2
    })
  ]
]

describe("a stream of what takes the place of something", () => {
  for (const [what, good, make] of streams)
    it.live(`goes on after an element that is none: ${what}`, () =>
      Effect.gen(function* () {
        const elements = yield* Queue.unbounded<never>()
        const isUsed = yield* make(Stream.fromQueue(elements))
        for (const odd of [null, 5, "x", undefined]) yield* Queue.offer(elements, odd as never)
        yield* Effect.sleep("20 millis")
        yield* Queue.offer(elements, good as never)
        yield* Effect.repeat(Effect.sleep("5 millis"), { until: isUsed })
      })
    )
})

describe("names that are bound to certificates", () => {
  const plain = { boundNames: true, verifyIncoming: false, verifyOutgoing: false }

  it.live("are not together with owners that are dialled in plaintext", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Stage.make(plain, "1 second"))
      assert.include(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        "tls.verifyOutgoing: an owner that is dialled"
      )
      const done = yield* Deferred.make<void>()
      const then = Stream.fromEffect(Effect.andThen(Deferred.succeed(done, undefined), Effect.never))
      const stages = Stream.concat(Stream.make(plain), then)
      const stage = yield* Stage.make({ ...plain, verifyOutgoing: true, stages }, "1 second")
      yield* Deferred.await(done)
      assert.isTrue(stage.dialsTls())
    })
  )
})
