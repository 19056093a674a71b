/**
 * The laws of calls, for whatever carries them: what a call ends with, case by case. Where Effect's own ways differ, a law says how.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Option, References, type Scope, Stream } from "effect"
import { RpcClient, RpcClientError } from "effect/rpc"
import type { CallError } from "../../src/rpc/CallError.ts"
import * as FabricRpc from "../../src/rpc/FabricRpc.ts"
import * as Groups from "./RpcGroups.ts"
import type { Carrier, Kind, World } from "./RpcWorlds.ts"

/** What a call has ended with, as text. */
export const said = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return `ok ${JSON.stringify(exit.value)}`
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof RpcClientError.RpcClientError) {
    const call = FabricRpc.callErrorOf(error)
    const reason = call === undefined ? error.reason._tag : whyOf(call)
    return `client error ${reason}, delivered: ${FabricRpc.deliveredOf(error)}`
  }
  if (error instanceof Groups.NoUser) return `failed NoUser ${error.id}`
  if (error !== undefined) return `failed ${String(error)}`
  if (Cause.hasDies(exit.cause)) return `died ${String(Cause.squash(exit.cause)).split("\n")[0]}`
  return "interrupted"
}

const whyOf = ({ reason }: CallError): string =>
  reason._tag === "NetworkError" || reason._tag === "FlowError" ? `${reason._tag} ${reason.reason._tag}` : reason._tag

interface Case {
  readonly world: World
  readonly seen: Groups.Seen
}

type Expected = string | ReadonlyArray<string>

interface Law {
  readonly name: string
  readonly run: (given: Case) => Effect.Effect<unknown, unknown, Scope.Scope>
  readonly ends: Expected
  /** What others end with; undefined where they have nothing to compare. "hangs" for what has not ended in a second. */
  readonly others?: Partial<Record<Exclude<Kind, "flows">, Expected | undefined>>
}

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(holds))))

const texts = <A, E, R>(...all: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.forEach(all, (one) => Effect.map(Effect.exit(one), said))

const text = <A, E, R>(one: Effect.Effect<A, E, R>) => Effect.map(Effect.exit(one), said)

const onShared = FabricRpc.withCall({ flow: "shared" })
const onOwn = FabricRpc.withCall({ flow: "own" })

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

const stranger = ({ stranger }: World) =>
  stranger === undefined ? Effect.die("there is no stranger") : Effect.succeed(stranger)

/** Calls that wait at the server, and their fibers. */
const inFlight = Effect.fnUntraced(function* ({ seen, world }: Case, count: number) {
  const ids = Array.from({ length: count }, (_, at) => at)
  const fibers = yield* Effect.forEach(ids, (id) => Effect.forkChild(world.client.later({ id })))
  yield* until(() => seen.waiting.size === count)
  const answer = (id: number) =>
    Effect.andThen(
      Effect.sync(() => seen.waiting.get(id)),
      (waiting) => (waiting === undefined ? Effect.die("nobody waits") : Deferred.succeed(waiting, undefined))
    )
  return { fibers, answer }
})

const laws: ReadonlyArray<Law> = [
  {
    name: "a result, a declared error, and nothing",
    run: ({ world: { client } }) =>
      texts<unknown, unknown, never>(client.get({ id: "1" }), client.get({ id: "2" }), client.nothing()),
    ends: [`ok {"id":"1","since":"1970-01-01T00:00:00.000Z"}`, "failed NoUser 2", "ok undefined"]
  },
  {
    name: "a result on a flow of its own",
    run: ({ world: { client } }) => texts(onOwn(client.get({ id: "1" })), onOwn(client.get({ id: "2" }))),
    ends: [`ok {"id":"1","since":"1970-01-01T00:00:00.000Z"}`, "failed NoUser 2"]
  },
  {
    name: "a defect of a handler, which ends its own call and no other",
    run: Effect.fnUntraced(function* (given) {
      const { answer, fibers } = yield* inFlight(given, 1)
      const died = yield* text(given.world.client.die())
      yield* answer(0)
      return [died, ...(yield* texts(...fibers.map(Fiber.join)))]
    }),
    ends: ["died Error: oh", "ok 0"],
    // Effect has a defect end all calls of its client unless told otherwise.
    others: { RpcTest: ["died Error: oh", "died Error: oh"], socket: ["died Error: oh", "died Error: oh"] }
  },
  {
    name: "answers that come in another order than their calls",
    run: Effect.fnUntraced(function* (given) {
      const { answer, fibers } = yield* inFlight(given, 300)
      for (let id = 299; id >= 0; id--) yield* answer(id)
      return yield* text(Effect.map(Effect.forEach(fibers, Fiber.join), (ids) => ids.every((id, at) => id === at)))
    }),
    ends: "ok true"
  },
  {
    name: "an interrupt, which reaches the handler",
    run: Effect.fnUntraced(function* ({ seen, world }) {
      const fiber = yield* Effect.forkChild(world.client.never({ id: 1 }))
      yield* until(() => seen.started === 1)
      yield* Fiber.interrupt(fiber)
      yield* until(() => seen.interrupted === 1)
      return [yield* text(Fiber.join(fiber)), yield* text(world.client.nothing())]
    }),
    ends: ["interrupted", "ok undefined"]
  },
  {
    name: "an interrupt of a call that has a flow of its own",
    run: Effect.fnUntraced(function* ({ seen, world }) {
      const fiber = yield* Effect.forkChild(onOwn(world.client.never({ id: 1 })))
      yield* until(() => seen.started === 1)
      yield* Fiber.interrupt(fiber)
      yield* until(() => seen.interrupted === 1)
      return yield* text(Fiber.join(fiber))
    }),
    ends: "interrupted"
  },
  {
    name: "a client that is given up with calls in flight, which interrupts their handlers",
    run: Effect.fnUntraced(function* ({ seen, world }) {
      const fiber = yield* Effect.forkChild(world.client.never({ id: 1 }))
      yield* until(() => seen.started === 1)
      yield* world.leave
      const exit = yield* text(Fiber.join(fiber))
      yield* until(() => seen.interrupted === 1)
      return exit
    }),
    ends: "interrupted"
  },
  {
    name: "a stream, to its end",
    run: ({ world: { client } }) =>
      texts(
        Effect.map(Stream.runCollect(client.range({ to: 5000 })), sum),
        Effect.map(onShared(Stream.runCollect(client.range({ to: 5000 }))), sum),
        Effect.map(Stream.runCollect(client.queued({ to: 500 })), sum),
        Effect.map(onShared(Stream.runCollect(client.queued({ to: 500 }))), sum)
      ),
    ends: ["ok 12502500", "ok 12502500", "ok 125250", "ok 125250"]
  },
  {
    name: "a stream that fails, after what it gave",
    run: Effect.fnUntraced(function* ({ world: { client } }) {
      const heard: Array<number> = []
      const hear = Stream.runForEach(client.failing({ to: 100 }), (number) => Effect.sync(() => heard.push(number)))
      return [...(yield* texts(hear, onShared(hear))), String(sum(heard))]
    }),
    ends: ["failed NoUser stream", "failed NoUser stream", "10100"]
  },
  {
    name: "a stream that is left, which interrupts its handler",
    run: Effect.fnUntraced(function* ({ seen, world: { client } }) {
      const three = Effect.map(Stream.runCollect(Stream.take(client.endless(), 3)), sum)
      const first = yield* text(three)
      yield* until(() => seen.interrupted === 1)
      const second = yield* text(onShared(three))
      yield* until(() => seen.interrupted === 2)
      return [first, second]
    }),
    ends: ["ok 6", "ok 6"]
  },
  {
    name: "a stream that nobody reads, which stops no call",
    run: Effect.fnUntraced(function* ({ seen, world: { client } }) {
      yield* client.endless(undefined, { asQueue: true })
      yield* onShared(client.endless(undefined, { asQueue: true }))
      yield* until(() => seen.started === 2)
      yield* Effect.sleep("50 millis")
      return yield* texts(
        client.nothing(),
        Effect.map(onShared(Stream.runCollect(client.range({ to: 100 }))), sum),
        Effect.map(Stream.runCollect(client.range({ to: 100 })), sum)
      )
    }),
    ends: ["ok undefined", "ok 5050", "ok 5050"],
    // A chunk that is larger than its queue stops whoever reads the socket.
    others: { socket: "hangs" }
  },
  {
    name: "a reply that does not fit, which ends its own call and no other",
    run: ({ world: { client } }) =>
      Effect.map(texts<unknown, unknown, never>(client.misfit(), client.nothing()), ([first = "", ...rest]) => [
        first.slice(0, 51),
        ...rest
      ]),
    ends: [`died Failed to encode response for RPC "misfit": Ex`, "ok undefined"],
    others: { RpcTest: [`ok "no number"`, "ok undefined"] }
  },
  {
    name: "a value that would arrive as another one, which is not sent",
    run: ({ world: { client } }) =>
      Effect.map(texts(client.same({ value: 1 }), client.same({ value: "a" }), client.same({ value: "NaN" })), (all) =>
        all.map((end) => (end.startsWith("died") ? "died" : end))
      ),
    ends: ["ok 1", `ok "a"`, "died"],
    // The text arrives as the number.
    others: { RpcTest: ["ok 1", `ok "a"`, `ok "NaN"`], socket: ["ok 1", `ok "a"`, "ok null"] }
  },
  {
    name: "a reply above the limit of a message, which ends its own call and no other",
    run: Effect.fnUntraced(function* (given) {
      const { answer, fibers } = yield* inFlight(given, 1)
      const { client } = given.world
      const length = 5 * 1024 * 1024
      const size = ({ length }: { readonly length: number }) => length
      const large = [
        yield* text(Effect.map(client.large({ length }), size)),
        yield* text(Effect.map(Stream.runCollect(client.broad({ count: 1, length })), size)),
        yield* text(Effect.map(onShared(Stream.runCollect(client.broad({ count: 1, length }))), size))
      ]
      yield* answer(0)
      return [...large, ...(yield* texts(...fibers.map(Fiber.join)))]
    }),
    ends: [...Array.from({ length: 3 }, () => "client error ReplyUnsendable, delivered: maybe"), "ok 0"],
    others: {
      RpcTest: ["ok 5242880", "ok 1", "ok 1", "ok 0"],
      socket: ["ok 5242880", "ok 1", "ok 1", "ok 0"]
    }
  },
  {
    name: "a chunk above the limit of a message, whose values are below it",
    run: ({ world: { client } }) => {
      const broad = Effect.map(Stream.runCollect(client.broad({ count: 5, length: 2 * 1024 * 1024 })), (all) =>
        all.map(({ length }) => length)
      )
      return texts(broad, onShared(broad))
    },
    ends: Array.from({ length: 2 }, () => `ok [${Array.from({ length: 5 }, () => 2 * 1024 * 1024).join()}]`)
  },
  {
    name: "an unknown Rpc, another version of one, and a payload that does not fit: those calls, and no other",
    run: Effect.fnUntraced(function* ({ seen, world }) {
      const client = yield* stranger(world)
      const ends = yield* texts<unknown, unknown, never>(
        client.extra(),
        client.get({ id: 1 }),
        client.even({ n: 1 }),
        Stream.runCollect(client.endless()),
        onShared(Stream.runCollect(client.endless())),
        onOwn(client.even({ n: 1 })),
        client.even({ n: 2 }),
        client.nothing()
      )
      return [...ends.map((end) => end.split("\n")[0]?.slice(0, 60) ?? ""), `started ${seen.started}`]
    }),
    ends: [
      "client error RpcUnknown, delivered: no",
      "client error RpcDiffers, delivered: no",
      "client error PayloadMisfit, delivered: no",
      "client error RpcDiffers, delivered: no",
      "client error RpcDiffers, delivered: no",
      "client error PayloadMisfit, delivered: no",
      "ok 2",
      "ok undefined",
      "started 1"
    ],
    others: {
      RpcTest: undefined,
      socket: [
        "died Unknown request tag: extra",
        "died Expected string",
        "died Expected <filter>",
        "died SchemaError(Expected string",
        "died SchemaError(Expected string",
        "died Expected <filter>",
        "ok 2",
        "ok undefined",
        "started 3"
      ]
    }
  },
  {
    name: "a call whose result nobody waits for",
    run: Effect.fnUntraced(function* ({ seen, world: { client } }) {
      const ends = yield* texts(
        client.never({ id: 1 }, { discard: true }),
        onOwn(client.never({ id: 2 }, { discard: true }))
      )
      yield* until(() => seen.started === 2)
      return [...ends, yield* text(client.nothing()), `interrupted ${seen.interrupted}`]
    }),
    ends: ["ok undefined", "ok undefined", "ok undefined", "interrupted 0"]
  },
  {
    name: "headers, which are the client's word",
    run: ({ world: { client } }) =>
      texts(
        client.header({ name: "x-one" }, { headers: { "x-one": "1" } }),
        onOwn(client.header({ name: "x-one" }, { headers: { "x-one": "1" } })),
        RpcClient.withHeaders(client.header({ name: "x-two" }), { "x-two": "2" })
      ),
    ends: [`ok "1"`, `ok "1"`, `ok "2"`]
  },
  {
    name: "who calls, which is the server's word",
    run: ({ world: { client } }) => texts(client.caller(), onOwn(client.caller())),
    ends: [`ok "client"`, `ok "client"`],
    others: { RpcTest: [`ok ""`, `ok ""`], socket: [`ok ""`, `ok ""`] }
  },
  {
    name: "a server that is killed: calls and streams in flight, and the next call",
    run: Effect.fnUntraced(function* (given) {
      const { seen, world } = given
      const { fibers } = yield* inFlight(given, 2)
      const { client } = world
      const own = yield* Effect.forkChild(onOwn(client.never({ id: 1 })))
      const stream = yield* Effect.forkChild(Stream.runDrain(client.endless()))
      const shared = yield* Effect.forkChild(onShared(Stream.runDrain(client.endless())))
      yield* until(() => seen.started === 3)
      yield* world.kill
      return [
        ...(yield* texts<unknown, unknown, never>(...fibers.map(Fiber.join), ...[own, stream, shared].map(Fiber.join))),
        // Where the way to the server is whole, it connects anew.
        (yield* text(client.nothing())).replace(/^client error NetworkError \w+, delivered: no$/, "ok undefined")
      ]
    }),
    ends: [...Array.from({ length: 5 }, () => "client error FlowError PeerLost, delivered: maybe"), "ok undefined"],
    others: {
      RpcTest: undefined,
      // Which of its errors it is depends on when the cut is noticed.
      socket: undefined
    }
  }
]

/** What a law ends with, which hangs if it has not ended in time. */
const settled = (run: ReturnType<Law["run"]>, isOther: boolean) =>
  Effect.map(
    Effect.timeoutOption(run, isOther ? "1 second" : "20 seconds"),
    Option.getOrElse(() => "hangs")
  )

/** Hosts say at Info what is not protected, and servers report what their handlers die of. */
const quiet = Effect.provideService(References.MinimumLogLevel, "None")

export const rpcLaws = (carrier: Carrier): void => {
  const { connect, kind, name } = carrier
  describe(`laws of calls: ${name}`, () => {
    for (const law of laws) {
      const isOther = kind !== "flows" && law.others !== undefined && kind in law.others
      const ends = kind === "flows" || !isOther ? law.ends : law.others?.[kind]
      if (ends === undefined) continue
      it.live(
        law.name,
        Effect.fnUntraced(function* () {
          const seen = Groups.seen()
          const world = yield* connect(Groups.handlers(seen))
          assert.deepStrictEqual(yield* settled(law.run({ world, seen }), isOther && ends === "hangs"), ends)
        }, quiet)
      )
    }
  })
}
